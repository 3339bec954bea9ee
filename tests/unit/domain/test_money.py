"""Amounts to the millionth, and what a call costs by begun pulses."""

from __future__ import annotations

import pytest

from central.domain.errors import InvalidInput
from central.domain.money import Money, Rate, RatePlan, cost, pulses, reserve_amount


def usd(text: str) -> Money:
    return Money.parse(text, "USD")


PLAN = RatePlan("standard", (Rate("", 60, usd("0.10")), Rate("91", 15, usd("0.003")), Rate("9122", 1, usd("0.0005"))))


def test_amounts_are_exact_and_shown_with_two_decimals_at_least() -> None:
    assert usd("12.5").micros == 12_500_000
    assert str(usd("12.5")) == "12.50 USD"
    assert str(usd("-0.000125")) == "-0.000125 USD"
    assert usd("0.1") + usd("0.2") == usd("0.3")
    assert usd("1") - usd("1.5") == usd("-0.5")
    assert usd("0.3") >= usd("0.3")
    assert not usd("0.299999") >= usd("0.3")


@pytest.mark.parametrize("text", ["", "1,5", "NaN", "Infinity", "0.0000001", "1e4", "٣", "1234567890123", "1."])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="invalid_amount"):
        usd(text)


def test_currencies_do_not_mix() -> None:
    with pytest.raises(InvalidInput, match="currency_mismatch"):
        _ = usd("1") + Money.parse("1", "EUR")
    with pytest.raises(InvalidInput, match="invalid_currency"):
        Money.parse("1", "usd")


@pytest.mark.parametrize(
    ("answered_ms", "expected"), [(None, 0), (0, 0), (1, 1), (15_000, 1), (15_001, 2), (60_000, 4)]
)
def test_begun_pulses_are_billed(answered_ms: int | None, expected: int) -> None:
    assert pulses(PLAN, "919812345678", answered_ms) == expected
    assert cost(PLAN, "919812345678", answered_ms) == Money(expected * 3_000, "USD")


def test_the_longest_prefix_wins_whatever_the_order() -> None:
    assert reserve_amount(PLAN, "912212345678") == usd("0.0005")
    assert reserve_amount(PLAN, "919812345678") == usd("0.003")
    assert reserve_amount(PLAN, "4930123456") == usd("0.10")
    assert cost(PLAN, "912212345678", 2_500) == usd("0.0015")


def test_a_plan_prices_every_number_once() -> None:
    with pytest.raises(InvalidInput, match="invalid_rate_plan"):
        RatePlan("no default", (Rate("91", 15, usd("1")),))
    with pytest.raises(InvalidInput, match="invalid_rate_plan"):
        RatePlan("twice", (Rate("", 15, usd("1")), Rate("", 60, usd("2"))))
    with pytest.raises(InvalidInput, match="invalid_rate_plan"):
        RatePlan("mixed", (Rate("", 15, usd("1")), Rate("91", 15, Money.parse("1", "EUR"))))
    for prefix, pulse, price in (("+91", 15, "1"), ("91", 0, "1"), ("91", 15, "-1")):
        with pytest.raises(InvalidInput, match="invalid_rate"):
            Rate(prefix, pulse, usd(price))
