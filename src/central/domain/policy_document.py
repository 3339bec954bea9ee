"""Typed reading of one policy row as it stands in TOML or JSON; used by ``policies`` only.

Every field is asked for by name and kind; ``finish`` refuses what nobody asked for, so that a misspelt rule cannot be
silently without effect. All errors are InvalidInput ``invalid_policy`` with the field's path.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Final, cast

from central.domain.errors import InvalidInput

_MOST_WHOLE: Final = 2**31 - 1  # what PostgreSQL's int holds
_MOST: Final = 1_000_000  # as hours more than a century, and still no moment that it is added to overflows


class PolicyDocument:
    """A mapping that is read field by field."""

    def __init__(self, row: Mapping[str, object], path: str = "") -> None:
        self._row = row
        self._path = path
        self._seen: set[str] = set()

    def wrong(self, key: str, wanted: str) -> InvalidInput:
        """The error for a field that is not what it should be."""
        path = f"{self._path}{key}"
        return InvalidInput("invalid_policy", f"The policy field {path} must be {wanted}.", field=path)

    def finish(self) -> None:
        """Refuse fields that were not read."""
        unknown = sorted(set(self._row) - self._seen)
        if unknown:
            path = f"{self._path}{unknown[0]}"
            raise InvalidInput("invalid_policy", f"The policy field {path} is not known.", field=path)

    def text(self, key: str, default: str | None = None) -> str:
        """A text; required when there is no default."""
        value = self._take(key, default)
        if not isinstance(value, str):
            raise self.wrong(key, "a text")
        return value

    def whole(self, key: str, default: int | None = None, minimum: int = 0) -> int:
        """A whole number from ``minimum`` to 2,147,483,647."""
        value = self._take(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not minimum <= value <= _MOST_WHOLE:
            raise self.wrong(key, f"a whole number from {minimum} to {_MOST_WHOLE}")
        return value

    def number(self, key: str, default: float | None = None) -> float:
        """A number from 0 to a million."""
        value = self._take(key, default)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= _MOST:
            raise self.wrong(key, f"a number from 0 to {_MOST}")
        return float(value)

    def day(self, key: str) -> date:
        """A date, also as ISO text (JSON has no dates)."""
        value = self._take(key, None)
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        try:
            return date.fromisoformat(value if isinstance(value, str) else "")
        except ValueError as error:
            raise self.wrong(key, "a date like 2026-12-25") from error

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts or dates; missing means empty."""
        return self._texts(key, self._take(key, ()))

    def lists(self, key: str) -> dict[str, tuple[str, ...]]:
        """A table of lists of texts; missing means empty."""
        value = self._take(key, {})
        if not isinstance(value, Mapping):
            raise self.wrong(key, "a table of lists")
        table = cast("Mapping[str, object]", value)
        return {name: self._texts(f"{key}.{name}", items) for name, items in table.items()}

    def part(self, key: str) -> PolicyDocument | None:
        """A table of its own, or None when missing."""
        value = self._take(key, None, required=False)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise self.wrong(key, "a table")
        return PolicyDocument(cast("Mapping[str, object]", value), f"{self._path}{key}.")

    def by_purpose(self, key: str, purposes: Iterable[str]) -> Iterator[tuple[str, PolicyDocument]]:
        """The tables under ``key``, one a purpose."""
        part = self.part(key)
        if part is None:
            return
        for purpose in purposes:
            found = part.part(purpose)
            if found is not None:
                yield purpose, found
        part.finish()

    def _take(self, key: str, default: object, *, required: bool = True) -> object:
        self._seen.add(key)
        value = self._row.get(key)
        if value is not None:
            return value
        if default is None and required:
            raise self.wrong(key, "given")
        return default

    def _texts(self, key: str, value: object) -> tuple[str, ...]:
        items: list[object] | tuple[object, ...] | None = (
            cast("list[object] | tuple[object, ...]", value) if isinstance(value, list | tuple) else None
        )
        if items is None:
            raise self.wrong(key, "a list of texts")
        texts = tuple(item.isoformat() if isinstance(item, date) else item for item in items)
        if not all(isinstance(item, str) for item in texts):
            raise self.wrong(key, "a list of texts")
        return cast("tuple[str, ...]", texts)
