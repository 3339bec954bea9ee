"""Where a value stands in a JSON document: ``data.items[0].name``, and what is found there as the text of a variable.

Total: any text is either a path or none, any path either finds a value in a document or does not. Numbers keep the digits
with which they were written. Used by the Webhook step.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Final, cast

JsonPath = tuple[str | int, ...]

LIMIT_STEPS: Final = 32
LIMIT_DEPTH: Final = 100
_STEP = re.compile(r"""\.?(?P<name>[^.\[\]"'\s$]+)|\[(?P<index>[0-9]{1,6})\]|\["(?P<key>[^"\\]*)"\]""")
_ROOT = "$"


class Unreadable(ValueError):
    """A text is no JSON document."""


class _Number(str):
    """A number as it was written."""

    __slots__ = ()


def parse_path(text: str) -> JsonPath | None:
    """``$`` (the whole document), ``name``, ``a.b[0].c``, ``a["b.c"]``, each also after ``$``; None for anything else."""
    rest = text.removeprefix(_ROOT)
    steps: list[str | int] = []
    if rest.startswith(".") and rest == text:
        return None
    at = 0
    while at < len(rest):
        match = _STEP.match(rest, at)
        begins_bare = match is not None and match["name"] is not None and rest[at] != "."
        if match is None or (begins_bare and (at > 0 or rest != text)) or len(steps) >= LIMIT_STEPS:
            return None
        at = match.end()
        steps.append(int(match["index"]) if match["index"] is not None else (match["name"] or match["key"] or ""))
    return tuple(steps) if text else None


def read_document(text: str) -> object:
    """The values of a JSON document (RFC 8259), numbers as written. Raises Unreadable."""
    try:
        document: object = json.loads(text, parse_int=_Number, parse_float=_Number, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise Unreadable(str(error)) from error
    level = [document]
    for _ in range(LIMIT_DEPTH):
        level = [inner for value in level for inner in _inside(value)]
        if not level:
            return document
    raise Unreadable(f"It nests deeper than {LIMIT_DEPTH} levels.")


def find(document: object, path: JsonPath) -> str | None:
    """What stands there: a text as it is, a number as written, true and false as words, "" for null, JSON for the rest.

    None where nothing stands.
    """
    here = document
    for step in path:
        if isinstance(here, list) and isinstance(step, int):
            items = cast("list[object]", here)
            if step >= len(items):
                return None
            here = items[step]
        elif isinstance(here, dict) and isinstance(step, str):
            entries = cast("dict[str, object]", here)
            if step not in entries:
                return None
            here = entries[step]
        else:
            return None
    if here is None:
        return ""
    return str(here) if isinstance(here, str) else _written(here)


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return cast("dict[str, object]", value).values()
    return cast("list[object]", value) if isinstance(value, list) else ()


def _written(value: object) -> str:
    """Compact JSON; the reader bounds how deep this goes."""
    match value:
        case _Number():
            return str(value)
        case dict():
            entries = cast("dict[str, object]", value)
            return "{" + ",".join(f"{_quoted(key)}:{_written(inner)}" for key, inner in entries.items()) + "}"
        case list():
            return "[" + ",".join(_written(inner) for inner in cast("list[object]", value)) + "]"
        case str():
            return _quoted(value)
        case _:
            return json.dumps(value)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _refuse(word: str) -> object:
    raise ValueError(f"{word} is no JSON value")
