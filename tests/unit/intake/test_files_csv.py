"""CSV lists: headers, delimiters, quotes, encodings, broken rows, hostile zips."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from central.adapters.files.list_files import DiskListFiles
from central.adapters.files.rows import inspect_file, open_rows
from central.adapters.files.shape import FileLimits, ReadingOptions
from central.domain.encodings import ENCODINGS, codec_of
from central.domain.errors import InvalidInput
from tests.unit.intake.lists import DECLARED, inspected, loaded, refusal, written, zipped

ROW = "919876543210"


def test_columns_become_fields_whatever_their_case_and_order(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "AMOUNT,Tel2,$flow.key.Note,TEL1,Start_Time,Client_Identifier,TIME_ZONE,Priority,Name\n"
        "5,+14155552671,hi,919876543210,+20s,c1,Asia/Kolkata,3,Asha\n",
    )
    (row,) = loaded(path)
    assert row.numbers == ("919876543210", "+14155552671")
    assert (row.row, row.start_time, row.client_identifier) == (1, "+20s", "c1")
    assert (row.time_zone, row.priority) == ("Asia/Kolkata", "3")
    assert row.variables == {"Amount": "5", "Note": "hi", "name": "Asha"}


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_detected(tmp_path: Path, delimiter: str) -> None:
    text = "name|tel1|Amount\nA, B; C|919876543210|1\n".replace("A, B; C", '"A, B; C"').replace("|", delimiter)
    path = written(tmp_path, text)
    assert inspected(path).delimiter == delimiter
    assert loaded(path)[0].variables == {"name": "A, B; C", "Amount": "1"}


def test_quotes_newlines_and_blank_lines(tmp_path: Path) -> None:
    path = written(tmp_path, f'tel1,name\r\n\r\n{ROW},"a ""b""\r\nc,d"\r\n\r\n{ROW},e')
    assert [(row.row, row.variables["name"]) for row in loaded(path)] == [(1, 'a "b"\r\nc,d'), (2, "e")]


def test_a_row_with_a_wrong_number_of_cells_is_a_faulty_row(tmp_path: Path) -> None:
    path = written(tmp_path, f"tel1,name\n{ROW}\n{ROW},a,b\n{ROW},a,,\n{ROW},c\n")
    rows = loaded(path)
    assert [row.fault.partition(":")[0] for row in rows] == ["wrong_cell_count", "wrong_cell_count", "", ""]
    assert [row.row for row in rows] == [1, 2, 3, 4]


def test_a_missing_number_column_keeps_the_places_of_the_others(tmp_path: Path) -> None:
    (row,) = loaded(written(tmp_path, f"tel3,tel1\n14155552671,{ROW}\n"))
    assert row.numbers == (ROW, "", "14155552671")


def test_columns_without_a_name_may_stand_empty(tmp_path: Path) -> None:
    rows = loaded(written(tmp_path, f"tel1,,\n{ROW},,\n{ROW},x,\n"))
    assert [row.fault.partition(":")[0] for row in rows] == ["", "cell_without_column"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "file_empty"),
        ("\n\n", "header_missing"),
        (" , \n", "header_missing"),
        ("name\nA\n", "missing_tel1"),
        (f"{ROW},A\n", "unknown_column"),
        ("tel1,colour\n1,2\n", "unknown_column"),
        ("tel1,$flow.key.bad name\n1,2\n", "unknown_column"),
        ("tel1,TEL1\n1,2\n", "duplicate_column"),
        ("tel1,name,$flow.key.name\n1,2,3\n", "duplicate_column"),
        ('tel1,name\n1,"never closed\n2,b\n', "quote_unclosed"),
        ("tel1,name\n1," + "x" * (17 << 20), "record_too_large"),
        ('tel1,name\n1,"' + "x\n" * (9 << 20) + '"\n', "record_too_large"),
    ],
)
def test_file_level_faults_have_codes(tmp_path: Path, content: str, code: str) -> None:
    assert refusal(written(tmp_path, content)) == code


def test_an_unknown_column_can_be_mapped_or_left_out(tmp_path: Path) -> None:
    path = written(tmp_path, f"Phone,Colour,Remark\n{ROW},red,x\n")
    options = ReadingOptions(mapping={"phone": "tel1", "COLOUR": "$flow.key.colour", "Remark": ""})
    (row,) = loaded(path, options)
    assert (row.numbers, row.variables) == ((ROW,), {"colour": "red"})
    assert refusal(path, ReadingOptions(mapping={"phone": "tel1", "Shade": "name"})) == "unknown_column"
    assert refusal(written(tmp_path, "tel1\n1\n"), ReadingOptions(mapping={"Shade": ""})) == "unknown_mapping"


def test_declared_names_that_differ_only_by_case_are_kept_apart(tmp_path: Path) -> None:
    path = written(tmp_path, f"tel1,Name,name\n{ROW},a,b\n")
    assert loaded(path, ReadingOptions(variables=("name", "Name")))[0].variables == {"Name": "a", "name": "b"}


@pytest.mark.parametrize(
    ("encoding", "name", "found"),
    [
        ("utf-8", "José Müller 山田 😀", "utf-8"),
        ("utf-8-sig", "José Müller 山田", "utf-8-sig"),
        ("utf-16", "José Müller 山田 😀", "utf-16"),
        ("cp1252", "José Müller", "cp1252"),
        ("cp1252", "Peña \u2013 “ok” 5 €", "cp1252"),
        ("cp1251", "Иван Петров, Мария Смирнова, привет, как ваши дела сегодня", "cp1251"),
    ],
)
def test_encodings_are_found(tmp_path: Path, encoding: str, name: str, found: str) -> None:
    path = written(tmp_path, f'tel1,name\n{ROW},"{name}"\n'.encode(encoding))
    assert inspected(path).encoding == found
    assert loaded(path)[0].variables["name"] == name


def test_utf_16_big_endian_with_its_mark(tmp_path: Path) -> None:
    path = written(tmp_path, b"\xfe\xff" + f"tel1,name\n{ROW},ऄ\n".encode("utf-16-be"))
    assert loaded(path)[0].variables["name"] == "ऄ"


MIXED = f"tel1,name\n{ROW},José\n".encode() + f"{ROW},Peña\n".encode("cp1252")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (MIXED, "encoding_ambiguous"),
        ("tel1,name\n1,Ä\n".encode() + "2,Peña\n".encode("cp1252"), "encoding_ambiguous"),
        (f"tel1,name\n{ROW},".encode() + bytes(range(0x80, 0x100)) + b"\n", "encoding_ambiguous"),
        (f"tel1,name\n{ROW},Łukasz Żółć\n".encode("iso8859-2"), "encoding_ambiguous"),
        (f"tel1,name\n{ROW},x\n".encode("utf-16-le"), "encoding_ambiguous"),
        (f"tel1,name\n{ROW},x\n".encode("utf-32"), "encoding_ambiguous"),
        (f"tel1,name\n{ROW},x\n".encode("utf-16") + b"\x00", "encoding_broken"),
        (b"\xef\xbb\xbf" + MIXED, "encoding_broken"),
    ],
)
def test_what_cannot_be_told_is_refused(tmp_path: Path, content: bytes, code: str) -> None:
    assert refusal(written(tmp_path, content)) == code


def test_mixed_encodings_far_apart_are_refused_too(tmp_path: Path) -> None:
    filler = f"{ROW},plain\n".encode() * 200_000
    head, tail = MIXED.splitlines(keepends=True)[:2], MIXED.splitlines(keepends=True)[2]
    assert refusal(written(tmp_path, b"".join(head) + filler + tail)) == "encoding_ambiguous"


def test_the_encoding_can_be_overridden(tmp_path: Path) -> None:
    path = written(tmp_path, f"tel1,name\n{ROW},Łukasz\n".encode("iso8859-2"))
    assert loaded(path, ReadingOptions(variables=("name",), encoding="iso8859-2"))[0].variables["name"] == "Łukasz"
    assert refusal(path, ReadingOptions(variables=("name",), encoding="utf-8")) == "encoding_broken"
    for name in ("klingon", "base64", "rot13", "utf-16", "utf-7", "punycode", "idna", "unicode_escape"):
        assert refusal(path, ReadingOptions(encoding=name)) == "unknown_encoding"


@pytest.mark.parametrize("name", ENCODINGS)
def test_every_encoding_that_is_offered_reads_or_is_a_file_error(tmp_path: Path, name: str) -> None:
    options = ReadingOptions(variables=("name",), encoding=name)
    path = written(tmp_path, f"tel1,name\n{ROW},Anna\n".encode(codec_of(name)))
    assert loaded(path, options)[0].variables["name"] == "Anna"
    shown = DiskListFiles(FileLimits()).inspect(path, "a.csv", "", ("name",), {}, codec_of(name)).describe()
    assert shown["encoding"] == codec_of(name), "what is shown can be given back"


@pytest.mark.parametrize("name", ["utf-8", "utf-16-le", "gb18030", "big5", "euc-kr", "windows-1253"])
def test_bytes_that_are_not_in_the_named_encoding_are_a_file_error(tmp_path: Path, name: str) -> None:
    start = f"tel1,name\n{ROW},".encode(codec_of(name))
    path = written(tmp_path, start + b"\xd8\x00\xdf\xff\xff\xd8\x00\xd8\xd2\n")
    assert refusal(path, ReadingOptions(variables=("name",), encoding=name)) == "encoding_broken"


def test_nul_bytes_and_formulas_come_through_as_they_are(tmp_path: Path) -> None:
    rows = loaded(written(tmp_path, f"tel1,name\n{ROW},a\0b\n=1+1,=cmd\n"))
    assert [(row.numbers[0], row.variables["name"]) for row in rows] == [(ROW, "a\0b"), ("=1+1", "=cmd")]


@pytest.mark.parametrize("cell", ["x" * (10 << 20), '"' + "x\n" * (5 << 20) + '"'])
def test_a_cell_of_ten_megabytes_costs_its_row_only(tmp_path: Path, cell: str) -> None:
    rows = loaded(written(tmp_path, f"tel1,name\n{ROW},a\n{ROW},{cell}\n{ROW},b\n"))
    assert [row.fault.partition(":")[0] for row in rows] == ["", "row_too_large", ""]
    assert [row.row for row in rows] == [1, 2, 3]


def test_reading_goes_on_at_any_row(tmp_path: Path) -> None:
    path = written(tmp_path, "tel1,name\n" + "".join(f'{ROW},"n\n{n}"\n\n' for n in range(25)))
    whole = loaded(path, batch_rows=10)
    assert [row.row for row in whole] == list(range(1, 26))
    assert loaded(path, skip_rows=13, batch_rows=5) == whole[13:]
    assert loaded(path, skip_rows=99) == []


def test_too_many_rows_are_refused_and_exactly_enough_are_not(tmp_path: Path) -> None:
    path = written(tmp_path, "tel1,name\n" + f"{ROW},x\n\n" * 5)
    assert refusal(path, ReadingOptions(variables=("name",), limits=FileLimits(max_rows=5))) == ""
    assert refusal(path, ReadingOptions(variables=("name",), limits=FileLimits(max_rows=4))) == "too_many_rows"


def test_a_file_over_the_size_limit_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, f"tel1\n{ROW}\n")
    assert refusal(path, ReadingOptions(limits=FileLimits(max_bytes=10))) == "file_too_large"


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    peaks: list[int] = []
    for count in (20_000, 100_000):
        path = written(tmp_path, "tel1,name\n" + f"{ROW},some name\n" * count, f"{count}.csv")
        tracemalloc.start()
        shape = inspect_file(path, DECLARED)
        assert sum(map(len, open_rows(path, shape, DECLARED))) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.3


def test_a_zip_of_one_csv_is_read(tmp_path: Path) -> None:
    path = zipped(tmp_path, {"list.csv": f"tel1,name\n{ROW},José\n".encode()})
    assert loaded(path)[0].variables["name"] == "José"


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({}, "file_type_mismatch"),
        ({"a.csv": b"tel1\n1\n", "b.csv": b"tel1\n1\n"}, "zip_not_one_csv"),
        ({"a.txt": b"tel1\n1\n"}, "zip_not_one_csv"),
        ({"../a.csv": b"tel1\n1\n"}, "zip_unsafe_name"),
        ({"x/a.csv": b"tel1\n1\n"}, "zip_unsafe_name"),
        ({"x\\a.csv": b"tel1\n1\n"}, "zip_unsafe_name"),
        ({"x/": b"", "a.csv": b"tel1\n1\n"}, "zip_unsafe_name"),
        ({"/etc/a.csv": b"tel1\n1\n"}, "zip_unsafe_name"),
        ({"a.csv": b"tel1\n" + b"1" * 5_000_000}, "zip_bomb"),
    ],
)
def test_any_other_zip_is_refused(tmp_path: Path, members: dict[str, bytes], code: str) -> None:
    assert refusal(zipped(tmp_path, members)) == code


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('tel1,name\n1,"never closed\n2,b\n', 2),
        ('tel1,name\n1,"two\nlines"\n\n\n2,b\n3,"open\n4,c', 7),
    ],
)
def test_an_open_quote_is_found_by_its_line(tmp_path: Path, content: str, line: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        inspected(written(tmp_path, content))
    assert (refused.value.code, refused.value.details["line"]) == ("quote_unclosed", line)
    assert f"line {line}," in refused.value.message


def test_a_damaged_directory_is_no_bomb(tmp_path: Path) -> None:
    good = zipped(tmp_path, {"a.csv": b"tel1,name\n" + bytes(f"{ROW},x\n", "ascii")}).read_bytes()
    spoiled = bytearray(good)
    sizes = good.index(b"PK\x01\x02") + 24  # the directory's uncompressed size (APPNOTE 4.3.12)
    spoiled[sizes + 2] ^= 0xFF
    with pytest.raises(InvalidInput) as refused:
        inspected(written(tmp_path, bytes(spoiled), "spoiled.zip"))
    assert refused.value.code == "zip_broken"


def test_a_zip_whose_directory_lies_about_its_size_is_stopped_while_unpacking(tmp_path: Path) -> None:
    content = b"tel1\n" + b"1" * 5_000_000
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", content)
    raw = buffer.getvalue().replace(struct.pack("<L", len(content)), struct.pack("<L", 4000))
    assert refusal(written(tmp_path, raw, "list.zip")) in {"zip_bomb", "zip_broken"}


def test_a_damaged_zip_is_refused(tmp_path: Path) -> None:
    good = zipped(tmp_path, {"a.csv": b"tel1,name\n" + bytes(f"{ROW},x\n", "ascii")}).read_bytes()
    assert refusal(written(tmp_path, good[:-30], "cut.zip")) == "zip_broken"
    spoiled = bytearray(good)
    spoiled[50] ^= 0xFF
    assert refusal(written(tmp_path, bytes(spoiled), "spoiled.zip")) in {"zip_broken", "encoding_ambiguous"}


def test_the_kind_is_known_by_name_or_media_type_and_must_be_true(tmp_path: Path) -> None:
    assert refusal(written(tmp_path, "tel1\n1\n", "upload"), media_type="text/csv; charset=utf-8") == ""
    assert refusal(written(tmp_path, "tel1\n1\n", "upload"), media_type="image/png") == "unsupported_file_type"
    assert refusal(written(tmp_path, "tel1\n1\n", "list.xls")) == "unsupported_file_type"
    assert refusal(written(tmp_path, b"PK\x03\x04 and so on", "list.csv")) == "file_type_mismatch"
    assert refusal(written(tmp_path, "tel1\n1\n", "list.xlsx")) == "file_type_mismatch"


def test_a_refusal_names_what_was_found(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        inspected(written(tmp_path, "tel1,colour\n"))
    assert caught.value.details["column"] == "colour"
