"""What is known about a file before its first row is loaded: kind, encoding, delimiter, columns; and the limits."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from central.adapters.files.header import Layout
from central.domain.errors import InvalidInput

MIB = 1 << 20


class FileKind(StrEnum):
    """The forms in which a list may come."""

    CSV = "csv"
    ZIP = "zip"
    NDJSON = "ndjson"
    XLSX = "xlsx"


@dataclass(frozen=True, slots=True)
class FileLimits:
    """Section 14: 2 GB and 10,000,000 rows; a zip may unpack to 20 times its size.

    ``max_record_bytes``: a longer line or quoted row is a file error, because it can only be a broken quote. A row within
    it, but over ``max_row_chars``, is refused as a row. ``max_strings_bytes``: the string table of a workbook, the one
    part that has to be held in memory.
    """

    max_bytes: int = 2 * 1024 * MIB
    max_rows: int = 10_000_000
    max_unpack_ratio: int = 20
    max_sheet_ratio: int = 200
    max_record_bytes: int = 16 * MIB
    max_row_chars: int = 256 * 1024
    max_strings_bytes: int = 256 * MIB


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """How the caller wants a file to be read.

    ``variables``: names that the flow declares (accepted as plain column names). ``mapping``: column name as written ->
    field name (``tel1``, ``start_time``, ``$flow.key.X``, a declared name, or empty = leave the column out).
    ``encoding``: overrides the detection.
    """

    variables: Collection[str] = ()
    mapping: Mapping[str, str] = field(default_factory=dict[str, str])
    encoding: str | None = None
    limits: FileLimits = field(default_factory=FileLimits)


@dataclass(frozen=True, slots=True)
class FileShape:
    """The result of the inspection, shown to the person who uploads; ``rows_at_most`` is an upper bound, 0 = unknown."""

    kind: FileKind
    encoding: str = "utf-8"
    delimiter: str = ""
    layout: Layout | None = None
    rows_at_most: int = 0
    quoted: bool = False
    long_lines: bool = False


_SUFFIXES = {
    ".csv": FileKind.CSV,
    ".zip": FileKind.ZIP,
    ".ndjson": FileKind.NDJSON,
    ".jsonl": FileKind.NDJSON,
    ".xlsx": FileKind.XLSX,
}
_MEDIA_TYPES = {
    "text/csv": FileKind.CSV,
    "application/csv": FileKind.CSV,
    "application/zip": FileKind.ZIP,
    "application/x-zip-compressed": FileKind.ZIP,
    "application/x-ndjson": FileKind.NDJSON,
    "application/ndjson": FileKind.NDJSON,
    "application/jsonl": FileKind.NDJSON,
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": FileKind.XLSX,
}
_ZIP_MAGIC = b"PK\x03\x04"


def kind_of(path: Path, *, filename: str = "", media_type: str = "") -> FileKind:
    """Tell the kind from the file's name, else from its media type, and compare it with the first bytes.

    Raises InvalidInput: ``unsupported_file_type``, ``file_type_mismatch``, ``file_empty``.
    """
    suffix = Path(filename or path.name).suffix.lower()
    kind = _SUFFIXES.get(suffix) or _MEDIA_TYPES.get(media_type.partition(";")[0].strip().lower())
    if kind is None:
        raise InvalidInput(
            "unsupported_file_type",
            "The file is neither .csv, .ndjson, .xlsx nor .zip.",
            filename=filename or path.name,
            media_type=media_type,
        )
    with path.open("rb") as file:
        start = file.read(4)
    if not start:
        raise InvalidInput("file_empty", "The file is empty.", filename=filename or path.name)
    if (start == _ZIP_MAGIC) != (kind in {FileKind.ZIP, FileKind.XLSX}):
        raise InvalidInput("file_type_mismatch", f"The file's content is not that of a .{kind} file.", kind=str(kind))
    return kind
