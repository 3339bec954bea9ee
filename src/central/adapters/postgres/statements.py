"""Named SQL: the statements of ``queries/*.sql``, each below a line ``-- name: finish``, read once and run by name.

Plain SQL lives in files, where a linter and ``explain`` can read it; Python only passes parameters (``%(name)s``, a batch as
one jsonb parameter). A statement carries its own name as a comment, so it shows in pg_stat_activity and the server's log.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources

from central.domain.errors import DefectError

_HEAD = re.compile(r"^-- name:[ \t]*(.*?)[ \t]*$", re.MULTILINE)
_NAME = re.compile(r"[a-z][a-z0-9_]*")


class Statements:
    """The statements of one file by name, ready for ``execute``; an unknown name is DefectError ``unknown_statement``."""

    def __init__(self, file: str, statements: Mapping[str, bytes]) -> None:
        self._file = file
        self._statements = statements

    def __getitem__(self, name: str) -> bytes:
        """The SQL of one statement."""
        try:
            return self._statements[name]
        except KeyError:
            raise DefectError("unknown_statement", f"queries/{self._file}.sql has no statement {name}") from None

    def __iter__(self) -> Iterator[str]:
        """Names in the order of the file."""
        return iter(self._statements)


@cache
def load_statements(file: str) -> Statements:
    """Read ``queries/<file>.sql`` of the package; DefectError ``bad_statement`` for a malformed, doubled or empty one."""
    folder = resources.files("central.adapters.postgres").joinpath("queries")
    return Statements(file, parse_statements(file, folder.joinpath(f"{file}.sql").read_text(encoding="utf-8")))


def statement_files() -> Sequence[str]:
    """Names of all files of the package, without ending: for lints and tests that look at every statement."""
    folder = resources.files("central.adapters.postgres").joinpath("queries")
    return sorted(entry.name.removesuffix(".sql") for entry in folder.iterdir() if entry.name.endswith(".sql"))


def parse_statements(file: str, text: str) -> dict[str, bytes]:
    """Split a file at its ``-- name:`` lines; what stands before the first is the file's own comment."""
    statements: dict[str, bytes] = {}
    _, *parts = _HEAD.split(text)
    for name, body in zip(parts[::2], parts[1::2], strict=True):
        sql = _tidy(body)
        if not _NAME.fullmatch(name) or name in statements or not sql:
            raise DefectError("bad_statement", f"queries/{file}.sql: malformed, doubled or empty statement {name!r}")
        statements[name] = f"/* {file}.{name} */ {sql}".encode()
    return statements


def _tidy(body: str) -> str:
    """Without comment lines (a ``%`` in one would be read as a parameter) and without the closing semicolon."""
    lines = [line for line in body.splitlines() if not line.lstrip().startswith("--")]
    return "\n".join(lines).strip().removesuffix(";")
