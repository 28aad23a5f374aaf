"""`ErrorGroup`: `ExceptionGroup` of exceptions, and what stands in for it on Python 3.10."""

import sys
from collections.abc import Sequence

if sys.version_info >= (3, 11):
    ErrorGroup = ExceptionGroup[Exception]  # noqa: F821 - a builtin there
else:

    class ErrorGroup(Exception):  # noqa: N818 - named after what it stands in for
        """A stand-in for ExceptionGroup on Python 3.10, with its `message` and `exceptions`."""

        def __init__(self, message: str, exceptions: Sequence[Exception]) -> None:
            super().__init__(message, exceptions)
            self.message = message
            self.exceptions = tuple(exceptions)
