"""Claimers, a voice node's journal and the tracker on a database of the test's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from central.adapters.postgres.dispatch_store import PostgresDispatch
from central.adapters.postgres.journal_store import PostgresJournal
from central.adapters.postgres.library import PostgresLibrary
from central.adapters.postgres.pool import Pool
from central.adapters.postgres.tracking_store import PostgresTracking
from central.adapters.system import SystemIds
from central.application.dispatch.claim_records import ClaimRecords
from central.application.dispatch.grant_shares import GrantShares
from central.application.ports.dispatch import Grant, HandedRecord, NodeState
from central.application.ports.journal import FinishAnswer, JournalAnswer, JournalBatch, LegHandOver, RecordResult
from central.application.tracking.reap_leases import ReapLeases
from central.domain.ids import AccountId, LegId, RecordId, RequestId
from tests.fakes.observed import ManualClock, ObservedTelemetry
from tests.stock import Stock

LEASE = timedelta(seconds=60)


@dataclass(slots=True)
class Desk:
    """Everything between the tables and the use cases of steps 2 and 5."""

    stock: Stock
    pool: Pool
    clock: ManualClock
    ids: SystemIds = field(default_factory=SystemIds)
    telemetry: ObservedTelemetry = field(default_factory=ObservedTelemetry)
    dispatch: PostgresDispatch = field(init=False)
    journal: PostgresJournal = field(init=False)
    tracking: PostgresTracking = field(init=False)
    library: PostgresLibrary = field(init=False)

    def __post_init__(self) -> None:
        self.dispatch = PostgresDispatch(self.pool, self.ids)
        self.journal = PostgresJournal(self.pool, self.ids)
        self.tracking = PostgresTracking(self.pool)
        self.library = PostgresLibrary(self.pool, self.dispatch, self.clock)

    def node(self, name: str = "n1", channels: int = 1000, cps: int = 10_000) -> NodeState:
        return NodeState(name, "g1", "voice", channels, cps)

    def shares(self, holder: str = "d1") -> GrantShares:
        return GrantShares(self.dispatch, self.library, self.clock, holder)

    def reaper(self) -> ReapLeases:
        return ReapLeases(self.tracking, self.journal, self.library, self.clock, self.ids, self.telemetry)

    async def grant(self, account_id: AccountId, request_id: RequestId, n: int, node: str = "n1") -> None:
        """Write a grant as the leader would."""
        epoch = await self.dispatch.lead("dispatcher", "test", timedelta(hours=1))
        assert epoch is not None
        await self.dispatch.grant([Grant(node, account_id, request_id, n)], epoch, "test")

    async def claim(self, node: NodeState | None = None) -> Sequence[HandedRecord]:
        """Claim what the node was granted."""
        claim = ClaimRecords(self.dispatch, self.library, self.clock, self.ids, LEASE)
        return await claim(node or self.node())

    async def claim_all(self, account_id: AccountId, request_id: RequestId, n: int = 1000) -> list[HandedRecord]:
        """Grant and claim, in the order of the record ids."""
        await self.grant(account_id, request_id, n)
        return sorted(await self.claim(), key=lambda handed: handed.record.id)

    async def hand_over(
        self, *handed: HandedRecord, owner: str = "n1/g1", position: int = 0
    ) -> tuple[list[LegId], JournalAnswer]:
        """Store a leg row for each record."""
        legs = [LegId(self.ids.uuid()) for _ in handed]
        batch = JournalBatch(legs=[self.leg(item, leg, position) for item, leg in zip(handed, legs, strict=True)])
        return legs, await self.journal.commit(owner, batch, self.clock.now())

    def leg(self, handed: HandedRecord, leg: LegId, position: int = 0, reserved: int = 0) -> LegHandOver:
        record = handed.record
        return LegHandOver(
            record.account_id, record.id, handed.fence, leg, handed.attempt_number, position, "918000000001",
            record.numbers[0], None, self.clock.now(), reserved,
        )  # fmt: skip

    def result(
        self, handed: HandedRecord, status: str = "COMPLETED", reason: str = "completed", **more: object
    ) -> RecordResult:
        record = handed.record
        values: dict[str, object] = {
            "account_id": record.account_id, "id": record.id, "fence": handed.fence, "attempt_number": handed.attempt_number,
            "status": status, "reason": reason, "due_at": None, "held_status": None, "held_due_at": None,
            "attempts_charged": 1, "platform_faults": 0, "struck": 0, "last_call_status": "Connected", "result": "Connected",
            "outcome": "done", "charged": True, "cost": 0, "variables": {}, "event_id": self.ids.uuid(), "at": self.clock.now(),
            "data": {"rule": "test"},
        }  # fmt: skip
        return RecordResult(**(values | more))  # type: ignore[arg-type]

    async def finish(self, *results: RecordResult, owner: str = "n1/g1") -> Mapping[RecordId, FinishAnswer]:
        """Commit results; the store's answers by record."""
        answer = await self.journal.commit(owner, JournalBatch(results=list(results)), self.clock.now())
        return answer.results

    def again_at(self, seconds: float) -> datetime:
        return self.clock.now() + timedelta(seconds=seconds)


@pytest.fixture
def stock(database: str) -> Stock:
    return Stock(database)


@pytest.fixture
def desk(stock: Stock, worker_pool: Pool) -> Desk:
    return Desk(stock, worker_pool, ManualClock(stock.now))
