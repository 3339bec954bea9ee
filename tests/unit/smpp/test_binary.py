"""8-bit data on the wire: data_coding 4, a user data header of its own, parts by every way of joining."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from central.adapters.smpp.config import Joining
from central.adapters.smpp.pdu import Message
from central.adapters.smpp.text import PAYLOAD, SAR_NUMBER, SAR_TOTAL, split_header
from central.adapters.smpp.translate import Writer
from central.application.ports.carriers import NotTaken
from central.domain.binary_messages import divide_binary, header_fault, joins_itself, written_binary
from tests.unit.smpp.test_writer import CONFIG, NOW, submission, written

PORTS = bytes.fromhex("05040b8423f0")  # TS 23.040, 9.2.3.24.4: application ports
JOINED = bytes.fromhex("0003070201")


def sent(octets: bytes, header: bytes = b"", joining: Joining = "udh8") -> list[Message]:
    one = submission(written_binary(header, octets), encoding="binary", parts=len(divide_binary(header, octets)))
    return written(one, replace(CONFIG, joining=joining))


@pytest.mark.parametrize(
    ("size", "header", "parts"),
    [(1, b"", 1), (140, b"", 1), (141, b"", 2), (268, b"", 2), (269, b"", 3), (133, PORTS, 1), (134, PORTS, 2), (256, PORTS, 2), (257, PORTS, 3)],
)  # fmt: skip
def test_segments_are_those_of_the_standard(size: int, header: bytes, parts: int) -> None:
    octets = bytes(place % 256 for place in range(size))
    pieces = divide_binary(header, octets)
    assert (len(pieces), b"".join(pieces)) == (parts, octets)
    assert len(sent(octets, header)) == parts


@pytest.mark.parametrize("header", [b"", PORTS])
@pytest.mark.parametrize("joining", ["udh8", "udh16", "sar", "payload"])
def test_what_is_put_together_is_what_was_given(joining: Joining, header: bytes) -> None:
    octets = bytes(range(256)) * 2
    whole = b""
    for number, pdu in enumerate(pdus := sent(octets, header, joining), 1):
        assert pdu.data_coding == 4
        content = pdu.tlv(PAYLOAD) or pdu.short_message
        if pdu.esm_class & 0x40:
            assert header in content[: content[0] + 1]
            origin, content = split_header(content)
            if joining.startswith("udh"):
                assert origin is not None
                assert (origin.total, origin.number) == (len(pdus), number)
        else:
            assert not header
        if joining == "sar":
            assert (pdu.tlv(SAR_TOTAL), pdu.tlv(SAR_NUMBER)) == (bytes((len(pdus),)), bytes((number,)))
        assert joining == "payload" or len(pdu.short_message) <= 140
        whole += content
    assert whole == octets


def test_a_part_by_its_own_header_goes_as_it_is_or_not_at_all() -> None:
    assert joins_itself(JOINED)
    (pdu,) = sent(b"x" * 134, JOINED)
    assert (pdu.esm_class & 0x40, pdu.short_message) == (0x40, b"\x05" + JOINED + b"x" * 134)
    one = submission(written_binary(JOINED, b"x" * 135), encoding="binary", parts=1)
    refused = Writer(CONFIG).parts(one, NOW, tlvs=True)
    assert isinstance(refused, NotTaken)
    assert refused.reason == "bad_text"


@pytest.mark.parametrize(("header", "good"), [(b"", True), (PORTS, True), (b"\x05", False), (b"\x05\x04\x00", False), (b"\x70" + b"\x7e" + bytes(126), True), (b"\x70" + b"\x84" + bytes(132), False)])  # fmt: skip
def test_broken_headers_are_told(header: bytes, good: bool) -> None:
    assert (header_fault(header) == "") is good
