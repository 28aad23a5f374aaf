"""`SecretResponseList`: the secrets of an environment."""

from qovery.models.model import ResponseModel
from qovery.models.secret import Secret


class SecretResponseList(ResponseModel):
    """The secrets that an environment sees, in no defined order."""

    results: list[Secret] | None = None
    """Its own secrets, those inherited from the project, and BUILT_IN ones."""
