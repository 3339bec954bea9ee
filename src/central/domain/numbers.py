"""Phone numbers: the one normalising rule, and what a number says about its country. Step 1 (intake), lists and dialling.

The rule of the domain specification, section 2, decides alone whether a number is usable; the phone-number library serves
country and display only. Separators that are removed: blanks (the ASCII space and the typographic spaces that office
programs write, U+00A0, U+2000 to U+200A, U+202F, U+3000) and dashes (hyphen-minus, U+2010 to U+2015, minus sign U+2212,
fullwidth U+FF0D). Parentheses, dots, slashes, tabs, letters, invisible marks and non-ASCII digits are not separators:
such a value is refused, because guessing at a number means calling a stranger.
"""

from __future__ import annotations

from functools import lru_cache

import phonenumbers

from central.domain.errors import InvalidInput

MIN_DIGITS = 8
MAX_DIGITS = 15
"""ITU-T E.164, section 6: at most 15 digits including the country code."""

INDIA = "IN"
_INDIAN_MOBILE_DIGITS = 10

_WRITERS = {phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE}
_SPACES = "\u0020\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\uff0d"
_SEPARATORS = dict.fromkeys(map(ord, _SPACES + _DASHES))


def normalise(raw: str, country: str) -> str | None:
    """Turn a number as written into E.164 digits (no plus), or None when it does not fit the rule.

    ``country`` is the account's country (ISO 3166 alpha-2). In IN a 10-digit number starting 6 to 9 gets 91, but only
    without a leading plus: with it, the number is already in international form (+65 9123 4567 is Singapore).
    """
    digits, national = raw, True
    if not (raw.isdigit() and raw.isascii()):
        digits = raw.translate(_SEPARATORS)
        if digits[:1] == "+":
            digits, national = digits[1:], False
        if not (digits.isdigit() and digits.isascii()):
            return None
    size = len(digits)
    if digits[0] == "0" or not MIN_DIGITS <= size <= MAX_DIGITS:
        return None
    if size == _INDIAN_MOBILE_DIGITS and country == INDIA and national and digits[0] in "6789":
        return "91" + digits
    return digits


def heard(raw: str, country: str) -> str | None:
    """E.164 digits of a number that a network tells (the sender of a short message), or None when it is none.

    Networks mark few international numbers with ``+`` or 00, and a country's carriers often tell its own numbers in their
    national form. So a number is read as international when that is a number of ``country`` (ISO 3166 alpha-2), or is marked
    and a number at all; else as national when that is one (where both are, one that can write short messages); else as it
    stands, by the rule of ``normalise``.
    """
    digits = raw.translate(_SEPARATORS)
    marked = digits.startswith(("+", "00"))
    found = normalise("+" + digits.lstrip("+0"), "") if marked else normalise(digits, country)
    known = found is not None and _library_number(found, None) is not None
    if known and (marked or country_of(found or "") == country):
        return found
    national = _library_number(digits.removeprefix("+"), country)
    if national is None or (known and phonenumbers.number_type(national) not in _WRITERS):
        return found
    whole = phonenumbers.format_number(national, phonenumbers.PhoneNumberFormat.E164)[1:]
    return whole if MIN_DIGITS <= len(whole) <= MAX_DIGITS else None  # the library knows numbers of three digits, too


def _library_number(digits: str, country: str | None) -> phonenumbers.PhoneNumber | None:
    """The number, when the library knows such a one, in the national form of ``country`` or international (None)."""
    if not (digits.isdigit() and digits.isascii()) or len(digits) > MAX_DIGITS + 1:
        return None
    try:
        number = phonenumbers.parse(digits if country else "+" + digits, country or None)
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.is_valid_number(number) else None


def written_digits(raw: str) -> str:
    """The value without separators and leading plus, whatever else it holds: to compare with a configured dummy number."""
    if raw.isdigit():
        return raw
    return raw.translate(_SEPARATORS).removeprefix("+")


@lru_cache(maxsize=512)
def calling_code(country: str) -> str:
    """The country calling code of an ISO 3166 alpha-2 country, such as "91" for IN; InvalidInput for an unknown one."""
    code = phonenumbers.country_code_for_region(country)
    if code == 0:
        raise InvalidInput("unknown_country", f'"{country}" is not a country with a calling code.', country=country)
    return str(code)


def is_international(e164: str, account_country: str) -> bool:
    """Tell whether the number's country calling code differs from the account country's (section 2).

    Calling codes are prefix-free (ITU-T E.164), so a prefix comparison decides; countries that share a code, such as US
    and CA, are not international to each other.
    """
    return not e164.startswith(calling_code(account_country))


def calling_code_of(e164: str) -> str | None:
    """The country calling code (1 to 3 digits) that E.164 digits begin with, None when it is not assigned."""
    for size in (1, 2, 3):
        if int(e164[:size]) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            return e164[:size]
    return None


@lru_cache(maxsize=65536)
def country_of(e164: str) -> str | None:
    """The ISO 3166 alpha-2 region of E.164 digits, None for unassigned or non-geographical codes (+800, +883, ...).

    Where several countries share a code, the leading digits decide; if they fit none of them, the code's main country.
    """
    code = calling_code_of(e164)
    if code is None:
        return None
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[int(code)]
    region = regions[0]
    if len(regions) > 1:
        region = phonenumbers.region_code_for_number(phonenumbers.parse("+" + e164)) or region
    return None if region == phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY else region


def display(e164: str) -> str:
    """The number as people read it, such as "+91 98765 43210"; digits of an unassigned code only get the plus."""
    if calling_code_of(e164) is None:
        return "+" + e164
    number = phonenumbers.parse("+" + e164)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
