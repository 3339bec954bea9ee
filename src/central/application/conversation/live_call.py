"""A call in progress as the node holds it in memory: the record, the running flow, its legs, its timers (path step 4).

Everything here can be lost with the node; what must survive is in the rows that group_commit writes first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from central.application.ports.dispatch import HandedRecord
from central.application.ports.library import AccountTrunk
from central.application.ports.world import TimerHandle
from central.domain.accounts import Switch
from central.domain.attempts import LegResult, Loss, Outcome
from central.domain.evidence import Phase
from central.domain.ids import AccountId, LegId, RecordId
from central.flow.commands import Dial, MainPathEnded, Note
from central.flow.prepared import PreparedFlow
from central.flow.run import Run


@dataclass(slots=True)
class LiveLeg:
    """The leg in hand. ``placed`` = a trunk channel is taken; ``sent`` = an INVITE may have crossed the wire.

    ``called``: the DID of a call that came in, "" = we called.
    """

    id: LegId
    dial: Dial
    number: str
    trunk: AccountTrunk | None
    left: tuple[AccountTrunk, ...]
    caller_id: str | None
    handed_at: datetime
    phase: Phase = Phase.NONE
    local: str | None = None
    placed: bool = False
    sent: bool = False
    over: bool = False
    ring_at: datetime | None = None
    connect_at: datetime | None = None
    cut_at: datetime | None = None  # when we told the engine to hang up
    sip_call_id: str | None = None
    digits: list[dict[str, object]] = field(default_factory=list[dict[str, object]])
    ring_timer: TimerHandle | None = None
    recording: UUID | None = None  # under which the engine records it from its answer on
    called: str = ""
    role: str = "customer"
    phone: UUID | None = None  # of an agent: it is called where it has registered, over no trunk

    @property
    def record(self) -> str:
        """The engine's name of the recording, "" = it is not recorded as a whole."""
        return "" if self.recording is None else self.recording.hex


@dataclass(slots=True, eq=False)
class FurtherLeg:
    """Somebody else who is brought to the customer: the leg in hand, and what is awaited of it.

    ended: connection status and sentence. heard: the end of what is said to him alone. bridge: the name of the two's
    bridge. broke: his connection was lost, nobody hung up; taken_away: somebody else has ended it. phone: the agent whose SIP phone is rung.
    """

    dial: Dial
    role: str
    bridge: str
    phone: UUID | None = None
    leg: LiveLeg | None = None
    bridged: bool = False
    broke: bool = False
    taken_away: bool = False
    answered: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    ended: asyncio.Future[tuple[str, str]] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    heard: asyncio.Future[None] | None = None


@dataclass(slots=True)
class LiveCall:
    """One attempt on one record. ``gone`` = the record is not ours any more, or is finished: nothing more is stored.

    ``flow``: the one that the run walks now. It is the record's own (``handed.prepared``, by which the record is judged) until
    the call is transferred to another.
    """

    handed: HandedRecord
    run: Run
    good_until: float
    reserved_positions: set[int]  # the numbers that money was set aside for, the claim's first
    leg: LiveLeg | None = None
    further: list[FurtherLeg] = field(default_factory=list[FurtherLeg])
    further_dialled: int = 0
    met: asyncio.Future[None] | None = None  # of a dialer: done when a customer has answered
    legs: list[LegResult] = field(default_factory=list[LegResult])
    cost: int = 0
    notes: list[Note] = field(default_factory=list[Note])
    notes_since: datetime | None = None
    timers: dict[int, TimerHandle] = field(default_factory=dict[int, TimerHandle])
    playbacks: dict[int, str] = field(default_factory=dict[int, str])
    errands: dict[int, asyncio.Task[None] | None] = field(default_factory=dict[int, "asyncio.Task[None] | None"])
    enough: dict[int, asyncio.Event] = field(default_factory=dict[int, asyncio.Event])  # errands told to end early
    end: MainPathEnded | None = None
    outcome: Outcome | None = None
    loss: Loss | None = None
    paused: bool = False
    stopping: bool = False
    gone: bool = False
    delay_until: datetime | None = None  # when the delay that it is in, or was in last, is over
    after_run: Callable[[], None] | None = None
    flow: PreparedFlow = field(init=False)

    def __post_init__(self) -> None:
        self.flow = self.handed.prepared

    def errand_in_hand(self) -> int:
        """The number of the errand that the present task runs: with the attempt's id it names the errand for ever."""
        task = asyncio.current_task()
        return next(number for number, runs in self.errands.items() if runs is task)

    def enough_in_hand(self) -> asyncio.Event:
        """Is set when the flow wants the errand that the present task runs to end now."""
        return self.enough[self.errand_in_hand()]

    def let_go(self) -> None:
        """Nothing more is to come of this call: no timer, no errand."""
        self.gone = True
        for timer in self.timers.values():
            timer.cancel()
        self.timers.clear()
        for errand in list(self.errands.values()):
            if errand is not None:
                errand.cancel()
        self.errands.clear()

    @property
    def recorded(self) -> bool:
        """Its flow wants it recorded from answer to end, and its account may record."""
        return self.handed.prepared.flow.recording and self.handed.account.has(Switch.RECORDING)

    @property
    def account_id(self) -> AccountId:
        """The account that owns the record."""
        return self.handed.record.account_id

    @property
    def record_id(self) -> RecordId:
        """The record."""
        return self.handed.record.id

    @property
    def request_id(self) -> UUID:
        """The record's request."""
        return self.handed.record.request_id
