"""Pages by key: an opaque cursor names the last thing seen, so a page costs the same at the start and after millions."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import msgspec
from litestar.params import QueryParameter

from central.domain.errors import InvalidInput
from central.domain.moments import checked_moment
from central.entrypoints.api.json_reading import read_json

Item = TypeVar("Item")
Row = TypeVar("Row")

MAX_LIMIT = 500
_MAX_NUMBER = 2**31 - 1
Cursor = Annotated[str | None, QueryParameter(description="`next` of the page before; leave out for the first page.")]
Limit = Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT, description="Things on a page, 1 to 500.")]


class Page(msgspec.Struct, Generic[Item], frozen=True):
    """``items``, and the cursor of the page that follows (null: this is the last)."""

    items: Sequence[Item]
    next: str | None = None


def make_page(
    rows: Sequence[Row], limit: int, render: Callable[[Row], Item], key: Callable[[Row], Mapping[str, Any]]
) -> Page[Item]:
    """A page of at most ``limit`` from ``limit + 1`` rows; ``key`` gives what the next query needs to go on."""
    shown = rows[:limit]
    more = len(rows) > limit and bool(shown)
    return Page([render(row) for row in shown], encode_cursor(key(shown[-1])) if more else None)


def encode_cursor(key: Mapping[str, Any]) -> str:
    """The opaque form."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def decode_cursor(cursor: str | None) -> Mapping[str, Any]:
    """The key that a cursor holds, empty for None. Raises InvalidInput ``invalid_cursor``."""
    if cursor is None:
        return {}
    try:
        decoded = base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4))
        return msgspec.convert(read_json(decoded), dict[str, Any])
    except (binascii.Error, ValueError, InvalidInput) as error:
        raise _invalid() from error


def cursor_uuid(cursor: str | None, name: str = "id") -> UUID | None:
    """The id in a cursor, None for None. Raises InvalidInput ``invalid_cursor``."""
    if cursor is None:
        return None
    try:
        return UUID(cursor_text(cursor, name) or "")
    except ValueError as error:
        raise _invalid() from error


def cursor_text(cursor: str | None, name: str = "id") -> str | None:
    """The text in a cursor, None for None. Raises InvalidInput ``invalid_cursor``."""
    if cursor is None:
        return None
    value = decode_cursor(cursor).get(name)
    if not isinstance(value, str):
        raise _invalid()
    return value


def cursor_number(cursor: str | None, name: str = "n") -> int | None:
    """The number in a cursor, None for None. Raises InvalidInput ``invalid_cursor``."""
    if cursor is None:
        return None
    value = decode_cursor(cursor).get(name)
    if not isinstance(value, int) or not 0 <= value <= _MAX_NUMBER:
        raise _invalid()
    return value


def cursor_moment(cursor: str | None, name: str = "at") -> datetime | None:
    """The moment in a cursor, None for None. Raises InvalidInput ``invalid_cursor``."""
    text = cursor_text(cursor, name)
    if text is None:
        return None
    try:
        return checked_moment(datetime.fromisoformat(text), name)
    except (ValueError, InvalidInput) as error:
        raise _invalid() from error


def _invalid() -> InvalidInput:
    return InvalidInput("invalid_cursor", "This cursor was not made here; leave it out to begin anew.")
