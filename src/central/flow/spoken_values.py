"""How a language says a value: numbers, digits, money, dates and times as words that a speech engine reads well. Pure.

The words come from the Unicode CLDR (library babel). Each function takes the value as it stands in a variable and raises
InvalidInput with a stable code where it is none of its kind.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, time, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from babel.numbers import format_currency, format_decimal, is_currency

from central.domain.errors import InvalidInput
from central.flow.configuration import Formats
from central.flow.moments import parse_moment

_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,10})?")
_DIGITS = re.compile(r"[0-9*#+]{1,64}")
_SPACES = re.compile(r"\s+")
_SIGNS: Final = {"*": "star", "#": "hash", "+": "plus"}  # English alone: others read the sign itself
_FALLBACK: Final = "en"


def say_number(text: str, language: str) -> str:
    """``1200.50`` -> ``1200.5``, with the language's decimal point: engines read plain figures as numbers."""
    return format_decimal(_number(text), locale=_locale(language), decimal_quantization=False, group_separator=False)


def say_digits(text: str, language: str) -> str:
    """``4711`` -> ``4, 7, 1, 1``: one by one, with a breath between. Blanks, dots and hyphens are passed over."""
    digits = re.sub(r"[ .\-/]", "", text.strip())
    if not _DIGITS.fullmatch(digits):
        raise InvalidInput("not_digits", f"{text[:40]!r} are no digits.")
    words = _SIGNS if _locale(language).language == _FALLBACK else {}
    return ", ".join(words.get(digit, digit) for digit in digits)


def say_money(text: str, currency: str, language: str) -> str:
    """``1200.50`` in INR -> ``1200.50 Indian rupees``. Raises InvalidInput ``not_a_number``, ``currency_unknown``."""
    if not is_currency(currency):
        raise InvalidInput("currency_unknown", f"{currency[:10]!r} is no currency of ISO 4217.")
    amount, locale = _number(text), _locale(language)
    whole = amount == amount.to_integral_value()
    said = format_currency(
        amount,
        currency,
        format="0" if whole else None,
        locale=locale,
        currency_digits=not whole,
        format_type="name",
        group_separator=False,
    )
    return _plain(said)


def say_date(text: str, language: str, formats: Formats, zone: tzinfo) -> str:
    """``25-12-2026`` -> ``December 25, 2026``, as the language orders it."""
    moment = parse_moment(text.strip(), formats, zone)
    if not isinstance(moment, datetime):
        raise InvalidInput("not_a_date", f"{text[:40]!r} is no date in the flow's formats.")
    return _plain(format_date(_in(moment, zone).date(), "long", _locale(language)))


def say_time(text: str, language: str, formats: Formats, zone: tzinfo) -> str:
    """``15:04`` -> ``3:04 PM``; of a date-time its time of day in the flow's zone."""
    moment = parse_moment(text.strip(), formats, zone)
    if moment is None:
        raise InvalidInput("not_a_time", f"{text[:40]!r} is no time in the flow's formats.")
    clock = moment if isinstance(moment, time) else _in(moment, zone).time()
    return _plain(format_time(clock.replace(tzinfo=None), "short", locale=_locale(language)))


@lru_cache(maxsize=256)
def known_language(language: str) -> bool:
    """Whether the language's ways are known; others are said as in English."""
    try:
        Locale.parse(language.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return False
    return True


@lru_cache(maxsize=256)
def _locale(language: str) -> Locale:
    return Locale.parse(language.replace("-", "_") if known_language(language) else _FALLBACK)


def _number(text: str) -> Decimal:
    if not _NUMBER.fullmatch(text.strip()):
        raise InvalidInput("not_a_number", f"{text[:40]!r} is not a number.")
    return Decimal(text.strip())


def _in(moment: datetime, zone: tzinfo) -> datetime:
    try:
        return moment.astimezone(zone)
    except OverflowError:  # at the edge of the calendar: as it was written
        return moment


def _plain(text: str) -> str:
    """One blank for each of the many kinds that CLDR writes between words."""
    return _SPACES.sub(" ", text.replace("\u202f", " ").replace("\u00a0", " ")).strip()


Say = Callable[[str, str, Formats, tzinfo], str]
SAYINGS: Final[Mapping[str, Say]] = {
    "number": lambda text, language, _formats, _zone: say_number(text, language),
    "digits": lambda text, language, _formats, _zone: say_digits(text, language),
    "date": say_date,
    "time": say_time,
}
"""The kinds of values besides money, which needs its currency."""
