"""`Base`: the fields of every stored object."""

from qovery.models.response_model import ResponseModel
from qovery.models.timestamp import Timestamp


class Base(ResponseModel):
    """The fields of every stored object."""

    id: str
    """The id, a UUID in lower case."""
    created_at: Timestamp
    """When it was created, with its time zone."""
    updated_at: Timestamp | None = None
    """When it was last changed, with its time zone."""
