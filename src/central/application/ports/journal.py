"""What a live call leaves in the store: one batch a group commit, guarded by the record's fence (steps 3 to 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Protocol
from uuid import UUID

import msgspec

from central.application.ports.telephony import SipTrace
from central.domain.attempts import Budget
from central.domain.ids import AccountId, LegId, RecordId, RequestId, TrunkId


class LegHandOver(msgspec.Struct, frozen=True):
    """A leg row that must exist before its INVITE. ``reserved`` > 0 asks for a further reservation (position > 0)."""

    account_id: AccountId
    record_id: RecordId
    fence: int
    id: LegId
    attempt_number: int
    position: int
    number_from: str | None
    number_to: str
    trunk_id: TrunkId | None
    handed_at: datetime
    reserved: int = 0
    role: str = "customer"


class LegAnswer(msgspec.Struct, frozen=True):
    """A leg was answered; ``fence`` is that of the record's lease."""

    account_id: AccountId
    record_id: RecordId
    id: LegId
    at: datetime
    sip_call_id: str | None
    fence: int


class LegEnd(msgspec.Struct, frozen=True):
    """The whole end of a leg; ``digits`` are {digit, at} in order, ``engine`` what the engine reported.

    ``fence`` is that of the record's lease: news of a leg whose record was taken over change nothing.
    """

    account_id: AccountId
    record_id: RecordId
    request_id: RequestId
    id: LegId
    ring_at: datetime | None
    connect_at: datetime | None
    end_at: datetime
    status: str
    code: int
    q850: int | None
    sip_code: int | None
    local: str | None
    phase: str
    hangup_by: str
    answered_ms: int | None
    cost: int
    sip_call_id: str | None
    digits: Sequence[Mapping[str, object]]
    engine: Mapping[str, object]
    fence: int


class RecordEvent(msgspec.Struct, frozen=True):
    """A line of a record's history. ``kind`` is a word of domain/events.py."""

    account_id: AccountId
    record_id: RecordId
    id: UUID
    at: datetime
    kind: str
    data: Mapping[str, object]
    from_status: str | None = None
    to_status: str | None = None
    reason: str | None = None
    late: bool = False
    actor: str = "central"


class RecordResult(msgspec.Struct, frozen=True):
    """The outcome of an attempt: the record's next status and everything that is stored with it."""

    account_id: AccountId
    id: RecordId
    fence: int
    attempt_number: int
    status: str
    reason: str
    due_at: datetime | None
    held_status: str | None
    held_due_at: datetime | None
    attempts_charged: int
    platform_faults: int
    struck: int
    last_call_status: str | None
    result: str
    outcome: Literal["done", "unknown"]
    charged: bool
    cost: int
    variables: Mapping[str, str]
    event_id: UUID
    at: datetime
    data: Mapping[str, object]
    agent_charged: int = 0
    budget: Budget = "customer"
    abandoned: bool = False


class SleepRow(msgspec.Struct, frozen=True):
    """A run that waits without a leg: it is stored, and its record given back until ``due_at``; the attempt stays open.

    kept: JSON for ``Sleeper.kept``. result to cost: how the attempt is closed if the record ends without going on; ``struck``
    are bits of positions. ``data`` goes into the event.
    """

    account_id: AccountId
    id: RecordId
    request_id: RequestId
    fence: int
    attempt_number: int
    attempt_id: UUID
    at: datetime
    due_at: datetime
    kept: str
    result: str
    charged: bool
    platform_fault: bool
    struck: int
    last_call_status: str | None
    cost: int
    event_id: UUID
    data: Mapping[str, object]


FinishAnswer = Literal["accepted", "paused", "stopping", "lost", "unlawful"]


@dataclass(slots=True)
class JournalBatch:
    """Everything one group commit writes, in the order: legs handed over, answers, ends, events, sleeps, results."""

    legs: list[LegHandOver] = field(default_factory=list[LegHandOver])
    answers: list[LegAnswer] = field(default_factory=list[LegAnswer])
    ends: list[LegEnd] = field(default_factory=list[LegEnd])
    events: list[RecordEvent] = field(default_factory=list[RecordEvent])
    sleeps: list[SleepRow] = field(default_factory=list[SleepRow])
    results: list[RecordResult] = field(default_factory=list[RecordResult])

    def __bool__(self) -> bool:
        return bool(self.legs or self.answers or self.ends or self.events or self.sleeps or self.results)


class JournalAnswer(msgspec.Struct, frozen=True):
    """``legs``: those that may be dialled. ``short``: legs refused because the account cannot pay. ``results``: per record.

    ``asleep``: records whose runs sleep now; others of the batch are somebody else's by now.
    """

    legs: frozenset[LegId]
    short: frozenset[LegId]
    results: Mapping[RecordId, FinishAnswer]
    asleep: frozenset[RecordId] = frozenset()


class TraceRow(msgspec.Struct, frozen=True):
    """The SIP messages of a leg, to be stored."""

    account_id: AccountId
    record_id: RecordId
    leg_id: LegId
    trace: SipTrace


class JournalStore(Protocol):
    """A voice node's writer."""

    async def commit(self, owner: str, batch: JournalBatch, now: datetime) -> JournalAnswer:
        """Write one batch in one transaction. Safe to repeat with the same batch after a lost connection.

        Raises NeighbourError when the database cannot be reached; then nothing or everything was stored.
        """
        ...

    async def extend(
        self, owner: str, records: Sequence[tuple[AccountId, RecordId, int]], lease: timedelta
    ) -> frozenset[RecordId]:
        """Extend the leases of (account, record, fence); answers the records that are still ours."""
        ...

    async def stopping(self, owner: str) -> frozenset[RecordId]:
        """Records of ours whose request was stopped with force."""
        ...

    async def add_traces(self, rows: Sequence[TraceRow]) -> None:
        """Store SIP traces, one compressed blob a leg."""
        ...

    async def disown(self, node: str, owner: str) -> int:
        """End the leases of this node's earlier lives; answers how many."""
        ...

    async def release_strays(self, owner: str, known: Sequence[tuple[AccountId, RecordId]]) -> int:
        """Give up leases that are ours by name but unknown to us (a commit acknowledged into a broken connection)."""
        ...
