"""Hashes and HMACs over secrets that stay in the host, and what platforms sign.

A message is a list of chunks: texts, bytes, and secrets by name. All of this
works during ``sign`` only, except for messages in which no secret is.
"""

from __future__ import annotations

import hashlib
import hmac as _hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Union

from .encode import PairsLike, pairs_of
from .types import Fault, InvalidSettings

try:
    from wit_world.imports import keys as _host
except ImportError:
    _host = None  # Outside of a component; `testing` stands in.


@dataclass(frozen=True)
class Secret:
    """A secret by its name, as a part of a message."""

    name: str


Chunk = Union[str, bytes, Secret]


def secret(name: str) -> Secret:
    """The secret with this name: its bytes stay in the host."""
    return Secret(name)


# Set by `testing` while a `sign` runs outside of a component.
_secrets: dict[str, str] | None = None


def hash(digest: str, message: Sequence[Chunk]) -> bytes:
    """The hash of the chunks, one after the other: ``md5``, ``sha1``, ``sha256`` or ``sha512``."""
    if _host is not None and _has_secret(message):
        return _asked(lambda: _host.hash(_digest(digest), _chunks(message)))
    return hashlib.new(digest, _bytes(message)).digest()


def hmac(digest: str, key: Sequence[Chunk], messages: Sequence[Sequence[Chunk]]) -> bytes:
    """The last of the HMACs, of which each is the key of the next."""
    if _host is not None and any(map(_has_secret, [key, *messages])):
        listed = [_chunks(message) for message in messages]
        return _asked(lambda: _host.hmac(_digest(digest), _chunks(key), listed))
    result = _bytes(key)
    for message in messages:
        result = _hmac.new(result, _bytes(message), digest).digest()
    return result


def md5(*message: Chunk) -> bytes:
    """MD5 of the chunks."""
    return hash("md5", message)


def sha1(*message: Chunk) -> bytes:
    """SHA-1 of the chunks."""
    return hash("sha1", message)


def sha256(*message: Chunk) -> bytes:
    """SHA-256 of the chunks."""
    return hash("sha256", message)


def sha512(*message: Chunk) -> bytes:
    """SHA-512 of the chunks."""
    return hash("sha512", message)


def sorted_pairs(
    pairs: PairsLike,
    *,
    equals: str = "",
    between: str = "",
    skip_empty: bool = False,
    encode: Callable[[Any], str] = str,
) -> list[Chunk]:
    """Pairs in the order of their names' bytes, joined to a message's chunks."""
    wanted = [(n, v) for n, v in pairs_of(pairs) if not (skip_empty and v in ("", None))]
    wanted.sort(key=lambda pair: pair[0].encode())
    chunks: list[Chunk] = []
    stretch = ""
    for at, (name, value) in enumerate(wanted):
        stretch += (between if at else "") + encode(name) + equals
        if isinstance(value, Secret):
            chunks += [stretch, value]
            stretch = ""
        else:
            stretch += encode(value)
    return [*chunks, stretch] if stretch else chunks


def wrapped(name: str, pairs: PairsLike, **how: Any) -> list[Chunk]:
    """A secret, the sorted pairs, the secret again: what most Chinese platforms hash."""
    return [Secret(name), *sorted_pairs(pairs, **how), Secret(name)]


def _has_secret(message: Sequence[Chunk]) -> bool:
    return any(isinstance(chunk, Secret) for chunk in message)


def _bytes(message: Sequence[Chunk]) -> bytes:
    parts = []
    for chunk in message:
        if isinstance(chunk, Secret):
            if _secrets is None:
                raise Fault("`keys` works only during `sign`")
            if chunk.name not in _secrets:
                raise InvalidSettings("", f"the secret `{chunk.name}` is not set")
            parts.append(_secrets[chunk.name].encode())
        else:
            parts.append(chunk.encode() if isinstance(chunk, str) else bytes(chunk))
    return b"".join(parts)


def _digest(name: str) -> Any:
    return _host.Digest[name.upper()]


def _chunks(message: Sequence[Chunk]) -> list[Any]:
    def chunk(one: Chunk) -> Any:
        if isinstance(one, Secret):
            return _host.Chunk_Secret(one.name)
        return _host.Chunk_Text(one) if isinstance(one, str) else _host.Chunk_Bytes(bytes(one))

    return [chunk(one) for one in message]


def _asked(ask: Callable[[], bytes]) -> bytes:
    from componentize_py_types import Err

    try:
        return ask()
    except Err as error:
        why = error.value
        if isinstance(why, _host.KeyError_NotFound):
            raise InvalidSettings("", f"the secret `{why.value}` is not set") from None
        if isinstance(why, _host.KeyError_NotPermitted):
            raise Fault("`keys` works only during `sign`") from None
        raise Fault(why.value) from None
