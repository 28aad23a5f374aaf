"""`APIVariableTypeEnum`: the kind of a secret."""

from qovery.models.open_enum import OpenEnum


class APIVariableTypeEnum(OpenEnum):
    """The kind of a secret. A value that is not listed becomes a member that carries it."""

    VALUE = "VALUE"
    ALIAS = "ALIAS"
    OVERRIDE = "OVERRIDE"
    BUILT_IN = "BUILT_IN"
    FILE = "FILE"
    EXTERNAL_SECRET = "EXTERNAL_SECRET"
    FILE_EXTERNAL_SECRET = "FILE_EXTERNAL_SECRET"
