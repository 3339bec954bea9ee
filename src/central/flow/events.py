"""What can happen to a running flow. The driver (application/conversation) turns the world into these values.

``at`` is an aware UTC datetime; durations are seconds as float. Unknown, late or doubled events must not move a run:
the interpreter ignores what does not concern its present wait.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

Side = Literal["us", "them"]


class Begun(msgspec.Struct, frozen=True):
    """The record was claimed and handed over: walk from Start."""

    at: datetime


class LegAnswered(msgspec.Struct, frozen=True):
    """The leg dialled for ``position`` (index into the record's numbers) was answered."""

    position: int
    at: datetime
    machine: bool = False


class LegEnded(msgspec.Struct, frozen=True):
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


class DigitReceived(msgspec.Struct, frozen=True):
    """One DTMF digit: 0-9, *, #, A-D."""

    digit: str
    at: datetime


class PlaybackEnded(msgspec.Struct, frozen=True):
    """A PlayMedia command is over; ``ok`` is False when the prompt was missing or synthesis or playing failed."""

    playback: int
    ok: bool
    at: datetime
    detail: str = ""


class TimerFired(msgspec.Struct, frozen=True):
    """A StartTimer command has run out."""

    timer: int
    at: datetime


class ErrandDone(msgspec.Struct, frozen=True):
    """An errand of the flow is over: ``outcome`` is a word of its kind, ``values`` what it brought back, ``detail`` a sentence."""

    number: int
    outcome: str
    at: datetime
    values: Mapping[str, str] = {}
    detail: str = ""


Stage = Literal["waiting", "agent", "conversation"]


class ErrandMoved(msgspec.Struct, frozen=True):
    """An errand that brings somebody to the customer has come to a stage: he waits for them, or they talk.

    ``conversation`` is told when both sides hear each other, ``waiting`` when the other side was lost and another is looked
    for, ``agent`` by a dialer's errand when an agent is there, so that the customer may be called. Domain 5.1: who hangs up in a conversation ends the step normally, who hangs up while he waits has left.
    """

    number: int
    stage: Stage
    at: datetime


class FundsShort(msgspec.Struct, frozen=True):
    """The reservation for a further leg (``position``) was refused: the account cannot pay for it."""

    position: int
    at: datetime


class StopForced(msgspec.Struct, frozen=True):
    """The account's user stopped the record with force while it runs."""

    at: datetime


class StatusDecided(msgspec.Struct, frozen=True):
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
    | ErrandDone
    | ErrandMoved
    | FundsShort
    | StopForced
    | StatusDecided
)
