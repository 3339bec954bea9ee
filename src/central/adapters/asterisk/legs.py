"""What the adapter knows of a leg between two events: an immutable value. Pure.

Step 3 of the path (channel).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from central.domain.evidence import Phase
from central.domain.ids import LegId


@dataclass(frozen=True, slots=True)
class HangupSeen:
    """A ChannelHangupRequest that was not ours: the other side (or the engine's timers) ended the leg."""

    cause: int | None
    tech_cause: int | None


@dataclass(frozen=True, slots=True)
class LegState:
    """A leg that has not ended. ``begun``: monotonic seconds of the originate.

    local: our condition, noted before the hang-up command. hangup: see HangupSeen. answered_at: when the answer was seen;
    announced: LegAnswered was handed out (only once the leg obeys media commands). detect: machine detection was asked
    for; detecting: it runs. playbacks: those whose end was not yet told. placed: the originate was answered; uncertain: its
    answer was lost. inbound: the other side called us. whole: the name under which the whole call is recorded, "" = it is not;
    taping: the engine was told so. recordings: those of a part whose end was not yet told.
    """

    leg: LegId
    begun: float
    phase: Phase = Phase.NONE
    sip_call_id: str | None = None
    local: str | None = None
    hangup: HangupSeen | None = None
    answered_at: datetime | None = None
    announced: bool = False
    detect: bool = False
    detecting: bool = False
    playbacks: tuple[str, ...] = ()
    placed: bool = False
    uncertain: bool = False
    whole: str = ""
    taping: bool = False
    recordings: tuple[str, ...] = ()
    inbound: bool = False


def note_local(state: LegState, local: str) -> LegState:
    """Note our own condition before the hang-up command: the first one counts, and none after the other side's end."""
    if state.local is not None or state.hangup is not None:
        return state
    return replace(state, local=local)
