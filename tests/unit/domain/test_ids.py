"""Ids that belong to another id: always the same, of its time, and each a different one."""

from __future__ import annotations

from central.adapters.system import SystemIds
from central.domain.ids import derived_uuid, uuid7_time


def test_derived_ids_are_stable_distinct_and_of_the_same_time() -> None:
    base, other = SystemIds().uuids(2)
    derived = [derived_uuid(base, place) for place in range(1, 100)]
    assert derived == [derived_uuid(base, place) for place in range(1, 100)]
    assert len({*derived, base, derived_uuid(other, 1)}) == 101
    assert {uuid7_time(one) for one in derived} == {uuid7_time(base)}
    assert {(one.version, one.variant) for one in derived} == {(base.version, base.variant)}


def test_codes_are_letters_and_digits() -> None:
    codes = {SystemIds().code() for _ in range(1000)}
    assert len(codes) == 1000
    assert all(len(code) == 10 and code.isascii() and code.isalnum() for code in codes)
