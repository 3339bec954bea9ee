"""JSON that comes in: one reader for bodies, cursors and parameters, so that what it lets pass can be stored.

Refused are texts that are no JSON in UTF-8 (RFC 8259), nesting without end, and U+0000, which PostgreSQL's text cannot hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

import msgspec
from litestar import Request

from central.domain.errors import InvalidInput

OWN_RESULTS: Final = "own_results"
"""``opt``: the field of the body whose rows are judged one by one; a bad character there is the row's own fault."""

_MAX_DEPTH: Final = 64


class JsonRequest(Request[Any, Any, Any]):
    """A request whose JSON body is read here."""

    async def json(self) -> Any:  # noqa: ANN401 - the shape of Litestar
        """The decoded body. Raises InvalidInput ``unreadable_json``, ``bad_character``."""
        return read_json(await self.body() or b"null", apart=self.route_handler.opt.get(OWN_RESULTS))


def read_json(text: bytes, apart: str | None = None) -> Any:  # noqa: ANN401 - whatever the text holds
    """The decoded text; field ``apart`` of an object may hold any character.

    Raises InvalidInput ``unreadable_json``, ``bad_character``.
    """
    try:
        value: object = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise InvalidInput("unreadable_json", str(error)) from error
    except UnicodeDecodeError as error:
        raise InvalidInput("unreadable_json", f"JSON is UTF-8 text: {error.reason} (byte {error.start}).") from error
    except RecursionError as error:
        raise _too_deep() from error
    _check_depth(value)
    if b"\\u0000" in text:
        _check_fields(value, apart)
    return value


def refuse_nul(text: str, field: str) -> None:
    """Raises InvalidInput ``bad_character`` for a text with U+0000."""
    if "\0" in text:
        raise InvalidInput("bad_character", "A text holds the character U+0000.", field=field.replace("\0", ""))


def _check_depth(value: object) -> None:
    level = [value]
    for _ in range(_MAX_DEPTH):
        level = [child for item in level for child in _children(item)]
        if not level:
            return
    raise _too_deep()


def _check_fields(value: object, apart: str | None) -> None:
    fields = cast("dict[str, object]", value) if isinstance(value, dict) else {"": value}
    for name, part in fields.items():
        if name != apart:
            _check_characters(name, [name, part])


def _check_characters(field: str, parts: Sequence[object]) -> None:
    for part in parts:
        if isinstance(part, str):
            refuse_nul(part, field)
        _check_characters(field, [*_keys(part), *_children(part)])


def _keys(item: object) -> Sequence[object]:
    return list(cast("dict[str, object]", item)) if isinstance(item, dict) else ()


def _children(item: object) -> Sequence[object]:
    if isinstance(item, dict):
        return list(cast("dict[str, object]", item).values())
    return cast("list[object]", item) if isinstance(item, list) else ()


def _too_deep() -> InvalidInput:
    return InvalidInput("unreadable_json", f"JSON is nested at most {_MAX_DEPTH} levels deep here.")
