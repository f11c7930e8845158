"""From items to requests of limited size, and from rows back to items."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

from . import jsons
from .encode import PairsLike, form, pairs_of
from .types import Accepted, Draft, Failure, Fault, InvalidReply, Item, Mapped, Outcome, Parsed, Request


def batch(
    items: Sequence[Item],
    draft: Callable[..., Draft],
    *,
    size: int | None = None,
    read: Callable[[Item], Any] = lambda item: item.document,
    group_by: Callable[[Any], Hashable] | None = None,
    repeatable: bool | Callable[[list[Any]], bool] = False,
) -> Mapped:
    """What ``map`` returns, for items that are read one by one and sent ``size`` at a time.

    ``read`` makes a value of an item or raises a fault, which becomes that
    item's. Items with different answers of ``group_by`` never share a request.
    """
    mapped = Mapped()
    groups: dict[Hashable, list[tuple[int, Any]]] = {}
    for index, item in enumerate(items):
        try:
            value = read(item)
        except Fault as fault:
            mapped.failures.append(Failure(index, fault))
            continue
        groups.setdefault(group_by(value) if group_by else None, []).append((index, value))
    for rows in groups.values():
        for start in range(0, len(rows), size or len(rows)):
            some = rows[start : start + (size or len(rows))]
            values = [value for _, value in some]
            again = repeatable(values) if callable(repeatable) else repeatable
            mapped.requests.append(Request(draft(values), [index for index, _ in some], again))
    return mapped


def json_draft(method: str, path: str, value: Any, query: PairsLike = ()) -> Draft:
    """A request with a JSON body; a text is JSON already."""
    body = value if isinstance(value, str) else jsons.stringify(value)
    return Draft(method, path, pairs_of(query), [("content-type", "application/json")], body)


def form_draft(method: str, path: str, fields: PairsLike, query: PairsLike = ()) -> Draft:
    """A request with form fields, in their order."""
    headers = [("content-type", "application/x-www-form-urlencoded")]
    return Draft(method, path, pairs_of(query), headers, form(fields))


def every(request: Request, outcome: Outcome, next: Draft | None = None) -> Parsed:
    """The same outcome for every item of the request."""
    return Parsed([outcome for _ in request.items], next)


def per_row(
    request: Request,
    listed: Any,
    failed: Callable[[Any], tuple[Any, Outcome]],
    *,
    named: Iterable[Any] | None = None,
    accepted: Any = None,
    pointer: str = "",
) -> list[Outcome]:
    """One outcome per item where a platform lists the rows that failed.

    ``named`` has each row's name, in the request's order; without it, rows are
    numbered from 0. ``failed`` gives the name and the outcome of a listed row.
    """
    if not isinstance(listed, list):
        raise InvalidReply(pointer, "the answer has no list of rows here")
    result = {} if accepted is None else accepted
    outcomes: list[Outcome] = [Accepted(result) for _ in request.items]
    names = [str(name) for name in (range(len(request.items)) if named is None else named)]
    for at, row in enumerate(listed):
        if not isinstance(row, dict):
            raise InvalidReply(f"{pointer}/{at}", "a row of the answer is no object")
        name, outcome = failed(row)
        wanted = name if isinstance(name, str) else jsons.integer(name)
        places = [place for place, known in enumerate(names) if known == wanted]
        if not places:
            raise InvalidReply(f"{pointer}/{at}", f"the answer is about '{wanted}', which was not sent")
        for place in places:
            outcomes[place] = outcome
    return outcomes
