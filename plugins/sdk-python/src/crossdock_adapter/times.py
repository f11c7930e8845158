"""Times as platforms write them, from the context's."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

# Zones without summer time, in minutes. There are no others: what changes with
# parliaments is in no adapter.
_ZONES = {
    "UTC": 0, "GMT": 0, "Z": 0,
    "Asia/Shanghai": 480, "Asia/Hong_Kong": 480, "Asia/Macau": 480, "Asia/Taipei": 480,
    "Asia/Singapore": 480, "Asia/Kuala_Lumpur": 480, "Asia/Manila": 480,
    "Asia/Tokyo": 540, "Asia/Seoul": 540,
    "Asia/Bangkok": 420, "Asia/Ho_Chi_Minh": 420, "Asia/Jakarta": 420, "Asia/Kolkata": 330,
}  # fmt: skip

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def zone_minutes(zone: str) -> int:
    """Minutes east of Greenwich of ``+08:00``, ``+0800`` or a zone without summer time."""
    if zone in _ZONES:
        return _ZONES[zone]
    parts = re.fullmatch(r"([+-])([01][0-9]):?([0-5][0-9])", zone)
    if parts is None:
        raise ValueError(f"'{zone}' is no zone that is known here: write its offset, as +08:00")
    minutes = int(parts[2]) * 60 + int(parts[3])
    return -minutes if parts[1] == "-" else minutes


def format_time(unix_ms: int, pattern: str, zone: str = "+08:00") -> str:
    """A time by a pattern of yyyy, MM, dd, HH, mm, ss, SSS, Z (+0800), XXX (+08:00) and 'text'."""
    minutes = zone_minutes(zone)
    local = _EPOCH + timedelta(milliseconds=unix_ms, minutes=minutes)
    sign, hours = "-" if minutes < 0 else "+", f"{abs(minutes) // 60:02}"
    fields = {
        "yyyy": f"{local.year:04}", "MM": f"{local.month:02}", "dd": f"{local.day:02}",
        "HH": f"{local.hour:02}", "mm": f"{local.minute:02}", "ss": f"{local.second:02}",
        "SSS": f"{local.microsecond // 1000:03}",
        "Z": f"{sign}{hours}{abs(minutes) % 60:02}", "XXX": f"{sign}{hours}:{abs(minutes) % 60:02}",
    }  # fmt: skip
    found = r"'([^']*)'|yyyy|MM|dd|HH|mm|ss|SSS|XXX|Z"
    return re.sub(found, lambda m: fields[m[0]] if m[1] is None else m[1], pattern)


def date_time(unix_ms: int, zone: str = "+08:00") -> str:
    """``yyyy-MM-dd HH:mm:ss``, in Chinese time if nothing else is said."""
    return format_time(unix_ms, "yyyy-MM-dd HH:mm:ss", zone)


def read_date_time(text: str, zone: str = "+08:00") -> int | None:
    """Unix milliseconds of ``yyyy-MM-dd HH:mm:ss``, ``T`` and milliseconds allowed; ``None`` if it is none."""
    form = r"(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{3}))?"
    parts = re.fullmatch(form, text, re.ASCII)
    if parts is None:
        return None
    ms = _utc_ms(*(int(part or 0) for part in parts.groups()))
    return None if ms is None else ms - zone_minutes(zone) * 60_000


def _utc_ms(year: int, month: int, day: int, hour: int, minute: int, second: int, ms: int = 0) -> int | None:
    try:
        time = datetime(year, month, day, hour, minute, second, ms * 1000, tzinfo=timezone.utc)
    except ValueError:
        return None
    return (time - _EPOCH) // timedelta(milliseconds=1)


_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def http_date(text: str) -> int | None:
    """Unix milliseconds of ``Sun, 06 Nov 1994 08:49:37 GMT``; ``None`` if it is none."""
    form = r"[A-Z][a-z]{2}, (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT"
    parts = re.fullmatch(form, text, re.ASCII)
    if parts is None or parts[2] not in _MONTHS:
        return None
    month = _MONTHS.index(parts[2]) + 1
    return _utc_ms(int(parts[3]), month, int(parts[1]), int(parts[4]), int(parts[5]), min(int(parts[6]), 59))
