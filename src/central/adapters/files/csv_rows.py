"""Rows of a CSV: delimiter, header, and the stream of cells (RFC 4180; comma, semicolon or tab; quotes, newlines in cells).

A quote that is never closed would swallow the rest of the file. It is a file error, found before the first row is loaded.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from central.adapters.files.header import Builder, Layout, known_columns, read_header
from central.adapters.files.opened import opened_text
from central.adapters.files.scan import Scan
from central.adapters.files.shape import FileKind, FileShape, ReadingOptions
from central.domain.errors import InvalidInput
from central.domain.incoming import IncomingRecord

_DELIMITERS = (",", ";", "\t")
_HEADER_CHARS = 256 * 1024
_TAIL = "\0end of file\0"
"""A last line of our own: it comes out as a row of its own only if every quote before it was closed."""


def csv_shape(path: Path, kind: FileKind, options: ReadingOptions, found: Scan) -> FileShape:
    """Find delimiter and columns, and count exactly where an estimate is not enough.

    Raises InvalidInput: those of ``read_header``, ``header_missing``, ``quote_unclosed``, ``record_too_large``,
    ``too_many_rows``.
    """
    limits = options.limits
    with opened_text(path, kind, found.encoding, limits) as text:
        start = text.read(_HEADER_CHARS)
    delimiter, cells = _header(start, options)
    layout = read_header(cells, options.variables, options.mapping)
    shape = FileShape(
        kind,
        found.encoding,
        delimiter,
        layout,
        rows_at_most=max(found.lines - 1, 0),
        quoted=found.quoted,
        long_lines=found.longest > limits.max_row_chars,
    )
    if found.quoted or shape.rows_at_most > limits.max_rows:
        _prove(path, shape, options)
    return shape


def csv_rows(path: Path, shape: FileShape, options: ReadingOptions) -> Iterator[list[str]]:
    """The cells of each row behind the header. Blank lines are no rows."""
    with opened_text(path, shape.kind, shape.encoding, options.limits) as lines:
        yield from islice(_cells(lines, shape, options), 1, None)


def csv_builder(shape: FileShape, options: ReadingOptions) -> Builder:
    """The function that makes a record of a row."""
    layout = shape.layout or Layout(0, (), {}, {})
    build, limit = layout.builder(), options.limits.max_row_chars
    if not shape.quoted and not shape.long_lines:
        return build

    def bounded(row: int, cells: list[str]) -> IncomingRecord:
        if sum(map(len, cells)) > limit:
            return IncomingRecord(row, (), fault=f"row_too_large: The row holds more than {limit} characters.")
        return build(row, cells)

    return bounded


def _cells(lines: Iterable[str], shape: FileShape, options: ReadingOptions) -> Iterator[list[str]]:
    csv.field_size_limit(2 * options.limits.max_record_bytes)
    return filter(None, csv.reader(lines, delimiter=shape.delimiter))


def _header(start: str, options: ReadingOptions) -> tuple[str, list[str]]:
    """The delimiter under which the first row names most, and that row."""
    csv.field_size_limit(2 * options.limits.max_record_bytes)
    rows: dict[str, list[str]] = {}
    for delimiter in _DELIMITERS:
        reader = csv.reader(io.StringIO(start, newline=""), delimiter=delimiter)
        rows[delimiter] = next((cells for cells in reader if cells), list[str]())
    if not any(cell.strip() for cell in rows[","]):
        raise InvalidInput("header_missing", "The file has no header row.")
    best = max(
        _DELIMITERS,
        key=lambda delimiter: (
            known_columns(rows[delimiter], options.variables, options.mapping),
            len(rows[delimiter]),
        ),
    )
    return best, rows[best]


def _prove(path: Path, shape: FileShape, options: ReadingOptions) -> None:
    """Parse the whole file once without keeping anything: quotes are closed, rows are countable and not too many."""
    limits = options.limits
    rows, last, begun, next_line = -1, [""], 1, 1
    with opened_text(path, shape.kind, shape.encoding, limits) as text:
        lines = _Bounded(text, limits.max_record_bytes)
        for cells in csv.reader(lines, delimiter=shape.delimiter):
            if cells:
                last, begun = cells, next_line
                rows += 1
            lines.used, next_line = 0, lines.number + 1
    if last != [_TAIL]:
        message = f"In the row that begins in line {begun}, a quote that opens a cell is never closed."
        raise InvalidInput("quote_unclosed", message, line=begun)
    if rows - 1 > limits.max_rows:
        raise InvalidInput("too_many_rows", f"The file holds more than {limits.max_rows} rows.", limit=limits.max_rows)


class _Bounded:
    """Lines for the parser, followed by the tail; refuses a row of more characters than any row may have."""

    def __init__(self, lines: Iterable[str], limit: int) -> None:
        self._lines = lines
        self._limit = limit
        self.used = 0
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        line = "\n"
        for line in self._lines:
            self.used += len(line)
            self.number += 1
            if self.used > self._limit:
                raise InvalidInput(
                    "record_too_large",
                    "A row is larger than any row can be; a quote may be left open.",
                    limit=self._limit,
                )
            yield line
        if not line.endswith(("\n", "\r")):
            yield "\n"
        yield _TAIL
