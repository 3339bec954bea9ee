"""What dispatch (step 2) needs from the store: leadership, demands, grants and claims. All calls are batches."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

import msgspec

from central.domain.accounts import Account
from central.domain.contacts import Contact
from central.domain.ids import AccountId, FlowId, RecordId, RequestId
from central.domain.policies import Policy
from central.flow.prepared import PreparedFlow


@dataclass(frozen=True, slots=True)
class NodeState:
    """A worker's sign of life. ``owner`` (name/generation) is what its leases carry."""

    name: str
    generation: str
    kind: str
    channels: int
    cps: int
    address: str = ""
    draining: bool = False
    healthy: bool = True
    detail: Mapping[str, object] = field(default_factory=dict[str, object])

    @property
    def owner(self) -> str:
        """The name under which leases are held: a new life of the node is a new owner."""
        return f"{self.name}/{self.generation}"


VOICE: Final = "voice"
MESSAGES: Final = "messages"
"""Kinds of nodes: those with a voice engine, and those that run flows without a call."""


class AliveNode(msgspec.Struct, frozen=True):
    """A node that takes work: ``leased`` records it holds, ``granted`` ones it has not taken yet."""

    name: str
    channels: int
    cps: int
    leased: int
    granted: int
    kind: str = VOICE


class DueRequest(msgspec.Struct, frozen=True):
    """A running request with records due now (``due`` counts up to the asked cap)."""

    account_id: AccountId
    flow_id: FlowId
    request_id: RequestId
    flow_version_id: UUID
    priority: int
    weight: int
    account_weight: int
    channel_cap: int
    cps_cap: int
    due: int


class InFlight(msgspec.Struct, frozen=True):
    """Records leased or granted, by account, flow and its version."""

    account_id: AccountId
    flow_id: FlowId
    n: int
    flow_version_id: UUID


class Grant(msgspec.Struct, frozen=True):
    """``n`` records of one request for one node. ``queue_id``: the claim spends the allowance of this queue."""

    node: str
    account_id: AccountId
    request_id: RequestId
    n: int
    queue_id: UUID | None = None


class QueueNeed(msgspec.Struct, frozen=True, kw_only=True):
    """A queue whose agents dialer flows need. key: names the answer. skills: count agents with these (name -> least level).

    versions: all versions of dialer flows of this queue that have records due or in flight.
    """

    key: int
    account_id: AccountId
    queue: str
    skills: Mapping[str, int]
    versions: Sequence[UUID]


class QueueRoom(msgspec.Struct, frozen=True):
    """A queue as it is: agents who are free, places that wait for one, records granted and claimed on their way to a place.

    mode: how it is paced, None = it is not. allowed: dials that its pacing still allows, None = there is no decision that holds.
    """

    key: int
    queue_id: UUID
    free: int
    waiting: int
    granted: int
    coming: int
    mode: str | None = None
    allowed: int | None = None

    @property
    def served(self) -> int:
        """How many more records an agent would be free for."""
        return max(0, self.free - self.waiting - self.granted - self.coming)


class Sleeper(msgspec.Struct, frozen=True):
    """The open attempt of a record whose run sleeps, and what its driver kept of it (JSON, see ``SleepRow``)."""

    attempt_id: UUID
    kept: str


class PickedRecord(msgspec.Struct, frozen=True):
    """A due record under lock, with what the lists say about its numbers: hits are (number, list name)."""

    account_id: AccountId
    id: RecordId
    request_id: RequestId
    flow_id: FlowId
    flow_version_id: UUID
    testing: bool
    end_at: datetime | None
    fence: int
    status: str
    epoch: int
    attempts_made: int
    attempts_charged: int
    platform_faults: int
    struck: int
    numbers: tuple[str, ...]
    variables: Mapping[str, str]
    time_zone: str | None
    expires_at: datetime | None
    client_identifier: str | None
    due_at: datetime
    hits: tuple[tuple[str, str], ...]
    sleeper: Sleeper | None = None
    """Its attempt goes on; ``attempts_made`` counts it already."""
    agent_charged: int = 0


class ListState(msgspec.Struct, frozen=True):
    """A list of the account: its version and, for registers, the date of its data."""

    version: int
    entries: int
    fresh_at: datetime | None


class Purse(msgspec.Struct, frozen=True):
    """Balance and reservations of an account in millionths of its currency, as seen by this claim."""

    balance: int
    reserved: int


class ClaimDecision(msgspec.Struct, frozen=True):
    """What the judging made of one picked record. ``verdict``: end, put_back, hand_over, or wake (its attempt goes on).

    ``event`` holds the deciding check in plain JSON values, ``struck`` a bit set of number positions that must not be
    dialled. ``reserved`` is the amount set aside for the first leg.
    """

    record: PickedRecord
    verdict: str
    status: str
    reason: str | None
    due_at: datetime | None
    event: Mapping[str, object]
    event_id: UUID
    attempt_id: UUID | None = None
    reserved: int = 0
    struck: int | None = None
    policy_id: str | None = None
    policy_version: int | None = None
    dnd_version: int | None = None
    blacklist_version: int | None = None


class Claimed(msgspec.Struct, frozen=True):
    """A record that is ours now: its new fence and the number of the attempt that begins, or goes on."""

    account_id: AccountId
    id: RecordId
    fence: int
    attempt_number: int


class ClaimBatch(Protocol):
    """One open claim transaction: the picked rows stay locked until it is settled.

    ``zoned``: accounts that keep the time zone of any contact.
    """

    records: Sequence[PickedRecord]
    accounts: Mapping[AccountId, Account]
    lists: Mapping[AccountId, Mapping[str, ListState]]
    purses: Mapping[AccountId, Purse]
    prefixes: Mapping[AccountId, Sequence[tuple[str, str]]]
    zoned: frozenset[AccountId]

    async def contacts(self, wanted: Collection[tuple[AccountId, str]]) -> Mapping[tuple[AccountId, str], Contact]:
        """What is kept about these numbers, for those about which anything is."""
        ...

    async def settle(self, decisions: Sequence[ClaimDecision], lease: timedelta) -> Sequence[Claimed]:
        """Store the whole judged batch, reservations included; answers the records handed over.

        Raises NeighbourError ``balance_moved`` when the money was spent meanwhile: nothing is stored, claim again.
        """
        ...


class FlowDocument(msgspec.Struct, frozen=True):
    """A frozen flow version as stored; ``number`` None is a snapshot of the draft. ``prompts``: the contents that it holds."""

    id: UUID
    account_id: AccountId
    flow_id: FlowId
    number: int | None
    document: bytes
    prompts: Mapping[tuple[str, str], str] = {}


class DispatchStore(Protocol):
    """The dispatcher's and the claimers' view of the store."""

    async def lead(self, role: str, holder: str, lease: timedelta) -> int | None:
        """Take or keep leadership; the epoch, or None when somebody else leads."""
        ...

    async def heartbeat(self, node: NodeState) -> None:
        """Write a sign of life."""
        ...

    async def alive_nodes(self, kinds: Sequence[str], stale: timedelta) -> Sequence[AliveNode]:
        """Nodes of these kinds that were heard within ``stale`` and take work."""
        ...

    async def demands(self, now: datetime, cap: int) -> Sequence[DueRequest]:
        """Running requests with due records; each ``due`` counts up to ``cap``."""
        ...

    async def in_flight(self) -> Sequence[InFlight]:
        """Places in use by account, flow and version."""
        ...

    async def open_grants(self) -> Mapping[RequestId, int]:
        """Grants that no node has taken yet."""
        ...

    async def queue_rooms(self, asked: Sequence[QueueNeed], now: datetime) -> Sequence[QueueRoom]:
        """What queues can serve now, in one snapshot; a queue that does not exist is left out."""
        ...

    async def grant(self, grants: Sequence[Grant], epoch: int, holder: str) -> None:
        """Write grants, if ``epoch`` still leads; grants older than some seconds are dropped."""
        ...

    def claim(self, node: NodeState, now: datetime) -> AbstractAsyncContextManager[ClaimBatch]:
        """Take this node's grants and pick the records; rolled back unless settled."""
        ...

    async def flow_documents(self, ids: Sequence[UUID]) -> Sequence[FlowDocument]:
        """The documents of frozen versions."""
        ...

    async def flow_dids(
        self, flows: Sequence[tuple[AccountId, FlowId]]
    ) -> Mapping[tuple[AccountId, FlowId], Sequence[str]]:
        """The DIDs attached to flows, in order."""
        ...


class HandedRecord(msgspec.Struct, frozen=True):
    """A claimed record with all that its attempt needs; the voice node drives it from here (path step 2 to step 4)."""

    record: PickedRecord
    fence: int
    attempt_id: UUID
    attempt_number: int
    struck: int
    reserved: int
    account: Account
    prepared: PreparedFlow
    policy: Policy
    dids: tuple[str, ...]
    claimed_at: float
    """Monotonic seconds before the claim was sent: the lease runs from here at the earliest."""
    contact: Contact | None = None
    """What is kept about the number that the record is about; None: nothing, or its flow does not read it."""

    @property
    def contact_position(self) -> int:
        """Which of the record's numbers it is about: the first usable one, for which the claim set money aside."""
        return first_usable(self.record, self.struck)


def first_usable(record: PickedRecord, struck: int) -> int:
    """Position of the first number that may be dialled; 0 where none may."""
    return next((i for i in range(len(record.numbers)) if not struck >> i & 1), 0)
