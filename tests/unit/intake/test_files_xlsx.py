"""XLSX lists: digits, dates, formulas, hostile workbooks."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path

import openpyxl
import pytest

from central.adapters.files.shape import FileLimits, ReadingOptions
from central.adapters.files.sheet_cells import number_text
from tests.unit.intake.lists import DECLARED, loaded, refusal, written


def workbook(folder: Path, rows: Sequence[Sequence[object]], name: str = "list.xlsx") -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(list(row))
    book.create_sheet("second").append(["not", "read"])
    path = folder / name
    book.save(path)
    return path


def changed(path: Path, part: str, old: bytes, new: bytes) -> Path:
    """The workbook with one part edited, as another program might have written it."""
    target = path.with_name("changed.xlsx")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as copy:
        for info in source.infolist():
            content = source.read(info)
            if info.filename == part:
                assert old in content
                content = content.replace(old, new)
            copy.writestr(info.filename, content)
    return target


def test_cells_become_text_with_their_digits(tmp_path: Path) -> None:
    wall = datetime(2026, 3, 2, 9, 30, tzinfo=UTC).replace(tzinfo=None)
    path = workbook(
        tmp_path,
        [
            ["tel1", "tel2", "start_time", "name", "Amount"],
            [919876543210, "+91 98765 43211", wall, "José 山田", 12.5],
            [None, None, None, None, None],
            [123456789012345, None, "+20s", True, 0.1],
            [1, 2, date(2026, 3, 2), time(9, 30), 5.0],
        ],
    )
    first, second, third = loaded(path)
    assert (first.numbers, first.start_time) == (("919876543210", "+91 98765 43211"), "2026-03-02T09:30:00")
    assert first.variables == {"name": "José 山田", "Amount": "12.5"}
    assert (second.row, second.numbers, second.variables) == (
        2,
        ("123456789012345", ""),
        {"name": "true", "Amount": "0.1"},
    )
    assert (third.start_time, third.variables) == ("2026-03-02", {"name": "09:30:00", "Amount": "5"})


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("919876543210", "919876543210"), ("9.1987654321E+11", "919876543210"), ("919876543210.0", "919876543210"),
        ("12345678901234567890", "12345678901234567890"), ("0.10000000000000001", "0.1"), ("-5", "-5"), ("1E+300", "1e+300"), ("x", "x"),
    ],
)  # fmt: skip
def test_numbers_read_as_a_person_would_write_them(raw: str, text: str) -> None:
    assert number_text(raw) == text


def test_a_formula_counts_by_its_stored_value_only(tmp_path: Path) -> None:
    path = workbook(tmp_path, [["tel1", "name"], ["919876543210", "=1+1"], ["919876543211", "x"]])
    assert [row.variables["name"] for row in loaded(path)] == ["", "x"]
    path = (
        changed(path, "xl/worksheets/sheet1.xml", b"<v></v>", b"<v>2</v>")
        if _has_empty_value(path)
        else changed(path, "xl/worksheets/sheet1.xml", b"<v />", b"<v>2</v>")
    )
    assert loaded(path)[0].variables["name"] == "2"


def _has_empty_value(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        return b"<v></v>" in archive.read("xl/worksheets/sheet1.xml")


def test_hostile_workbooks_are_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path, [["tel1"], ["919876543210"]])
    sheet = "xl/worksheets/sheet1.xml"
    entity = b'<!DOCTYPE w [<!ENTITY a "aaaa">]><worksheet'
    assert refusal(changed(path, sheet, b"<worksheet", entity)) == "xlsx_broken"
    assert refusal(changed(path, sheet, b"</worksheet>", b"")) == "xlsx_broken"
    assert refusal(changed(path, sheet, b'r="A2"', b'r="ZZZ2"')) == "xlsx_broken"
    assert refusal(changed(path, sheet, INLINE, b't="s"><v>77</v>')) == "xlsx_broken"
    assert refusal(changed(path, "xl/workbook.xml", b"<sheet ", b"<nosheet ")) == "xlsx_broken"
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"")
    assert refusal(path) == "xlsx_macros"
    assert refusal(written(tmp_path, b"PK\x03\x04 nothing more", "cut.xlsx")) == "xlsx_broken"


def test_a_workbook_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path, [["tel1"], ["919876543210"]])
    bomb = changed(path, "xl/worksheets/sheet1.xml", b"<sheetData>", b"<sheetData>" + b" " * (24 << 20))
    assert refusal(bomb) == "zip_bomb"


INLINE = b't="inlineStr"><is><t>919876543210</t></is>'
STRINGS = b"""<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>unused</t></si>
<si><r><t>+91 </t></r><r><t>98765 43210</t></r><rPh sb="0" eb="1"><t>phonetic</t></rPh></si></sst>"""


def test_texts_come_from_the_string_table_without_their_reading_aids(tmp_path: Path) -> None:
    path = workbook(tmp_path, [["tel1"], ["919876543210"]])
    path = changed(path, "xl/worksheets/sheet1.xml", INLINE, b't="s"><v>1</v>')
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/sharedStrings.xml", STRINGS)
    assert loaded(path)[0].numbers == ("+91 98765 43210",)
    assert refusal(path, ReadingOptions(limits=FileLimits(max_strings_bytes=10))) == "xlsx_too_large"


def test_header_faults_and_row_limits_are_those_of_any_list(tmp_path: Path) -> None:
    assert refusal(workbook(tmp_path, [])) == "header_missing"
    assert refusal(workbook(tmp_path, [["tel1", "colour"]])) == "unknown_column"
    path = workbook(tmp_path, [["tel1"]] + [["919876543210"]] * 5)
    assert refusal(path, ReadingOptions(limits=FileLimits(max_rows=4))) == "too_many_rows"
    assert [row.row for row in loaded(path, DECLARED, skip_rows=3)] == [4, 5]


def test_a_row_with_cells_behind_the_header_is_a_faulty_row(tmp_path: Path) -> None:
    rows = loaded(workbook(tmp_path, [["tel1", "name"], ["919876543210", "a", "b"], ["919876543210"]]))
    assert [row.fault.partition(":")[0] for row in rows] == ["wrong_cell_count", ""]
