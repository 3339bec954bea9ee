"""No carrier of a customer leads into our own network: as it is written, and as it is resolved."""

from __future__ import annotations

import pytest

from central.application.ports.reach import AddressRefused
from tests.fakes.reach import reach_by

PUBLIC = "93.184.216.34"
INSIDE = (
    "127.0.0.1",
    "10.0.0.9",
    "169.254.169.254",
    "192.168.1.1",
    "100.64.0.1",
    "::1",
    "fd00::5",
    "fe80::1",
    "::ffff:127.0.0.1",
)


@pytest.mark.parametrize(
    "address", [*INSIDE, "0.0.0.0", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "[::1]", "127.0.0.1."]
)
async def test_a_literal_address_of_ours_is_refused(address: str) -> None:
    guard = reach_by({})
    with pytest.raises(AddressRefused):
        guard.check_host(address)
    with pytest.raises(AddressRefused):
        await guard.addresses(address, 2775)


@pytest.mark.parametrize("address", INSIDE)
async def test_a_name_is_refused_when_any_of_its_addresses_is_ours(address: str) -> None:
    with pytest.raises(AddressRefused):
        await reach_by({"smsc.example": [[PUBLIC, address]]}).addresses("smsc.example", 2775)


async def test_public_addresses_and_those_of_networks_that_the_operator_opens_pass() -> None:
    guard = reach_by({"smsc.example": [[PUBLIC]], "ours.example": [["10.1.2.3"]]}, "10.1.0.0/16")
    assert await guard.addresses("smsc.example", 2775) == [PUBLIC]
    assert await guard.addresses("ours.example", 2775) == ["10.1.2.3"]
    assert await guard.addresses("10.1.9.9", 2775) == ["10.1.9.9"]
    assert await guard.addresses("[2606:2800::1]", 25) == ["2606:2800::1"]
    with pytest.raises(AddressRefused):
        await guard.addresses("10.2.0.1", 2775)


@pytest.mark.parametrize(
    "host", ["", " ", "a b", "a\0b", "a..b", "-", "x" * 64 + ".example", "sm\u00e4c.example/", "h:1"]
)
async def test_what_is_no_host_is_an_answer_and_not_a_crash(host: str) -> None:
    guard = reach_by({})
    with pytest.raises((AddressRefused, ValueError)):
        guard.check_host(host)
    with pytest.raises(OSError, match=r"\S"):
        await guard.addresses(host, 2775)
