"""The door of this room: inspect an uploaded list, then stream its rows in batches (step 1 of the path).

The inspection reads the file once and finds every file-level fault, so that a refused file has loaded nothing. Reading
can begin at any row, so that an interrupted import goes on where it stopped. Memory does not grow with the file.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import count, islice
from pathlib import Path
from typing import TypeVar

from central.adapters.files.csv_rows import csv_builder, csv_rows, csv_shape
from central.adapters.files.ndjson_rows import ndjson_builder, ndjson_rows, ndjson_shape
from central.adapters.files.scan import scan
from central.adapters.files.shape import FileKind, FileShape, ReadingOptions, kind_of
from central.adapters.files.xlsx_rows import xlsx_builder, xlsx_rows, xlsx_shape
from central.domain.incoming import IncomingRecord

BATCH_ROWS = 2000

_Raw = TypeVar("_Raw", bytes, list[str])


def inspect_file(
    path: Path, options: ReadingOptions | None = None, *, filename: str = "", media_type: str = ""
) -> FileShape:
    """Tell kind, encoding, delimiter and columns of a list; InvalidInput with a stable code for a file-level fault.

    ``filename`` is the name under which it was uploaded (its ending tells the kind), else ``media_type`` decides.
    """
    options = options or ReadingOptions()
    kind = kind_of(path, filename=filename, media_type=media_type)
    match kind:
        case FileKind.CSV | FileKind.ZIP:
            found = scan(path, kind, options.limits, options.encoding)
            return csv_shape(path, kind, options, found)
        case FileKind.NDJSON:
            return ndjson_shape(path, options)
        case FileKind.XLSX:
            return xlsx_shape(path, options)


def open_rows(
    path: Path,
    shape: FileShape,
    options: ReadingOptions | None = None,
    *,
    skip_rows: int = 0,
    batch_rows: int = BATCH_ROWS,
    turn: int = 0,
    turns: int = 1,
) -> Iterator[list[IncomingRecord]]:
    """Stream an inspected list in batches, from row ``skip_rows`` + 1 on; close the iterator to close the file.

    ``options`` must be those of the inspection. A row that is unfit comes out with its ``fault`` set; it never ends the
    stream. Rows are numbered from 1 behind the header; blank lines are not counted. Readers that take turns each get every
    ``turns``-th batch; the rows of the others are passed over without being looked into.
    """
    options = options or ReadingOptions()
    batches = (skip_rows, batch_rows, turn, turns)
    match shape.kind:
        case FileKind.CSV | FileKind.ZIP:
            return _batches(csv_rows(path, shape, options), csv_builder(shape, options), *batches)
        case FileKind.NDJSON:
            return _batches(ndjson_rows(path, options), ndjson_builder(options), *batches)
        case FileKind.XLSX:
            return _batches(xlsx_rows(path, options), xlsx_builder(shape, options), *batches)


def _batches(
    rows: Iterator[_Raw],
    build: Callable[[int, _Raw], IncomingRecord],
    skip_rows: int,
    batch_rows: int,
    turn: int,
    turns: int,
) -> Iterator[list[IncomingRecord]]:
    rows = islice(rows, skip_rows, None)
    for batch in count():
        raw = islice(rows, batch_rows)
        if batch % turns != turn:
            deque(raw, maxlen=0)
        elif found := list(map(build, count(skip_rows + batch * batch_rows + 1), raw)):
            yield found
        else:
            return
