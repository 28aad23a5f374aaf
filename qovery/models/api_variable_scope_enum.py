"""`APIVariableScopeEnum`: the scope that a secret belongs to."""

from qovery.models.open_enum import OpenEnum


class APIVariableScopeEnum(OpenEnum):
    """The scope that a secret belongs to. A value that is not listed becomes a member that carries it."""

    APPLICATION = "APPLICATION"
    BUILT_IN = "BUILT_IN"
    ENVIRONMENT = "ENVIRONMENT"
    PROJECT = "PROJECT"
    CONTAINER = "CONTAINER"
    JOB = "JOB"
    HELM = "HELM"
    TERRAFORM = "TERRAFORM"
    AGENTIC_WORKFLOW = "AGENTIC_WORKFLOW"
