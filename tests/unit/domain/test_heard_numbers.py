"""Numbers as networks tell them: the sender of a short message is who it is, in whatever form his carrier writes him."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.domain.numbers import heard

INDIA, LONDON, BERLIN, BOSTON = "919800000001", "442079460958", "493012345678", "16175550123"


@pytest.mark.parametrize(
    ("raw", "country", "number"),
    [
        (INDIA, "IN", INDIA), ("9800000001", "IN", INDIA), ("09800000001", "IN", INDIA), ("+919800000001", "IN", INDIA),
        ("00919800000001", "IN", INDIA), ("9198000000", "IN", "919198000000"),  # national, and begins as the country does
        ("6175550123", "US", BOSTON), ("16175550123", "US", BOSTON), ("+16175550123", "IN", BOSTON),
        ("02079460958", "GB", LONDON), ("2079460958", "GB", LONDON), (LONDON, "US", LONDON), ("030 12345678", "DE", BERLIN),
        ("+9800000001", "IN", INDIA),  # said to be international, and none
        (INDIA, "DE", INDIA), ("4915112345678", "", "4915112345678"),
        ("56767", "IN", None), ("30000", "DE", None), ("CENTRAL", "IN", None), ("", "IN", None), ("+", "", None), ("9" * 40, "US", None),
    ],
)  # fmt: skip
def test_a_number_is_read_in_the_form_of_its_country(raw: str, country: str, number: str | None) -> None:
    assert heard(raw, country) == number


@given(
    st.text(max_size=24) | st.from_regex(r"\+?0{0,2}[0-9]{0,20}", fullmatch=True),
    st.sampled_from(["IN", "US", "DE", "", "XX"]),
)
def test_whatever_a_carrier_writes_is_a_number_or_none(raw: str, country: str) -> None:
    found = heard(raw, country)
    assert found is None or (found.isascii() and found.isdigit() and 8 <= len(found) <= 15 and found[0] != "0")


@given(st.from_regex(r"[1-9][0-9]{9,14}", fullmatch=True))
def test_what_is_marked_and_known_is_what_it_says(number: str) -> None:
    found = heard("+" + number, "")
    assert found in {number, None}
