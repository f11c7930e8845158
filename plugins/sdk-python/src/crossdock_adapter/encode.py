"""Percent-encoding, forms and queries."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, unquote_plus

PairsLike = Iterable[tuple[str, Any]] | dict[str, Any]


def pairs_of(pairs: PairsLike) -> list[tuple[str, Any]]:
    """Pairs, from pairs or from a dictionary."""
    return list(pairs.items()) if isinstance(pairs, dict) else list(pairs)


def percent(text: Any) -> str:
    """Percent-encodes everything but RFC 3986's unreserved characters."""
    return quote(str(text), safe="", errors="replace")


def _form_text(text: Any) -> str:
    return percent(text).replace("%20", "+").replace("%2A", "*").replace("~", "%7E")


def form(pairs: PairsLike) -> str:
    """``application/x-www-form-urlencoded`` (WHATWG URL), in the order given."""
    return "&".join(f"{_form_text(name)}={_form_text(value)}" for name, value in pairs_of(pairs))


def query(pairs: PairsLike) -> str:
    """A query string with RFC 3986's encoding, in the order given."""
    return "&".join(f"{percent(name)}={percent(value)}" for name, value in pairs_of(pairs))


def form_fields(text: str) -> list[tuple[str, str]]:
    """The fields of a form or query text, decoded, in their order."""
    fields = []
    for field in text.split("&"):
        if field:
            name, _, value = field.partition("=")
            fields.append((unquote_plus(name), unquote_plus(value)))
    return fields
