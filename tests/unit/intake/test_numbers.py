"""Numbers in every national and broken form: only the published rule makes one usable."""

from __future__ import annotations

import pytest

from central.domain.errors import InvalidInput
from central.domain.numbers import calling_code, country_of, display, is_international, normalise, written_digits


@pytest.mark.parametrize(
    ("raw", "country", "expected"),
    [
        ("919876543210", "IN", "919876543210"),
        ("+91 98765 43210", "IN", "919876543210"),
        ("+91-98765-43210", "IN", "919876543210"),
        (" 9876543210 ", "IN", "919876543210"),
        ("98765\u00a043210", "IN", "919876543210"),
        ("98765\u201143210", "IN", "919876543210"),
        ("6000000000", "IN", "916000000000"),
        ("5000000000", "IN", "5000000000"),
        ("9876543210", "US", "9876543210"),
        ("+6591234567", "IN", "6591234567"),
        ("6591234567", "IN", "916591234567"),
        ("1-415-555-0100", "US", "14155550100"),
        ("12345678", "US", "12345678"),
        ("123456789012345", "US", "123456789012345"),
    ],
)
def test_a_number_that_fits_the_rule_becomes_e164_digits(raw: str, country: str, expected: str) -> None:
    assert normalise(raw, country) == expected


@pytest.mark.parametrize(
    "raw",
    [
        "", " ", "+", "-", "1234567", "1234567890123456", "0987654321", "+0987654321", "00919876543210",
        "++919876543210", "91+9876543210", "919876543210+", "(91) 9876543210", "91.98765.43210", "91/9876543210",
        "98765 43210 ext 5", "98765O3210", "9.19876543210E+11", "919876543210.0", "=919876543210", "'919876543210",
        "91\t9876543210", "919876543210\n", "919876543210\0", "\u0669\u0661\u0669\u0668\u0667\u0666\u0665\u0664\u0663",
        "\uff19\uff11\uff19\uff18\uff17\uff16\uff15\uff14\uff13\uff12", "\u202a919876543210\u202c", "919876543210,919876543211",
        "9198\u00b2876543", "sip:919876543210@host", "tel:+919876543210", "NULL", "n/a", "9" * 10_000_000,
    ],
)  # fmt: skip
def test_any_other_value_is_refused(raw: str) -> None:
    assert normalise(raw, "IN") is None


def test_written_digits_compare_a_dummy_number_that_is_no_phone_number() -> None:
    assert written_digits("+000 000-0000") == "0000000000"


def test_international_means_another_calling_code() -> None:
    assert is_international("14155550100", "IN")
    assert not is_international("919876543210", "IN")
    assert not is_international("14165550100", "US")


def test_an_unknown_country_is_an_error_with_a_code() -> None:
    with pytest.raises(InvalidInput) as caught:
        calling_code("XX")
    assert caught.value.code == "unknown_country"


@pytest.mark.parametrize(
    ("e164", "country"),
    [
        ("919876543210", "IN"),
        ("14155552671", "US"),
        ("14165552671", "CA"),
        ("447911123456", "GG"),
        ("77012345678", "KZ"),
        ("80012345678", None),
        ("9991234567", None),
    ],
)
def test_the_country_follows_from_the_leading_digits(e164: str, country: str | None) -> None:
    assert country_of(e164) == country


def test_a_number_is_displayed_as_people_read_it() -> None:
    assert display("919876543210") == "+91 98765 43210"
    assert display("9991234567") == "+9991234567"
