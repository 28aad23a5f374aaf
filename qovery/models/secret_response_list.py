"""`SecretResponseList`: the secrets of an environment."""

from qovery.models.model import ResponseModel
from qovery.models.secret import Secret
from qovery.models.secret_table import SecretTable


class SecretResponseList(SecretTable, ResponseModel):
    """The secrets that an environment sees, in no defined order."""

    results: list[Secret] | None = None
    """Its own secrets, those inherited from the project, and BUILT_IN ones."""

    def _secrets(self) -> list[Secret]:
        return sorted(self.results or [], key=lambda secret: secret.key)
