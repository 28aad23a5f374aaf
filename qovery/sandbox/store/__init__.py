"""The secrets of a mock server: `rules` decides, `database` stores, and the rest of the server uses `Store`."""

from qovery.sandbox.store.record import SCOPES as SCOPES
from qovery.sandbox.store.record import Record as Record
from qovery.sandbox.store.record import Scope as Scope
from qovery.sandbox.store.rules import BEHAVIOURS as BEHAVIOURS
from qovery.sandbox.store.rules import Behaviour as Behaviour
from qovery.sandbox.store.rules import RejectedError as RejectedError
from qovery.sandbox.store.store import Store as Store
