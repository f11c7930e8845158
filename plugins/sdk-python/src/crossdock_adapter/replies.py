"""A platform's answer, read or explained."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from . import jsons
from .times import http_date
from .types import (
    Accepted, Context, Duplicate, InvalidReply, Outcome, Rejected, Reply, Request, Retry, Throttled, Unauthenticated, Unknown,
)

_EXCERPT_CHARS = 200
_EXCERPT_LOOKED_AT = 4096
_NO_BODY = "the answer has no body"


def header(reply: Reply, name: str) -> str | None:
    """The first header of this name, upper and lower case alike."""
    return next((value for known, value in reply.headers if known.lower() == name.lower()), None)


def body_text(reply: Reply) -> str:
    """The body as text, without a byte order mark; empty for no body."""
    body = reply.body
    text = body.decode(errors="replace") if isinstance(body, (bytes, bytearray)) else body or ""
    return text.removeprefix("\ufeff")


def read_json(reply: Reply) -> Any:
    """The body as JSON, or a fault that says what is there instead."""
    text = body_text(reply)
    try:
        return jsons.parse(text)
    except ValueError as error:
        start = text.lstrip()
        if not start:
            raise InvalidReply("", "the answer is empty") from None
        if start.startswith("<"):
            raise InvalidReply("", "the answer is a web page or XML, not JSON") from None
        raise InvalidReply("", f"the answer is not the JSON expected: {error}") from None


def _line(reply: Reply) -> str | None:
    text = body_text(reply)
    start = text[:_EXCERPT_LOOKED_AT]
    words = " ".join(re.split(r"[\s\x00-\x1f\x7f-\x9f]+", start)).strip()
    if not words:
        return None
    if len(words) > _EXCERPT_CHARS:
        return words[:_EXCERPT_CHARS] + "…"
    return words + "…" if len(start) < len(text) else words


def beginning(reply: Reply) -> str:
    """The beginning of the body on one line, or its absence, as part of a sentence."""
    line = _line(reply)
    return _NO_BODY if line is None else f"the answer begins: {line}"


def retry_after_ms(context: Context, reply: Reply) -> int | None:
    """Milliseconds that ``Retry-After`` asks to wait: seconds, or a date."""
    value = (header(reply, "retry-after") or "").strip()
    if re.fullmatch("[0-9]{1,18}", value, re.ASCII):
        ms = int(value) * 1000
    else:
        date = http_date(value)
        if date is None:
            return None
        ms = max(date - context.now_ms, 0)
    return min(ms, 0xFFFF_FFFF)


def http_failure(context: Context, request: Request, reply: Reply) -> Outcome | None:
    """What an HTTP status other than 2xx means for every item; ``None`` for 2xx.

    ============  ===========================================================
    0: no answer  unknown, code ``no-answer``
    401, 403      unauthenticated
    429           throttled, after ``Retry-After``
    408, 425, 5xx retry if the request is repeatable, or else unknown
    others        rejected
    ============  ===========================================================
    """
    status = reply.status
    if 200 <= status < 300:
        return None
    if status == 0:
        return Unknown("no-answer", "no answer came; the platform may have applied the request")
    code, message = f"http-{status}", _line(reply) or _NO_BODY
    if status in (401, 403):
        return Unauthenticated(code, message)
    if status == 429:
        return Throttled(code, message, retry_after_ms(context, reply))
    if status in (408, 425) or status >= 500:
        if request.repeatable:
            return Retry(code, message, retry_after_ms(context, reply))
        return Unknown(code, message)
    return Rejected(code, message)


def http_and_own(context: Context, request: Request, reply: Reply, own: Callable[[], Outcome]) -> Outcome:
    """HTTP's status and what the platform's envelope means, together.

    A platform's success under a refusing status is unknown.
    """
    http = http_failure(context, request, reply)
    if http is None:
        return own()
    if reply.status == 0:
        return http
    try:
        said = own()
    except InvalidReply:
        return http
    if isinstance(said, Duplicate):
        return said
    if isinstance(said, Throttled):
        after_ms = retry_after_ms(context, reply)
        return replace(said, after_ms=said.after_ms if after_ms is None else after_ms)
    if isinstance(said, Accepted):
        if reply.status >= 500:
            return http
        return Unknown(
            f"http-{reply.status}",
            "the answer's HTTP status is a refusal and its body a success: which of them holds, the platform does not say",
        )
    if isinstance(http, Rejected) and not isinstance(said, Rejected):
        return said
    if isinstance(http, Unauthenticated) and isinstance(said, Retry):
        return said
    words = {"code": said.code or http.code, "message": said.message or http.message}
    if hasattr(http, "details"):
        words["details"] = getattr(said, "details", [])
    return replace(http, **words)
