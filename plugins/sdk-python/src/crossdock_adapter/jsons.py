"""JSON and numbers, digit for digit.

A whole number is an ``int`` of any size. A number that was written with a
point or an exponent is a :class:`Number`: a :class:`decimal.Decimal` that
also keeps how it was written.
"""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from typing import Any

from .types import InvalidReply

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_PARTS = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?")
_STRINGS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"')
_BRACKETS = re.compile(r"[\[\]{}]")
_MOST_ZEROS = 40
_MOST_LEVELS = 128


class Number(Decimal):
    """A decimal that is written as it was read: ``12.3400`` stays ``12.3400``."""

    written: str

    def __new__(cls, written: str) -> "Number":
        number = super().__new__(cls, written)
        number.written = written
        return number

    def __str__(self) -> str:
        return self.written

    __repr__ = __str__

    def __format__(self, form: str) -> str:
        return super().__format__(form) if form else self.written


def parse(text: str) -> Any:
    """JSON text to values.

    Raises ``ValueError`` for what is no JSON, is nested too deep, or has a
    member twice.
    """
    _check_depth(text)
    return json.loads(text, parse_float=Number, parse_constant=_refuse, object_pairs_hook=_object)


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a member is there twice")
    return members


def _check_depth(text: str) -> None:
    """Before it is read: the interpreter's own stack is small inside of a component."""
    if text.count("[") + text.count("{") <= _MOST_LEVELS:
        return
    level = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub("", text)):
        level += 1 if bracket in "[{" else -1
        if level > _MOST_LEVELS:
            raise ValueError(f"the text is nested deeper than {_MOST_LEVELS} levels")


def stringify(value: Any, *, sort: bool = False) -> str:
    """Values to compact JSON text with every digit.

    ``sort`` writes members in the order of their names' bytes, at every level.
    """
    out: list[str] = []
    _write(value, out, sort)
    return "".join(out)


def _write(value: Any, out: list[str], sort: bool) -> None:
    number = written_number(value)
    if number is not None:
        out.append(number)
    elif value is None:
        out.append("null")
    elif isinstance(value, bool):
        out.append("true" if value else "false")
    elif isinstance(value, str):
        out.append(_text(value))
    elif isinstance(value, dict):
        members = sorted(value.items(), key=lambda m: m[0].encode()) if sort else value.items()
        for at, (name, member) in enumerate(members):
            out.append("{" if at == 0 else ",")
            out.append(_text(name))
            out.append(":")
            _write(member, out, sort)
        out.append("}" if value else "{}")
    elif isinstance(value, (list, tuple)):
        for at, element in enumerate(value):
            out.append("[" if at == 0 else ",")
            _write(element, out, sort)
        out.append("]" if value else "[]")
    else:
        raise TypeError(f"{value!r} is no JSON")


def _text(text: str) -> str:
    # Half of a character, which text that was cut may have, becomes U+FFFD.
    return json.dumps(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"), ensure_ascii=False)


def written_number(value: Any) -> str | None:
    """The text of a value that is a number, otherwise ``None``."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        return str(value) if value.is_finite() else None
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else None
    return None


def plain(value: Any) -> str | None:
    """A number in plain digits, as it was written unless that has an exponent."""
    text = written_number(value)
    parts = _PARTS.fullmatch(text) if text is not None else None
    if parts is None:
        return None
    sign, whole, fraction, exponent = parts.groups(default="")
    if exponent == "":
        return text
    digits = whole + fraction
    if not digits.strip("0"):
        return sign + "0"
    if len(exponent) > 6:
        return None
    point = len(whole) + int(exponent)
    if point - len(digits) > _MOST_ZEROS or -point > _MOST_ZEROS:
        return None
    digits = "0" * -point + digits if point < 0 else digits.ljust(point, "0")
    before = digits[: max(point, 0)].lstrip("0") or "0"
    after = digits[max(point, 0) :]
    return sign + before + ("." + after if after else "")


def integer(value: Any) -> str | None:
    """The digits of a whole number in any spelling (20, 20.0, 2e1), otherwise ``None``."""
    parts = re.fullmatch(r"(-?[0-9]+)(?:\.0+)?", plain(value) or "")
    return parts[1] if parts else None


def digits(value: Any) -> str | None:
    """The digits of an identifier, from a whole number or a text of digits."""
    text = value if isinstance(value, str) else written_number(value) or ""
    return text if re.fullmatch(r"0|[1-9][0-9]*", text, re.ASCII) else None


def decimal(value: Any, whole: int = 15, fraction: int = 15) -> str | None:
    """The digits of a decimal of bounded length, from a number or a text."""
    text = value if isinstance(value, str) else written_number(value) or ""
    parts = re.fullmatch(r"-?(0|[1-9][0-9]*)(?:\.([0-9]+))?", text, re.ASCII)
    fits = parts and len(parts[1]) <= whole and len(parts[2] or "") <= fraction
    return text if fits else None


def scaled(value: Any, places: int) -> str | None:
    """A number times 10^places as whole digits: a price in cents."""
    text = decimal(value, 40, 40) if isinstance(value, str) else plain(value)
    parts = re.fullmatch(r"(-?)([0-9]+)(?:\.([0-9]*?)0*)?", text or "")
    if parts is None or len(parts[3] or "") > places:
        return None
    found = (parts[2] + (parts[3] or "").ljust(places, "0")).lstrip("0")
    return parts[1] + found if found else "0"


def code(value: Any, pointer: str, success: int | str) -> str | None:
    """``None`` if an envelope's code is ``success``, otherwise its digits.

    The code is a whole number by its document. What is neither the success nor
    a failure raises :class:`InvalidReply`.
    """
    quoted = isinstance(value, str)
    if not quoted and written_number(value) is None:
        raise InvalidReply(pointer, "the answer's code is no number")
    if quoted:
        found = integer(Number(value)) if _NUMBER.fullmatch(value) else None
    else:
        found = integer(value)
    if found is None:
        raise InvalidReply(pointer, "the answer's code is no whole number")
    found = "0" if found == "-0" else found
    if found != str(success):
        return found
    if quoted:
        raise InvalidReply(
            pointer, f"the answer's code is the text {_text(value)}, not the number {success}"
        )
    return None
