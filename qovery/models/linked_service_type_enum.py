"""`LinkedServiceTypeEnum`: the kind of the service that a BUILT_IN secret comes from."""

from qovery.models.open_enum import OpenEnum


class LinkedServiceTypeEnum(OpenEnum):
    """The kind of the service that a BUILT_IN secret comes from.

    A value that is not listed becomes a member that carries it.
    """

    APPLICATION = "APPLICATION"
    CONTAINER = "CONTAINER"
    DATABASE = "DATABASE"
    JOB = "JOB"
    HELM = "HELM"
    TERRAFORM = "TERRAFORM"
