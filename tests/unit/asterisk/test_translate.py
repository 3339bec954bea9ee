"""The observed table: what Asterisk 22 reports in each situation, and the evidence that it must become."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from central.adapters.asterisk.evidence import awaits_last_word
from central.adapters.asterisk.legs import LegState, note_local
from central.adapters.asterisk.siptext import WireFacts
from central.adapters.asterisk.translate import (
    Now,
    give_up_recording,
    lost_engine,
    resume,
    translate,
    unaccounted,
    vanished,
)
from central.adapters.asterisk.wire import Channel, Event, Playback, Recording
from central.application.ports.telephony import (
    HoldChanged,
    LegAnswered,
    LegEnded,
    LegProgress,
    PlaybackEnded,
    RecordingEnded,
    TelephonyEvent,
)
from central.domain.evidence import Evidence, Phase
from central.domain.ids import LegId

LEG = LegId(UUID(int=7))
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CHANNEL = Channel(LEG.hex, "Down", "call-id-1")

DIAL = Event("Dial", peer=CHANNEL)
RINGS = Event("Dial", peer=CHANNEL, dialstatus="RINGING")
EARLY = Event("Dial", peer=CHANNEL, dialstatus="PROGRESS")
BUSY = Event("Dial", peer=CHANNEL, dialstatus="BUSY")
UP = Event("ChannelStateChange", channel=Channel(LEG.hex, "Up", "call-id-1"))
RINGING = Event("ChannelStateChange", channel=Channel(LEG.hex, "Ringing", "call-id-1"))
STASIS = Event("StasisStart", channel=CHANNEL)


def hangup(cause: int, tech: int | None = None) -> Event:
    return Event("ChannelHangupRequest", channel=CHANNEL, cause=cause, tech_cause=tech)


def destroyed(cause: int, tech: int | None = None) -> Event:
    return Event("ChannelDestroyed", channel=CHANNEL, cause=cause, tech_cause=tech)


def run(
    *events: Event | str, wire: WireFacts | None = None, seconds: float = 1.0, detect: bool = False
) -> list[TelephonyEvent]:
    """Feed events, and our own hang-ups as words; everything that was told."""
    state: LegState | None = LegState(LEG, 100.0, detect=detect)
    told: list[TelephonyEvent] = []
    for i, event in enumerate(events):
        assert state is not None, "an event after the end"
        if isinstance(event, str):
            state = note_local(state, event)
            continue
        last = i == len(events) - 1
        now = Now(AT + timedelta(seconds=i), 100.0 + (seconds if last else 0))
        outcome = translate(state, event, now, lambda: wire)
        state = outcome.state
        told += outcome.events
    return told


def evidence(*events: Event | str, wire: WireFacts | None = None, seconds: float = 1.0) -> Evidence:
    last = run(*events, wire=wire, seconds=seconds)[-1]
    assert isinstance(last, LegEnded)
    return last.evidence


REFUSED = WireFacts(complete=True, received_any=True)


@pytest.mark.parametrize(
    ("cause", "tech"),
    [(16, 301), (23, 302), (127, 400), (3, 420), (29, 501), (38, 500), (27, 502), (21, 401), (21, 407), (127, 415), (58, 488),
     (58, 606), (21, 403), (21, 603), (127, 607), (127, 608), (1, 404), (1, 604), (22, 410), (28, 484), (17, 486), (17, 600),
     (34, 503), (102, 504), (127, 487)],
)  # fmt: skip
def test_a_refusal_is_the_other_sides_code_and_never_asterisks_derived_cause(cause: int, tech: int) -> None:
    found = evidence(DIAL, hangup(cause, tech), BUSY, destroyed(cause, tech))
    assert (found.local, found.phase, found.sip, found.q850, found.side) == (None, Phase.DIALING, tech, None, "them")
    assert (found.engine.cause, found.engine.tech_cause) == (cause, tech)


@pytest.mark.parametrize("order", [(DIAL, RINGS, RINGING), (DIAL, RINGING, RINGS), (DIAL, EARLY), (RINGING, DIAL)])
def test_ringing_is_seen_in_any_order_and_in_early_media(order: tuple[Event, ...]) -> None:
    found = evidence(*order, hangup(19, 480), destroyed(19, 480))
    assert (found.phase, found.sip) == (Phase.RINGING, 480)


def test_the_reason_header_on_the_wire_is_added_to_the_code() -> None:
    wire = replace(REFUSED, final_code=480, q850=20)
    found = evidence(DIAL, RINGS, hangup(19, 480), destroyed(19, 480), wire=wire)
    assert (found.sip, found.q850) == (480, 20)


def test_a_redirect_that_asterisk_reports_without_a_code_is_known_from_the_wire() -> None:
    found = evidence(DIAL, hangup(0), destroyed(0), wire=replace(REFUSED, final_code=302))
    assert (found.local, found.sip) == (None, 302)
    assert evidence(DIAL, hangup(0), destroyed(0)).sip is None


@pytest.mark.parametrize(("cause", "q850"), [(16, 16), (41, 41), (0, None)])
def test_a_far_end_bye_gives_its_reason_if_it_had_one(cause: int, q850: int | None) -> None:
    found = evidence(DIAL, RINGS, UP, STASIS, hangup(cause), destroyed(cause))
    assert (found.local, found.phase, found.q850, found.side, found.end) == (
        "hangup_by_them", Phase.ANSWERED, q850, "them", "normal",
    )  # fmt: skip


def test_our_hang_up_of_an_answered_leg() -> None:
    found = evidence(DIAL, UP, STASIS, "hangup_by_us", hangup(32), destroyed(16))
    assert (found.local, found.phase, found.q850, found.side, found.end) == (
        "hangup_by_us", Phase.ANSWERED, None, "us", "normal",
    )  # fmt: skip


def test_a_cancel_that_came_after_the_answer_cannot_undo_the_conversation() -> None:
    found = evidence(DIAL, RINGS, "ring_timeout_after_ringing", UP, STASIS, hangup(32), destroyed(16))
    assert (found.local, found.phase, found.end) == ("hangup_by_us", Phase.ANSWERED, "dropped")


@pytest.mark.parametrize("local", ["ring_timeout_after_ringing", "cancelled_by_us", "cancelled_by_first_party"])
def test_our_own_condition_goes_before_what_the_engine_reports(local: str) -> None:
    found = evidence(DIAL, RINGS, local, hangup(32), destroyed(16), wire=replace(REFUSED, final_code=487))
    assert (found.local, found.phase, found.sip, found.side, found.end) == (local, Phase.RINGING, None, "us", "normal")


def test_a_refusal_that_crossed_our_cancel_is_shown_beside_our_condition() -> None:
    found = evidence(DIAL, RINGS, "cancelled_by_us", hangup(32), destroyed(17), wire=replace(REFUSED, final_code=486))
    assert (found.local, found.sip) == ("cancelled_by_us", 486)


def test_a_refusal_that_came_before_our_hang_up_is_the_far_ends() -> None:
    found = evidence(DIAL, hangup(17, 486), "cancelled_by_us", destroyed(17, 486))
    assert (found.local, found.sip, found.side) == (None, 486, "them")


def test_an_answer_that_crossed_our_cancel_is_marked() -> None:
    wire = WireFacts(complete=True, received_any=True, answered=True, crossed_cancel=True, final_code=200)
    found = evidence(DIAL, RINGS, "ring_timeout_after_ringing", hangup(32), destroyed(16), wire=wire)
    assert (found.local, found.phase, found.sip, found.end) == (
        "ring_timeout_after_ringing", Phase.RINGING, None, "dropped",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("before", "local"),
    [((DIAL, RINGS), "ring_timeout_after_ringing"), ((DIAL,), "ring_timeout_without_ringing")],
)
def test_the_engines_own_timer_invents_480_and_19(before: tuple[Event, ...], local: str) -> None:
    confirmed = replace(REFUSED, final_code=487, cancelled=True)
    for wire in (None, confirmed):  # the 487 to its CANCEL may be here first
        found = evidence(*before, destroyed(19, 480), wire=wire)
        assert (found.local, found.sip, found.side) == (local, None, "us")


def test_a_487_that_nobody_asked_for_is_the_far_sides_own() -> None:
    found = evidence(DIAL, destroyed(19, 480), wire=replace(REFUSED, final_code=487))
    assert (found.local, found.sip) == (None, 487)


def test_timer_b_is_no_response_by_the_wire_or_by_the_clock() -> None:
    silent = WireFacts(complete=True)
    for found in (
        evidence(DIAL, hangup(18, 408), destroyed(18, 408), wire=silent, seconds=32.0),
        evidence(DIAL, hangup(18, 408), destroyed(18, 408), seconds=32.0),
    ):
        assert (found.local, found.sip, found.elapsed_ms) == ("no_response", None, 32_000)


def test_a_408_of_the_carrier_is_the_carriers_own() -> None:
    assert evidence(DIAL, hangup(18, 408), destroyed(18, 408)).sip == 408
    assert evidence(DIAL, RINGS, hangup(18, 408), destroyed(18, 408), seconds=40.0).sip == 408
    late = replace(REFUSED, final_code=408)
    assert evidence(DIAL, hangup(18, 408), destroyed(18, 408), wire=late, seconds=40.0).sip == 408


def test_a_503_that_nobody_sent_is_no_response() -> None:
    assert evidence(DIAL, hangup(34, 503), destroyed(34, 503), wire=WireFacts(complete=True)).local == "no_response"
    assert evidence(DIAL, hangup(34, 503), destroyed(34, 503), wire=replace(REFUSED, final_code=503)).sip == 503


def test_media_that_stopped_is_our_doing_and_stays_answered() -> None:
    found = evidence(DIAL, UP, STASIS, hangup(44), destroyed(44), wire=replace(REFUSED, answered=True, bye_from="us"))
    assert (found.local, found.phase, found.side, found.end) == ("hangup_by_us", Phase.ANSWERED, "us", "dropped")


def test_an_end_without_any_evidence_names_nobodys_code() -> None:
    found = evidence(DIAL, destroyed(38))
    assert (found.local, found.sip, found.q850) == (None, None, None)


def test_a_leg_that_ends_before_it_obeyed_is_still_told_as_answered_first() -> None:
    told = run(DIAL, UP, hangup(16), destroyed(16))
    assert [type(event) for event in told] == [LegProgress, LegAnswered, LegEnded]
    answered = told[1]
    assert isinstance(answered, LegAnswered)
    assert answered.at == AT + timedelta(seconds=1)  # when it was answered, not when it was told


@pytest.mark.parametrize(
    ("status", "machine"), [("HUMAN", False), ("MACHINE", True), ("NOTSURE", None), ("HANGUP", None)]
)
def test_detection_delays_the_answer_until_its_verdict(status: str, machine: bool | None) -> None:
    back = Event("StasisStart", channel=CHANNEL, args=("amd", status, "detail"))
    first = translate(LegState(LEG, 0, detect=True), STASIS, Now(AT, 0), lambda: None)
    assert first.start_detection
    assert first.state is not None
    assert not any(isinstance(event, LegAnswered) for event in first.events)
    second = translate(first.state, back, Now(AT + timedelta(seconds=2), 2), lambda: None)
    assert second.events == (LegAnswered(LEG, AT, machine),)
    assert not second.start_detection


def test_open_playbacks_end_with_the_leg_and_unknown_ones_are_ignored() -> None:
    state = LegState(LEG, 0, phase=Phase.ANSWERED, answered_at=AT, announced=True, playbacks=("a", "b"))
    done = Event("PlaybackFinished", playback=Playback("a", f"channel:{LEG.hex}", "done"))
    first = translate(state, done, Now(AT, 1), lambda: None)
    assert first.events == (PlaybackEnded(LEG, AT, "a", ok=True),)
    assert first.state is not None
    assert translate(first.state, done, Now(AT, 1), lambda: None).events == ()
    last = translate(first.state, destroyed(16), Now(AT, 1), lambda: None).events
    assert [type(event) for event in last] == [PlaybackEnded, LegEnded]


def test_hold_is_told_and_unknown_events_change_nothing() -> None:
    state = LegState(LEG, 0)
    held = translate(state, Event("ChannelHold", channel=CHANNEL), Now(AT, 0), lambda: None)
    assert held.events == (HoldChanged(LEG, AT, held=True),)
    odd = translate(state, Event("ChannelSomethingNew", channel=CHANNEL), Now(AT, 0), lambda: None)
    assert (odd.state, odd.events) == (state, ())


def test_a_cancelled_leg_waits_for_the_last_word_only_while_one_can_come() -> None:
    ours = LegState(LEG, 0, phase=Phase.RINGING, local="cancelled_by_us")
    assert awaits_last_word(ours, REFUSED)
    assert not awaits_last_word(ours, replace(REFUSED, final_code=487))
    assert not awaits_last_word(ours, WireFacts(complete=True))  # nothing was received: SIP sends no CANCEL at all
    assert not awaits_last_word(ours, None)
    assert awaits_last_word(replace(ours, local=None), REFUSED)  # a refusal is told before its copy is here
    assert not awaits_last_word(replace(ours, phase=Phase.ANSWERED), REFUSED)


def end_of(state: LegState, wire: WireFacts | None) -> Evidence:
    last = vanished(state, Now(AT, 5), wire).events[-1]
    assert isinstance(last, LegEnded)
    return last.evidence


def test_what_ended_while_we_were_deaf_is_recovered_from_the_wire_or_lost() -> None:
    ringing = LegState(LEG, 0, phase=Phase.RINGING, sip_call_id="x")
    talked = replace(REFUSED, answered=True, final_code=200, bye_from="them", q850=16)
    assert end_of(ringing, replace(REFUSED, final_code=486, q850=17)) == Evidence(
        phase=Phase.RINGING, sip=486, q850=17, elapsed_ms=5000
    )
    assert end_of(ringing, talked) == Evidence(local="hangup_by_them", phase=Phase.ANSWERED, q850=16, elapsed_ms=5000)
    given_up = end_of(ringing, replace(talked, bye_from="us", q850=None))
    assert (given_up.local, given_up.phase, given_up.end) == ("hangup_by_us", Phase.ANSWERED, "lost")
    unknown = end_of(ringing, None)
    assert (unknown.local, unknown.end) == ("engine_lost", "lost")
    cancelled = end_of(replace(ringing, local="cancelled_by_us"), None)
    assert (cancelled.local, cancelled.end) == ("cancelled_by_us", "normal")
    spoken = end_of(replace(ringing, phase=Phase.ANSWERED), None)
    assert (spoken.local, spoken.phase, spoken.end) == (None, Phase.ANSWERED, "lost")


def test_a_lost_engine_never_turns_a_conversation_into_a_failure() -> None:
    for phase, local in ((Phase.ANSWERED, None), (Phase.RINGING, "engine_lost"), (Phase.DIALING, "engine_lost")):
        last = lost_engine(LegState(LEG, 0, phase=phase), Now(AT, 1)).events[-1]
        assert isinstance(last, LegEnded)
        assert (last.evidence.local, last.evidence.phase, last.evidence.end) == (local, phase, "lost")


def test_after_deafness_a_leg_that_was_answered_meanwhile_is_told() -> None:
    state = LegState(LEG, 0, phase=Phase.RINGING, sip_call_id="x")
    outcome = resume(state, Channel(LEG.hex, "Up", "x"), Now(AT, 1))
    assert outcome.events == (LegAnswered(LEG, AT, None),)
    assert outcome.state is not None
    assert resume(outcome.state, Channel(LEG.hex, "Up", "x"), Now(AT, 2)).events == ()


def test_a_call_id_that_becomes_known_late_does_not_set_the_phase_back() -> None:
    unnamed = Event("ChannelStateChange", channel=Channel(LEG.hex, "Ringing"))
    found = evidence(unnamed, DIAL, hangup(17, 486), destroyed(17, 486))
    assert (found.phase, found.sip) == (Phase.RINGING, 486)


def test_the_first_hang_up_request_counts_and_a_later_code_completes_it() -> None:
    assert evidence(DIAL, UP, STASIS, hangup(16), hangup(41), destroyed(16)).q850 == 16
    assert evidence(DIAL, hangup(0), hangup(17, 486), destroyed(17, 486)).sip == 486


def test_a_call_that_is_recorded_as_a_whole_is_told_as_answered_once_it_records() -> None:
    now, back = Now(AT, 1), Event("StasisStart", channel=CHANNEL, args=("recorded",))
    for inbound, news in ((False, STASIS), (True, UP)):
        state = LegState(LEG, 0, phase=Phase.RINGING, sip_call_id="call-id-1", whole="w", inbound=inbound)
        answered = translate(state, news, now, lambda: None)
        assert (answered.start_recording, answered.events) == (True, ())
        assert answered.state is not None
        again = translate(answered.state, news, now, lambda: None)
        assert (again.start_recording, again.events) == (False, ())
        told = translate(answered.state, back, Now(AT + timedelta(seconds=1), 2), lambda: None)
        assert told.events == (LegAnswered(LEG, AT, None),)  # with the time of the answer
        assert give_up_recording(answered.state, now).events == (LegAnswered(LEG, AT, None),)


def test_the_end_of_a_recording_is_told_once_and_before_the_legs() -> None:
    state = LegState(LEG, 0, phase=Phase.ANSWERED, announced=True, recordings=("r",))
    ended = Event("RecordingFailed", recording=Recording("r", f"channel:{LEG.hex}", "no space"))
    assert ended.channel_id == LEG.hex
    outcome = translate(state, ended, Now(AT, 1), lambda: None)
    assert outcome.events == (RecordingEnded(LEG, AT, "r", ok=False, detail="no space"),)
    assert outcome.state is not None
    assert translate(outcome.state, ended, Now(AT, 2), lambda: None).events == ()
    told = translate(state, destroyed(16), Now(AT, 2), lambda: None).events
    assert [type(event) for event in told] == [RecordingEnded, LegEnded]


def test_a_leg_that_may_have_been_sent_is_never_said_to_be_unsent() -> None:
    unsent = LegState(LEG, 0)
    uncertain = replace(unsent, placed=True, uncertain=True)
    given_up = replace(uncertain, local="ring_timeout_without_ringing")
    for gone in (lost_engine, unaccounted):
        last = gone(uncertain, Now(AT, 5)).events[-1]
        assert isinstance(last, LegEnded)
        assert (last.evidence.phase, last.evidence.local, last.evidence.end) == (Phase.DIALING, "engine_lost", "lost")
    for state in (uncertain, given_up):
        assert (end_of(state, None).phase, end_of(state, None).local) == (Phase.DIALING, "engine_lost")
    assert end_of(unsent, None).phase is Phase.NONE
