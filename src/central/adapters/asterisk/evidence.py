"""How the end of a leg, as the engine reports it, becomes evidence. Pure.

Step 3 of the path (channel). Asterisk derives causes and codes of its own, so each figure is taken only where the other side
caused it: our own condition first, then what the wire proves (HEP), then the engine's report by the rules below. The
observed table is in the room's README.
"""

from __future__ import annotations

from typing import Literal

from central.adapters.asterisk.legs import LegState
from central.adapters.asterisk.reasons import ENGINE_TIMEOUT, REQUEST_TIMEOUT, RTP_TIMEOUT_CAUSE, TIMER_B_S
from central.adapters.asterisk.siptext import WireFacts
from central.adapters.asterisk.wire import Event
from central.domain.evidence import EngineReport, Evidence, Phase

CALLER_LEFT = "cancelled_by_first_party"
OUR_HANG_UP = "hangup_by_us"
THEIR_HANG_UP = "hangup_by_them"
_UNREACHED = 503
_TERMINATED = 487  # RFC 3261, 21.4.25


def awaits_last_word(state: LegState, wire: WireFacts | None) -> bool:
    """Whether an unanswered leg still has the far side's final answer on its way, or the copy of it.

    The engine forgets a leg at our command, and tells of a refusal before its copy has crossed over: a far side that has said
    anything answers the INVITE within moments (487, a crossing 200, or the refusal with its Reason).
    """
    unanswered = state.phase is not Phase.ANSWERED and not state.inbound
    return unanswered and wire is not None and wire.complete and wire.received_any and wire.final_code is None


def of_destroyed(state: LegState, event: Event, wire: WireFacts | None, mono: float) -> Evidence:
    """The evidence when ChannelDestroyed is here; ``wire`` None = no (complete) copy of the messages."""
    engine = EngineReport(event.cause, event.cause_txt, event.tech_cause)
    elapsed_ms = max(0, round((mono - state.begun) * 1000))
    if state.phase is Phase.ANSWERED:
        return _answered(state, engine, wire, elapsed_ms)
    if state.inbound:  # unanswered: either we refused it, or the caller gave up; the wire's final code is our own
        local, side = (CALLER_LEFT, "them") if state.local is None else (state.local, "us")
        return Evidence(local=local, phase=state.phase, side="us" if side == "us" else "them", engine=engine,
                        elapsed_ms=elapsed_ms)  # fmt: skip
    if state.local is not None:
        crossed = wire is not None and wire.crossed_cancel
        said = _said_by_them(state, wire)
        return Evidence(local=state.local, phase=state.phase, sip=said, side="us",
                        end="dropped" if crossed else "normal", engine=engine, elapsed_ms=elapsed_ms)  # fmt: skip
    if state.hangup is None and (event.cause, event.tech_cause) == ENGINE_TIMEOUT and not _refused_by_itself(wire):
        return Evidence(local=_ring_timeout(state.phase), phase=state.phase, side="us", engine=engine,
                        elapsed_ms=elapsed_ms)  # fmt: skip
    return _refused(state, engine, wire, elapsed_ms)


def of_vanished(state: LegState, wire: WireFacts | None, mono: float) -> Evidence:
    """The evidence of a leg that ended while the connection to the engine was down: recovered from the wire, or lost."""
    elapsed_ms = max(0, round((mono - state.begun) * 1000))
    phase = furthest(state, wire)
    if phase is Phase.ANSWERED:
        by = wire.bye_from if wire is not None else None
        local = {"us": OUR_HANG_UP, "them": THEIR_HANG_UP, None: None}[by]
        q850 = wire.q850 if wire is not None and by == "them" else None
        # a BYE of ours that we did not ask for: the engine gave up a call that was answered while nobody listened
        clear = by == "them" or (by == "us" and state.local is not None)
        return Evidence(
            local=local,
            phase=phase,
            q850=q850,
            side=by or "us",
            end="normal" if clear else "lost",
            elapsed_ms=elapsed_ms,
        )
    if state.inbound:
        local, side = (CALLER_LEFT, "them") if state.local is None else (state.local, "us")
        return Evidence(local=local, phase=phase, side="us" if side == "us" else "them", elapsed_ms=elapsed_ms)
    unheard = state.uncertain and state.phase is Phase.NONE
    if state.local is not None and not unheard:
        return Evidence(local=state.local, phase=phase, side="us", elapsed_ms=elapsed_ms)
    if wire is not None and wire.final_code is not None:
        return Evidence(phase=phase, sip=wire.final_code, q850=wire.q850, elapsed_ms=elapsed_ms)
    return Evidence(local="engine_lost", phase=phase, side="us", end="lost", elapsed_ms=elapsed_ms)


def of_lost_engine(state: LegState, mono: float) -> Evidence:
    """The evidence of a leg whose engine process ended: an answered leg stays answered."""
    elapsed_ms = max(0, round((mono - state.begun) * 1000))
    phase = furthest(state, None)
    local = None if phase is Phase.ANSWERED else state.local or "engine_lost"
    return Evidence(local=local, phase=phase, side="us", end="lost", elapsed_ms=elapsed_ms)


def furthest(state: LegState, wire: WireFacts | None) -> Phase:
    """The furthest of what the events told and what the wire shows of a leg whose end was not heard.

    An originate that was not refused may have sent its INVITE, even if nobody heard of it.
    """
    if state.phase is Phase.ANSWERED or (wire is not None and wire.answered):
        return Phase.ANSWERED
    if wire is not None and wire.ringing:
        return Phase.RINGING
    return Phase.DIALING if state.placed and state.phase is Phase.NONE else state.phase


def _ring_timeout(phase: Phase) -> str:
    return "ring_timeout_after_ringing" if phase is Phase.RINGING else "ring_timeout_without_ringing"


def _final(wire: WireFacts | None) -> int | None:
    return wire.final_code if wire is not None else None


def _refused_by_itself(wire: WireFacts | None) -> bool:
    """A final answer that is not the 487 to our CANCEL (RFC 3261, 9.1), which may be here before the engine's news."""
    code = _final(wire)
    return code is not None and not (code == _TERMINATED and wire is not None and wire.cancelled)


def _said_by_them(state: LegState, wire: WireFacts | None) -> int | None:
    """A refusal that crossed our command; a 487 only confirms our CANCEL, a 2xx crossed it."""
    code = _final(wire) or (state.hangup.tech_cause if state.hangup is not None else None)
    return code if code is not None and code >= 300 and code != _TERMINATED else None  # noqa: PLR2004 - a final refusal


def _answered(state: LegState, engine: EngineReport, wire: WireFacts | None, elapsed_ms: int) -> Evidence:
    """A conversation stays one, whatever ended it: only ``end`` and ``side`` tell how."""
    local, side, q850 = THEIR_HANG_UP, "them", None
    end: Literal["normal", "dropped"] = "normal"
    if state.local is not None:
        local, side = OUR_HANG_UP, "us"
        end = "normal" if state.local == OUR_HANG_UP else "dropped"  # a cancel that came after the answer
    elif state.hangup is None or _media_stopped(engine, wire):
        local, side, end = OUR_HANG_UP, "us", "dropped"
    else:
        q850 = wire.q850 if wire is not None and wire.bye_from == "them" else state.hangup.cause or None
    return Evidence(local=local, phase=Phase.ANSWERED, q850=q850, side="us" if side == "us" else "them", end=end,
                    engine=engine, elapsed_ms=elapsed_ms)  # fmt: skip


def _media_stopped(engine: EngineReport, wire: WireFacts | None) -> bool:
    """The engine ended an answered leg by itself: no media came for ``rtp_timeout``."""
    return engine.cause == RTP_TIMEOUT_CAUSE and (wire is None or wire.bye_from != "them")


def _refused(state: LegState, engine: EngineReport, wire: WireFacts | None, elapsed_ms: int) -> Evidence:
    """Not answered, not our doing: the other side's final code, or the proof that it said nothing."""
    code = _final(wire) or (state.hangup.tech_cause if state.hangup is not None else None)
    nothing_came = wire is not None and wire.complete and not wire.received_any
    too_old = wire is None and elapsed_ms >= TIMER_B_S * 1000 and state.phase is not Phase.RINGING
    invented = (code in (REQUEST_TIMEOUT, _UNREACHED) and nothing_came) or (code == REQUEST_TIMEOUT and too_old)
    if invented:
        return Evidence(local="no_response", phase=state.phase, side="us", engine=engine, elapsed_ms=elapsed_ms)
    return Evidence(phase=state.phase, sip=code or None, q850=wire.q850 if wire is not None else None,
                    engine=engine, elapsed_ms=elapsed_ms)  # fmt: skip
