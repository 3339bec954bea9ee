"""The reject file of a request: the rows that intake refused as CSV, cells that a spreadsheet would run made harmless."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, cast

from central.domain.exports import neutralise

_COLUMNS: Final = ("row", "record_id", "status", "reason", "sentence", "client_identifier", "numbers")


def reject_lines(rows: Iterable[Mapping[str, object]]) -> str:
    """A line for each refused row."""
    return _lines([_cell(row.get(name)) for name in _COLUMNS] for row in rows)


def _lines(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    parts = cast("Sequence[object]", value) if isinstance(value, list | tuple) else (value,)
    return neutralise(" ".join(map(str, parts)))


REJECT_HEAD: Final = _lines([_COLUMNS])
"""The names of the columns."""
