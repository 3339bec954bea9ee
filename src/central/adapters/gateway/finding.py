"""Where something stands in what a gateway writes: a path in JSON or form fields, a pattern (RE2) in the text, a header. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast
from urllib.parse import parse_qsl

import msgspec

from central.domain.patterns import compile_finder

_LONGEST = 255
_MOST = 1_000


class Place(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of: ``path`` (``data.0.id``; ``*`` = of each), ``regex`` (its first group, else the whole match), ``header``."""

    path: str = ""
    regex: str = ""
    header: str = ""

    def __post_init__(self) -> None:
        """Raises ValueError."""
        if sum(map(bool, (self.path, self.regex, self.header))) != 1:
            raise ValueError("a place has one of path, regex and header")
        if self.regex and compile_finder(self.regex) is None:
            raise ValueError(f"{self.regex!r} is no pattern of RE2, or it is too big")


class Written(msgspec.Struct, frozen=True):
    """What came, in the forms in which places are looked for. document: JSON or form fields, None = unreadable."""

    headers: Mapping[str, str]
    text: str
    document: object

    def find(self, place: Place | None) -> str:
        """The first thing that stands there, "" = nothing."""
        return next(iter(self.find_all(place)), "")

    def find_all(self, place: Place | None) -> Sequence[str]:
        """All that stands there, in order."""
        if place is None:
            return ()
        if place.header:
            wanted = place.header.lower()
            return [v[:_LONGEST] for k, v in self.headers.items() if k.lower() == wanted and v]
        if place.regex:
            finder = compile_finder(place.regex)
            found = None if finder is None else finder.find(self.text)
            return [found[:_LONGEST]] if found else ()
        words = (word_of(one) for one in at_path(self.document, place.path))
        return [word[:_LONGEST] for word in words if word]


def read_document(body: bytes) -> object:
    """JSON, None = it is none."""
    try:
        return cast("object", msgspec.json.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def read_fields(text: str) -> dict[str, object]:
    """The fields of a form or query, the first of each name."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="replace", max_num_fields=_MOST)
    except ValueError:
        return {}
    return {name: value for name, value in reversed(pairs)}  # noqa: C416 - the first of a name wins


def at_path(document: object, path: str) -> Sequence[object]:
    """Everything at a path, in order, at most a thousand things."""
    level = [document]
    for step in path.split("."):
        level = [below for item in level for below in _below(item, step)][:_MOST]
    return level


def _below(item: object, step: str) -> Sequence[object]:
    if isinstance(item, dict):
        fields = cast("dict[str, object]", item)
        return list(fields.values()) if step == "*" else [fields[step]] if step in fields else ()
    if isinstance(item, list):
        things = cast("list[object]", item)
        if step == "*":
            return things
        if step.isascii() and step.isdigit() and int(step[:6]) < len(things):
            return [things[int(step[:6])]]
    return ()


def word_of(value: object) -> str:
    """A JSON value as a word of a table; objects and lists are none."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if isinstance(value, int | float) else ""
