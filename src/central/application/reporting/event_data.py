"""Reading what an event's data holds, which is JSON of many shapes: a missing or odd value reads as nothing (step 7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast

from central.application.ports.reporting import EventRow

Data = Mapping[str, object]
_EMPTY: Data = {}


def data_of(event: EventRow | None) -> Data:
    """The event's data, empty without any."""
    return _EMPTY if event is None or event.data is None else event.data


def text(data: Data, key: str) -> str:
    """A text or number as text, empty without one."""
    value = data.get(key)
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def whole(data: Data, key: str) -> int | None:
    """A whole number."""
    value = data.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def moment(data: Data, key: str) -> datetime | None:
    """A moment written in ISO 8601."""
    value = data.get(key)
    if not isinstance(value, str):
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def texts(data: Data, key: str) -> tuple[str, ...]:
    """A list of texts."""
    value = data.get(key)
    return tuple(str(item) for item in cast("Sequence[object]", value)) if isinstance(value, list | tuple) else ()


def objects(data: Data, key: str) -> tuple[Data, ...]:
    """A list of objects."""
    value = data.get(key)
    if not isinstance(value, list):
        return ()
    return tuple(cast("Data", item) for item in cast("list[object]", value) if isinstance(item, Mapping))


def inner(data: Data, key: str) -> Data:
    """An object, empty without one."""
    value = data.get(key)
    return cast("Data", value) if isinstance(value, Mapping) else _EMPTY
