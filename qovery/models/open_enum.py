"""`OpenEnum`: the base of the enums."""

from __future__ import annotations

import json
from enum import Enum
from typing import Any

from pydantic import GetJsonSchemaHandler
from typing_extensions import Self

from qovery.exceptions import ApiValueError


class OpenEnum(str, Enum):
    """An enum that may grow on the server: an unknown value becomes a member that carries it.

    `str` and `format` of a member are its value.
    """

    __str__ = str.__str__
    __format__ = str.__format__  # type: ignore[assignment] # as that of `enum.StrEnum`

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        # Not entered among the known members, so nothing that a server sends is kept for ever.
        member = str.__new__(cls, value)
        member._name_ = member._value_ = value
        return member

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        from qovery.models.json_schema import open_enum  # rarely needed

        return open_enum(handler(core_schema), handler)

    @classmethod
    def from_json(cls, json_str: str | bytes) -> Self:
        """The member for `json_str`, a string in JSON.

        Raises:
            ApiValueError: It is no string in JSON.
        """
        try:
            return cls(json.loads(json_str))
        except ValueError:
            pass
        raise ApiValueError(f"{cls.__name__} must be a string in JSON")
