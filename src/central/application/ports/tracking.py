"""What the tracker needs from the store: expired leases, control actions, folded counts, closed requests (step 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol
from uuid import UUID

from central.domain.ids import AccountId, FlowId, LegId, RecordId, RequestId


@dataclass(frozen=True, slots=True)
class ReapedRecord:
    """A record whose lease ran out; it is ours now under a higher ``fence``."""

    account_id: AccountId
    id: RecordId
    request_id: RequestId
    flow_id: FlowId
    flow_version_id: UUID
    fence: int
    status: str
    attempts_made: int
    attempts_charged: int
    platform_faults: int
    struck: int
    numbers: tuple[str, ...]
    expires_at: datetime | None
    end_at: datetime | None
    time_zone: str | None
    control: str
    force_stop: bool
    agent_charged: int = 0


@dataclass(frozen=True, slots=True)
class LegState:
    """What is stored about a leg of the uncertain attempt; ``status`` None = never ended as far as we know."""

    account_id: AccountId
    record_id: RecordId
    id: LegId
    position: int
    number_to: str
    handed_at: datetime
    connect_at: datetime | None
    end_at: datetime | None
    status: str | None
    answered_ms: int | None
    hangup_by: str | None
    cost: int
    role: str = "customer"


Deed = Literal["message", "errand"]
"""What an attempt has done beside calls: a message that was handed over, an errand that was begun."""


@dataclass(frozen=True, slots=True)
class ControlledRequest:
    """An open request whose waiting records must move: ``control`` is paused, stopping, or running (some are held still)."""

    account_id: AccountId
    id: RequestId
    flow_id: FlowId
    control: str


class TrackingStore(Protocol):
    """The tracker's view of the store."""

    async def reap(self, owner: str, n: int, lease: timedelta) -> Sequence[ReapedRecord]:
        """Take up to ``n`` records with expired leases under a raised fence; their attempts become uncertain."""
        ...

    async def legs_of(
        self, records: Sequence[tuple[AccountId, RecordId, int]]
    ) -> Mapping[RecordId, Sequence[LegState]]:
        """The legs of (account, record, attempt number)."""
        ...

    async def deeds_of(self, records: Sequence[tuple[AccountId, RecordId, int]]) -> Mapping[RecordId, frozenset[Deed]]:
        """What the attempts (account, record, number) have done, as the rows tell; those that did nothing are left out."""
        ...

    async def controlled_requests(self) -> Sequence[ControlledRequest]:
        """Requests that are paused or being stopped."""
        ...

    async def hold_waiting(
        self, account_id: AccountId, request_id: RequestId, n: int, now: datetime, actor: str
    ) -> int:
        """Move up to ``n`` waiting records to PAUSE; answers how many."""
        ...

    async def end_waiting(
        self,
        account_id: AccountId,
        request_id: RequestId,
        n: int,
        now: datetime,
        actor: str,
        record_id: RecordId | None = None,
    ) -> int:
        """End up to ``n`` waiting records of a stopped request (or one record); answers how many."""
        ...

    async def resume_held(self, account_id: AccountId, request_id: RequestId, n: int, now: datetime, actor: str) -> int:
        """Move up to ``n`` records from PAUSE to RESUME; answers how many."""
        ...

    async def requeue_short(
        self, account_id: AccountId, request_id: RequestId, n: int, now: datetime, actor: str
    ) -> int:
        """Requeue up to ``n`` records that ended for money or validity; answers how many."""
        ...

    async def backlog(self) -> Mapping[str, float]:
        """What an operator watches, by metric name: open requests, leases, waiting events, silent dispatcher, partitions."""
        ...

    async def fold_tallies(self, n: int) -> None:
        """Fold up to ``n`` count changes into one row a counter."""
        ...

    async def close_requests(self, n: int, now: datetime) -> int:
        """Close requests that are loaded and have nothing pending; answers how many."""
        ...
