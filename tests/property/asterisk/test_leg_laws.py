"""Whatever the engine says, in whatever order: a leg is answered at most once, ends exactly once, and never goes back."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from central.adapters.asterisk.legs import LegState, note_local
from central.adapters.asterisk.siptext import WireFacts, facts
from central.adapters.asterisk.translate import Now, resume, translate, vanished
from central.adapters.asterisk.wire import Channel, Event, Playback, Recording
from central.application.ports.telephony import (
    LegAnswered,
    LegEnded,
    LegProgress,
    PlaybackEnded,
    RecordingEnded,
    TelephonyEvent,
)
from central.domain.evidence import Phase
from central.domain.ids import LegId

LEG = LegId(UUID(int=9))
NOW = Now(datetime(2026, 1, 1, tzinfo=UTC), 40.0)
RANK = [Phase.NONE, Phase.DIALING, Phase.RINGING, Phase.ANSWERED]

channels = st.builds(
    Channel, st.just(LEG.hex), st.sampled_from(["Down", "Ring", "Ringing", "Up", "Busy"]), st.sampled_from(["", "call"])
)
causes = st.none() | st.integers(0, 127)
codes = st.none() | st.integers(300, 699)
events = st.builds(
    Event,
    st.sampled_from(
        ["Dial", "ChannelStateChange", "StasisStart", "ChannelHangupRequest", "ChannelDtmfReceived", "ChannelHold",
         "ChannelUnhold", "PlaybackFinished", "RecordingFinished",
         "RecordingFailed", "SomethingNew"]
    ),
    channel=channels,
    playback=st.builds(Playback, st.sampled_from(["a", "b"]), st.just(""), st.sampled_from(["done", "failed"])),
    recording=st.builds(Recording, st.sampled_from(["r", "s"]), st.just(""), st.sampled_from(["", "no space"])),
    dialstatus=st.sampled_from(["", "RINGING", "PROGRESS", "ANSWER", "BUSY", "NOANSWER"]),
    cause=causes,
    tech_cause=codes,
    args=st.sampled_from([(), ("amd",), ("amd", "HUMAN"), ("amd", "MACHINE", "x"), ("recorded",)]),
)  # fmt: skip
locals_ = st.sampled_from(["hangup_by_us", "cancelled_by_us", "ring_timeout_after_ringing"])
wires = st.none() | st.builds(
    WireFacts, st.booleans(), st.booleans(), st.booleans(), st.booleans(), st.booleans(), codes, causes,
    st.sampled_from([None, "us", "them"]),
)  # fmt: skip
destroyed = st.builds(Event, st.just("ChannelDestroyed"), channel=channels, cause=causes, tech_cause=codes)


@given(st.lists(events | locals_), st.booleans(), st.sampled_from(["", "whole"]), wires, destroyed | st.none())
def test_the_laws_of_a_leg(
    steps: list[Event | str], detect: bool, whole: str, wire: WireFacts | None, last: Event | None
) -> None:
    state = LegState(LEG, 0.0, detect=detect, whole=whole, playbacks=("a", "b"), recordings=("r", "s"))
    told: list[TelephonyEvent] = []
    for step in steps:
        if isinstance(step, str):
            state = note_local(state, step)
            continue
        outcome = translate(state, step, NOW, lambda: wire)
        assert outcome.state is not None
        assert RANK.index(outcome.state.phase) >= RANK.index(state.phase)
        state = outcome.state
        told += outcome.events
    end = vanished(state, NOW, wire) if last is None else translate(state, last, NOW, lambda: wire)
    told += end.events
    assert end.state is None
    assert isinstance(told[-1], LegEnded)
    assert sum(isinstance(event, LegEnded) for event in told) == 1
    evidence = told[-1].evidence
    answers = sum(isinstance(event, LegAnswered) for event in told)
    assert answers == (evidence.phase is Phase.ANSWERED)
    assert {event.playback for event in told if isinstance(event, PlaybackEnded)} == {"a", "b"}
    assert sum(isinstance(event, PlaybackEnded) for event in told) == 2
    assert sorted(event.recording for event in told if isinstance(event, RecordingEnded)) == ["r", "s"]
    assert evidence.phase is not Phase.ANSWERED or evidence.local in {None, "hangup_by_us", "hangup_by_them"}
    assert evidence.sip is None or evidence.phase is not Phase.ANSWERED
    shown = [RANK.index(event.phase) for event in told if isinstance(event, LegProgress)]
    assert shown == sorted(shown)


@given(st.lists(events), channels)
def test_a_resync_tells_nothing_twice(steps: list[Event], channel: Channel) -> None:
    state = LegState(LEG, 0.0)
    told: list[TelephonyEvent] = []
    for step in steps:
        outcome = translate(state, step, NOW, lambda: None)
        assert outcome.state is not None
        state, told = outcome.state, [*told, *outcome.events]
    for _ in range(2):
        outcome = resume(state, channel, NOW)
        assert outcome.state is not None
        state, told = outcome.state, [*told, *outcome.events]
    assert sum(isinstance(event, LegAnswered) for event in told) <= 1
    assert resume(state, channel, NOW).events == ()


@given(st.lists(st.binary(max_size=80)))
def test_reading_the_wire_never_fails(messages: list[bytes]) -> None:
    facts(messages)
