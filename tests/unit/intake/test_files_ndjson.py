"""NDJSON lists: flat and nested rows, and lines that are no record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from central.adapters.files.shape import FileLimits, ReadingOptions
from tests.unit.intake.lists import loaded, refusal, written

NAME = "list.ndjson"


def test_flat_and_nested_rows_say_the_same(tmp_path: Path) -> None:
    flat = {
        "tel1": 919876543210,
        "TEL2": "14155552671",
        "start_time": "+5m",
        "priority": 2,
        "name": "A",
        "$flow.key.x": 1.50,
    }
    nested = {
        "numbers": ["919876543210", "14155552671"],
        "start_time": "+5m",
        "priority": "2",
        "variables": {"name": "A", "x": "1.5"},
    }
    path = written(tmp_path, f"\ufeff{json.dumps(flat)}\n\n  \n{json.dumps(nested)}", NAME)
    first, second = loaded(path)
    assert first == second._replace(row=1)
    assert (first.numbers, first.variables) == (("919876543210", "14155552671"), {"name": "A", "x": "1.5"})
    assert second.row == 2


def test_digits_stay_as_written(tmp_path: Path) -> None:
    line = '{"tel1":"919876543210","name":12345678901234567.10,"Amount":12345678901234567890}'
    (row,) = loaded(written(tmp_path, line, NAME))
    assert row.variables == {"name": "12345678901234567.10", "Amount": "12345678901234567890"}


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("{", "not_json"),
        ("tel1,name", "not_json"),
        ("[1]", "not_an_object"),
        ('"x"', "not_an_object"),
        ('{"tel1":"1","colour":"red"}', "unknown_key"),
        ('{"tel1":"1","TEL1":"2"}', "duplicate_key"),
        ('{"tel1":"1","numbers":["2"]}', "duplicate_key"),
        ('{"numbers":"1"}', "numbers_not_a_list"),
        ('{"tel1":"1","variables":[]}', "variables_not_an_object"),
        ('{"tel1":{"a":1}}', "not_a_scalar"),
        ('{"tel1":"1","name":["x"]}', "not_a_scalar"),
        ("[" * 100_000, "not_json"),
        ('{"tel1":"1","name":"' + "x" * 300_000 + '"}', "row_too_large"),
    ],
)
def test_a_line_that_is_no_record_costs_its_row_only(tmp_path: Path, line: str, code: str) -> None:
    good = '{"tel1":"919876543210"}'
    rows = loaded(written(tmp_path, f"{good}\n{line}\n{good}\n", NAME))
    assert [row.fault.partition(":")[0] for row in rows] == ["", code, ""]


def test_bytes_that_are_not_utf_8_cost_their_row_only(tmp_path: Path) -> None:
    rows = loaded(written(tmp_path, b'{"tel1":"1","name":"Pe\xf1a"}\n{"tel1":"2","name":"ok"}\n', NAME))
    assert [row.fault.partition(":")[0] for row in rows] == ["not_json", ""]


def test_reading_goes_on_at_any_row_and_rows_are_limited(tmp_path: Path) -> None:
    path = written(tmp_path, '{"tel1":"1"}\n\n' * 20, NAME)
    assert [row.row for row in loaded(path, skip_rows=17)] == [18, 19, 20]
    assert refusal(path, ReadingOptions(limits=FileLimits(max_rows=20))) == ""
    assert refusal(path, ReadingOptions(limits=FileLimits(max_rows=19))) == "too_many_rows"
