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
    Accepted, Context, Draft, Duplicate, Edit, Fault, InvalidInput, InvalidReply, InvalidSettings, Item, Mapped, Outcome, Parsed,
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
            return _told(lambda: _mapped(instance.map(_context(ctx), operation, given())))

        def sign(self, ctx: Any, operation: str, draft: Any) -> Any:
            if not hasattr(instance, "sign"):
                return []
            return _told(lambda: [_edit(edit) for edit in instance.sign(_context(ctx), operation, _draft(draft))])

        def parse_response(self, ctx: Any, operation: str, request: Any, reply: Any) -> Any:
            sent = Request(_draft(request.draft), list(request.items), request.repeatable)
            got = Reply(reply.status, list(reply.headers), _body(reply.body))
            return _told(lambda: _parsed(instance.parse_response(_context(ctx), operation, sent, got)))

    return Adapter  # type: ignore[return-value]


def _told(work: Callable[[], Any]) -> Any:
    """A fault goes to the host as such; any other exception with its place, and its traceback into the log."""
    try:
        return work()
    except Fault as fault:
        raise Err(_fault(fault)) from None
    except Exception as error:  # noqa: BLE001: whatever it is, the host is told.
        log.error("".join(traceback.format_exception(error)).rstrip())
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if "crossdock_adapter" not in frame.filename] or frames
        place = f"{Path(own[-1].filename).name}:{own[-1].lineno}: " if own else ""
        raise Err(wit_types.Fault_Other(f"{place}{type(error).__name__}: {error}")) from None


# ── The contract's types → ours ─────────────────────────────────────────────


def _context(ctx: Any) -> Context:
    return Context(ctx.now_ms, ctx.nonce, jsons.parse(ctx.settings))


def _body(body: Any) -> str | bytes | None:
    return getattr(body, "value", None)


def _draft(draft: Any) -> Draft:
    return Draft(draft.method, draft.path, list(draft.query), list(draft.headers), _body(draft.body))


# ── Ours → the contract's types ─────────────────────────────────────────────


def _wit_body(body: str | bytes | None) -> Any:
    if body is None:
        return wit_types.Body_Empty()
    return wit_types.Body_Text(body) if isinstance(body, str) else wit_types.Body_Bytes(bytes(body))


def _wit_draft(draft: Draft) -> Any:
    query = [(name, str(value)) for name, value in draft.query]
    return wit_types.Draft(draft.method, draft.path, query, list(draft.headers), _wit_body(draft.body))


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
    requests = [wit.Request(_wit_draft(r.draft), list(r.items), r.repeatable) for r in mapped.requests]
    return wit.Mapped(requests, [wit.Failure(f.item, _fault(f.fault)) for f in mapped.failures])


def _edit(edit: Edit) -> Any:
    if isinstance(edit, ReplaceBody):
        return wit.Edit_ReplaceBody(_wit_body(edit.body))
    if isinstance(edit, (SetQuery, SetHeader)):
        made = wit.Edit_SetQuery if isinstance(edit, SetQuery) else wit.Edit_SetHeader
        return made((edit.name, str(edit.value)))
    if isinstance(edit, (SecretQuery, SecretHeader)):
        made = wit.Edit_SecretQuery if isinstance(edit, SecretQuery) else wit.Edit_SecretHeader
        return made((edit.name, edit.secret))
    raise TypeError(f"{edit!r} is no edit")


def _outcome(outcome: Outcome) -> Any:
    if isinstance(outcome, (Accepted, Duplicate)):
        made = wit.Outcome_Accepted if isinstance(outcome, Accepted) else wit.Outcome_Duplicate
        return made(jsons.stringify(outcome.result))
    for kind, made in (
        (Rejected, wit.Outcome_Rejected), (Unauthenticated, wit.Outcome_Unauthenticated), (Unknown, wit.Outcome_Unknown),
    ):
        if isinstance(outcome, kind):
            details = [wit_types.Detail(d.pointer, d.message) for d in outcome.details]
            return made(wit.Refusal(str(outcome.code), str(outcome.message), details))
    for kind, made in ((Retry, wit.Outcome_Retry), (Throttled, wit.Outcome_Throttled)):
        if isinstance(outcome, kind):
            return made(wit.Pause(outcome.after_ms, str(outcome.code), str(outcome.message)))
    raise TypeError(f"{outcome!r} is no outcome")


def _parsed(parsed: Parsed) -> Any:
    following = None if parsed.next is None else _wit_draft(parsed.next)
    return wit.Parsed([_outcome(outcome) for outcome in parsed.outcomes], following)
