"""Texts with places in braces (``{to}``, ``{ids.entity?}``) and how a message fills them. Pure.

A place whose name ends in ``?`` may be empty: an entry of a query, form, header or JSON object that is nothing but such a place is
then left out. ``:number`` makes a JSON number of an entry that is nothing but one place. ``{{`` and ``}}`` are braces.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, cast

WORDS: Final = frozenset(
    {
        "to",
        "sender",
        "text",
        "id",
        "parts",
        "encoding",
        "validity_s",
        "validity_min",
        "priority",
        "data_hex",
        "data_base64",
        "udh_hex",
    }
)
"""What every message has; beside them ``ids.NAME`` (its registrations) and ``secret.NAME``."""

_PLACE: Final = re.compile(
    r"\{\{|\}\}|\{(?P<name>[a-z_][a-z0-9_]*|(?:ids|secret)\.[A-Za-z0-9_-]{1,64})(?P<maybe>\?)?(?::(?P<form>number))?\}"
)
_DEEPEST: Final = 16

Write = Callable[[str], str]
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


class Missing(Exception):
    """The message has no such thing, and the place does not say that it may be empty."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def places(template: str) -> set[str]:
    """The names that it fills in. Raises ValueError for a brace that belongs to no place, or a name that nothing has."""
    rest = _PLACE.sub("", template)
    if "{" in rest or "}" in rest:
        raise ValueError(f"{template!r} has a brace that belongs to no place (write it twice)")
    names = {found["name"] for found in _PLACE.finditer(template) if found["name"]}
    for name in names:
        if name not in WORDS and "." not in name:
            raise ValueError(
                f"{template!r} names {{{name}}}; there are {', '.join(sorted(WORDS))}, ids.NAME, secret.NAME"
            )
    return names


def places_of(value: object, depth: int = 0) -> set[str]:
    """The names that a JSON value fills in. Raises ValueError, also where it is nested too deep."""
    if depth > _DEEPEST:
        raise ValueError(f"a body is nested at most {_DEEPEST} levels deep")
    if isinstance(value, str):
        return places(value)
    if isinstance(value, dict):
        return set[str]().union(*(places_of(v, depth + 1) for v in cast("dict[str, object]", value).values()))
    if isinstance(value, list):
        return set[str]().union(*(places_of(v, depth + 1) for v in cast("list[object]", value)))
    return set()


def fill(template: str, values: Mapping[str, str], write: Write = str) -> str:
    """The text, each value written by ``write``. Raises Missing."""

    def one(found: re.Match[str]) -> str:
        name = found["name"]
        if not name:
            return found[0][0]
        value = values.get(name, "")
        if not value and not found["maybe"] and name not in WORDS:
            raise Missing(name)
        return write(value)

    return _PLACE.sub(one, template)


def fill_entry(template: str, values: Mapping[str, str]) -> str | None:
    """As ``fill``; None = the entry is left out. Raises Missing."""
    whole = _PLACE.fullmatch(template)
    text = fill(template, values)
    return None if not text and whole is not None and whole["maybe"] else text


def fill_json(value: Json, values: Mapping[str, str]) -> Json:
    """A JSON value with all its texts filled. Raises Missing."""
    if isinstance(value, str):
        return _json_text(value, values)
    if isinstance(value, list):
        return [fill_json(item, values) for item in value]
    if isinstance(value, dict):
        filled = {name: (item, fill_json(item, values)) for name, item in value.items()}
        return {name: made for name, (item, made) in filled.items() if made is not None or item is None}
    return value


def _json_text(template: str, values: Mapping[str, str]) -> Json:
    text = fill_entry(template, values)
    whole = _PLACE.fullmatch(template)
    if text is not None and whole is not None and whole["form"] and text.isascii() and text.isdigit():
        return int(text)
    return text
