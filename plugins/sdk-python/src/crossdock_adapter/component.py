"""From an adapter's class to what componentize-py exports.

``@component`` over a class named ``Adapter`` is all that an adapter says. Inside
of a component it puts the contract's generated types around the class; outside
of one, in tests, it leaves the class as it is.
"""

from __future__ import annotations

import difflib
import json
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from . import jsons, log
from .types import (
    Accepted, Context, Draft, Duplicate, Edit, Failure, Fault, InvalidInput, InvalidReply, InvalidSettings, Item, Mapped, Outcome, Parsed,
    Rejected, ReplaceBody, Reply, Request, Retry, SecretHeader, SecretQuery, SetHeader, SetQuery, Throttled, Unauthenticated,
    Unknown, Unsupported,
)

try:
    from componentize_py_types import Err
    from wit_world.exports import adapter as wit
    from wit_world.imports import types as wit_types
except ImportError:
    wit = None

A = TypeVar("A", bound=type)


def manifest(file: str, beside: str) -> dict[str, Any]:
    """A manifest from a JSON file: ``manifest("manifest.json", __file__)``.

    It is read when the component is built, not when it runs.
    """
    return json.loads(Path(beside).with_name(file).read_text(encoding="utf-8"))


# The methods of an adapter's class.
_METHODS = {
    "map": "def map(self, context, operation, items)",
    "sign": "def sign(self, context, operation, draft)",
    "parse_response": "def parse_response(self, context, operation, request, reply)",
}


def _unsigned(adapter: Any) -> bool:
    """Whether the manifest says that nothing is signed, so that ``sign`` may be missing."""
    described = getattr(adapter, "manifest", None)
    return isinstance(described, dict) and described.get("signs") is False


def _whole(adapter: type) -> None:
    """Names a method that is missing, now and not at the first call."""
    for name, written in _METHODS.items():
        if callable(getattr(adapter, name, None)) or name == "sign" and _unsigned(adapter):
            continue
        own = [own for own in vars(adapter) if own not in _METHODS]
        close = difflib.get_close_matches(name, own, 1)
        hint = f" (there is `{close[0]}`)" if close else ""
        more = ", or `\"signs\": false` in the manifest if nothing is signed" if name == "sign" else ""
        raise TypeError(f"the class `{adapter.__name__}` has no `{name}`{hint}; write `{written}`{more}")


def component(adapter: A) -> A:
    """Makes a component's export of a class with ``manifest``, ``map``, ``sign`` and ``parse_response``."""
    _whole(adapter)
    if wit is None:
        return adapter
    instance = adapter()
    described = json.dumps(instance.manifest, ensure_ascii=False)

    class Adapter:
        def describe(self) -> str:
            return described

        def map(self, ctx: Any, operation: str, items: list[Any]) -> Any:
            given = lambda: [Item(item.key, jsons.parse(item.document)) for item in items]
            return _told("map", lambda: instance.map(_context(ctx), operation, given()), _mapped)

        def sign(self, ctx: Any, operation: str, draft: Any) -> Any:
            if not hasattr(instance, "sign"):
                return []
            return _told("sign", lambda: instance.sign(_context(ctx), operation, _draft(draft)), _edits)

        def parse_response(self, ctx: Any, operation: str, request: Any, reply: Any) -> Any:
            sent = Request(_draft(request.draft), list(request.items), request.repeatable)
            got = Reply(reply.status, list(reply.headers), _body(reply.body))
            work = lambda: instance.parse_response(_context(ctx), operation, sent, got)
            return _told("parse_response", work, _parsed)

    return Adapter  # type: ignore[return-value]


class _Shape(Exception):
    """What a method returned is of another shape than the contract's."""


def _told(method: str, work: Callable[[], Any], convert: Callable[[Any], Any]) -> Any:
    """A fault goes to the host as such; any other exception with its place, and its traceback into the log."""
    has_returned = False
    try:
        returned = work()
        has_returned = True
        return convert(returned)
    except Fault as fault:
        raise Err(_fault(fault)) from None
    except _Shape as wrong:
        raise Err(wit_types.Fault_Other(str(wrong))) from None
    except Exception as error:  # noqa: BLE001: whatever it is, the host is told.
        log.error("".join(traceback.format_exception(error)).rstrip())
        frames = traceback.extract_tb(error.__traceback__)
        # A line of the SDK's helps nobody.
        own = [frame for frame in frames if "crossdock_adapter" not in frame.filename]
        place = f"what `{method}` returned cannot be passed on: " if has_returned else ""
        if own:
            place = f"{Path(own[-1].filename).name}:{own[-1].lineno}: "
        raise Err(wit_types.Fault_Other(f"{place}{type(error).__name__}: {error}")) from None


# ── The contract's types → ours ─────────────────────────────────────────────


def _context(ctx: Any) -> Context:
    return Context(ctx.now_ms, ctx.nonce, jsons.parse(ctx.settings))


def _body(body: Any) -> str | bytes | None:
    return getattr(body, "value", None)


def _draft(draft: Any) -> Draft:
    return Draft(draft.method, draft.path, list(draft.query), list(draft.headers), _body(draft.body))


# ── Ours → the contract's types ─────────────────────────────────────────────


def _is(value: Any, kind: Any, place: str, expected: str) -> None:
    """Names what is of another type than the contract has there."""
    if isinstance(value, kind):
        return
    name = type(value).__name__
    said = "nothing" if value is None else f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"
    verb = "returned" if place.endswith("`") and " " not in place else "is"
    raise _Shape(f"{place} {verb} {said}; {expected} is expected")


def _list(value: Any, place: str, expected: str) -> list[Any]:
    """The elements of a list, or of anything else that gives one by one; a text is none."""
    if isinstance(value, (str, bytes, dict)) or not hasattr(value, "__iter__"):
        _is(value, list, place, expected)
    return list(value)


def _wit_body(body: str | bytes | None, place: str) -> Any:
    if body is None:
        return wit_types.Body_Empty()
    _is(body, (str, bytes, bytearray), place, "a text (`jsons.stringify` writes JSON), bytes or None")
    return wit_types.Body_Text(body) if isinstance(body, str) else wit_types.Body_Bytes(bytes(body))


def _wit_draft(draft: Draft, member: str, method: str) -> Any:
    _is(draft, Draft, f"`{member}` of what `{method}` returned", "`Draft(method, path)`")
    query = [(name, str(value)) for name, value in draft.query]
    body = _wit_body(draft.body, f"`{member}.body` of what `{method}` returned")
    return wit_types.Draft(draft.method, draft.path, query, list(draft.headers), body)


def _fault(fault: Fault) -> Any:
    detailed = {
        InvalidInput: wit_types.Fault_InvalidInput,
        InvalidSettings: wit_types.Fault_InvalidSettings,
        InvalidReply: wit_types.Fault_InvalidReply,
    }
    for kind, made in detailed.items():
        if isinstance(fault, kind):
            return made(wit_types.Detail(fault.pointer, fault.message))
    if isinstance(fault, Unsupported):
        return wit_types.Fault_Unsupported(fault.operation)
    return wit_types.Fault_Other(str(fault))


def _mapped(mapped: Mapped) -> Any:
    _is(mapped, Mapped, "`map`", "`Mapped(requests, failures)`, as `batch` makes it,")
    requests = []
    for at, request in enumerate(_list(mapped.requests, "`requests` of what `map` returned", "a list")):
        place = f"requests[{at}]"
        _is(request, Request, f"`{place}` of what `map` returned", "`Request(draft, items)`")
        items = _list(request.items, f"`{place}.items` of what `map` returned", "a list of indices")
        requests.append(wit.Request(_wit_draft(request.draft, f"{place}.draft", "map"), items, request.repeatable))
    failures = _list(mapped.failures, "`failures` of what `map` returned", "a list")
    for at, failure in enumerate(failures):
        _is(failure, Failure, f"`failures[{at}]` of what `map` returned", "`Failure(item, fault)`")
    return wit.Mapped(requests, [wit.Failure(failure.item, _fault(failure.fault)) for failure in failures])


def _edits(edits: Any) -> list[Any]:
    return [_edit(edit, f"`[{at}]` of what `sign` returned") for at, edit in enumerate(_list(edits, "`sign`", "a list of edits"))]


def _edit(edit: Edit, place: str) -> Any:
    _is(edit, (ReplaceBody, SetQuery, SetHeader, SecretQuery, SecretHeader), place, "an edit such as `SetQuery(name, value)`")
    if isinstance(edit, ReplaceBody):
        return wit.Edit_ReplaceBody(_wit_body(edit.body, f"the body in {place}"))
    if isinstance(edit, (SetQuery, SetHeader)):
        made = wit.Edit_SetQuery if isinstance(edit, SetQuery) else wit.Edit_SetHeader
        return made((edit.name, str(edit.value)))
    made = wit.Edit_SecretQuery if isinstance(edit, SecretQuery) else wit.Edit_SecretHeader
    return made((edit.name, edit.secret))


def _outcome(outcome: Outcome, place: str) -> Any:
    if isinstance(outcome, (Accepted, Duplicate)):
        made = wit.Outcome_Accepted if isinstance(outcome, Accepted) else wit.Outcome_Duplicate
        try:
            return made(jsons.stringify(outcome.result))
        except (TypeError, ValueError) as error:
            raise _Shape(f"the result in {place} cannot be written as JSON: {error}") from None
    for kind, made in (
        (Rejected, wit.Outcome_Rejected), (Unauthenticated, wit.Outcome_Unauthenticated), (Unknown, wit.Outcome_Unknown),
    ):
        if isinstance(outcome, kind):
            details = [wit_types.Detail(d.pointer, d.message) for d in outcome.details]
            return made(wit.Refusal(str(outcome.code), str(outcome.message), details))
    for kind, made in ((Retry, wit.Outcome_Retry), (Throttled, wit.Outcome_Throttled)):
        if isinstance(outcome, kind):
            return made(wit.Pause(outcome.after_ms, str(outcome.code), str(outcome.message)))
    _is(outcome, Accepted, place, "an outcome such as `Accepted(result)` or `Rejected(code, message)`")
    raise AssertionError("every outcome is one of those above")


def _parsed(parsed: Parsed) -> Any:
    _is(parsed, Parsed, "`parse_response`", "`Parsed(outcomes, next)`")
    following = None if parsed.next is None else _wit_draft(parsed.next, "next", "parse_response")
    outcomes = _list(parsed.outcomes, "`outcomes` of what `parse_response` returned", "a list")
    made = [_outcome(outcome, f"`outcomes[{at}]` of what `parse_response` returned") for at, outcome in enumerate(outcomes)]
    return wit.Parsed(made, following)
