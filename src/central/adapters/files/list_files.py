"""Port ListFiles on files of this machine: inspection and rows of an uploaded list (path step 1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from central.adapters.files.rows import inspect_file, open_rows
from central.adapters.files.shape import FileLimits, FileShape, ReadingOptions
from central.domain.incoming import IncomingRecord


@dataclass(frozen=True, slots=True)
class DiskListFile:
    """An inspected file (port ListFile); a plain value, so that it can be sent to the processes that read it."""

    path: Path
    shape: FileShape
    options: ReadingOptions

    def describe(self) -> Mapping[str, object]:
        """Kind, encoding and delimiter."""
        return {"kind": self.shape.kind, "encoding": self.shape.encoding, "delimiter": self.shape.delimiter}

    def rows(self, skip_rows: int, batch_rows: int, turn: int, turns: int) -> Iterator[list[IncomingRecord]]:
        """Batches of rows from ``skip_rows`` + 1 on: every ``turns``-th, beginning with number ``turn`` (from 0)."""
        return open_rows(
            self.path, self.shape, self.options, skip_rows=skip_rows, batch_rows=batch_rows, turn=turn, turns=turns
        )


class DiskListFiles:
    """Reader of list files (port ListFiles)."""

    def __init__(self, limits: FileLimits) -> None:
        self._limits = limits

    def inspect(
        self,
        path: Path,
        file_name: str,
        media_type: str,
        variables: Sequence[str],
        mapping: Mapping[str, str],
        encoding: str | None,
    ) -> DiskListFile:
        """Find what the file is. Raises InvalidInput with a stable code for a file-level fault."""
        options = ReadingOptions(variables=variables, mapping=mapping, encoding=encoding, limits=self._limits)
        return DiskListFile(path, inspect_file(path, options, filename=file_name, media_type=media_type), options)
