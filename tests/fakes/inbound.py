"""The store's side of inbound calls in memory: numbers, one account, and the records that calls became."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from central.application.ports.dispatch import Purse
from central.application.ports.inbound import ArrivedCall, CalledNumber, CallingAccounts
from central.domain.accounts import Account
from central.domain.contacts import Contact
from central.domain.errors import NeighbourError
from central.domain.ids import AccountId, RecordId, RequestId


@dataclass(slots=True)
class MemoryInbound:
    """InboundStore; ``away`` lets it fail as a database that cannot be reached; ``keep`` sees each call."""

    numbers: Mapping[str, CalledNumber] = field(default_factory=dict[str, CalledNumber])
    account: Account | None = None
    purse: Purse = field(default_factory=lambda: Purse(0, 0))
    blocked: frozenset[tuple[AccountId, str]] = frozenset()
    stored: list[ArrivedCall] = field(default_factory=list[ArrivedCall])
    batches: list[int] = field(default_factory=list[int])
    kept: Mapping[tuple[AccountId, str], Contact] = field(default_factory=dict[tuple[AccountId, str], Contact])
    away: bool = False
    keep: Callable[[ArrivedCall], None] = lambda _call: None

    async def called_numbers(self, numbers: Sequence[str]) -> Mapping[str, CalledNumber]:
        if self.away:
            raise NeighbourError("database_unavailable", "gone")
        return {number: self.numbers[number] for number in numbers if number in self.numbers}

    async def accounts(
        self, ids: Sequence[AccountId], callers: Sequence[tuple[AccountId, str]], now: datetime
    ) -> CallingAccounts:
        del now
        if self.account is None:
            return CallingAccounts({}, {}, frozenset())
        known = {self.account.id: self.account}
        return CallingAccounts(known, dict.fromkeys(ids, self.purse), self.blocked & frozenset(callers))

    async def contacts(self, wanted: Collection[tuple[AccountId, str]]) -> Mapping[tuple[AccountId, str], Contact]:
        return {key: contact for key, contact in self.kept.items() if key in wanted}

    async def admit(
        self, owner: str, calls: Sequence[ArrivedCall], lease: timedelta, now: datetime
    ) -> Mapping[RecordId, RequestId]:
        del owner, lease, now
        self.batches.append(len(calls))
        self.stored += calls
        for call in calls:
            self.keep(call)
        return {call.id: call.request_id for call in calls}
