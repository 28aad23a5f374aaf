"""Turn a response into its model, or into an exception with its content, masked."""

from __future__ import annotations

import functools
import json
import re
from typing import TYPE_CHECKING, Any, cast

import pydantic_core

from qovery.exceptions import ApiDecodeError, ApiException, exception_class
from qovery.origins import raise_from_signal_handler
from qovery.redaction.marks import PLAIN_HEADERS
from qovery.transport.messages import Request, Response, mask_headers

if TYPE_CHECKING:
    from collections.abc import Callable

    from qovery.models.model import Model

#: The largest body that an error keeps, in bytes. A longer one is dropped: a cut could leave half a secret.
_KEPT = 256 * 1024

#: The memory limit for the values of a body, as a multiple of the largest body.
_GROWTH = 8

#: More than any JSON takes, as a multiple of its text: before pydantic 2.14, nested lists take 190 times theirs.
_LARGEST = 256

#: All bytes but those that begin or separate the values of a JSON text.
_NO_MARKS = bytes(set(range(256)) - set(b"[{,:"))


def parse(request: Request, response: Response) -> Any:
    """Return the body as the operation's model.

    Raises:
        ApiDecodeError: It is empty, not JSON, not of the documented shape, or would become too large.
    """
    model = cast("type[Model]", request.operation.response_model)
    bound, data = _GROWTH * request.max_response_size, response.data
    if len(data) * _LARGEST > bound and _memory_of_values(data) > bound:
        problem = f"its values would take more than {_GROWTH} times max_response_size: raise it"
    else:
        try:
            if b"NaN" in data or b"Infinity" in data:  # else each of them would be an error of its own
                pydantic_core.from_json(data, allow_inf_nan=False)
            return model.__pydantic_validator__.validate_json(data)
        except ValueError as error:
            raise_from_signal_handler(error)
            problem = str(error) if data else "it is empty"
    mask = request.mask
    details = _details(request, response, mask)
    details["reason"] = f"the response cannot be read: {' '.join(mask(problem).split())}"
    start = " ".join((details["body"] or "")[:100].split())
    if start:
        details["reason"] += f"; it begins {start!r}"
    raise ApiDecodeError(**details, outcome_unknown=request.operation.writes)


def error_of(request: Request, response: Response) -> ApiException:
    """The exception for a response that is no success."""
    details = _details(request, response, request.mask)
    location = details["headers"].get("Location")
    if 300 <= response.status <= 399 and location:
        details["reason"] += f" to {location}, which is not followed: check host"
    error = exception_class(response.status)(
        **details, retry_after=response.outcome.retry_after, outcome_unknown=response.outcome_unknown
    )
    if response.status == 401 and PLAIN_HEADERS.issuperset(map(str.lower, request.headers)):
        error._hint = "no credentials were sent. Set QOVERY_API_TOKEN, or pass access_token or api_key."
    elif response.status == 403:
        error._hint = "the service also responds with 403 to ids that do not exist, such as that of a deleted secret"
    return error


def _memory_of_values(data: bytes) -> int:
    """An upper bound of the bytes that the values in a JSON text take, while it is parsed and afterwards.

    The weights are measured, see `test_memory__of_any_json`: an object may become a model with members of enums that
    the schema does not know, a key an entry in two mappings, and one character beyond the BMP makes a text four times
    as long.
    """
    plain = data.isascii() and (b"\\" not in data or b"\\u" not in data)  # one byte is found faster than two
    text = len(data) if plain else 4 * len(data)
    marks = data.translate(None, _NO_MARKS)  # one pass over a large body instead of four
    return text + marks.count(b"[") * 400 + marks.count(b"{") * 1000 + marks.count(b",") * 120 + marks.count(b":") * 190


def _details(request: Request, response: Response, mask: Callable[[str], str]) -> dict[str, Any]:
    """Return the fields of every error with a response, masked."""
    details = {
        "status": response.status,
        "reason": mask(response.reason or ""),
        "body": None,
        "data": None,
        "headers": mask_headers(response.headers, mask),
        "operation": request.operation.name,
        "attempts": response.attempts,
    }
    if len(response.data) <= _KEPT:  # last, since it takes the time that is left
        try:
            text = _text(response.data, response.headers.get("Content-Type", ""))
            details["body"], details["data"] = _masked_body(text, mask)
        except (ImportError, OSError) as problem:  # a codec, such as without free file descriptors
            raise_from_signal_handler(problem)
    return details


def _masked_body(text: str, mask: Callable[[str], str]) -> tuple[str, Any]:
    """The text of a response and its JSON, masked."""
    body = mask(text)
    try:
        plain = pydantic_core.from_json(text.encode("utf-8", "replace"))
        from qovery.redaction.text_mask import mask_json  # only errors need it

        data = mask_json(plain, mask)
        if body == text and data == plain:
            return body, data
        # Only the values show a secret that is a number, and only the text one that is spread over an array of bytes.
        dumped = json.dumps(data)
    except ValueError as problem:  # it is no JSON, or a number has more digits than Python writes
        raise_from_signal_handler(problem)
        return body, None
    return (dumped, data) if mask(dumped) == dumped else (body, None)


def _text(content: bytes, content_type: str) -> str:
    """A body as text: UTF-8, unless it is none and its type names another encoding.

    Bytes of zero are in UTF-16 and UTF-32 alone: a body that is read as one of these and is none would hide what it
    says.
    """
    found = _charset().search(content_type)
    charset = found[1].lower() if found else "utf-8"
    wide = charset.startswith(("utf-16", "utf-32"))
    if wide != (b"\0" in content):
        charset = "utf-8"
    if not wide:
        try:
            return content.decode()
        except UnicodeDecodeError:
            pass
    return content.decode(charset, "replace")


@functools.cache
def _charset() -> re.Pattern[str]:
    """Finds the encoding that a body declares, of a fixed list: Python remembers every other name it is asked for."""
    return re.compile(
        r"charset *= *[\"']?(utf-(?:16|32)(?:-?[lb]e)?|iso-8859-(?:[1-9]|1[013-6])|(?:windows-|cp)125[0-8]|latin-?1"
        r"|koi8-[ru]|shift_jis|euc-(?:jp|kr)|gb(?:k|2312|18030)|big5)(?![\w-])",
        re.I | re.A,
    )
