"""The tap keeps messages by call, within its bounds, and counts what it cannot keep."""

from __future__ import annotations

import struct
from datetime import UTC, datetime

import pytest

from central.adapters.asterisk.hep import HepBuffers


def packet(call: str, payload: bytes, second: int = 1000, micro: int = 0) -> bytes:
    parts = {
        3: bytes((127, 0, 0, 1)), 4: bytes((127, 0, 0, 2)), 7: struct.pack("!H", 5060), 8: struct.pack("!H", 5070),
        9: struct.pack("!I", second), 10: struct.pack("!I", micro), 15: payload, 17: call.encode(),
    }  # fmt: skip
    body = b"".join(struct.pack("!HHH", 0, kind, 6 + len(value)) + value for kind, value in parts.items())
    return b"HEP3" + struct.pack("!H", 6 + len(body)) + body


INVITE = b"INVITE sip:x SIP/2.0\r\nFrom: <sip:a>;tag=ours\r\nCSeq: 1 INVITE\r\n\r\n"
BUSY = b"SIP/2.0 486 Busy Here\r\nFrom: <sip:a>;tag=ours\r\nCSeq: 1 INVITE\r\n\r\n"


def test_a_trace_is_handed_over_once_with_addresses_times_and_directions() -> None:
    buffers = HepBuffers(10_000)
    buffers.add(packet("one", INVITE, 1000, 500))
    buffers.add(packet("two", INVITE))
    buffers.add(packet("one", BUSY, 1000, 400))  # received messages are stamped to the millisecond, rounded down
    trace = buffers.take("one")
    assert trace is not None
    assert [(m.sent, m.source, m.target) for m in trace.messages] == [
        (True, "127.0.0.1:5060", "127.0.0.2:5070"),
        (False, "127.0.0.1:5060", "127.0.0.2:5070"),
    ]
    assert trace.messages[0].at == datetime.fromtimestamp(1000.0005, UTC)
    assert trace.messages[1].at == trace.messages[0].at
    assert buffers.take("one") is None
    buffers.add(packet("one", BUSY))  # a late repetition does not open it again
    assert buffers.take("one") is None
    assert buffers.take("two") is not None


def test_facts_are_read_without_taking() -> None:
    buffers = HepBuffers(10_000)
    buffers.add(packet("one", INVITE))
    buffers.add(packet("one", BUSY))
    found = buffers.facts("one")
    assert found is not None
    assert found.final_code == 486
    assert buffers.facts("other") is None
    assert buffers.take("one") is not None


def test_memory_is_bounded_and_the_oldest_call_goes_first() -> None:
    buffers = HepBuffers(len(INVITE) * 10)
    for i in range(25):
        buffers.add(packet(f"call {i}", INVITE))
    assert buffers.dropped == 15
    assert buffers.take("call 14") is None
    assert buffers.take("call 15") is not None


def test_one_call_cannot_fill_the_memory_and_a_gap_is_no_proof() -> None:
    buffers = HepBuffers(1_000_000)
    for _ in range(100):
        buffers.add(packet("storm", INVITE))
    assert buffers.dropped == 36
    assert buffers.facts("storm") is None
    trace = buffers.take("storm")
    assert trace is not None
    assert (len(trace.messages), trace.dropped) == (64, 36)


@pytest.mark.parametrize("bad", [b"", b"HEP3", b"HEP3\x00\x07x", packet("one", INVITE)[:-1], b"SIP/2.0 200 OK\r\n"])
def test_anything_else_on_the_port_is_counted_and_forgotten(bad: bytes) -> None:
    buffers = HepBuffers(1000)
    buffers.add(bad)
    assert buffers.malformed == 1


def test_registrations_and_questions_whether_somebody_is_there_are_not_kept() -> None:
    buffers = HepBuffers(2_000)
    buffers.add(packet("call", INVITE))
    for n in range(100):
        for method in (b"REGISTER", b"OPTIONS"):
            buffers.add(packet(f"{method.decode()}{n}", method + b" sip:x SIP/2.0\r\nCSeq: 1 " + method + b"\r\n\r\n"))
            buffers.add(packet(f"{method.decode()}{n}", b"SIP/2.0 401 No\r\nCSeq: 1 " + method + b"\r\n\r\n"))
    assert buffers.dropped == 0
    assert buffers.take("REGISTER1") is buffers.take("OPTIONS1") is None
    assert buffers.take("call") is not None
