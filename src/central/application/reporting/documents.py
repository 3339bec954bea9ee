"""Values of reporting as JSON-ready documents: what the API serves and the CLI reads back (path step 7).

Field names become keys, times ISO 8601 with offset and milliseconds (domain G6), ids text, enumerations their words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from typing import cast
from uuid import UUID

Document = Mapping[str, object]


def to_document(value: object) -> dict[str, object]:
    """The document of a value, which must be a dataclass; phone numbers stay readable (the API masks)."""
    return cast("dict[str, object]", _plain(value))


def _plain(value: object) -> object:
    match value:
        case None | bool() | int() | float():
            return value
        case Enum():
            return str(value.value)
        case str():
            return value
        case datetime():
            return value.isoformat(timespec="milliseconds")
        case date() | UUID():
            return str(value)
        case Mapping():
            mapping = cast("Mapping[object, object]", value)
            return {str(_plain(key)): _plain(inner) for key, inner in mapping.items()}
        case list() | tuple():
            return [_plain(inner) for inner in cast("list[object]", value)]
        case _ if is_dataclass(value):
            return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
        case _:
            return str(value)
