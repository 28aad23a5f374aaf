"""`ApiResponse`: the result of a `_with_http_info` method."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class ApiResponse(Generic[T]):
    """A response of the service.

    Attributes:
        status_code: The HTTP status.
        headers: The headers; lookup is case-insensitive.
        data: The response as a model, or None for an operation that returns nothing.
        raw_data: The raw body, decompressed.
    """

    __slots__ = ("data", "headers", "raw_data", "status_code")  # so that no dump of attributes shows a body or a header

    def __init__(self, status_code: int, data: T, raw_data: bytes, headers: Mapping[str, str]) -> None:
        self.status_code = status_code
        self.data = data
        self.raw_data = raw_data
        self.headers = headers

    def model_dump(self, **options: Any) -> dict[str, Any]:
        """The four attributes as a new dictionary, secrets in the clear, `data` as a dictionary too.

        Args:
            options: Those of `pydantic.BaseModel.model_dump`.
        """
        from pydantic import TypeAdapter  # rarely needed

        fields = {"status_code": self.status_code, "headers": dict(self.headers), "data": self.data}
        options = {"warnings": False, **options}
        dumped: dict[str, Any] = TypeAdapter(dict[str, Any]).dump_python(
            {**fields, "raw_data": self.raw_data}, **options
        )
        return dumped

    def __repr__(self) -> str:
        return f"<ApiResponse {self.status_code}: {self.data!r}>"
