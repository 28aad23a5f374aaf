"""`SecretResponseList`: the secrets of an environment."""

from collections.abc import Iterator
from typing import overload

from pydantic import Field

from qovery.exceptions import ApiTypeError
from qovery.models.response_model import ResponseModel
from qovery.models.secret import Secret
from qovery.models.secret_table import SecretTable


class SecretResponseList(SecretTable, ResponseModel):
    """The secrets that an environment sees, in no defined order. It has a length, an index and slices as a list has."""

    # The first bad item says enough: a text for each of them would take a thousand times their size.
    results: list[Secret] | None = Field(None, fail_fast=True)
    """Its own secrets, those inherited from the project, and BUILT_IN ones."""

    def __iter__(self) -> Iterator[Secret]:  # type: ignore[override] # pydantic's are the fields
        return iter(self.results or ())

    def __len__(self) -> int:
        return len(self.results or ())

    @overload
    def __getitem__(self, index: int) -> Secret: ...
    @overload
    def __getitem__(self, index: slice) -> list[Secret]: ...
    def __getitem__(self, index: int | slice) -> Secret | list[Secret]:
        if isinstance(index, str):
            return super().__getitem__(index)  # raises with advice
        if not isinstance(index, (int, slice)):
            raise ApiTypeError(f"SecretResponseList takes a position or a slice, not {type(index).__name__}")
        return (self.results or [])[index]

    def _secrets(self) -> list[Secret]:
        return sorted(self, key=lambda secret: secret.key)
