"""Lookups with a memory (port Library): frozen flow versions for ever, policies, trunks and DIDs for some seconds."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from importlib import resources
from uuid import UUID

from central.adapters.postgres.dispatch_store import PostgresDispatch
from central.adapters.postgres.hot_statements import hot_statements
from central.adapters.postgres.pool import Pool, transaction
from central.application.ports.library import AccountTrunk
from central.application.ports.telephony import Trunk
from central.application.ports.world import Clock
from central.domain.errors import OperatorError
from central.domain.ids import AccountId, FlowId, TrunkId
from central.domain.policies import Policy, in_force, parse_policies
from central.flow.prepared import PreparedFlow, prepare_flow

_SQL = hot_statements("dispatch")
_FRESH_S = 5.0
_MOST_FLOWS = 500


class PostgresNumberLists:
    """NumberLists on a pool of role central_worker."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def listed(self, account_id: AccountId, number: str, at: datetime) -> frozenset[str]:
        """The names of the lists that hold a number, or a prefix of it."""
        asked = {"account_id": account_id, "number": number, "now": at}
        async with transaction(self._pool) as connection:
            return frozenset(row[0] for row in await _SQL["lists_of_number"].rows(connection, asked))


class PostgresLibrary:
    """Library on a pool of role central_worker; one a process."""

    def __init__(self, pool: Pool, dispatch: PostgresDispatch, clock: Clock) -> None:
        self._pool, self._dispatch, self._clock = pool, dispatch, clock
        self._flows: OrderedDict[UUID, PreparedFlow] = OrderedDict()
        self._dids: dict[tuple[AccountId, FlowId], tuple[float, Sequence[str]]] = {}
        self._policies: tuple[float, tuple[Policy, ...]] = (float("-inf"), ())

    async def flows(self, ids: Iterable[UUID]) -> Mapping[UUID, PreparedFlow]:
        """Prepared versions by id; the least recently used are forgotten beyond some hundreds."""
        wanted = list(ids)
        missing = [id_ for id_ in wanted if id_ not in self._flows]
        if missing:
            for doc in await self._dispatch.flow_documents(missing):
                self._flows[doc.id] = prepare_flow(
                    doc.id, doc.account_id, doc.flow_id, doc.number, doc.document, doc.prompts
                )
        found = {id_: self._flows[id_] for id_ in wanted}
        for id_ in wanted:
            self._flows.move_to_end(id_)
        while len(self._flows) > max(_MOST_FLOWS, len(wanted)):
            self._flows.popitem(last=False)
        return found

    async def dids(self, account_id: AccountId, flow_id: FlowId) -> Sequence[str]:
        """Numbers attached to the flow, in order; at most some seconds old."""
        key, now = (account_id, flow_id), self._clock.monotonic()
        known = self._dids.get(key)
        if known is None or now - known[0] > _FRESH_S:
            found = (await self._dispatch.flow_dids([key])).get(key, ())
            known = self._dids[key] = (now, found)
        return known[1]

    async def policy(self, policy_id: str, version: int | None, at: datetime) -> Policy:
        """The pinned version, or the newest in force. Raises OperatorError ``unknown_policy``."""
        read_at, policies = self._policies
        now = self._clock.monotonic()
        found = _pinned(policies, policy_id, version, at)
        if found is None or now - read_at > _FRESH_S:  # a row that was added a moment ago is found at once
            policies = await self._read_policies()
            self._policies = (now, policies)
            found = _pinned(policies, policy_id, version, at)
        if found is None:
            which = "in force" if version is None else f"with version {version}"
            raise OperatorError("unknown_policy", f"There is no policy {policy_id} {which}.")
        return found

    async def policies_of(self, accounts: Iterable[AccountId], at: datetime) -> Mapping[AccountId, Policy]:
        """The policy that each account pins. Raises OperatorError ``unknown_policy``."""
        async with transaction(self._pool) as connection:
            rows = await _SQL["account_policies"].rows(connection, {"accounts": list(accounts)})
        return {AccountId(id_): await self.policy(policy_id, version, at) for id_, policy_id, version in rows}

    async def trunks(self) -> Sequence[AccountTrunk]:
        """All enabled trunks of the shard."""
        async with transaction(self._pool) as connection:
            rows = await _SQL["trunks"].rows(connection)
        return [
            AccountTrunk(
                AccountId(account_id),
                Trunk(TrunkId(id_), name, host, port, transport, user, password, tuple(codecs), tag_calls, inbound),
                channel_cap,
                cps_cap,
                tuple((prefix, priority) for prefix, priority in routes),
            )
            for account_id, id_, name, host, port, transport, user, password, codecs, channel_cap, cps_cap, _, tag_calls, inbound, routes in rows
        ]

    async def _read_policies(self) -> tuple[Policy, ...]:
        """The packaged rows and, over them, those of the database."""
        text = resources.files("central.domain").joinpath("policies.toml").read_text(encoding="utf-8")
        policies = {(p.id, p.version): p for p in parse_policies(text)}
        async with transaction(self._pool) as connection:
            for _, _, body in await _SQL["policies"].rows(connection):
                policy = Policy.parse(body)
                policies[policy.id, policy.version] = policy
        return tuple(policies.values())


def _pinned(policies: Sequence[Policy], policy_id: str, version: int | None, at: datetime) -> Policy | None:
    if version is None:
        return in_force(policies, policy_id, at)
    return next((p for p in policies if (p.id, p.version) == (policy_id, version)), None)
