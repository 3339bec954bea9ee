"""The codec: what is written comes back; what is random raises nothing but its one error and never hangs."""

from __future__ import annotations

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.adapters.smpp import pdu as wire
from central.adapters.smpp.config import SmppConfig
from central.adapters.smpp.frames import LONGEST, Frame, Frames
from central.adapters.smpp.pdu import HEAD, LAYOUTS, Pdu, ProtocolError
from central.adapters.smpp.session import Session

OCTETS = st.integers(0, 255)
TLVS = st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=40)), max_size=4).map(tuple)


def text(most: int) -> st.SearchStrategy[str]:
    return st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=most - 1)


@st.composite
def pdus(draw: st.DrawFn) -> Pdu:
    """Any PDU of the table with any lawful value in each field."""
    command = draw(st.sampled_from(sorted(LAYOUTS)))
    kind, fields = LAYOUTS[command]
    values: dict[str, object] = {}
    for name, most in fields:
        if most > 0:
            values[name] = draw(text(most))
        elif most == 0:
            values[name] = draw(OCTETS)
        else:
            values[name] = draw(st.binary(max_size=255))
    head = {"sequence": draw(st.integers(0, 0xFFFF_FFFF)), "status": draw(st.integers(0, 0xFFFF_FFFF))}
    return msgspec.convert(values | head | {"command": command, "tlvs": draw(TLVS)}, kind, builtin_types=(bytes,))


def split(frame: bytes) -> Frame:
    (found,), error = Frames().feed(frame)
    assert error is None
    return found


@given(pdus())
def test_what_is_written_is_read(pdu: Pdu) -> None:
    assert wire.decode(*split(wire.encode(pdu))) == pdu


@given(st.lists(pdus(), max_size=6), st.lists(st.integers(1, 40), min_size=1, max_size=20))
def test_frames_come_out_however_the_octets_are_cut(sent: list[Pdu], cuts: list[int]) -> None:
    found: list[Frame] = []
    octets, frames, n = b"".join(map(wire.encode, sent)), Frames(), 0
    while octets:
        size = cuts[n % len(cuts)]
        some, error = frames.feed(octets[:size])
        assert error is None
        found += some
        octets, n = octets[size:], n + 1
    assert [wire.decode(*frame) for frame in found] == sent


@given(st.sampled_from(sorted(LAYOUTS)), st.binary(max_size=400))
def test_any_body_is_read_or_refused(command: int, body: bytes) -> None:
    if command >= wire.RESPONSE:
        wire.decode(command, 0, 1, body)  # a response is read as far as it goes
        return
    with contextlib.suppress(ProtocolError):
        wire.decode(command, 0, 1, body)


@given(pdus(), st.data())
def test_a_frame_with_one_changed_octet_is_read_or_refused(pdu: Pdu, data: st.DataObject) -> None:
    frame = bytearray(wire.encode(pdu))
    frame[data.draw(st.integers(4, len(frame) - 1))] = data.draw(OCTETS)
    command, status, sequence, body = split(bytes(frame))
    with contextlib.suppress(ProtocolError):
        wire.decode(command, status, sequence, body)


@given(st.lists(st.binary(max_size=200), max_size=20))
def test_random_octets_never_break_a_session(chunks: list[bytes]) -> None:
    config = SmppConfig(name="c", host="h", system_id="s")
    session = Session(config, "trx", lambda: 0.5)
    session.start(0.0)
    session.tick(0.0)
    session.connected(0.0)
    session.output()
    now = 0.0
    for chunk in chunks:
        session.received(chunk, now)
        session.output()
        now += 1.0
        if session.due() <= now:
            session.tick(now)
    session.lost("end", now)


@given(st.lists(pdus(), max_size=30), st.integers(0, 2**32))
def test_any_pdus_in_any_order_never_break_a_session(heard: list[Pdu], seed: int) -> None:
    config = SmppConfig(name="c", host="h", system_id="s", held=3)
    session = Session(config, "trx", lambda: (seed % 97) / 97)
    session.start(0.0)
    session.tick(0.0)
    session.connected(0.0)
    session.output()
    session.received(wire.encode(wire.BindAnswer(command=wire.BIND_TRANSCEIVER | wire.RESPONSE, sequence=1)), 0.0)
    assert session.may_send
    for n, pdu in enumerate(heard):
        small = msgspec.structs.replace(pdu, sequence=pdu.sequence % 8)  # so that some hit what is under way
        session.received(wire.encode(small), float(n))
        session.output()
        for _ in range(20):  # whatever is due is done by a few ticks, never by endlessly many
            if session.due() > n:
                break
            session.tick(float(n))
        else:
            pytest.fail("a timer that is due for ever")


@pytest.mark.parametrize("length", [0, 15, LONGEST + 1, 0xFFFF_FFFF])
def test_a_length_that_no_pdu_has_ends_the_reading(length: int) -> None:
    good = wire.encode(wire.Bare(command=wire.ENQUIRE_LINK, sequence=1))
    frames, error = Frames().feed(good + HEAD.pack(length, 0x15, 0, 2) + good)
    assert len(frames) == 1
    assert error is not None


@pytest.mark.parametrize(
    "pdu",
    [
        wire.Bind(command=wire.BIND_TRANSCEIVER, system_id="x" * 65, password=""),
        wire.Bind(command=wire.BIND_TRANSCEIVER, system_id="a\0b", password=""),
        wire.Bind(command=wire.BIND_TRANSCEIVER, system_id="\u20ac", password=""),
        wire.Message(command=wire.SUBMIT_SM, dest="9" * 21),
        wire.Message(command=wire.SUBMIT_SM, esm_class=256),
        wire.Message(command=wire.SUBMIT_SM, short_message=b"x" * 256),
        wire.Message(command=wire.SUBMIT_SM, tlvs=((0x10000, b""),)),
        wire.Message(command=wire.SUBMIT_SM, tlvs=((0x0424, b"x" * 0x10000),)),
        wire.Message(command=wire.QUERY_SM),
        wire.Bare(command=0x777),
        wire.Bare(command=wire.UNBIND, sequence=-1),
    ],
)
def test_the_writer_is_strict(pdu: Pdu) -> None:
    with pytest.raises(ProtocolError):
        wire.encode(pdu)


def test_the_octets_of_the_standards_example() -> None:
    """SMPP v3.4, section 3.2.1 (bind_transmitter): the printed octets."""
    printed = bytes.fromhex(
        "0000002F 00000002 00000000 00000001 534D50503354455354 00 7365637265743038 00 5355424D495431 00 00 01 01 00"
    )
    assert wire.decode(*split(printed)) == wire.Bind(
        command=wire.BIND_TRANSMITTER, sequence=1, system_id="SMPP3TEST", password="secret08", system_type="SUBMIT1",
        interface_version=0, addr_ton=1, addr_npi=1,
    )  # fmt: skip
