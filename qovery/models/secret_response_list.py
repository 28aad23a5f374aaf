"""`SecretResponseList`: the secrets of an environment."""

from pydantic import Field

from qovery.models.model import ResponseModel
from qovery.models.secret import Secret
from qovery.models.secret_table import SecretTable


class SecretResponseList(SecretTable, ResponseModel):
    """The secrets that an environment sees, in no defined order."""

    # The first bad item says enough: a text for each of them would take a thousand times their size.
    results: list[Secret] | None = Field(None, fail_fast=True)
    """Its own secrets, those inherited from the project, and BUILT_IN ones."""

    def _secrets(self) -> list[Secret]:
        return sorted(self.results or [], key=lambda secret: secret.key)
