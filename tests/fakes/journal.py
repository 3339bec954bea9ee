"""The voice node's store in memory, with the promises of the port: fences, leases, money, answers; and faults on demand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from central.application.ports.journal import (
    FinishAnswer,
    JournalAnswer,
    JournalBatch,
    LegAnswer,
    LegEnd,
    LegHandOver,
    RecordEvent,
    RecordResult,
    SleepRow,
    TraceRow,
)
from central.domain.errors import NeighbourError
from central.domain.ids import AccountId, LegId, RecordId
from central.domain.moves import lawful


@dataclass(slots=True)
class HeldRecord:
    """A record as the store sees it. ``control`` is that of its request: running, paused or stopping."""

    account_id: AccountId
    id: RecordId
    fence: int
    owner: str | None
    status: str = "IN_PROGRESS"
    control: str = "running"
    force_stop: bool = False


@dataclass(slots=True)
class MemoryJournal:
    """JournalStore. ``free`` is what the account can still reserve; ``faults`` are asked before and after each commit."""

    records: dict[RecordId, HeldRecord] = field(default_factory=dict[RecordId, HeldRecord])
    legs: dict[LegId, LegHandOver] = field(default_factory=dict[LegId, LegHandOver])
    answers: dict[LegId, LegAnswer] = field(default_factory=dict[LegId, LegAnswer])
    ends: dict[LegId, LegEnd] = field(default_factory=dict[LegId, LegEnd])
    events: list[RecordEvent] = field(default_factory=list[RecordEvent])
    results: list[RecordResult] = field(default_factory=list[RecordResult])
    sleepers: dict[RecordId, SleepRow] = field(default_factory=dict[RecordId, SleepRow])
    slept: list[SleepRow] = field(default_factory=list[SleepRow])
    doubled: list[str] = field(default_factory=list[str])
    free: int = 10**12
    commits: int = 0
    before: Callable[[], bool] = lambda: False
    after: Callable[[], bool] = lambda: False

    def hold(self, record: HeldRecord) -> None:
        """A claim: the record is somebody's."""
        self.records[record.id] = record

    def take_away(self, record_id: RecordId, owner: str = "tracker") -> None:
        """The reaper: a higher fence, another owner."""
        record = self.records[record_id]
        record.fence, record.owner = record.fence + 1, owner

    def told(self, kind: str) -> list[RecordEvent]:
        """Events of a kind."""
        return [event for event in self.events if event.kind == kind]

    # -- the port --------------------------------------------------------------------------------------------------------
    async def commit(self, owner: str, batch: JournalBatch, now: datetime) -> JournalAnswer:
        del now
        self.commits += 1
        if self.before():
            raise NeighbourError("database_unavailable", "gone before the commit")
        answer = self._write(owner, batch)
        if self.after():
            raise NeighbourError("database_unavailable", "gone after the commit")
        return answer

    def _write(self, owner: str, batch: JournalBatch) -> JournalAnswer:
        go: set[LegId] = set()
        short: set[LegId] = set()
        for leg in batch.legs:
            record = self.records[leg.record_id]
            if leg.id not in self.legs and leg.position > 0 and leg.reserved > self.free:
                short.add(leg.id)
            elif record.fence == leg.fence and record.owner == owner:
                self.free -= leg.reserved if leg.id not in self.legs and leg.position > 0 else 0
                self.legs[leg.id] = leg
                go.add(leg.id)
        for answer in batch.answers:
            self.answers.setdefault(answer.id, answer)
        for end in batch.ends:
            if end.id not in self.legs:
                self.doubled.append(f"end of unknown leg {end.id}")
            elif self.ends.setdefault(end.id, end) is not end and self.ends[end.id] != end:
                self.doubled.append(f"two ends of leg {end.id}")
        known = {event.id for event in self.events}
        self.events += [event for event in batch.events if event.id not in known]
        asleep = frozenset(row.id for row in batch.sleeps if self._sleep(owner, row))
        results: dict[RecordId, FinishAnswer] = {r.id: self._finish(owner, r) for r in batch.results}
        return JournalAnswer(frozenset(go), frozenset(short), results, asleep)

    def _sleep(self, owner: str, row: SleepRow) -> bool:
        if any(known.event_id == row.event_id for known in self.slept):
            return True
        record = self.records[row.id]
        if record.fence != row.fence or record.owner != owner:
            return False
        record.owner = None
        self.sleepers[row.id] = row
        self.slept.append(row)
        return True

    def _finish(self, owner: str, result: RecordResult) -> FinishAnswer:
        if any(known.event_id == result.event_id for known in self.results):
            return "accepted"
        record = self.records[result.id]
        if record.fence != result.fence or record.owner != owner:
            return "lost"
        if result.due_at is not None and record.control != "running":
            return "paused" if record.control == "paused" else "stopping"
        if not lawful("flow", record.status, result.status):
            return "unlawful"
        record.status, record.owner = result.status, None
        self.results.append(result)
        return "accepted"

    async def extend(
        self, owner: str, records: Sequence[tuple[AccountId, RecordId, int]], lease: timedelta
    ) -> frozenset[RecordId]:
        del lease
        held = self.records
        return frozenset(i for _, i, fence in records if held[i].fence == fence and held[i].owner == owner)

    async def stopping(self, owner: str) -> frozenset[RecordId]:
        return frozenset(r.id for r in self.records.values() if r.owner == owner and r.force_stop)

    async def add_traces(self, rows: Sequence[TraceRow]) -> None:
        del rows

    async def disown(self, node: str, owner: str) -> int:
        del node, owner
        return 0

    async def release_strays(self, owner: str, known: Sequence[tuple[AccountId, RecordId]]) -> int:
        del owner, known
        return 0
