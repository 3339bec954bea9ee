"""Money as whole millionths of a currency unit, and what a call costs (domain 1.2); no floating point anywhere.

Cost is reserved when a leg is dialled (one pulse must be covered) and settled at its end (path steps 2 and 5).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

from central.domain.errors import InvalidInput

MICROS: Final = 1_000_000
_AMOUNT: Final = re.compile(r"(-)?([0-9]{1,12})(?:\.([0-9]{1,6}))?")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_PREFIX: Final = re.compile(r"[0-9]{0,15}")
_MAX_PULSE_S: Final = 24 * 3600
_MAX_PER_PULSE: Final = 1_000_000 * MICROS
"""Far above any tariff, so that no cost of a call leaves what the ledger holds."""


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount, possibly negative, in millionths of one unit of ``currency`` (ISO 4217 code)."""

    micros: int
    currency: str

    @classmethod
    def parse(cls, text: str, currency: str) -> Money:
        """Read a decimal text such as ``12.50``. Raises InvalidInput ``invalid_amount``."""
        match = _AMOUNT.fullmatch(text.strip())
        if match is None:
            message = f"{text!r} is not an amount of at most twelve digits and six decimals."
            raise InvalidInput("invalid_amount", message)
        if _CURRENCY.fullmatch(currency) is None:
            raise InvalidInput("invalid_currency", f"{currency!r} is not a currency code of three capitals.")
        micros = int(match[2]) * MICROS + int((match[3] or "").ljust(6, "0"))
        return cls(-micros if match[1] else micros, currency)

    def __add__(self, other: Money) -> Money:
        """Add an amount of the same currency. Raises InvalidInput ``currency_mismatch``."""
        return Money(self.micros + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        """Subtract an amount of the same currency. Raises InvalidInput ``currency_mismatch``."""
        return Money(self.micros - self._same(other), self.currency)

    def __ge__(self, other: Money) -> bool:
        """Tell whether this covers the other amount. Raises InvalidInput ``currency_mismatch``."""
        return self.micros >= self._same(other)

    def __str__(self) -> str:
        whole, fraction = divmod(abs(self.micros), MICROS)
        digits = f"{fraction:06d}".rstrip("0").ljust(2, "0")
        return f"{'-' if self.micros < 0 else ''}{whole}.{digits} {self.currency}"

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            message = f"Amounts in {self.currency} and {other.currency} cannot be reckoned together."
            raise InvalidInput("currency_mismatch", message)
        return other.micros


@dataclass(frozen=True, slots=True)
class Rate:
    """What calls to numbers that begin with ``prefix`` cost: per begun pulse of ``pulse_s`` seconds."""

    prefix: str
    pulse_s: int
    per_pulse: Money

    def __post_init__(self) -> None:
        bounded = 0 < self.pulse_s <= _MAX_PULSE_S and 0 <= self.per_pulse.micros <= _MAX_PER_PULSE
        if _PREFIX.fullmatch(self.prefix) is None or not bounded:
            raise InvalidInput(
                "invalid_rate", f"The rate for prefix {self.prefix!r} is not usable.", prefix=self.prefix
            )

    @classmethod
    def parse(cls, document: object, currency: str) -> Rate:
        """Read ``{"prefix", "pulse_s", "per_pulse"}``, the price in millionths. Raises InvalidInput ``invalid_rate``."""
        match document:
            case {"prefix": str(prefix), "pulse_s": int(pulse_s), "per_pulse": int(price)}:
                return cls(prefix, pulse_s, Money(price, currency))
            case _:
                message = "A rate has a prefix of digits, and whole numbers as pulse_s and per_pulse (in millionths)."
                raise InvalidInput("invalid_rate", message)


@dataclass(frozen=True, slots=True)
class PartRate:
    """What a part of an SMS to numbers that begin with ``prefix`` costs, in millionths."""

    prefix: str
    per_part: int

    def __post_init__(self) -> None:
        if _PREFIX.fullmatch(self.prefix) is None or not 0 <= self.per_part <= _MAX_PER_PULSE:
            raise InvalidInput(
                "invalid_rate", f"The SMS rate for prefix {self.prefix!r} is not usable.", prefix=self.prefix
            )

    @classmethod
    def parse(cls, document: object) -> PartRate:
        """Read ``{"prefix", "per_part"}``, the price in millionths. Raises InvalidInput ``invalid_rate``."""
        match document:
            case {"prefix": str(prefix), "per_part": int(price)}:
                return cls(prefix, price)
            case _:
                message = "An SMS rate has a prefix of digits, and a whole number as per_part (in millionths)."
                raise InvalidInput("invalid_rate", message)


@dataclass(frozen=True, slots=True)
class RatePlan:
    """Rates of an account; the longest prefix wins. For voice the empty prefix must be there, so that all have a price.

    sms: a destination without a rate costs nothing. email: millionths for each one that is taken over. Raises InvalidInput ``invalid_rate_plan``.
    """

    name: str
    voice: tuple[Rate, ...]
    sms: tuple[PartRate, ...] = ()
    email: int = 0

    def __post_init__(self) -> None:
        prefixes = [rate.prefix for rate in self.voice]
        if "" not in prefixes or len(set(prefixes)) != len(prefixes):
            raise InvalidInput(
                "invalid_rate_plan", "A rate plan needs each prefix once and a rate for the empty prefix."
            )
        if len({rate.prefix for rate in self.sms}) != len(self.sms) or not 0 <= self.email <= _MAX_PER_PULSE:
            raise InvalidInput(
                "invalid_rate_plan", "A rate plan needs each prefix once, and prices that are not negative."
            )
        if len({rate.per_pulse.currency for rate in self.voice}) != 1:
            raise InvalidInput("invalid_rate_plan", "A rate plan has one currency.")

    @classmethod
    def parse(cls, document: Mapping[str, object], currency: str) -> RatePlan:
        """Read ``{"name", "voice": [{"prefix", "pulse_s", "per_pulse"}], "sms": [{"prefix", "per_part"}], "email"}`` (millionths).

        Raises InvalidInput ``invalid_rate_plan``, ``invalid_rate``.
        """
        name, rates = document.get("name"), document.get("voice")
        if not isinstance(name, str) or not isinstance(rates, list):
            raise InvalidInput("invalid_rate_plan", "A rate plan has a name and a list of voice rates.")
        texts, mail = document.get("sms", []), document.get("email", 0)
        if not isinstance(texts, list) or not isinstance(mail, int):
            raise InvalidInput(
                "invalid_rate_plan", "SMS rates are a list, and the price of an e-mail is a whole number."
            )
        return cls(
            name,
            tuple(Rate.parse(rate, currency) for rate in cast("list[object]", rates)),
            tuple(PartRate.parse(rate) for rate in cast("list[object]", texts)),
            mail,
        )

    def sms_price(self, number: str, parts: int) -> int:
        """What a short message of so many parts costs, in millionths."""
        found = [rate for rate in self.sms if number.startswith(rate.prefix)]
        return max(found, key=lambda rate: len(rate.prefix)).per_part * parts if found else 0

    def rate_for(self, number: str) -> Rate:
        """The rate of a destination, E.164 digits without plus."""
        best = self.voice[0]
        length = -1
        for rate in self.voice:
            if len(rate.prefix) > length and number.startswith(rate.prefix):
                best, length = rate, len(rate.prefix)
        return best


def reserve_amount(plan: RatePlan, number: str) -> Money:
    """What must be covered before a leg is dialled: one pulse to that destination."""
    return plan.rate_for(number).per_pulse


def pulses(plan: RatePlan, number: str, answered_ms: int | None) -> int:
    """Billed pulses: answered milliseconds rounded up to whole pulses, 0 when never answered (None)."""
    if answered_ms is None or answered_ms <= 0:
        return 0
    return -(-answered_ms // (plan.rate_for(number).pulse_s * 1000))


def cost(plan: RatePlan, number: str, answered_ms: int | None) -> Money:
    """What a leg costs in the end; zero if it was not answered."""
    rate = plan.rate_for(number)
    return Money(rate.per_pulse.micros * pulses(plan, number, answered_ms), rate.per_pulse.currency)
