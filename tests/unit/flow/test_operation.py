"""Operation: what it computes, what it refuses, and where the flow goes then."""

from __future__ import annotations

from datetime import timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.domain.errors import InvalidInput
from central.flow.calculation import OPERATIONS, Settings, compute
from central.flow.checker import check
from central.flow.configuration import Formats
from central.flow.document import parse
from tests.fakes.flow_player import Player, after_answer

HEAD = "time_zone: Asia/Kolkata\nformats: {date: [dd-MM-yyyy, yyyy-MM-dd], time: ['HH:mm', 'hh:mm a']}\n"
UTC_PLUS = timezone(timedelta(hours=14))
END = "  good: {widget: hang_up}\n  bad: {widget: hang_up}\n"


def run(what: str, variables: dict[str, str] | None = None, wiring: str = "on: {success: good, error: bad}") -> Player:
    steps = f"  first: {{widget: operation, {what}, store: R, {wiring}}}\n{END}"
    return Player.of(after_answer(steps, HEAD), variables=variables).connected()


def result(what: str, **variables: str) -> str:
    player = run(what, variables)
    assert player.path[-1] == "good"
    return player.run.variables["R"]


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("do: copy, of: x", "x"),
        ("do: first_filled, of: ['', ' ', b, c]", "b"),
        ("do: length, of: Zoë", "3"),
        ("do: concatenate, of: [a, b, c], separator: '-'", "a-b-c"),
        ("do: concatenate, of: [a, b]", "ab"),
        ("do: lower, of: ÄB", "äb"),
        ("do: upper, of: straße", "STRASSE"),
        ("do: extract, of: APT-12345, start: 5", "12345"),
        ("do: extract, of: APT-12345, start: 1, length: 3", "APT"),
        ("do: extract, of: APT-12345, start: -4", "2345"),
        ("do: extract, of: ab, start: -4", "ab"),
        ("do: extract, of: ab, start: 9", ""),
        ("do: add, of: ['0.1', '0.2']", "0.3"),
        ("do: add, of: ['" + "9" * 30 + "', '0." + "0" * 29 + "1']", "9" * 30 + "." + "0" * 29 + "1"),
        ("do: subtract, of: ['10', '2.50', '7.5']", "0"),
        ("do: multiply, of: ['-1.5', '4']", "-6"),
        ("do: divide, of: ['1', '3']", "0.3333333333333333333333333333"),
        ("do: divide, of: ['100', '8']", "12.5"),
        ("do: modulo, of: ['-1', '7']", "6"),
        ("do: modulo, of: ['8', '-3']", "-1"),
        ("do: modulo, of: ['7.5', '2']", "1.5"),
        ("do: round, of: '2.5'", "3"),
        ("do: round, of: '-2.5'", "-3"),
        ("do: round, of: '2', digits: 2", "2.00"),
        ("do: date_difference, of: [01-03-2026, 2026-03-11]", "10"),
        ("do: date_difference, of: [11-03-2026, 10-03-2026 23:00]", "0"),
        ("do: date_difference, of: ['09:00', '08:30'], unit: minutes", "-30"),
        ("do: date_difference, of: ['2026-03-02T00:00:00Z', 02-03-2026 05:30], unit: seconds", "0"),
        ("do: date_add, of: [28-02-2026, 1d]", "01-03-2026"),
        ("do: date_add, of: [28-02-2026, 90m]", "28-02-2026 01:30"),
        ("do: date_add, of: ['23:30', 1h]", "00:30"),
        ("do: date_subtract, of: ['00:30', 1d1h]", "23:30"),
        ("do: date_subtract, of: [01-03-2026, 1d], format: dd MMM yyyy", "28 Feb 2026"),
        ("do: date_format, of: 2026-12-05, format: MM/dd/yyyy", "12/05/2026"),
        ("do: date_format, of: 05-12-2026 15:04, format: 'hh:mm a'", "03:04 PM"),
        ("do: date_format, of: '00:10', format: 'hh:mm a'", "12:10 AM"),
        ("do: date_format, of: '2026-03-02T09:30:00Z', format: dd-MM-yyyy HH:mm", "02-03-2026 15:00"),
        ("do: date_format, of: 02-03-2026, format: ISO-8601", "2026-03-02T00:00:00+05:30"),
    ],
)
def test_results(what: str, expected: str) -> None:
    assert result(what) == expected


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("do: add, of: ['1', two]", "not_a_number"),
        ("do: add, of: ['1', '1e5']", "not_a_number"),
        ("do: divide, of: ['1', '0.0']", "division_by_zero"),
        ("do: modulo, of: ['1', '0']", "division_by_zero"),
        ("do: date_add, of: [31-02-2026, 1d]", "not_a_date"),
        ("do: date_add, of: [01-02-2026, soon]", "not_a_duration"),
        ("do: date_add, of: [31-12-9999, 3d]", "out_of_range"),
        ("do: date_difference, of: [01-02-2026, '09:00']", "not_comparable"),
        ("do: date_format, of: '09:00', format: dd-MM-yyyy", "format_unfit"),
    ],
)
def test_what_does_not_fit_takes_the_error_branch_and_stores_nothing(what: str, code: str) -> None:
    player = run(what)
    assert player.path[-1] == "bad"
    assert "R" not in player.run.variables
    assert code in {note.data.get("failure") for note in player.notes("warning")}


def test_without_an_error_branch_the_flow_goes_on_with_a_warning() -> None:
    player = run("do: add, of: ['1', x]", wiring="on: {success: good}")
    assert player.path[-1] == "good"
    assert player.notes("warning")


def test_values_are_variables_too() -> None:
    assert result("do: add, of: ['{{ $flow.key.A }}', '{{ $flow.key.B }}']", A="1200", B="50.5") == "1250.5"


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("do: ad, of: ['1', '2']", "operation_unknown"),
        ("do: add, of: '1'", "values_miscounted"),
        ("do: divide, of: ['1', '2', '3']", "values_miscounted"),
        ("do: extract, of: x, start: 0", "field_out_of_range"),
        ("do: date_format, of: x, format: yyyy", "format_unknown"),
        ("do: add, of: ['1', '2'], digits: 3", "setting_unused"),
        ("do: copy", "field_missing"),
        ("do: copy, of: [[x]]", "field_not_text"),
    ],
)
def test_findings(what: str, code: str) -> None:
    steps = f"  first: {{widget: operation, {what}, store: R, on: {{success: good, error: bad}}}}\n{END}"
    assert code in {finding.code for finding in check(parse(after_answer(steps, HEAD)))}


texts = st.text(max_size=60) | st.decimals(allow_nan=False).map(str) | st.datetimes().map(str) | st.sampled_from(
    ["0001-01-01", "9999-12-31T23:59-12:00", "0001-01-01T00:00+14:00", "09:00", "3650d", "-0", "0.0", "9" * 30]
)  # fmt: skip


@given(
    st.sampled_from(list(OPERATIONS)),
    st.lists(texts, min_size=20, max_size=20),
    st.integers(-5000, 5000).filter(bool),
    st.sampled_from(["", "dd-MM-yyyy", "hh:mm a", "ISO-8601"]),
)
def test_an_operation_answers_any_values_with_a_text_or_a_refusal(
    name: str, values: list[str], start: int, form: str
) -> None:
    settings = Settings(Formats(), UTC_PLUS, start=start, length=3, digits=10, format=form)
    try:
        found = compute(name, values[: OPERATIONS[name].most], settings)
    except InvalidInput as error:
        found = error.code
    assert isinstance(found, str)
