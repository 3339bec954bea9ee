"""A whole list from a file of millions of rows: streamed, checked row by row, stored in one transaction.

File: UTF-8 text, one entry a line; comma or semicolon between cells. With a header line (``number`` or ``address``, ``prefix``,
``expires_at``, ``note``, ``register``, ``categories``, ``reason``) columns go by name, without one the first cell is the entry.
Bad rows are counted and the first of them shown; they stop nothing.
"""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from central.application.administration.acting import Actor, Auditor
from central.application.administration.checks import check_number
from central.application.administration.edit_list import check_entry, list_named
from central.application.ports.numbering import ADDRESS_LISTS, ListChange, ListEntry, ListName, ListStore
from central.domain.errors import InvalidInput
from central.domain.moments import checked_moment

_BATCH = 10_000
_SHOWN = 100
_MAX_LINE = 64 * 1024
_COLUMNS = ("number", "prefix", "expires_at", "note", "register", "categories", "reason")
_TRUE = ("1", "true", "yes")
_CLOCK_SKEW: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was left out: its line (from 1) and why."""

    line: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What the file held and what it changed."""

    read: int
    refused: int
    bad_rows: tuple[BadRow, ...]
    change: ListChange


@dataclass(slots=True)
class _Reading:
    """The rows of one file as they come in."""

    name: ListName
    country: str
    columns: Sequence[str] = ("number",)
    delimiter: str = ","
    lines: int = 0
    read: int = 0
    refused: int = 0
    bad: list[BadRow] = field(default_factory=list[BadRow])

    def entries(self, lines: Sequence[str]) -> Iterator[ListEntry]:
        for line in lines:
            self.lines += 1
            text = line.strip()
            if not text or (self.lines == 1 and self._header(text)):
                continue
            self.read += 1
            try:
                yield self._entry(text)
            except InvalidInput as error:
                self.refused += 1
                if len(self.bad) < _SHOWN:
                    self.bad.append(BadRow(self.lines, error.code, error.message))

    def _header(self, text: str) -> bool:
        self.delimiter = ";" if ";" in text and "," not in text else ","
        cells = [cell.strip().lower() for cell in _cells(text, self.delimiter)]
        if self.name in ADDRESS_LISTS:
            cells = ["number" if cell == "address" else cell for cell in cells]
        if "number" not in cells:
            return False
        unknown = [cell for cell in cells if cell not in _COLUMNS]
        if unknown:
            raise InvalidInput("unknown_column", f'The column "{unknown[0]}" is not known.', columns=list(_COLUMNS))
        self.columns = cells
        return True

    def _entry(self, text: str) -> ListEntry:
        if len(self.columns) == 1 and text.isdigit() and self.name not in ADDRESS_LISTS:
            return ListEntry(check_number(text, self.country))  # most files are this, and long
        cells = dict(zip(self.columns, _cells(text, self.delimiter), strict=False))
        categories = tuple(word.strip() for word in cells.get("categories", "").split("|") if word.strip())
        entry = ListEntry(
            number=cells.get("number", "").strip(),
            prefix=cells.get("prefix", "").strip().lower() in _TRUE,
            expires_at=_moment(cells.get("expires_at", "").strip()),
            note=cells.get("note", "").strip(),
            register=cells.get("register", "").strip() or "NCPR",
            categories=categories,
            reason=cells.get("reason", "").strip().lower(),
            source="file",
        )
        return check_entry(self.name, entry, self.country)


@dataclass(frozen=True, slots=True)
class ImportList:
    """Take in a file."""

    store: ListStore
    auditor: Auditor

    async def __call__(
        self,
        actor: Actor,
        list_name: str,
        chunks: AsyncIterator[bytes],
        country: str,
        *,
        replace: bool = False,
        fresh_at: datetime | None = None,
    ) -> ImportResult:
        """Load the file; ``replace`` removes what it lacks, ``fresh_at`` is the date of the data (dnd: default now).

        Raises NotFound ``list_not_found``; InvalidInput ``unknown_encoding``, ``unknown_column``, ``line_too_long``,
        ``empty_file`` (with ``replace``), ``fresh_at_in_the_future``, ``replace_not_possible``: then nothing changed.
        """
        name = list_named(list_name)
        if replace and name == "suppression":  # it grows by what recipients say: a file cannot know that
            raise InvalidInput("replace_not_possible", "A file adds to the suppression list; remove entries by name.")
        now = self.auditor.clock.now()
        fresh = _fresh(fresh_at, now) if fresh_at is not None else now if name == "dnd" else None
        reading = _Reading(name, country)
        audit = self.auditor.entry(actor, "list_imported", f"list:{name}", replace=replace)
        batches = _batches(chunks, reading, refuse_empty=replace)
        change = await self.store.load(actor.account_id, name, batches, replace=replace, fresh_at=fresh, audit=audit)
        return ImportResult(reading.read, reading.refused, tuple(reading.bad), change)


async def _batches(
    chunks: AsyncIterator[bytes], reading: _Reading, *, refuse_empty: bool
) -> AsyncIterator[Sequence[ListEntry]]:
    batch: list[ListEntry] = []
    async for lines in _lines(chunks):
        batch.extend(reading.entries(lines))
        if len(batch) >= _BATCH:
            yield batch
            batch = []
    if refuse_empty and reading.read == reading.refused:
        raise InvalidInput("empty_file", "A file without a usable row does not replace a list.")
    if batch:
        yield batch


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[list[str]]:
    rest, first = b"", True
    async for chunk in chunks:
        data = rest + (chunk.removeprefix(b"\xef\xbb\xbf") if first else chunk)
        first = False
        head, newline, rest = data.rpartition(b"\n")
        if len(rest) > _MAX_LINE:
            raise InvalidInput("line_too_long", f"A line has at most {_MAX_LINE} bytes.")
        if newline:
            yield _text(head).split("\n")
    if rest:
        yield _text(rest).split("\n")


def _text(data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput("unknown_encoding", "A list file is UTF-8 text.") from error
    if "\0" in text:
        raise InvalidInput("unknown_encoding", "A list file is UTF-8 text without NUL bytes.")
    return text


def _cells(text: str, delimiter: str) -> list[str]:
    return next(csv.reader([text], delimiter=delimiter), list[str]())


def _fresh(at: datetime, now: datetime) -> datetime:
    """Data from the future would keep a register fresh for ever: numbers would be called that nobody scrubs any more."""
    if checked_moment(at, "fresh_at") > now + _CLOCK_SKEW:
        raise InvalidInput("fresh_at_in_the_future", "The data of a list is not newer than now.", field="fresh_at")
    return at


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput("invalid_expiry", "An expiry is an ISO 8601 date or time.", field="expires_at") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
