"""Lines for the plugin's log, kept with the delivery."""

from __future__ import annotations

import sys

try:
    from wit_world.imports import log as _host
except ImportError:
    _host = None


def write(level: str, message: str) -> None:
    """A line of a level: ``debug``, ``info``, ``warn`` or ``error``."""
    if _host is not None:
        _host.write(_host.Level[level.upper()], str(message))
    else:
        print(f"{level}: {message}", file=sys.stderr)


def debug(message: str) -> None:
    """For whoever writes the adapter."""
    write("debug", message)


def info(message: str) -> None:
    """For whoever operates the connection."""
    write("info", message)


def warn(message: str) -> None:
    """Something odd that did not stop the work."""
    write("warn", message)


def error(message: str) -> None:
    """Something that did."""
    write("error", message)
