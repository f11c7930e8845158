"""Golden examples, run without a host: the files that ``crossdock plugin test`` reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from . import jsons, keys
from .encode import form_fields
from .types import (
    Context, Draft, Fault, Item, Outcome, ReplaceBody, Reply, Request, SecretHeader, SecretQuery, SetHeader, SetQuery,
)


@contextmanager
def with_secrets(secrets: dict[str, str]) -> Iterator[None]:
    """Runs something as ``sign`` runs: with these secrets, and only then."""
    keys._secrets = dict(secrets)
    try:
        yield
    finally:
        keys._secrets = None


def edited(draft: Draft, edits: list[Any], secrets: dict[str, str]) -> Draft:
    """A draft after the edits of ``sign``, with test secrets in the place of real ones."""
    query, headers, body = list(draft.query), list(draft.headers), draft.body
    for edit in edits:
        if isinstance(edit, ReplaceBody):
            body = edit.body
            continue
        is_header = isinstance(edit, (SetHeader, SecretHeader))
        value = edit.value if isinstance(edit, (SetQuery, SetHeader)) else secrets[edit.secret]
        pairs = headers if is_header else query
        same = [at for at, (name, _) in enumerate(pairs) if name == edit.name or is_header and name.lower() == edit.name.lower()]
        if same:
            pairs[same[0]] = (edit.name, value)
            for at in reversed(same[1:]):
                del pairs[at]
        else:
            pairs.append((edit.name, value))
    return replace(draft, query=query, headers=headers, body=body)


def examples(folder: Path) -> list[Path]:
    """The folders of all examples, each with at least ``items.json``."""
    return sorted(file.parent for file in Path(folder).glob("*/*/items.json"))


def run_example(adapter: Any, folder: Path) -> None:
    """Runs one example; an assertion fails with what differs."""
    example = _Example(folder)
    operation, about = example.operation, example.about
    settings = example.json("context.json", {})
    secrets = settings.get("secrets", {})
    context = Context(settings.get("now_ms", 0), settings.get("nonce", "0" * 32), settings.get("settings", {}))

    def signed(draft: Draft) -> Draft:
        if adapter.manifest.get("signs", True):
            with with_secrets(secrets):
                draft = edited(draft, adapter.sign(context, operation, draft), secrets)
        query = [(name, str(value)) for name, value in draft.query]
        return replace(draft, query=query, body=draft.body or None)

    mapped = adapter.map(context, operation, example.items())
    sent = [signed(request.draft) for request in mapped.requests]
    _same(sent, example.requests(), f"{folder.name}: requests")
    for request, said in zip(mapped.requests, about.get("requests", [])):
        _same(request.items, said.get("items", request.items), f"{folder.name}: items")
        _same(request.repeatable, said.get("repeatable", request.repeatable), f"{folder.name}: repeatable")
    failures = [(f.item, getattr(f.fault, "pointer", None)) for f in mapped.failures]
    wanted = [(f["item"], f.get("pointer", found[1])) for f, found in zip(about.get("failures", []), failures)]
    _same(failures, wanted, f"{folder.name}: failures")
    follow_ups: list[Request | None] = []  # What follows each reply, in its place.
    for at, reply in enumerate(example.replies()):
        said = dict(enumerate(about.get("replies", []))).get(at, {})
        request = mapped.requests[said.get("request", at if at < len(sent) else 0)]
        if "follows" in said:
            request = follow_ups[said["follows"]]
        follow_ups.append(None)
        expected = example.json(_numbered("outcomes", "json", at), None)
        if expected is None:
            try:
                adapter.parse_response(context, operation, request, reply)
            except Fault:
                continue
            raise AssertionError(f"{folder.name}: reply {at} is read, though it is unreadable")
        parsed = adapter.parse_response(context, operation, request, reply)
        found = [_shown(outcome, like) for outcome, like in zip(parsed.outcomes, expected)]
        _same(len(parsed.outcomes), len(expected), f"{folder.name}: number of outcomes of reply {at}")
        _same(found, expected, f"{folder.name}: outcomes of reply {at}")
        following = example.request(_numbered("next", "http", at))
        _same(parsed.next and signed(parsed.next), following, f"{folder.name}: what follows reply {at}")
        follow_ups[at] = parsed.next and replace(request, draft=parsed.next)


def _same(found: Any, wanted: Any, what: str) -> None:
    if found != wanted:
        raise AssertionError(f"{what}:\n  came:     {found}\n  expected: {wanted}")


def _shown(outcome: Outcome, like: dict[str, Any]) -> dict[str, Any]:
    words = {"status": type(outcome).__name__.lower()}
    for name in ("result", "code", "message", "after_ms"):
        if name in like:
            words[name] = jsons.parse(jsons.stringify(getattr(outcome, name, None)))
    return words


def _numbered(stem: str, end: str, index: int) -> str:
    return f"{stem}.{end}" if index == 0 else f"{stem}-{index + 1}.{end}"


class _Example:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.about = self.json("example.json", {})
        self.operation = self.about.get("operation", folder.parent.name.replace("-", "."))

    def json(self, name: str, otherwise: Any) -> Any:
        file = self.folder / name
        return jsons.parse(file.read_text(encoding="utf-8")) if file.exists() else otherwise

    def items(self) -> list[Item]:
        items = []
        for index, item in enumerate(self.json("items.json", [])):
            keyed = isinstance(item, dict) and "document" in item and item.keys() <= {"document", "key"}
            key = item.get("key", f"item-{index}") if keyed else f"item-{index}"
            items.append(Item(key, item["document"] if keyed else item))
        return items

    def requests(self) -> list[Draft]:
        return list(self._all("request", self.request))

    def replies(self) -> list[Reply]:
        def reply(name: str) -> Reply | None:
            message = self._message(name)
            if message is None:
                return None
            first, headers, body = message
            return Reply(int(first.split(" ")[1]), headers, body)

        return list(self._all("reply", reply))

    def request(self, name: str) -> Draft | None:
        message = self._message(name)
        if message is None:
            return None
        first, headers, body = message
        method, _, target = first.partition(" ")
        path, _, query = target.partition("?")
        return Draft(method, path, form_fields(query), headers, body)

    def _all(self, stem: str, read: Any) -> Iterator[Any]:
        index = 0
        while (found := read(_numbered(stem, "http", index))) is not None:
            yield found
            index += 1

    def _message(self, name: str) -> tuple[str, list[tuple[str, str]], str | None] | None:
        """First line, headers, and the body without the file's last line end."""
        file = self.folder / name
        if not file.exists():
            return None
        head, _, body = file.read_bytes().decode().replace("\r\n", "\n").partition("\n\n")
        lines = [line for line in head.split("\n") if line]
        first = lines.pop(0).removesuffix(" HTTP/1.1")
        while lines and re.match(r"\s+[?&]", lines[0]):
            first += lines.pop(0).strip()
        headers = [(name, value.removeprefix(" ")) for name, _, value in (line.partition(":") for line in lines)]
        return first, headers, body.removesuffix("\n") or None
