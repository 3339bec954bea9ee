"""The parts of an XLSX workbook (ECMA-376) that a list needs: first sheet, string table, date formats, cells as text.

Read as a stream with expat, because the digits of a number must stay as they are written; ordinary readers turn them into
floats. Formulas are never looked at, only the values stored with them.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import IO

from central.adapters.files.shape import MIB, FileLimits
from central.adapters.files.sheet_cells import SheetRows
from central.adapters.files.xml_parts import Attributes, broken, local_name, parse, whole_number
from central.domain.errors import InvalidInput

_RATIO_FREE_BYTES = 10 * MIB
_EPOCH_1900, _EPOCH_1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)  # noqa: DTZ001 - spreadsheets know no zones


class Workbook:
    """An open workbook; its string table is the only part held in memory."""

    def __init__(self, archive: zipfile.ZipFile, limits: FileLimits) -> None:
        self._archive = archive
        self._limits = limits
        self._parts = {info.filename.lstrip("/"): info for info in archive.infolist()}
        if any(name.lower().endswith("vbaproject.bin") for name in self._parts):
            raise InvalidInput("xlsx_macros", "The workbook holds macros; save it as a plain .xlsx.")
        self._sheet, self._epoch = self._first_sheet()
        self._dates = self._date_styles()
        self._strings = self._string_table()

    def rows(self) -> Iterator[list[str]]:
        """The first sheet's rows that hold anything, as text; cells that are not there read as empty."""
        collector = SheetRows(self._strings, self._dates, self._epoch)
        with self._open(self._sheet) as stream:
            for _ in parse(stream, collector.start, collector.end, collector.text):
                yield from collector.taken()

    def _open(self, name: str) -> IO[bytes]:
        info = self._parts.get(name)
        if info is None:
            raise broken(f"its part {name} is missing")
        limits = self._limits
        if info.file_size > limits.max_bytes or (
            info.file_size > _RATIO_FREE_BYTES and info.file_size > info.compress_size * limits.max_sheet_ratio
        ):
            raise InvalidInput("zip_bomb", "A part of the workbook unpacks to more than is allowed.")
        return self._archive.open(info)

    def _first_sheet(self) -> tuple[str, datetime]:
        first, epoch = "", _EPOCH_1900

        def start(name: str, attributes: Attributes) -> None:
            nonlocal first, epoch
            local = local_name(name)
            if local == "workbookPr" and attributes.get("date1904") in {"1", "true"}:
                epoch = _EPOCH_1904
            if local == "sheet" and not first:
                first = next((value for key, value in attributes.items() if key.endswith(" id")), "")

        self._read("xl/workbook.xml", start)
        target = ""

        def relation(_name: str, attributes: Attributes) -> None:
            nonlocal target
            if first and attributes.get("Id") == first:
                target = attributes.get("Target", "")

        self._read("xl/_rels/workbook.xml.rels", relation)
        if not target:
            raise broken("it has no sheet")
        return (target.lstrip("/") if target.startswith("/") else f"xl/{target}"), epoch

    def _date_styles(self) -> frozenset[str]:
        """The cell styles (their index as text) whose number format shows a date or a time."""
        if "xl/styles.xml" not in self._parts:
            return frozenset()
        from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format  # noqa: PLC0415 - slow, and most lists are text

        formats: dict[int, str] = dict(BUILTIN_FORMATS)
        styles: list[int] = []
        inside = False

        def start(name: str, attributes: Attributes) -> None:
            nonlocal inside
            match local_name(name):
                case "numFmt":
                    formats[whole_number(attributes.get("numFmtId"))] = attributes.get("formatCode", "")
                case "cellXfs":
                    inside = True
                case "xf" if inside:
                    styles.append(whole_number(attributes.get("numFmtId")))
                case _:
                    pass

        def end(name: str) -> None:
            nonlocal inside
            inside = inside and local_name(name) != "cellXfs"

        self._read("xl/styles.xml", start, end)
        return frozenset(str(i) for i, number in enumerate(styles) if is_date_format(formats.get(number, "")))

    def _string_table(self) -> list[str]:
        name = next((part for part in self._parts if part.lower() == "xl/sharedstrings.xml"), "")
        strings: list[str] = []
        if not name:
            return strings
        if self._parts[name].file_size > self._limits.max_strings_bytes:
            raise InvalidInput("xlsx_too_large", "The workbook's string table is too large; upload the list as CSV.")
        pieces: list[str] = []
        reading = phonetic = False

        def start(name: str, _: Attributes) -> None:
            nonlocal reading, phonetic
            local = local_name(name)
            phonetic = phonetic or local == "rPh"
            reading = local == "t" and not phonetic

        def end(name: str) -> None:
            nonlocal reading, phonetic
            reading = False
            local = local_name(name)
            if local == "rPh":
                phonetic = False
            if local == "si":
                strings.append("".join(pieces))
                pieces.clear()

        def text(data: str) -> None:
            if reading:
                pieces.append(data)

        self._read(name, start, end, text)
        return strings

    def _read(
        self,
        name: str,
        start: Callable[[str, Attributes], object],
        end: Callable[[str], object] | None = None,
        text: Callable[[str], object] | None = None,
    ) -> None:
        with self._open(name) as stream:
            for _ in parse(stream, start, end, text):
                pass
