"""What the SMSC asks of one bind, and what it sends that is no lawful PDU, on virtual time."""

from __future__ import annotations

import pytest

from central.adapters.smpp import events as told
from central.adapters.smpp import pdu as wire
from central.adapters.smpp.config import Timers
from tests.unit.smpp.rig import Rig, config, ticket


# -- what comes in -------------------------------------------------------------------------------------------------------
def deliver(sequence: int) -> wire.Message:
    return wire.Message(command=wire.DELIVER_SM, sequence=sequence, esm_class=4, short_message=b"id:1 stat:DELIVRD")


def test_a_receipt_is_answered_only_when_told_so_and_never_on_another_connection() -> None:
    rig = Rig().bind()
    (event,) = rig.hear(deliver(5))
    assert isinstance(event, told.Arrived)
    assert rig.written() == []
    rig.lose()
    rig.bind_again()
    rig.hear(deliver(5))
    rig.session.answer([event.token], 0, rig.now)
    assert rig.written() == []  # the old connection's number 5
    rig.session.answer([rig.of(told.Arrived)[-1].token], wire.RMSGQFUL, rig.now)
    assert [(pdu.command, pdu.status, pdu.sequence) for pdu in rig.written()] == [
        (wire.DELIVER_SM | wire.RESPONSE, wire.RMSGQFUL, 5)
    ]


def test_too_much_to_store_stops_the_reading_then_is_refused() -> None:
    rig = Rig(config(held=4)).bind()
    rig.send(ticket())
    for n in range(4):
        rig.hear(deliver(n + 1))
    assert not rig.session.reading
    assert rig.pass_time(4.9) == []
    rig.pass_time(0.1)
    assert rig.session.reading  # a deaf link would be closed by the SMSC
    rig.hear(deliver(5))
    assert [(pdu.status, pdu.sequence) for pdu in rig.written()] == [(wire.RMSGQFUL, 5)]
    rig.session.answer([event.token for event in rig.of(told.Arrived)], 0, rig.now)
    rig.written()
    assert [type(event) for event in rig.hear(deliver(6))] == [told.Arrived]


def test_time_that_was_not_read_is_no_time_without_an_answer() -> None:
    rig = Rig(config(held=2, timers=Timers(response=2))).bind()
    (request,) = rig.send(ticket())
    rig.hear(deliver(1), deliver(2))
    rig.pass_time(4)
    assert rig.of(told.Unsure) == []
    rig.session.answer([event.token for event in rig.of(told.Arrived)], 0, rig.now)
    rig.pass_time(1.9)
    assert [type(event) for event in rig.answer(request)] == [told.Answered]


def test_one_read_that_brings_too_much_is_bounded() -> None:
    rig = Rig(config(held=10)).bind()
    rig.hear(*(deliver(n) for n in range(1, 101)))
    assert len(rig.of(told.Arrived)) == 20
    assert sum(pdu.status == wire.RMSGQFUL for pdu in rig.written()) == 80


# -- malformed -----------------------------------------------------------------------------------------------------------
def test_an_unknown_command_gets_a_nack_and_the_link_lives() -> None:
    rig = Rig().bind()
    rig.hear(wire.HEAD.pack(20, 0x0000_0777, 0, 31) + b"abcd")
    assert [(pdu.command, pdu.status, pdu.sequence) for pdu in rig.written()] == [
        (wire.GENERIC_NACK, wire.RINVCMDID, 31)
    ]
    assert rig.session.may_send
    rig.hear(wire.HEAD.pack(16, 0x8000_0777, 0, 31))
    assert rig.written() == []  # never a nack for a response


def test_a_broken_body_is_told_by_the_commands_own_response() -> None:
    rig = Rig().bind()
    rig.hear(wire.HEAD.pack(18, wire.DELIVER_SM, 0, 8) + b"\0\0")
    assert [(pdu.command, pdu.status) for pdu in rig.written()] == [(wire.DELIVER_SM | wire.RESPONSE, wire.RINVCMDLEN)]
    cut_tlv = wire.encode_body(deliver(1)) + b"\x04\x27\x00\x09x"
    rig.hear(wire.HEAD.pack(16 + len(cut_tlv), wire.DELIVER_SM, 0, 9) + cut_tlv)
    assert [pdu.status for pdu in rig.written()] == [wire.RINVTLVSTREAM]
    assert rig.session.may_send


@pytest.mark.parametrize("length", [0, 1, 15, 64 * 1024 + 257, 0xFFFF_FFFF])
def test_a_length_that_cannot_be_closes_the_link_once(length: int) -> None:
    rig = Rig().bind()
    rig.send(ticket())
    bad = wire.HEAD.pack(length, wire.ENQUIRE_LINK, 0, 1)
    assert [type(event) for event in rig.hear(bad)] == [told.Odd, told.Close]
    assert [(pdu.command, pdu.status) for pdu in rig.written()] == [(wire.GENERIC_NACK, wire.RINVCMDLEN)]
    assert rig.hear(bad) == []
    assert rig.pass_time(1_000) == []
    assert [type(event) for event in rig.lose()] == [told.Down, told.Unsure]
