"""The engine's events become the port's events: one total function from (what we know of the leg, event). Pure.

Step 3 of the path (channel). The order of Dial and ChannelStateChange events varies, so the phase is the furthest seen and a
verdict falls only at ChannelDestroyed (``evidence.py``). An unknown event changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from central.adapters.asterisk.evidence import furthest, of_destroyed, of_lost_engine, of_vanished
from central.adapters.asterisk.legs import HangupSeen, LegState
from central.adapters.asterisk.siptext import WireFacts
from central.adapters.asterisk.wire import Channel, Event
from central.application.ports.telephony import (
    Digit,
    HoldChanged,
    LegAnswered,
    LegEnded,
    LegProgress,
    PlaybackEnded,
    RecordingEnded,
    TelephonyEvent,
)
from central.domain.evidence import Evidence, Phase

_RANK = {Phase.NONE: 0, Phase.DIALING: 1, Phase.RINGING: 2, Phase.ANSWERED: 3}
_PHASE_OF_STATE = {"Ring": Phase.RINGING, "Ringing": Phase.RINGING, "Up": Phase.ANSWERED}
_PHASE_OF_DIAL = {"RINGING": Phase.RINGING, "PROGRESS": Phase.RINGING, "": Phase.DIALING}
_DETECTED = {"HUMAN": False, "MACHINE": True}  # AMDSTATUS of app_amd; NOTSURE and HANGUP are no verdict
INBOUND_MARK = "inbound"
"""First argument of the StasisStart of a call that comes in (``conf/extensions.conf``)."""
DETECTION_MARK = "amd"
"""First argument of the StasisStart that ends machine detection (``conf/extensions.conf``)."""

RECORDED_MARK = "recorded"
"""First argument of the StasisStart after the recording of the whole call was begun."""


@dataclass(frozen=True, slots=True)
class Now:
    """The moment an event is handled: wall clock and monotonic seconds."""

    at: datetime
    mono: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """The leg afterwards (None = ended), the port's events in order, whether detection, or recording, is to be started now."""

    state: LegState | None
    events: tuple[TelephonyEvent, ...] = ()
    start_detection: bool = False
    start_recording: bool = False


Wire = Callable[[], WireFacts | None]
"""Asks what the wire proves; called only where it matters, because reading the copies costs time."""


def translate(state: LegState, event: Event, now: Now, wire: Wire) -> Outcome:
    """One engine event about this leg."""
    match event.type:
        case "Dial":
            return _advance(state, _PHASE_OF_DIAL.get(event.dialstatus, state.phase), event.sip_call_id, now)
        case "ChannelStateChange" if event.channel is not None:
            return _changed(state, event.channel.state, event.sip_call_id, now)
        case "StasisStart":
            return _entered(state, event, now)
        case "ChannelHangupRequest":
            seen = state.hangup or (HangupSeen(event.cause, event.tech_cause) if state.local is None else None)
            if seen is not None and seen.tech_cause is None and event.tech_cause is not None:
                seen = HangupSeen(event.cause, event.tech_cause)
            return Outcome(replace(state, hangup=seen))
        case "ChannelDestroyed":
            return _ended(state, now, of_destroyed(state, event, wire(), now.mono))
        case "ChannelDtmfReceived":
            return Outcome(state, (Digit(state.leg, now.at, event.digit, event.duration_ms),))
        case "ChannelHold" | "ChannelUnhold":
            return Outcome(state, (HoldChanged(state.leg, now.at, event.type == "ChannelHold"),))
        case "PlaybackFinished" if event.playback is not None:
            return _played(state, event.playback.id, now, ok=event.playback.state == "done")
        case "RecordingFinished" | "RecordingFailed" if event.recording is not None:
            ok = event.type == "RecordingFinished"
            return _recorded(state, event.recording.name, now, ok=ok, detail=event.recording.cause)
        case _:
            return Outcome(state)


def _changed(state: LegState, engine_state: str, sip_call_id: str | None, now: Now) -> Outcome:
    told = _advance(state, _PHASE_OF_STATE.get(engine_state, state.phase), sip_call_id, now)
    known = told.state or state
    if not state.inbound or known.phase is not Phase.ANSWERED:
        return told
    if known.whole and not known.announced:
        return Outcome(replace(known, taping=True), told.events, start_recording=not known.taping)
    answered = _announce(known, now, None)  # a leg that came in obeyed from the beginning
    return Outcome(answered.state, told.events + answered.events)


def resume(state: LegState, channel: Channel, now: Now) -> Outcome:
    """The leg is still there after a time of deafness: tell what was missed."""
    phase = _PHASE_OF_STATE.get(channel.state, state.phase)
    told = _advance(state, phase, channel.protocol_id or None, now)
    if told.state is None or phase is not Phase.ANSWERED or state.announced:
        return told
    if state.detect:  # its verdict may have passed unheard: the leg goes on without one
        told = replace(told, state=replace(told.state, detecting=False))
    answered = _announce(told.state or state, now, None)
    return Outcome(answered.state, told.events + answered.events)


def vanished(state: LegState, now: Now, wire: WireFacts | None) -> Outcome:
    """The leg is gone after a time of deafness."""
    phase = furthest(state, wire)
    answered_at = now.at if phase is Phase.ANSWERED and state.answered_at is None else state.answered_at
    known = replace(state, phase=phase, answered_at=answered_at)
    return _ended(known, now, of_vanished(state, wire, now.mono))


def lost_engine(state: LegState, now: Now) -> Outcome:
    """The engine process ended and took the leg with it."""
    return _ended(state, now, of_lost_engine(state, now.mono))


def unaccounted(state: LegState, now: Now) -> Outcome:
    """An originate whose answer was lost, of a leg that the engine does not know: never taken, or come and gone unheard."""
    return _ended(state, now, of_lost_engine(state, now.mono))


def _advance(state: LegState, phase: Phase, sip_call_id: str | None, now: Now) -> Outcome:
    """The phase only rises; tell when it did, or when the Call-ID became known."""
    risen = _RANK[phase] > _RANK[state.phase]
    named = state.sip_call_id is None and sip_call_id is not None
    if not risen and not named:
        return Outcome(state)
    answered_at = now.at if risen and phase is Phase.ANSWERED else state.answered_at
    after = replace(
        state,
        phase=phase if risen else state.phase,
        sip_call_id=state.sip_call_id or sip_call_id,
        answered_at=answered_at,
    )
    if after.phase is Phase.ANSWERED and not named:
        return Outcome(after)  # LegAnswered tells it, once the leg obeys
    shown = min(after.phase, Phase.RINGING, key=_RANK.__getitem__)
    return Outcome(after, (LegProgress(state.leg, now.at, shown, after.sip_call_id),))


def _entered(state: LegState, event: Event, now: Now) -> Outcome:
    """The leg obeys media commands: for the first time, or back from machine detection."""
    told = _advance(state, Phase.ANSWERED, event.sip_call_id, now)
    known = told.state or state
    if event.args[:1] == (DETECTION_MARK,):
        verdict = _DETECTED.get(event.args[1] if len(event.args) > 1 else "")
        answered = _announce(replace(known, detecting=False), now, verdict)
        return Outcome(answered.state, told.events + answered.events)
    if known.detect and not known.announced:
        return Outcome(replace(known, detecting=True), told.events, start_detection=not known.detecting)
    if known.whole and not known.announced and event.args[:1] != (RECORDED_MARK,):
        return Outcome(replace(known, taping=True), told.events, start_recording=not known.taping)
    answered = _announce(known, now, None)
    return Outcome(answered.state, told.events + answered.events)


def _announce(state: LegState, now: Now, machine: bool | None) -> Outcome:  # noqa: FBT001 - a tri-state value
    if state.announced:
        return Outcome(state)
    return Outcome(replace(state, announced=True), (LegAnswered(state.leg, state.answered_at or now.at, machine),))


def give_up_detection(state: LegState, now: Now) -> Outcome:
    """Machine detection could not be started: the leg is answered without a verdict."""
    return _announce(replace(state, detecting=False), now, None)


def give_up_recording(state: LegState, now: Now) -> Outcome:
    """The recording of the whole call could not be started: the leg is answered without."""
    return _announce(replace(state, whole=""), now, None)


def _played(state: LegState, playback: str, now: Now, *, ok: bool, detail: str = "") -> Outcome:
    if playback not in state.playbacks:
        return Outcome(state)
    left = tuple(one for one in state.playbacks if one != playback)
    return Outcome(replace(state, playbacks=left), (PlaybackEnded(state.leg, now.at, playback, ok, detail),))


def _recorded(state: LegState, recording: str, now: Now, *, ok: bool, detail: str) -> Outcome:
    if recording not in state.recordings:
        return Outcome(state)
    left = tuple(one for one in state.recordings if one != recording)
    return Outcome(replace(state, recordings=left), (RecordingEnded(state.leg, now.at, recording, ok, detail),))


def _ended(state: LegState, now: Now, evidence: Evidence) -> Outcome:
    """Close everything that is open, in order: the answer, the playbacks, the recordings, the leg."""
    events: list[TelephonyEvent] = []
    if evidence.phase is Phase.ANSWERED and not state.announced:
        events.append(LegAnswered(state.leg, state.answered_at or now.at, None))
    events += [PlaybackEnded(state.leg, now.at, playback, ok=False, detail="leg ended") for playback in state.playbacks]
    events += [RecordingEnded(state.leg, now.at, name, ok=True, detail="leg ended") for name in state.recordings]
    events.append(LegEnded(state.leg, now.at, evidence))
    return Outcome(None, tuple(events))
