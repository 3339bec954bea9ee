"""Rows of an XLSX list: the first sheet, its first row that holds anything being the header."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from central.adapters.files.header import Builder, Layout, read_header
from central.adapters.files.opened import too_large
from central.adapters.files.shape import FileKind, FileShape, ReadingOptions
from central.adapters.files.workbook import Workbook
from central.adapters.files.xml_parts import UNREADABLE, broken
from central.domain.errors import InvalidInput
from central.domain.incoming import IncomingRecord

_SHEET_ROWS = 1_048_576


def xlsx_shape(path: Path, options: ReadingOptions) -> FileShape:
    """Read the header and prove that the sheet can be read to its end; InvalidInput for what is wrong with the file."""
    if path.stat().st_size > options.limits.max_bytes:
        raise too_large(options.limits)
    rows = _rows(path, options)
    header = next(rows, None)
    if header is None:
        raise InvalidInput("header_missing", "The first sheet is empty.")
    layout = read_header(header, options.variables, options.mapping)
    count = sum(1 for _ in rows)
    if count > min(options.limits.max_rows, _SHEET_ROWS):
        raise InvalidInput("too_many_rows", f"The file holds more than {options.limits.max_rows} rows.")
    return FileShape(FileKind.XLSX, layout=layout, rows_at_most=count)


def xlsx_rows(path: Path, options: ReadingOptions) -> Iterator[list[str]]:
    """The cells of each row behind the header; rows without any value are no rows."""
    return islice(_rows(path, options), 1, None)


def xlsx_builder(shape: FileShape, options: ReadingOptions) -> Builder:
    """The function that makes a record of a row."""
    layout = shape.layout or Layout(0, (), {}, {})
    build, width, limit = layout.builder(), layout.width, options.limits.max_row_chars

    def padded(row: int, cells: list[str]) -> IncomingRecord:
        if len(cells) < width:  # a sheet leaves out blank cells at the end of a row
            cells.extend([""] * (width - len(cells)))
        if sum(map(len, cells)) > limit:
            return IncomingRecord(row, (), fault=f"row_too_large: The row holds more than {limit} characters.")
        return build(row, cells)

    return padded


def _rows(path: Path, options: ReadingOptions) -> Iterator[list[str]]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield from Workbook(archive, options.limits).rows()
    except UNREADABLE as error:
        raise broken(str(error)) from error
