"""Writes list files for the tests, and reads them as the intake does."""

from __future__ import annotations

import zipfile
from pathlib import Path

from central.adapters.files.rows import inspect_file, open_rows
from central.adapters.files.shape import FileShape, ReadingOptions
from central.domain.errors import InvalidInput
from central.domain.incoming import IncomingRecord

DECLARED = ReadingOptions(variables=("name", "Amount"))


def written(folder: Path, content: bytes | str, name: str = "list.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def zipped(folder: Path, members: dict[str, bytes], name: str = "list.zip") -> Path:
    path = folder / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return path


def loaded(
    path: Path, options: ReadingOptions = DECLARED, *, skip_rows: int = 0, batch_rows: int = 2000
) -> list[IncomingRecord]:
    shape = inspect_file(path, options)
    return [
        row for batch in open_rows(path, shape, options, skip_rows=skip_rows, batch_rows=batch_rows) for row in batch
    ]


def inspected(path: Path, options: ReadingOptions = DECLARED) -> FileShape:
    return inspect_file(path, options)


def refusal(path: Path, options: ReadingOptions = DECLARED, *, media_type: str = "") -> str:
    """The code with which the file is refused before any row; "" if it is not."""
    try:
        inspect_file(path, options, media_type=media_type)
    except InvalidInput as error:
        return error.code
    return ""
