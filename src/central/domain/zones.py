"""Time zones that follow from a number, for calling hours in the callee's clock (intake, claim, section 2).

The prefix table of the phone-number library answers. If a number allows several zones, all are returned: a call must be
permitted in each of them. A number that the library does not hold for valid, or that is not bound to a place (freephone,
mobiles of some countries), gets all zones of its country code: wide is the safe side. Nothing is guessed for an
unassigned country code: the answer is empty, and the flow's zone applies.
"""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers
from phonenumbers import timezone
from phonenumbers.tzdata import TIMEZONE_DATA

from central.domain.numbers import calling_code_of

_LEAST_KEY_DIGITS = 7
"""Area and kind of a number are settled by so many digits in every plan that spans zones (1 + area + exchange)."""


_MEMO_ENTRIES = 131072
_memo: dict[tuple[str, int], tuple[str, ...]] = {}


def zones_of(e164: str) -> tuple[str, ...]:
    """The IANA zones in which the holder of these E.164 digits may be; empty for an unassigned country code."""
    zones, key_digits = _plan(e164[:3])
    if key_digits == 0:
        return zones
    key = (e164[:key_digits], len(e164))
    found = _memo.get(key)
    if found is None:
        if len(_memo) >= _MEMO_ENTRIES:
            _memo.clear()
        found = _memo[key] = _look_up(e164, zones)
    return found


@lru_cache(maxsize=4096)
def known_zone(name: str) -> ZoneInfo | None:
    """The zone of an IANA name, None for a name that the zone database does not hold."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


@lru_cache(maxsize=1024)
def _plan(first_digits: str) -> tuple[tuple[str, ...], int]:
    """All zones of the country code, and how many leading digits choose among them (0 = there is nothing to choose)."""
    code = calling_code_of(first_digits) if first_digits.isascii() and first_digits.isdigit() else None
    zones: tuple[str, ...] = TIMEZONE_DATA.get(code, ()) if code else ()
    if len(zones) < 2:  # noqa: PLR2004 - one zone or none: no choice
        return zones, 0
    longest = max(len(prefix) for prefix in TIMEZONE_DATA if prefix.startswith(code or ""))
    return zones, max(longest, _LEAST_KEY_DIGITS)


def _look_up(e164: str, of_country: tuple[str, ...]) -> tuple[str, ...]:
    try:
        found = timezone.time_zones_for_number(phonenumbers.parse("+" + e164))
    except phonenumbers.NumberParseException:  # too short or too long for a number: an extension that called us
        return of_country
    return of_country if found == (timezone.UNKNOWN_TIMEZONE,) else found
