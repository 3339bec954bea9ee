"""JSON values as cells, and exported cells made harmless."""

from __future__ import annotations

from decimal import Decimal

import pytest

from central.domain.exports import neutralise
from central.domain.incoming import record_of_fields, shape_fault, text_of


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"), (None, ""), (True, "true"), (False, "false"), (919876543210, "919876543210"), (12.5, "12.5"),
        (9.19876543210e11, "919876543210"), (Decimal("12.50"), "12.50"), (Decimal("9.1E+3"), "9100"),
        (Decimal("1e999999"), "1E+999999"),
    ],
)  # fmt: skip
def test_scalars_become_the_text_of_a_cell(value: object, text: str) -> None:
    assert text_of(value) == text


def test_a_nested_value_makes_a_faulty_row_and_not_an_error() -> None:
    for numbers, variables in (([["x"]], {}), (["919876543210"], {"a": {"b": 1}})):
        made = record_of_fields(7, numbers, variables)
        assert made.row == 7
        assert (shape_fault(made) or "").startswith("not_a_scalar")


def test_fields_of_a_body_become_a_record() -> None:
    made = record_of_fields(1, [919876543210, "x"], {"n": 5}, start_time="+5m", client_identifier=17, priority=3)
    assert (made.numbers, made.start_time, made.client_identifier) == (("919876543210", "x"), "+5m", "17")
    assert (made.priority, made.time_zone, made.variables, made.fault) == ("3", "", {"n": "5"}, "")


@pytest.mark.parametrize(
    "cell",
    ["=cmd|'/c calc'!A0", "+919876543210", "-1", "@SUM(1)", "\t=1", "\r=1", "\n=1", "\uff1d1", " =1", "\u00a0 @x"],
)
def test_a_cell_that_begins_like_a_formula_is_escaped(cell: str) -> None:
    assert neutralise(cell) == "'" + cell


@pytest.mark.parametrize("cell", ["", "919876543210", "a=b", "'=1", " a", " ", "5-3"])
def test_any_other_cell_stays_as_it_is(cell: str) -> None:
    assert neutralise(cell) == cell
