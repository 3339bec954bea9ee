"""What can happen to a running flow. The driver (application/conversation) turns the world into these values.

``at`` is an aware UTC datetime; durations are seconds as float. Unknown, late or doubled events must not move a run:
the interpreter ignores what does not concern its present wait.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Side = Literal["us", "them"]


@dataclass(frozen=True, slots=True)
class Begun:
    """The record was claimed and handed over: walk from Start."""

    at: datetime


@dataclass(frozen=True, slots=True)
class LegAnswered:
    """The leg dialled for ``position`` (index into the record's numbers) was answered."""

    position: int
    at: datetime
    machine: bool = False


@dataclass(frozen=True, slots=True)
class LegEnded:
    """The leg dialled for ``position`` is over, with its call connection status (a word of statuses.toml [[call]]).

    ``answered_s`` is the answered duration in seconds, None when it was never answered. ``by`` tells who ended it.
    """

    position: int
    at: datetime
    status: str
    by: Side
    answered_s: float | None = None
    q850: int | None = None
    sip_code: int | None = None


@dataclass(frozen=True, slots=True)
class DigitReceived:
    """One DTMF digit: 0-9, *, #, A-D."""

    digit: str
    at: datetime


@dataclass(frozen=True, slots=True)
class PlaybackEnded:
    """A PlayMedia command is over; ``ok`` is False when the prompt was missing or synthesis or playing failed."""

    playback: int
    ok: bool
    at: datetime
    detail: str = ""


@dataclass(frozen=True, slots=True)
class TimerFired:
    """A StartTimer command has run out."""

    timer: int
    at: datetime


@dataclass(frozen=True, slots=True)
class FundsShort:
    """The reservation for a further leg (``position``) was refused: the account cannot pay for it."""

    position: int
    at: datetime


@dataclass(frozen=True, slots=True)
class StopForced:
    """The account's user stopped the record with force while it runs."""

    at: datetime


@dataclass(frozen=True, slots=True)
class StatusDecided:
    """The record's final status is decided (not yet stored): run the On Flow Complete path, which sees it."""

    status: str
    reason: str
    at: datetime


FlowEvent = (
    Begun
    | LegAnswered
    | LegEnded
    | DigitReceived
    | PlaybackEnded
    | TimerFired
    | FundsShort
    | StopForced
    | StatusDecided
)
