"""What an adapter gets and what it returns.

The contract's records (``wit/adapter/adapter.wit``) as Python has them:
documents and settings are parsed, a fault is an exception.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Union

Pair = tuple[str, str]
Body = Union[str, bytes, None]


@dataclass
class Context:
    """Everything about a call that is not its payload."""

    now_ms: int
    nonce: str
    settings: dict[str, Any]


@dataclass
class Item:
    """One item of an operation, its document parsed."""

    key: str
    document: Any


@dataclass
class Draft:
    """A request without its authentication. ``query`` is not encoded."""

    method: str
    path: str
    query: list[Pair] = field(default_factory=list)
    headers: list[Pair] = field(default_factory=list)
    body: Body = None


@dataclass
class Request:
    """One request that carries one or more items."""

    draft: Draft
    items: list[int]
    repeatable: bool = False


@dataclass
class Reply:
    """An answer of the platform. Status 0: none came."""

    status: int
    headers: list[Pair] = field(default_factory=list)
    body: Body = None


class Fault(Exception):
    """What an adapter says instead of an answer."""


class _Detailed(Fault):
    def __init__(self, pointer: str, message: str) -> None:
        super().__init__(message)
        self.pointer = pointer
        self.message = message


class InvalidInput(_Detailed):
    """The item lacks or violates something at ``pointer`` of its document."""


class InvalidSettings(_Detailed):
    """The connection's settings do not allow this."""


class InvalidReply(_Detailed):
    """The platform's answer cannot be read at ``pointer``."""


class Unsupported(Fault):
    """The adapter does not have this operation."""

    def __init__(self, operation: str) -> None:
        super().__init__(operation)
        self.operation = operation


@dataclass
class Failure:
    """An item that cannot be sent."""

    item: int
    fault: Fault


@dataclass
class Mapped:
    """Every index occurs exactly once, in a request or in a failure."""

    requests: list[Request] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


@dataclass
class Detail:
    """What is wrong at one place of a document."""

    pointer: str
    message: str


@dataclass
class Accepted:
    """Done, with the operation's result."""

    result: Any = field(default_factory=dict)


@dataclass
class Duplicate:
    """The platform had already applied this item."""

    result: Any = field(default_factory=dict)


@dataclass
class _Refused:
    code: str
    message: str = ""
    details: list[Detail] = field(default_factory=list)


class Rejected(_Refused):
    """Permanently refused, with the platform's own code and message."""


class Unauthenticated(_Refused):
    """The credentials are not accepted."""


class Unknown(_Refused):
    """The platform does not say whether it was applied."""


@dataclass
class _Paused:
    code: str
    message: str = ""
    after_ms: int | None = None


class Retry(_Paused):
    """Transient. Of a request that is not repeatable, it promises that nothing was applied."""


class Throttled(_Paused):
    """Rate limited: the whole connection has to slow down."""


Outcome = Union[Accepted, Duplicate, Rejected, Unauthenticated, Unknown, Retry, Throttled]


@dataclass
class Parsed:
    """One outcome per item of the request, and perhaps a page or a read-back."""

    outcomes: list[Outcome]
    next: Draft | None = None


@dataclass
class SetQuery:
    """Replaces the query pair of this name, or appends it."""

    name: str
    value: str


@dataclass
class SetHeader:
    """Replaces the header of this name, or appends it."""

    name: str
    value: str


@dataclass
class ReplaceBody:
    """Another body."""

    body: Body


@dataclass
class SecretQuery:
    """The host writes the secret of this name as this query parameter."""

    name: str
    secret: str


@dataclass
class SecretHeader:
    """The host writes the secret of this name as this header."""

    name: str
    secret: str


Edit = Union[SetQuery, SetHeader, ReplaceBody, SecretQuery, SecretHeader]
