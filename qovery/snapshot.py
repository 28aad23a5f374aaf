"""`Snapshot`: the settings of one call, read together when it starts. Reads nothing itself."""

from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from qovery.credentials import Credentials, OverriddenCredentials
from qovery.route import Route

if TYPE_CHECKING:
    import urllib3


class Snapshot(NamedTuple):
    """The settings of one call: the fields after the first two are those of `Configuration` of the same name."""

    route: Route
    credentials: Credentials | OverriddenCredentials | None
    connect_timeout: float
    read_timeout: float
    total_timeout: float
    retries: "int | urllib3.Retry"
    max_response_size: int
    debug: bool


#: Takes the settings that a snapshot keeps as they are, in the order of its last fields.
plain_settings = itemgetter(*Snapshot._fields[2:])
