"""Calls that come in, as the store keeps them (port InboundStore): one transaction a batch (path steps 1 and 2)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from central.adapters.postgres.account_rows import account_of
from central.adapters.postgres.dispatch_store import as_json, read_contacts
from central.adapters.postgres.hot_statements import hot_statements
from central.adapters.postgres.pool import Pool, transaction
from central.application.ports.dispatch import Purse
from central.application.ports.inbound import ArrivedCall, CalledNumber, CallingAccounts
from central.domain.contacts import Contact
from central.domain.ids import AccountId, FlowId, RecordId, RequestId, TrunkId

_SQL = hot_statements("inbound")
_DISPATCH = hot_statements("dispatch")


class PostgresInbound:
    """InboundStore on a pool of role central_worker."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def called_numbers(self, numbers: Sequence[str]) -> Mapping[str, CalledNumber]:
        """The numbers that somebody has; where two flows claim one, the one that runs."""
        async with transaction(self._pool) as connection:
            rows = await _SQL["called_numbers"].rows(connection, {"numbers": list(numbers)})
        return {row[0]: _called(*row) for row in rows}

    async def accounts(
        self, ids: Sequence[AccountId], callers: Sequence[tuple[AccountId, str]], now: datetime
    ) -> CallingAccounts:
        """What the admission of calls asks about their accounts."""
        asked = as_json([{"account_id": account_id, "number": number} for account_id, number in callers])
        async with transaction(self._pool) as connection:
            facts = await _DISPATCH["account_facts"].rows(connection, {"accounts": list(ids)})
            purses = await _DISPATCH["balances"].rows(connection, {"accounts": list(ids)})
            blocked = await _SQL["blocked_callers"].rows(connection, {"callers": asked, "now": now})
        return CallingAccounts(
            {AccountId(row[0]): account_of(row) for row in facts},
            {AccountId(account_id): Purse(balance, reserved) for account_id, balance, reserved in purses},
            frozenset((AccountId(account_id), number) for account_id, number in blocked),
        )

    async def contacts(self, wanted: Collection[tuple[AccountId, str]]) -> Mapping[tuple[AccountId, str], Contact]:
        """What is kept about these callers."""
        async with transaction(self._pool) as connection:
            return await read_contacts(connection, wanted)

    async def admit(
        self, owner: str, calls: Sequence[ArrivedCall], lease: timedelta, now: datetime
    ) -> Mapping[RecordId, RequestId]:
        """Store the calls in one transaction."""
        batch = {"calls": as_json(calls), "now": now}
        async with transaction(self._pool) as connection:
            await _SQL["open_requests"].run(connection, batch)
            rows = await _SQL["admit_calls"].rows(connection, batch | {"owner": owner, "lease": lease})
        return {RecordId(record_id): RequestId(request_id) for _, record_id, request_id in rows}


def _called(
    number: str, account_id: UUID, trunk_id: UUID | None, cap: int | None, flow_id: str | None, version_id: UUID | None,
    running: bool,  # noqa: FBT001 - a column
) -> CalledNumber:  # fmt: skip
    trunk = None if trunk_id is None else TrunkId(trunk_id)
    flow = None if flow_id is None else FlowId(flow_id)
    return CalledNumber(number, AccountId(account_id), trunk, cap, flow, version_id, running)
