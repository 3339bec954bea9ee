"""The state of one running flow: a frozen value that the interpreter takes and gives back (path step 4, conversation).

A run is made by ``interpreter.begin``, moved by ``interpreter.step`` and kept by the driver; ``to_json`` and ``from_json``
carry it over a durable milestone. It holds raw variable values (secrets too): what reaches a timeline is masked in Notes.

Phases, in order and never backwards:

    main           the token walks from Start, or our own hang-up is on its way
    remote_hangup  the customer left: the On Remote Hangup path runs
    status         MainPathEnded was given out; waiting for StatusDecided
    complete       the On Flow Complete path runs
    done           RunEnded was given out; every event is ignored
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

from central.domain.accounts import Switch
from central.domain.attempts import DialerResult
from central.domain.errors import DefectError
from central.flow.commands import EndKind
from central.flow.events import Stage
from central.flow.media import Sound

RunPhase = Literal["main", "remote_hangup", "status", "complete", "done"]
LegState = Literal["none", "offered", "dialing", "up", "over"]


class RunFacts(msgspec.Struct, frozen=True):
    """What the driver knows when a run begins.

    numbers: the record's numbers as E.164 digits, in order. struck: positions that must not be dialled any more.
    variables: ``$flow.key.*``. system: ``$flow.syskey.*`` (record_id, request_id, attempt_id, attempt_number, flow_id,
    flow_version, client_identifier, contact_number, did). user, user_system: ``$user.key.*`` and ``$user.syskey.*``.
    last_attempt: no further attempt can follow this one, whatever its result; of a dialer: when the customer is not reached,
    and last_agent_attempt: when no agent is. country: the account's (ISO 3166 alpha-2), for
    numbers that a step gives in a national form, "" = they must be international. inbound: the customer calls us, and the call
    is still to be answered. lacks: what the account may not do (domain 1.3).
    """

    numbers: tuple[str, ...]
    variables: Mapping[str, str] = {}
    system: Mapping[str, str] = {}
    struck: frozenset[int] = frozenset()
    user: Mapping[str, str] = {}
    user_system: Mapping[str, str] = {}
    last_attempt: bool = False
    country: str = ""
    inbound: bool = False
    lacks: frozenset[Switch] = frozenset()
    last_agent_attempt: bool = False


class LegResult(msgspec.Struct, frozen=True):
    """How one dialled number ended: its call connection status and answered seconds (None = never answered)."""

    position: int
    status: str
    answered_s: float | None = None


class PressedDigit(msgspec.Struct, frozen=True):
    """One DTMF digit of the customer; ``x`` where the step collects a secret."""

    digit: str
    at: datetime
    step: str


class Dialing(msgspec.Struct, frozen=True, tag="dialing"):
    """A Make Call step waits for LegAnswered or LegEnded of ``position``."""

    position: int

    @property
    def pending(self) -> tuple[int, ...]:
        """Timers to cancel when the wait is left."""
        return ()


class Answering(msgspec.Struct, frozen=True, tag="answering"):
    """An Answer Call step lets the call ring (``timer``), plays before the answer (``playback``), or waits for the answer."""

    timer: int = 0
    playback: int = 0

    @property
    def pending(self) -> tuple[int, ...]:
        """Timers to cancel when the wait is left."""
        return (self.timer,) if self.timer else ()


class Playing(msgspec.Struct, frozen=True, tag="playing"):
    """A Play step waits for its playback; ``left`` rounds follow. After a failed one ``grace`` runs, see widgets/play.py.

    sound: what was fetched for it, None = it plays what the document names.
    """

    playback: int
    left: int = 0
    grace: int = 0
    detail: str = ""
    sound: Sound | None = None

    @property
    def pending(self) -> tuple[int, ...]:
        """Timers to cancel when the wait is left."""
        return (self.grace,) if self.grace else ()


class Collecting(msgspec.Struct, frozen=True, tag="collecting"):
    """A Menu step collects an entry. ``playback`` 0 = no prompt plays, ``timer`` 0 = none runs; ``attempt`` from 1.

    errand: that which listens for a spoken answer, 0 = none. ending: it was told to end, and ``timer`` is its last limit.
    deaf: nothing can be recognised, so that the step goes on by keys alone.
    """

    attempt: int
    playback: int = 0
    timer: int = 0
    grace: int = 0
    entry: str = ""
    detail: str = ""
    errand: int = 0
    ending: bool = False
    deaf: bool = False

    @property
    def pending(self) -> tuple[int, ...]:
        """Timers to cancel when the wait is left."""
        return tuple(timer for timer in (self.timer, self.grace) if timer)


class Delaying(msgspec.Struct, frozen=True, tag="delaying"):
    """A Delay step waits for its timer; ``playback`` 0 = the customer hears nothing of us, else it began at ``since``."""

    timer: int
    playback: int = 0
    since: datetime | None = None

    @property
    def pending(self) -> tuple[int, ...]:
        """Timers to cancel when the wait is left."""
        return (self.timer,)


class Reciting(msgspec.Struct, frozen=True, tag="reciting"):
    """A Multi-play step plays its ``item`` (from 0); ``heard`` = one was played whole. After a failed one ``grace`` runs."""

    item: int
    playback: int = 0
    heard: bool = False
    grace: int = 0
    detail: str = ""

    @property
    def pending(self) -> tuple[int, ...]:
        """Timers to cancel when the wait is left."""
        return (self.grace,) if self.grace else ()


class OnErrand(msgspec.Struct, frozen=True, tag="on_errand"):
    """A step waits for its errand to be done; ``guard`` limits the wait, 0 = the conversation may last as long as the run.

    hears: digits go to the step meanwhile. stage: "" where the errand has none. limit_s: how long the guard is, to be set again when a conversation was lost.
    """

    number: int
    guard: int
    hears: bool = False
    stage: Stage | Literal[""] = ""
    limit_s: float = 0.0

    @property
    def pending(self) -> tuple[int, ...]:
        """Timers to cancel when the wait is left."""
        return (self.guard,) if self.guard else ()


class Leaving(msgspec.Struct, frozen=True, tag="leaving"):
    """The main path is over for this reason; only the end of the customer's leg is awaited, ``guard`` limits the wait."""

    end: EndKind
    guard: int
    reason: str = ""
    step: str = ""
    detail: str = ""

    @property
    def pending(self) -> tuple[int, ...]:
        """Timers to cancel when the wait is over."""
        return (self.guard,)


# Waits are msgspec structs (frozen and slotted too) because a stored run must tell them apart by their tag.
Wait = Dialing | Answering | Playing | Collecting | Delaying | Reciting | OnErrand | Leaving


def errand_of(wait: Wait | None) -> int:
    """The number of the errand that a wait is for, or that runs beside it; 0 = none."""
    match wait:
        case OnErrand():
            return wait.number
        case Collecting():
            return wait.errand
        case _:
            return 0


class Place(msgspec.Struct, frozen=True):
    """The flow in which a call goes on: its id, its name, and the number of its version as text."""

    flow_id: str
    name: str
    version: str


class Leg(msgspec.Struct, frozen=True):
    """The customer's leg: its state (offered = an inbound call that was not answered yet), the position of the number dialled (-1 = none), and when what happened."""

    state: LegState = "none"
    position: int = -1
    dialed_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    machine: bool = False


NO_LEG = Leg()


class Run(msgspec.Struct, frozen=True):
    """One execution of a flow. Read it freely; only the interpreter makes new ones.

    step: where the token stands ("" = nowhere). wait: what that step waits for, None when no step waits. results: how each
    dialled number ended, in order. counters: by name. visits counts the steps entered in this phase. typed: digits not yet consumed. digits:
    all digits with their times, at most 500. entries: menu entries in order, ``!`` = an invalid one. unconnected: a Make
    Call step reached nobody. left_at: the step at which the customer left. parted: the customer hung up in a conversation,
    which ended its step normally, so the main path went on without media. parting: how it then ended, while On Remote Hangup
    runs. queue_outcome: how the latest wait in a queue ended. status, reason: what StatusDecided said. playbacks, timers,
    errands: the last ids given out. limit: the timer of the execution's or late path's time limit, 0 = none. place: the flow in
    which the call went on, None = it is still in the record's own. masked: variables that flows which it came through hold
    secret, and what was made of them since. dialer: how the dialer's step went.
    """

    facts: RunFacts
    variables: Mapping[str, str]
    phase: RunPhase = "main"
    step: str = ""
    wait: Wait | None = None
    leg: Leg = NO_LEG
    results: tuple[LegResult, ...] = ()
    counters: Mapping[str, int] = {}
    begun_at: datetime | None = None
    unconnected: bool = False
    fallback_ran: bool = False
    left_at: str = ""
    visits: int = 0
    typed: str = ""
    digits: tuple[PressedDigit, ...] = ()
    entries: tuple[str, ...] = ()
    status: str = ""
    reason: str = ""
    playbacks: int = 0
    timers: int = 0
    limit: int = 0
    errands: int = 0
    parted: bool = False
    parting: Leaving | None = None
    queue_outcome: str = ""
    place: Place | None = None
    masked: frozenset[str] = frozenset()
    dialer: DialerResult = ""

    @property
    def connected(self) -> bool:
        """Whether the customer was connected at any time."""
        return self.leg.answered_at is not None

    @property
    def called(self) -> bool:
        """Whether a number was dialled."""
        return bool(self.results) or self.leg.state in {"offered", "dialing", "up"}

    def to_json(self) -> bytes:
        """The run as JSON for a durable milestone; ``from_json`` gives back an equal value."""
        return msgspec.json.encode(self)

    @staticmethod
    def from_json(data: bytes | str) -> Run:
        """Read what ``to_json`` wrote. Raises DefectError ``run_unreadable`` for anything else."""
        try:
            return msgspec.json.decode(data, type=Run)
        except msgspec.MsgspecError as error:
            raise DefectError("run_unreadable", f"The stored run cannot be read: {error}") from error
