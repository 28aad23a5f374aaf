"""Read the head of a response: almost all with one regular expression, the others with `http.client`."""

from __future__ import annotations

import http.client
import re
from typing import TYPE_CHECKING, Any

from qovery.printable import printable

if TYPE_CHECKING:
    from qovery.transport.messages import Request

#: The head of almost every response. `http.client` reads any other.
_PLAIN_HEAD = re.compile(rb"HTTP/1\.1 ([2-5]\d\d) ([ -~]*)\r\n((?:[\w-]+:[ -~]*\r\n){0,50})\r\n").match
_PLAIN_LINES = re.compile(r"([\w-]+): *([ -~]*)\r\n", re.ASCII).findall

_NO_BODY = {204, 304}


class Response(http.client.HTTPResponse):
    """Skips interim responses, rejects an incomplete head, and keeps malformed headers out of urllib3's warnings."""

    fp: Any  # a buffer over a `DeadlineReader`; None once the body is read

    def begin(self) -> None:
        """Read the head."""
        received = self.fp.peek()
        head = _PLAIN_HEAD(received)
        if head is None:
            return self._begin_other()
        # Does what the base does for a plain head (see `relied_on`): its email parser costs a seventh of a call.
        status, lines = int(head[1]), _PLAIN_LINES(head[3].decode())
        headers, fields = http.client.HTTPMessage(), {}
        for name, value in lines:
            headers.set_raw(name, value)
            fields[name.lower()] = value
        announced = fields.get("content-length", "")
        bodiless = status in _NO_BODY or self._method == "HEAD"  # type: ignore[attr-defined] # see `relied_on`
        length = "0" if bodiless else announced
        if status in _NO_BODY and announced not in {"", "0"}:
            return self._begin_other()
        if len(fields) < len(lines) or "transfer-encoding" in fields or not (length.isdecimal() and len(length) < 16):
            return self._begin_other()
        self.fp.read(head.end())
        self.code, self.status, self.version = status, status, 11
        self.reason = head[2].decode().strip()
        if self.reason != http.client.responses.get(status):
            self.reason = self._shown(self.reason)
        self.headers = self.msg = headers
        if status >= 300:
            self._mask_header("Retry-After")
        self.chunked, self.length = False, int(length)
        self.fp.raw.left = head.end() + self.length - len(received)
        self.will_close = "close" in fields.get("connection", "").lower()
        return None

    def _read_status(self) -> tuple[str, int, str]:
        """Read the status line, also of a proxy's response to CONNECT."""
        request = self.fp.raw.attempt.request
        try:
            version, status, reason = super()._read_status()  # type: ignore[misc] # of http.client
        except http.client.HTTPException as error:
            _mask(error, request)
            raise
        return version, status, self._shown(reason.strip())

    def _shown(self, reason: str) -> str:
        """Return a reason phrase that libraries may log or trace: masked and printable."""
        return printable(self.fp.raw.attempt.request.mask(reason))

    def _mask_header(self, name: str) -> None:
        """Mask a header that should be a number: libraries quote anything else in an error."""
        text = self.headers.get(name, "0")
        if not text.isdecimal():
            self.headers.replace_header(name, self.fp.raw.attempt.request.mask(text))

    def _begin_other(self) -> None:
        self.__class__ = _OtherResponse
        reader = self.fp.raw
        try:
            super().begin()
            while 101 < self.status < 200:  # the base skips 100; 101 was not asked for
                self.headers = self.msg = None  # type: ignore[assignment] # the base's mark of "not begun"
                super().begin()
        except http.client.HTTPException as error:  # quotes the server; tools that watch urllib3 see it
            _mask(error, reader.attempt.request)
            raise
        if reader.ended:  # the base treats that as the end of the head
            raise http.client.RemoteDisconnected("the connection was closed within the head of the response")
        self._mask_header("Retry-After")
        self._mask_header("Content-Length")
        self.headers.defects = []
        self.headers.set_payload("")  # what could not be parsed as a header
        if self.status in _NO_BODY:  # whatever the headers say
            # A body that must not be there may arrive later, in front of the next response.
            surplus = "Transfer-Encoding" in self.headers or self.headers.get("Content-Length", "").strip("0") != ""
            self.will_close = self.will_close or surplus
            del self.headers["Transfer-Encoding"]
            self.chunked, self.length = False, 0


class _OtherResponse(Response):
    """A response whose end `http.client` finds."""

    def _close_conn(self) -> None:
        """Note whether anything was received behind the response, before the buffer is closed."""
        reader = self.fp.raw
        reader.paused = True
        reader.left = -len(self.fp.peek())
        super()._close_conn()  # type: ignore[misc] # of http.client


def _mask(error: Exception, request: Request) -> None:
    mask = request.mask
    error.__context__ = None  # the error of `int`, which quotes a malformed status
    error.args = tuple(printable(mask(str(part))) for part in error.args)
