"""What a response means to the caller: its model, or the exception with everything it says, masked."""

from __future__ import annotations

import json
import re
from typing import Any, cast

import pydantic_core

from qovery.exceptions import ApiDecodeError, ApiException, exception_class
from qovery.models.model import Model
from qovery.redaction.text_mask import TextMask, mask_json
from qovery.transport.messages import Request, Response, mask_headers

#: What an error keeps of a body, in bytes: all of it or nothing, since a cut may leave half a secret.
_KEPT = 256 * 1024

#: What the objects of a body may take, as a multiple of the largest body: the values of real secrets take four times
#: the size of their JSON, those of a hostile body thirty times.
_GROWTH = 8

#: What one object may take at most, as a multiple of its JSON.
_LARGEST = 116

#: The encodings that a body may declare, a fixed list: Python keeps in mind every other name that it is asked for.
_CHARSET = re.compile(
    r"charset *= *[\"']?(utf-(?:16|32)(?:[lb]e)?|iso-8859-(?:[1-9]|1[013-6])|(?:windows-|cp)125[0-8]|latin-?1|koi8-[ru]"
    r"|shift_jis|euc-(?:jp|kr)|gb(?:k|2312|18030)|big5)(?![\w-])",
    re.I | re.A,
)


def parse(request: Request, response: Response) -> Any:
    """The body as the operation's model.

    Raises:
        ApiDecodeError: It is empty, no JSON, not of the documented shape, or would become too large.
    """
    model = cast("type[Model]", request.operation.response_model)
    bound = _GROWTH * request.max_response_size
    if len(response.data) * _LARGEST > bound and _size_of_objects(response.data) > bound:
        problem = f"its values would take more than {_GROWTH} times max_response_size"
    else:
        try:
            return model.__pydantic_validator__.validate_json(response.data)
        except ValueError as error:
            problem = str(error) if response.data else "it is empty"
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
    if response.status == 401 and not any(name.lower() == "authorization" for name in request.headers):
        details["reason"] += ": no credentials were sent. Set QOVERY_API_TOKEN, or pass access_token or api_key"
    return exception_class(response.status)(
        **details, retry_after=response.outcome.retry_after, outcome_unknown=response.unconfirmed
    )


def _size_of_objects(data: bytes) -> int:
    """About how many bytes the values in a JSON text take as objects."""
    return data.count(b"{") * 232 + (data.count(b"[") + data.count(b",")) * 64


def _details(request: Request, response: Response, mask: TextMask) -> dict[str, Any]:
    """What every error with a response carries, masked."""
    body: str | None = None
    data = None
    if len(response.data) <= _KEPT:
        body, data = _masked_body(_text(response.data, response.headers.get("Content-Type", "")), mask)
    return {
        "status": response.status,
        "reason": mask(response.reason or ""),
        "body": body,
        "data": data,
        "headers": mask_headers(response.headers, mask),
        "operation": request.operation.name,
        "attempts": response.attempts,
    }


def _masked_body(text: str, mask: TextMask) -> tuple[str, Any]:
    """The text of a response and its JSON, masked."""
    body = mask(text)
    try:
        plain = pydantic_core.from_json(text.encode("utf-8", "replace"))
        data = mask_json(plain, mask)
        if body == text and data == plain:
            return body, data
        # Only the values show a secret that is a number, and only the text one that is spread over an array of bytes.
        dumped = json.dumps(data)
    except ValueError:  # it is no JSON, or a number has more digits than Python writes
        return body, None
    return (dumped, data) if mask(dumped) == dumped else (body, None)


def _text(content: bytes, content_type: str) -> str:
    """A body as text: UTF-8, unless it is none and its type names another encoding.

    Bytes of zero are in UTF-16 and UTF-32 alone: a body that is read as one of these and is none would hide what it
    says.
    """
    found = _CHARSET.search(content_type)
    charset = found[1].lower() if found else "utf-8"
    wide = charset.startswith(("utf-16", "utf-32"))
    if wide != (b"\0" in content):
        charset = "utf-8"
    if not wide:
        try:
            return content.decode()
        except ValueError:
            pass
    return content.decode(charset, "replace")
