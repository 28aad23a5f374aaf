"""`Timestamp`: the type of the times that the service sends."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated, Any

from pydantic_core import core_schema


def _parse_time(value: Any) -> Any:
    """Parse what pydantic's parser rejects: other ISO 8601 forms, and times without a zone, read as UTC."""
    if isinstance(value, str):
        try:
            from dateutil.parser import isoparse  # rarely needed, and slow to import

            value = isoparse(value)
        except ImportError:  # this call is nested in one that is importing it
            raise ValueError("the time cannot be parsed at this moment") from None
        except (ValueError, OverflowError):  # the last midnight of all overflows
            raise ValueError("not a time in ISO 8601") from None
    if isinstance(value, datetime) and value.tzinfo is None:
        value = value.replace(tzinfo=timezone.utc)
    return value


class _Time:
    """Reads a `datetime` as pydantic does, and what it does not take with `_parse_time`."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        aware, other = core_schema.datetime_schema(tz_constraint="aware"), core_schema.datetime_schema()
        parsed = core_schema.no_info_before_validator_function(_parse_time, other)
        return core_schema.union_schema([aware, parsed], mode="left_to_right")

    def __repr__(self) -> str:
        return "ISO 8601"


#: A time with its zone.
Timestamp = Annotated[datetime, _Time()]
