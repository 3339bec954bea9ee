"""Scrubbing takes every number out and leaves what only looks like one."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from central.adapters.telemetry.personal_data import find_personal_data, protect, scrub

numbers = st.from_regex(r"\+?[1-9][0-9]{7,14}", fullmatch=True)
before = st.sampled_from(["", " ", "(", ":", "=", "/", "'", '"', "sip:", "tel:", "<", ","])
after = st.sampled_from(["", " ", ")", ":", "=", "/", "'", '"', ">", "@", ",", ".", ". "])


@given(numbers, before, after)
def test_number_in_any_text_is_taken_out(number: str, left: str, right: str) -> None:
    text = f"call {left}{number}{right}"
    assert number.lstrip("+") not in str(scrub(text))


@given(numbers, st.sampled_from(["number_pii", "pii", "caller_pii_raw"]))
def test_declared_value_is_masked_at_any_depth(number: str, key: str) -> None:
    shown = protect({"outer": {key: number, "inner": [{key: number}]}, key: number}, show=False)
    assert find_personal_data([str(shown)]) == []


@given(st.uuids() | st.integers(0, 2**128 - 1).map(lambda n: UUID(int=n)))
def test_ids_pass(value: UUID) -> None:
    assert scrub(str(value)) == str(value)


@given(st.datetimes(), st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_times_and_fractions_pass(at: object, fraction: float) -> None:
    text = f"{at} {fraction:.9f}"
    assert scrub(text) == text


@given(st.integers() | st.booleans() | st.none())
def test_other_values_pass(value: object) -> None:
    assert scrub(value) == value
