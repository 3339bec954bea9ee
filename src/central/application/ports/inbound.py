"""What calls that come in need of the store: whose number was called, and the record that a call becomes (path steps 1 and 2)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

import msgspec

from central.application.ports.dispatch import Purse
from central.domain.accounts import Account
from central.domain.contacts import Contact
from central.domain.ids import AccountId, FlowId, LegId, RecordId, RequestId, TrunkId


class CalledNumber(msgspec.Struct, frozen=True):
    """A DID. ``channel_cap`` None = no cap of its own. ``running`` False: no inbound flow runs on it (now)."""

    number: str
    account_id: AccountId
    trunk_id: TrunkId | None
    channel_cap: int | None
    flow_id: FlowId | None
    version_id: UUID | None
    running: bool


class CallingAccounts(msgspec.Struct, frozen=True):
    """The accounts whose numbers were called: ``blocked`` are (account, caller) pairs of the blacklist."""

    accounts: Mapping[AccountId, Account]
    purses: Mapping[AccountId, Purse]
    blocked: frozenset[tuple[AccountId, str]]


class ArrivedCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call as it is stored: a record of the day's request. ``leg_id`` None: the account could not take it, it ends at once."""

    account_id: AccountId
    id: RecordId
    request_id: RequestId
    flow_id: FlowId
    version_id: UUID
    name: str
    called: str
    caller: str
    trunk_id: TrunkId
    arrived_at: datetime
    status: str
    reason: str | None
    attempt_id: UUID
    event_id: UUID
    policy_id: str
    policy_version: int
    leg_id: LegId | None
    data: Mapping[str, object]


class InboundStore(Protocol):
    """The store's side of inbound calls; every call is a batch. All raise NeighbourError when the store is away."""

    async def called_numbers(self, numbers: Sequence[str]) -> Mapping[str, CalledNumber]:
        """The numbers that somebody has."""
        ...

    async def accounts(
        self, ids: Sequence[AccountId], callers: Sequence[tuple[AccountId, str]], now: datetime
    ) -> CallingAccounts:
        """What the admission of calls asks about their accounts."""
        ...

    async def contacts(self, wanted: Collection[tuple[AccountId, str]]) -> Mapping[tuple[AccountId, str], Contact]:
        """What is kept about these callers, for those about whom anything is."""
        ...

    async def admit(
        self, owner: str, calls: Sequence[ArrivedCall], lease: timedelta, now: datetime
    ) -> Mapping[RecordId, RequestId]:
        """Store the calls, leased by ``owner`` where they are taken; answers the request of each."""
        ...
