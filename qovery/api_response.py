"""`ApiResponse`: what a `_with_http_info` method returns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

T = TypeVar("T")


class ApiResponse(Generic[T]):
    """A response of the service.

    Attributes:
        status_code: The HTTP status.
        headers: The headers; names are looked up in any case.
        data: The response as a model, or None for an operation that returns nothing.
        raw_data: The body as it came, decompressed.
    """

    __slots__ = ("data", "headers", "raw_data", "status_code")  # so that no dump of attributes shows a body or a header

    def __init__(self, status_code: int, data: T, raw_data: bytes, headers: Mapping[str, str]) -> None:
        self.status_code = status_code
        self.data = data
        self.raw_data = raw_data
        self.headers = headers

    def __repr__(self) -> str:
        return f"<ApiResponse {self.status_code}: {self.data!r}>"
