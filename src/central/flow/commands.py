"""What a running flow asks of the world. The driver executes them in order; the interpreter never performs I/O.

Commands marked *durable* are committed (run state, leg row) before the driver acts on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal

import msgspec

from central.domain.attempts import DialerResult
from central.flow.errands import Errand
from central.flow.media import Playable

ANONYMOUS: Final = "anonymous"
"""The caller id of a leg that shows no number (RFC 3323)."""


class Dial(msgspec.Struct, frozen=True):
    """Durable. Call the record's number at index ``position``; answer comes as LegAnswered and LegEnded.

    ``ring_timeout_s`` is counted from the INVITE. ``caller_id`` None lets dispatch choose a DID, ``ANONYMOUS`` shows none.
    """

    position: int
    ring_timeout_s: float
    caller_id: str | None = None
    detect_machine: bool = False


class Ring(msgspec.Struct, frozen=True):
    """Let the caller of an inbound call hear that it rings (180)."""


class Answer(msgspec.Struct, frozen=True):
    """Take the inbound call; LegAnswered follows, or LegEnded."""


class PlayMedia(msgspec.Struct, frozen=True):
    """Play items one after the other on the customer's leg; PlaybackEnded(playback) follows exactly once."""

    playback: int
    items: tuple[Playable, ...]


class StopMedia(msgspec.Struct, frozen=True):
    """Barge-in: stop this playback; its PlaybackEnded still follows and must be tolerated."""

    playback: int


class StartTimer(msgspec.Struct, frozen=True):
    """Ask for TimerFired(timer) after so many seconds."""

    timer: int
    after_s: float


class CancelTimer(msgspec.Struct, frozen=True):
    """The timer is of no interest any more."""

    timer: int


class RunErrand(msgspec.Struct, frozen=True):
    """Durable. Do this for the step; ErrandDone(number) follows exactly once, unless the errand was dropped."""

    number: int
    errand: Errand


class DropErrand(msgspec.Struct, frozen=True):
    """The step does not wait for this errand any more: end it where it can be ended."""

    number: int


class EndErrand(msgspec.Struct, frozen=True):
    """The errand has gone on long enough: finish it now; its ErrandDone still follows."""

    number: int


class HangUp(msgspec.Struct, frozen=True):
    """End the customer's leg from our side. ``first_left``: because the other party is gone before he answered."""

    cause: Literal["normal", "busy", "reject"] = "normal"
    first_left: bool = False


class Note(msgspec.Struct, frozen=True):
    """A line of the record's timeline: step visited, branch taken, variable stored, digits collected, warning.

    ``kind`` is one of: step, branch, flow (from here on the steps are those of another flow), variable, digits, count,
    warning, dial, play, errand, end. Values in ``data`` are plain JSON values; secrets are already masked.
    """

    kind: str
    at: datetime
    step: str
    data: Mapping[str, object] = {}


EndKind = Literal["end", "customer_left", "not_reached", "failed", "funds_short", "stopped"]


class MainPathEnded(msgspec.Struct, frozen=True):
    """The main path (and On Remote Hangup, where it applies) is over; the driver now decides the record's status.

    kind: ``end`` = reached an end of the flow; ``customer_left`` = left before an end; ``not_reached`` = a Make Call step
    connected nobody and the unconnected branch has run; ``failed`` = failure policy or a limit, see ``reason``
    (flow_error, step_limit, duration_limit); ``funds_short``; ``stopped``. ``called`` tells whether the flow dialled,
    ``connected`` whether the customer was connected. ``fallback_ran`` = steps ran on the unconnected branch. ``parted`` = the
    customer hung up in a conversation, and the path went on from there without media. ``dialer``: how a dialer's step went.
    """

    kind: EndKind
    reason: str = ""
    step: str = ""
    detail: str = ""
    called: bool = False
    connected: bool = False
    fallback_ran: bool = False
    parted: bool = False
    dialer: DialerResult = ""


class RunEnded(msgspec.Struct, frozen=True):
    """On Flow Complete is done too: the record may become final."""


Deed = (
    Dial
    | Ring
    | Answer
    | PlayMedia
    | StopMedia
    | StartTimer
    | CancelTimer
    | RunErrand
    | DropErrand
    | EndErrand
    | HangUp
    | MainPathEnded
    | RunEnded
)
Command = Deed | Note
