"""What changed between two documents of a flow: as lines, and as what it means (steps, variables, settings). Pure.

Used by the API and the command line to compare versions, the draft and files (domain specification, section 4.3).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from central.flow.document import LAYOUT_KEYS, read_root
from central.flow.line_differences import unified
from central.flow.tree import Entries, Scalar, Tree, plain

What = Literal["added", "removed", "changed"]
Part = Literal["step", "variable", "setting", "layout", "prompt"]
_LIMIT_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field, nested ones with dots (``on.connected``); ``before`` or ``after`` None = it is not there."""

    field: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """One step, variable or setting that was added, removed or changed; ``fields`` says how it changed.

    A ``prompt`` is no part of a document: the same name stands for another recording.
    """

    what: What
    part: Part
    name: str
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """How two documents differ.

    lines: a unified difference, empty when the bytes are the same. changes: what it means, empty when only comments and
    blank lines changed.
    """

    lines: tuple[str, ...]
    changes: tuple[Change, ...]


def compare(before: bytes, after: bytes, names: tuple[str, str] = ("before", "after")) -> Difference:
    """Compare two documents, in the order of the second. Raises what ``document.parse`` raises."""
    old, new = read_root(before), read_root(after)
    lines = tuple(unified(_lines(before), _lines(after), names))
    changes = (*_settings(old, new), *_members("variable", "variables", old, new), *_members("step", "steps", old, new))
    return Difference(lines, changes)


def _lines(data: bytes) -> list[str]:
    return data.decode("utf-8-sig").split("\n")


def _settings(old: Entries, new: Entries) -> Iterator[Change]:
    for name in _names(old.entries, new.entries):
        if name in {"steps", "variables"}:
            continue
        fields = tuple(_fields(name, old.entries.get(name), new.entries.get(name)))
        if not fields:
            continue
        if name in LAYOUT_KEYS:
            yield Change("changed", "layout", name)
        else:
            yield Change(_what(name in old.entries, name in new.entries), "setting", name, fields)


def _members(part: Part, section: str, old: Entries, new: Entries) -> Iterator[Change]:
    before, after = _mapping(old.entries.get(section)), _mapping(new.entries.get(section))
    for name in _names(before, after):
        what = _what(name in before, name in after)
        if what != "changed":
            yield Change(what, part, name)
        elif fields := tuple(_fields("", before[name], after[name])):
            yield Change(what, part, name, fields)


def _fields(name: str, before: Tree | None, after: Tree | None) -> Iterator[FieldChange]:
    """Mappings field by field, everything else as a whole."""
    if isinstance(before, Entries) and isinstance(after, Entries):
        for inner in _names(before.entries, after.entries):
            path = f"{name}.{inner}" if name else inner
            yield from _fields(path, before.entries.get(inner), after.entries.get(inner))
    elif _value(before) != _value(after):
        yield FieldChange(name, _shown(before), _shown(after))


def _value(tree: Tree | None) -> object:
    return _Nothing if tree is None else plain(tree)


class _Nothing:
    """Differs from every value, null too."""


def _shown(tree: Tree | None) -> str | None:
    if tree is None:
        return None
    text = tree.text if isinstance(tree, Scalar) else json.dumps(plain(tree), ensure_ascii=False)
    return text if len(text) <= _LIMIT_SHOWN else f"{text[:_LIMIT_SHOWN]}…"


def _mapping(tree: Tree | None) -> Mapping[str, Tree]:
    return tree.entries if isinstance(tree, Entries) else {}


def _names(before: Mapping[str, Tree], after: Mapping[str, Tree]) -> list[str]:
    return [*after, *(name for name in before if name not in after)]


def _what(was: bool, there: bool) -> What:  # noqa: FBT001 - both are the question
    return "changed" if was and there else "added" if there else "removed"
