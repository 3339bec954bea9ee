"""One bind on virtual time: states, timers, window, the three outcomes, and what a bad far end may do."""

from __future__ import annotations

import msgspec
import pytest

from central.adapters.smpp import events as told
from central.adapters.smpp import pdu as wire
from central.adapters.smpp.config import Timers
from central.adapters.smpp.session import Side
from central.adapters.smpp.states import ALLOWED, MOVES, NEWS, State, moved
from central.adapters.smpp.window import LAST, Window
from tests.unit.smpp.rig import Rig, config, ticket


# -- the table -----------------------------------------------------------------------------------------------------------
def test_every_state_has_an_answer_to_every_news() -> None:
    for state in State:
        assert moved(state, "lost") is State.CLOSED
        for news in NEWS:
            assert moved(state, news) is MOVES.get((state, news), state)
        assert state in ALLOWED


@pytest.mark.parametrize(
    ("side", "command", "state"),
    [
        ("trx", wire.BIND_TRANSCEIVER, State.BOUND_TRX),
        ("tx", wire.BIND_TRANSMITTER, State.BOUND_TX),
        ("rx", wire.BIND_RECEIVER, State.BOUND_RX),
    ],
)
def test_a_bind_is_asked_for_and_reached(side: Side, command: int, state: State) -> None:
    rig = Rig(side=side)
    asked = rig.connect()
    assert [pdu.command for pdu in asked] == [command]
    assert isinstance(asked[0], wire.Bind)
    assert (asked[0].system_id, asked[0].password, asked[0].interface_version) == ("esme", "secret", 0x34)
    assert rig.session.state is State.OPEN
    rig.hear(wire.BindAnswer(command=command | wire.RESPONSE, sequence=asked[0].sequence, tlvs=((0x0210, b"\x50"),)))
    assert rig.session.state is state
    assert rig.of(told.Up) == [told.Up(0x50)]
    assert rig.session.may_send is (side != "rx")


@pytest.mark.parametrize("command", sorted(command for command in wire.LAYOUTS if command < wire.RESPONSE))
@pytest.mark.parametrize("state", [State.OPEN, State.BOUND_TX, State.BOUND_RX, State.BOUND_TRX, State.UNBINDING])
def test_every_request_in_every_state(state: State, command: int) -> None:
    sides: dict[State, Side] = {State.BOUND_TX: "tx", State.BOUND_RX: "rx"}
    rig = Rig(side=sides.get(state, "trx"))
    if state is State.OPEN:
        rig.connect()
    else:
        rig.bind()
    if state is State.UNBINDING:
        rig.session.leave(rig.now, 10)
        rig.written()
    assert rig.session.state is state
    kind, _ = wire.LAYOUTS[command]
    needs: dict[str, object] = {"message_id": "1"} if kind in {wire.Query, wire.Replace} else {}
    needs |= {"system_id": "s", "password": "p"} if kind is wire.Bind else {}
    events = rig.hear(msgspec.convert(needs | {"command": command, "sequence": 77}, kind))
    written = rig.written()
    if command in {wire.OUTBIND, wire.ALERT_NOTIFICATION}:
        assert written == []
    elif command not in ALLOWED[state]:
        assert [(pdu.command, pdu.status, pdu.sequence) for pdu in written] == [
            (command | wire.RESPONSE, wire.RINVBNDSTS, 77)
        ]
        assert [type(event) for event in events] == [told.Odd]
    elif command in {wire.DELIVER_SM, wire.DATA_SM}:
        assert written == []  # answered after it is stored
        assert [type(event) for event in events] == [told.Arrived]
    else:
        assert [(pdu.command, pdu.status, pdu.sequence) for pdu in written] == [(command | wire.RESPONSE, 0, 77)]


# -- answers -------------------------------------------------------------------------------------------------------------
def test_an_answer_ends_a_submit() -> None:
    rig = Rig().bind()
    (request,) = rig.send(ticket())
    rig.now += 0.25
    assert rig.answer(request, message_id="00ff") == [told.Answered(ticket(), 0, "00ff", 0.25)]
    assert rig.session.window.flights == {}


def test_answers_may_come_in_any_order_and_only_their_own_number_counts() -> None:
    rig = Rig().bind()
    first, second = rig.send(ticket(1), ticket(2))
    assert [event.ticket.id.int for event in rig.answer(second) if isinstance(event, told.Answered)] == [2]
    assert [type(event) for event in rig.answer(second)] == [told.Odd]
    stray = wire.MessageAnswer(command=wire.SUBMIT_SM | wire.RESPONSE, sequence=0x7FFF_0000)
    assert [type(event) for event in rig.hear(stray)] == [told.Odd]
    wrong_kind = wire.Bare(command=wire.ENQUIRE_LINK | wire.RESPONSE, sequence=first.sequence)
    assert [type(event) for event in rig.hear(wrong_kind)] == [told.Odd]
    assert len(rig.session.window.flights) == 1


def test_a_nack_with_our_number_is_the_answer() -> None:
    rig = Rig().bind()
    (request,) = rig.send(ticket())
    events = rig.hear(wire.Bare(command=wire.GENERIC_NACK, status=wire.RINVCMDID, sequence=request.sequence))
    assert events == [told.Answered(ticket(), wire.RINVCMDID, "", 0.0)]
    (request,) = rig.send(ticket(2))
    (event,) = rig.hear(wire.Bare(command=wire.GENERIC_NACK, status=0, sequence=request.sequence))
    assert isinstance(event, told.Answered)
    assert event.status != 0  # a nack is never a yes


def test_a_nack_for_nothing_closes_the_link() -> None:
    rig = Rig().bind()
    rig.send(ticket())
    assert any(isinstance(event, told.Close) for event in rig.hear(wire.Bare(command=wire.GENERIC_NACK, status=2)))
    assert [type(event) for event in rig.lose()] == [told.Down, told.Unsure]


def test_a_status_that_means_out_of_step_makes_the_link_anew() -> None:
    rig = Rig().bind()
    (request,) = rig.send(ticket())
    assert [type(event) for event in rig.answer(request, wire.RINVBNDSTS)] == [told.Answered, told.Close]


# -- the three outcomes --------------------------------------------------------------------------------------------------
def test_what_was_written_is_unsure_and_what_was_not_is_not_sent() -> None:
    rig = Rig().bind()
    rig.send(ticket(1), ticket(2))
    rig.send(ticket(3), write=False)
    assert rig.lose("reset") == [
        told.Down("reset", was_bound=True),
        told.Unsent([ticket(3)], "link_lost"),
        told.Unsure([ticket(1), ticket(2)], "link_lost"),
    ]
    assert rig.lose() == [told.Down("cut", was_bound=False)]  # nothing has two ends


def test_no_answer_in_time_is_unsure_and_a_late_answer_is_told_as_late() -> None:
    rig = Rig().bind()
    first, second = rig.send(ticket(1), ticket(2))
    rig.answer(second)
    assert [event for event in rig.pass_time(9.9) if isinstance(event, told.Unsure)] == []
    assert rig.pass_time(0.1) == [told.Unsure([ticket(1)], "no_answer")]
    (late,) = rig.answer(first, message_id="77")
    assert late == told.Answered(ticket(1), 0, "77", 10.0, late=True)
    assert [type(event) for event in rig.answer(first)] == [told.Odd]


def test_a_carrier_that_answers_nothing_loses_the_link_and_is_left_alone_longer_each_time() -> None:
    rig = Rig()
    waits: list[float] = []
    for n in range(7):
        rig.bind() if n == 0 else rig.bind_again()
        rig.send(*(ticket(i) for i in range(10)))
        events = rig.pass_time(10)
        assert [type(event) for event in events] == [told.Unsure, told.Close]
        rig.lose()
        waits.append(rig.session.due() - rig.now)
    assert waits == sorted(waits)
    assert waits[-1] >= 30


def test_single_answers_that_stay_away_do_not_close_the_link() -> None:
    rig = Rig().bind()
    for n in range(20):
        _, kept = rig.send(ticket(2 * n), ticket(2 * n + 1))
        rig.answer(kept)
        rig.pass_time(11)
        for pdu in rig.written():
            rig.hear(wire.Bare(command=pdu.command | wire.RESPONSE, sequence=pdu.sequence))
    assert rig.of(told.Close) == []
    assert len(rig.of(told.Unsure)) == 20


def test_what_the_transport_never_took_closes_the_link_and_is_not_sent() -> None:
    rig = Rig().bind()
    rig.send(ticket(), write=False)
    assert [type(event) for event in rig.pass_time(10)] == [told.Close]
    assert [type(event) for event in rig.lose()] == [told.Down, told.Unsent]


# -- log-in --------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("status", [0x0E, 0x0F])
def test_three_refused_log_ins_stop_the_bind(status: int) -> None:
    rig = Rig()
    rig.session.start(rig.now)
    for n in range(3):
        assert any(isinstance(event, told.Connect) for event in rig.pass_time(120))
        rig.session.connected(rig.now)
        (asked,) = rig.written()
        rig.hear(wire.BindAnswer(command=asked.command | wire.RESPONSE, sequence=asked.sequence, status=status))
        assert rig.of(told.Refused)[-1] == told.Refused(status, stopped=n == 2)
        rig.lose()
    assert rig.pass_time(100_000) == []
    rig.session.start(rig.now)  # a person has mended it
    assert [type(event) for event in rig.pass_time(0)] == [told.Connect]


def test_other_refusals_are_tried_again() -> None:
    rig = Rig()
    rig.session.start(rig.now)
    for _ in range(10):
        assert any(isinstance(event, told.Connect) for event in rig.pass_time(120))
        rig.session.connected(rig.now)
        (asked,) = rig.written()
        rig.hear(wire.BindAnswer(command=asked.command | wire.RESPONSE, sequence=asked.sequence, status=0x0D))
        rig.lose()
    assert not rig.session.stopped


@pytest.mark.parametrize("command", [wire.BIND_TRANSCEIVER | wire.RESPONSE, wire.GENERIC_NACK])
def test_an_smsc_without_transceivers_is_told(command: int) -> None:
    rig = Rig()
    (asked,) = rig.connect()
    kind = wire.Bare if command == wire.GENERIC_NACK else wire.BindAnswer
    rig.hear(kind(command=command, sequence=asked.sequence, status=wire.RINVCMDID))
    assert rig.of(told.Refused) == [told.Refused(wire.RINVCMDID, stopped=True, no_transceiver=True)]


def test_a_bind_without_an_answer_closes_the_link() -> None:
    rig = Rig()
    rig.connect()
    assert [type(event) for event in rig.pass_time(10)] == [told.Close]
    rig.lose()
    assert rig.session.due() > rig.now


@pytest.mark.parametrize(
    ("version", "without", "tlvs"),
    [(None, "tlvs", True), (None, "no_tlvs", False), (0x33, "tlvs", False), (0x34, "no_tlvs", True)],
)
def test_the_version_of_the_smsc_decides_on_tlvs(version: int | None, without: str, tlvs: bool) -> None:
    rig = Rig(config(without_version=without))
    rig.bind(tlvs=() if version is None else ((0x0210, bytes([version])),))
    assert rig.session.tlvs is tlvs


# -- keeping the link ----------------------------------------------------------------------------------------------------
def test_silence_is_asked_about_and_no_answer_closes_the_link() -> None:
    rig = Rig().bind()
    assert rig.pass_time(29.9) == []
    assert rig.written() == []
    rig.pass_time(0.1)
    (asked,) = rig.written()
    assert asked.command == wire.ENQUIRE_LINK
    rig.now += 0.5
    assert rig.hear(wire.Bare(command=asked.command | wire.RESPONSE, sequence=asked.sequence)) == [told.Enquired(0.5)]
    rig.pass_time(30)
    assert [pdu.command for pdu in rig.written()] == [wire.ENQUIRE_LINK]
    assert [type(event) for event in rig.pass_time(10)] == [told.Close]


def test_their_enquiry_is_answered_at_once_also_while_the_bind_rests() -> None:
    rig = Rig().bind()
    (request,) = rig.send(ticket())
    rig.answer(request, wire.RTHROTTLED)
    assert rig.session.room(rig.now) == 0
    rig.hear(wire.Bare(command=wire.ENQUIRE_LINK, sequence=9))
    assert [(pdu.command, pdu.sequence) for pdu in rig.written()] == [(wire.ENQUIRE_LINK | wire.RESPONSE, 9)]


def test_a_bind_without_messages_is_made_anew_where_the_settings_say_so() -> None:
    rig = Rig(config(timers=Timers(inactivity=100, enquire=1_000))).bind()
    rig.pass_time(100)
    (asked,) = rig.written()
    assert asked.command == wire.UNBIND
    rig.hear(wire.Bare(command=asked.command | wire.RESPONSE, sequence=asked.sequence))
    rig.lose()
    assert any(isinstance(event, told.Connect) for event in rig.pass_time(2))


def test_the_waits_between_connections_grow_and_a_working_link_makes_them_short_again() -> None:
    rig = Rig()
    rig.session.start(rig.now)
    rig.pass_time(0)
    waits: list[float] = []
    for _ in range(9):
        rig.lose("refused")
        waits.append(rig.session.due() - rig.now)
        rig.pass_time(waits[-1])
    assert waits == sorted(waits)
    assert waits[0] == 0.75  # 1 s, half of it by chance
    assert waits[-1] == 45.0  # 60 s
    rig.session.connected(rig.now)
    (asked,) = rig.written()
    rig.hear(wire.BindAnswer(command=asked.command | wire.RESPONSE, sequence=asked.sequence))
    rig.lose()
    assert rig.session.due() - rig.now == 45.0  # bound, but nothing worked
    rig.bind_again()
    rig.answer(rig.send(ticket())[0])
    rig.lose()
    assert rig.session.due() - rig.now == 0.75


# -- leaving -------------------------------------------------------------------------------------------------------------
def test_leaving_waits_for_the_window_then_unbinds() -> None:
    rig = Rig().bind()
    (request,) = rig.send(ticket())
    assert rig.session.leave(rig.now, 30) == []
    assert not rig.session.may_send
    assert rig.written() == []
    rig.answer(request)
    (asked,) = rig.written()
    assert asked.command == wire.UNBIND
    rig.hear(wire.Bare(command=asked.command | wire.RESPONSE, sequence=asked.sequence))
    assert [type(event) for event in rig.of(told.Close)] == [told.Close]
    assert rig.lose() == [told.Down("cut", was_bound=True)]
    assert rig.pass_time(10_000) == []


def test_leaving_has_an_end_when_the_smsc_says_nothing() -> None:
    rig = Rig().bind()
    rig.send(ticket())
    rig.session.leave(rig.now, 3)
    rig.pass_time(3)
    assert [pdu.command for pdu in rig.written()] == [wire.UNBIND]
    assert told.Close in {type(event) for event in rig.pass_time(5)}
    assert [type(event) for event in rig.lose()] == [told.Down, told.Unsure]


def test_their_unbind_is_answered_and_the_bind_comes_back() -> None:
    rig = Rig().bind()
    rig.send(ticket())
    assert [type(event) for event in rig.hear(wire.Bare(command=wire.UNBIND, sequence=4))] == [told.Close]
    assert [pdu.command for pdu in rig.written()] == [wire.UNBIND | wire.RESPONSE]
    assert [type(event) for event in rig.lose()] == [told.Down, told.Unsure]
    assert any(isinstance(event, told.Connect) for event in rig.pass_time(2))


# -- questions -----------------------------------------------------------------------------------------------------------
def test_questions_are_answered_refused_or_left_alone() -> None:
    rig = Rig().bind()
    question = told.Question("1a")
    query = wire.Query(command=wire.QUERY_SM, message_id="1a")
    assert rig.session.ask(query, question, rig.now)
    (asked,) = rig.written()
    answer = wire.QueryAnswer(
        command=asked.command | wire.RESPONSE, sequence=asked.sequence, message_id="1a", final_date="", message_state=2
    )
    rig.hear(answer)
    rig.session.ask(query, question, rig.now)
    (asked,) = rig.written()
    rig.hear(wire.QueryAnswer(command=asked.command | wire.RESPONSE, sequence=asked.sequence, status=0x67))
    cancel = wire.Cancel(command=wire.CANCEL_SM, message_id="1a")
    rig.session.ask(cancel, question, rig.now)
    rig.pass_time(10)
    replace = wire.Replace(command=wire.REPLACE_SM, message_id="1a", short_message=b"x")
    rig.session.ask(replace, question, rig.now)
    rig.lose()
    assert rig.of(told.Replied) == [
        told.Replied(question, wire.QUERY_SM, 0, answer),
        told.Replied(question, wire.QUERY_SM, 0x67, None),
        told.Replied(question, wire.CANCEL_SM, None, None),
        told.Replied(question, wire.REPLACE_SM, None, None),
    ]
    assert not rig.session.ask(query, question, rig.now)


# -- sequence numbers ----------------------------------------------------------------------------------------------------
def test_numbers_wrap_and_leave_out_what_is_in_flight() -> None:
    window = Window()
    assert window.next_sequence() == 1
    window.flights[2] = ticket(), 0.0
    assert window.next_sequence() == 3
    window._last = LAST - 1  # pyright: ignore[reportPrivateUsage]
    assert window.next_sequence() == LAST
    window.flights[1] = ticket(), 0.0
    assert window.next_sequence() == 3
