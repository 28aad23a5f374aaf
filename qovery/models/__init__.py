"""The models of the service, one per file."""

from qovery.models.api_variable_scope_enum import APIVariableScopeEnum as APIVariableScopeEnum
from qovery.models.api_variable_type_enum import APIVariableTypeEnum as APIVariableTypeEnum
from qovery.models.base import Base as Base
from qovery.models.key import Key as Key
from qovery.models.linked_service_type_enum import LinkedServiceTypeEnum as LinkedServiceTypeEnum
from qovery.models.secret import Secret as Secret
from qovery.models.secret_alias import SecretAlias as SecretAlias
from qovery.models.secret_edit_request import SecretEditRequest as SecretEditRequest
from qovery.models.secret_override import SecretOverride as SecretOverride
from qovery.models.secret_request import SecretRequest as SecretRequest
from qovery.models.secret_response_list import SecretResponseList as SecretResponseList
from qovery.models.value import Value as Value
