"""Zones that follow from a number."""

from __future__ import annotations

import phonenumbers
import pytest
from phonenumbers import timezone

from central.domain.zones import known_zone, zones_of


def test_a_country_with_one_zone_answers_with_it() -> None:
    assert zones_of("919876543210") == ("Asia/Calcutta",)


def test_an_area_code_narrows_a_country_with_many_zones() -> None:
    assert zones_of("14155552671") == ("America/Los_Angeles",)
    assert zones_of("12125552671") == ("America/New_York",)


def test_a_number_bound_to_no_place_gets_all_zones_of_its_country_code() -> None:
    assert {"America/New_York", "Pacific/Honolulu"} <= set(zones_of("18005552671"))


def test_an_unassigned_country_code_has_no_zone() -> None:
    assert zones_of("9991234567") == ()
    assert zones_of("0000000000") == ()


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_the_fast_answer_is_the_library_s(region: str) -> None:
    number = phonenumbers.example_number(region)
    assert number is not None
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]
    assert zones_of(e164) == timezone.time_zones_for_number(number)


def test_all_zones_are_known_and_nonsense_is_not() -> None:
    assert all(known_zone(zone) for zone in zones_of("18005552671"))
    for name in ("Mars/Olympus", "../../etc/passwd", "/etc/localtime", "", "Asia", "x" * 5000, "Asia/Kol\0kata"):
        assert known_zone(name) is None
