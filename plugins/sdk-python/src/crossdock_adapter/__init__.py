"""Adapters for crossdock, written in Python.

==============  ==================================================================
``types``       what an adapter gets and returns; faults are exceptions
``component``   from a class to what componentize-py exports
``keys``        hashes and HMACs over secrets that stay in the host
``encode``      percent-encoding, forms, queries
``jsons``       JSON and numbers that keep digits
``batch``       items → requests of limited size, rows → items
``replies``     a platform's answer, read or explained
``times``       times in a zone
``log``         lines for the delivery's log
``testing``     golden examples without a host
==============  ==================================================================
"""

from . import jsons, keys, log
from .batch import batch, every, form_draft, json_draft, per_row
from .component import component, manifest
from .encode import form, form_fields, percent, query
from .keys import Secret, secret, sorted_pairs, wrapped
from .replies import beginning, body_text, header, http_and_own, http_failure, read_json, retry_after_ms
from .times import date_time, format_time, read_date_time
from .types import (
    Accepted, Body, Context, Detail, Draft, Duplicate, Edit, Failure, Fault, InvalidInput, InvalidReply, InvalidSettings, Item,
    Mapped, Outcome, Pair, Parsed, Rejected, ReplaceBody, Reply, Request, Retry, SecretHeader, SecretQuery, SetHeader, SetQuery,
    Throttled, Unauthenticated, Unknown, Unsupported,
)

__all__ = [name for name in dir() if not name.startswith("_")]
