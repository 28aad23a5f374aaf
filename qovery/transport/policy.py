"""`CallersPolicy`: a caller's own `urllib3.Retry`, whose errors urllib3 and `failures` would take for their own."""

from __future__ import annotations

from typing import Any

from urllib3.exceptions import InvalidHeader, MaxRetryError
from urllib3.util import Retry

from qovery.origins import from_log_handler
from qovery.transport.attempt_pool import InterruptedAttempt


def callers_policy(given: Retry) -> Retry:
    """Return the policy for urllib3, for one that the caller has set. Only a subclass has code of the caller's."""
    policy = given.new(redirect=False, raise_on_status=False)
    return policy if type(policy) is Retry else CallersPolicy(policy)


class CallersPolicy(Retry):
    """Calls a policy of the caller's. What it raises leaves the call unchanged, except the error of the attempt."""

    def __init__(self, policy: Retry) -> None:
        self.policy = policy

    def __getattr__(self, name: str) -> Any:
        if name == "policy":  # while a tool copies this object
            raise AttributeError(name)
        return getattr(self.policy, name)

    def __repr__(self) -> str:
        return repr(self.policy)

    def increment(self, *args: Any, **options: Any) -> Any:
        """Return the policy for the next attempt, or raise the error that ends the call."""
        return CallersPolicy(self._call("increment", *args, **options))

    def sleep(self, *args: Any, **options: Any) -> None:
        """Wait before the next attempt."""
        self._call("sleep", *args, **options)

    def is_retry(self, *args: Any, **options: Any) -> Any:
        """Whether a response leads to another attempt."""
        return self._call("is_retry", *args, **options)

    def _call(self, name: str, *args: Any, **options: Any) -> Any:
        try:
            return getattr(self.policy, name)(*args, **options)
        except Exception as error:
            lost = error is options.get("error")
            spent = isinstance(error, MaxRetryError) and error.pool is options.get("_pool")
            # The third is an unreadable Retry-After.
            if lost or spent or isinstance(error, InvalidHeader) or from_log_handler(error):
                raise
            raise InterruptedAttempt(error) from None
