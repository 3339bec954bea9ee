"""Cells of a worksheet as text, as expat walks through it: digits as written, dates as ISO text (ECMA-376, 18.3)."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from central.adapters.files.xml_parts import Attributes, broken, local_name, whole_number

_COLUMN = re.compile(r"([A-Z]{1,3})")
_MAX_COLUMNS = 16384
_MAX_SERIAL = 2958466.0
"""Day 1 of the year 10000, the end of a spreadsheet's calendar."""


class SheetRows:
    """Collects the cells of a sheet while expat walks through it."""

    def __init__(self, strings: list[str], dates: frozenset[str], epoch: datetime) -> None:
        self._strings = strings
        self._dates = dates
        self._epoch = epoch
        self._columns: dict[str, int] = {}
        self._rows: list[list[str]] = []
        self._row: list[str] = []
        self._kind = self._style = ""
        self._column = -1
        self._reading = False
        self._pieces: list[str] = []

    def taken(self) -> list[list[str]]:
        """The rows collected since the last call."""
        rows, self._rows = self._rows, []
        return rows

    def start(self, name: str, attributes: Attributes) -> None:
        """A new row, a new cell, or the beginning of a cell's value."""
        local = local_name(name)
        if local == "c":
            self._column = self._index(attributes.get("r", ""))
            self._kind = attributes.get("t", "n")
            self._style = attributes.get("s", "")
        elif local in {"v", "t"}:
            self._reading = True
        elif local == "row":
            self._row, self._column = [], -1
        elif local == "rPh":
            self._kind = "phonetic"

    def end(self, name: str) -> None:
        """The end of a value, a cell or a row."""
        local = local_name(name)
        if local in {"v", "t"}:
            self._reading = False
        elif local == "c":
            if self._pieces:
                row = self._row
                if len(row) <= self._column:
                    row.extend([""] * (self._column + 1 - len(row)))
                row[self._column] = self._value("".join(self._pieces))
                self._pieces.clear()
        elif local == "row" and any(self._row):
            self._rows.append(self._row)

    def text(self, data: str) -> None:
        """A piece of a value."""
        if self._reading and self._kind != "phonetic":
            self._pieces.append(data)

    def _index(self, reference: str) -> int:
        """The column of a reference such as "C7"; a cell without one stands behind the last."""
        letters = _COLUMN.match(reference)
        if letters is None:
            return self._column + 1
        found = self._columns.get(letters[1])
        if found is None:
            found = 0
            for letter in letters[1]:
                found = found * 26 + ord(letter) - 64
            if found > _MAX_COLUMNS:
                raise broken("a cell lies behind the last possible column")
            self._columns[letters[1]] = found
        return found - 1

    def _value(self, raw: str) -> str:
        if self._kind == "s":
            index = whole_number(raw)
            if not 0 <= index < len(self._strings):
                raise broken("a cell names a text that does not exist")
            return self._strings[index]
        if self._kind == "b":
            return "true" if raw == "1" else "false"
        if self._kind != "n":
            return raw
        if self._style in self._dates:
            return moment_text(raw, self._epoch)
        return raw if raw.isdigit() else number_text(raw)


def number_text(raw: str) -> str:
    """A stored number as a person would write it: no exponent, no binary rounding; anything else as it is."""
    try:
        value = float(raw)
    except ValueError:
        return raw
    plain = repr(value)
    if value.is_integer() and abs(value) < 1e21:  # noqa: PLR2004 - beyond, an exponent is what a person would write
        return raw if "E" not in raw.upper() and "." not in raw else str(int(value))
    return plain


def moment_text(raw: str, epoch: datetime) -> str:
    """A serial day number as ISO text: a date, a date and time, or (below one day) a time; to the millisecond."""
    try:
        serial = float(raw)
    except ValueError:
        return raw
    if not 0 <= serial < _MAX_SERIAL:
        return number_text(raw)
    moment = epoch + timedelta(milliseconds=round(serial * 86_400_000))
    detail = "milliseconds" if moment.microsecond else "seconds"
    if serial < 1:
        return moment.time().isoformat(detail)
    return moment.date().isoformat() if serial.is_integer() else moment.isoformat(timespec=detail)
