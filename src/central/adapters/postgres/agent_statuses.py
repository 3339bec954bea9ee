"""The statuses of agents on PostgreSQL (port AgentStatuses; ``queries/agent.sql``)."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from central.adapters.postgres.administration_rows import fetch, touched, write_audit
from central.adapters.postgres.hot_statements import hot_statements
from central.adapters.postgres.pool import Connection, Pool, tenant, transaction
from central.adapters.postgres.statements import load_statements
from central.application.ports.agents import AgentEvent, AgentTurn, AgentTurned, BoardRow
from central.domain.agent_orders import FORCED, Effect
from central.domain.ids import AccountId

_SQL = load_statements("agent")
_HOT = hot_statements("agent")


class PostgresAgentStatuses:
    """AgentStatuses. ``pool``: of central_api with ``as_tenant``, else of central_worker (``tend`` is for all accounts)."""

    def __init__(self, pool: Pool, *, as_tenant: bool = False) -> None:
        self._pool, self._as_tenant = pool, as_tenant

    def _within(self, account_id: AccountId) -> contextlib.AbstractAsyncContextManager[Connection]:
        return tenant(self._pool, account_id) if self._as_tenant else transaction(self._pool)

    async def turn(self, turns: Sequence[AgentTurn], at: datetime) -> Sequence[AgentTurned]:
        """Carry orders out; see the port."""
        if not turns:
            return []
        wanted = msgspec.json.encode([turn_row(turn) for turn in turns]).decode()
        audits = {turn.agent_id: turn.audit for turn in turns}
        account_id = turns[0].account_id
        async with self._within(account_id) as connection:
            rows = await _HOT["turn"].rows(connection, {"turns": wanted, "at": at, "forced": FORCED})
            for row in rows:
                if (audit := audits[row[0]]) is not None:
                    await write_audit(connection, account_id, audit)
        return [AgentTurned(agent, Effect(effect), *rest) for agent, effect, *rest in rows]

    async def switch_phone(self, account_id: AccountId, agent_id: UUID, phone: str) -> bool:
        """Let him work with another phone."""
        values = {"account_id": account_id, "id": agent_id, "phone": phone}
        async with self._within(account_id) as connection:
            return await touched(connection, _SQL["switch_phone"], values) > 0

    async def heard(self, agents: Sequence[tuple[AccountId, UUID]], at: datetime) -> Mapping[UUID, str]:
        """Signs of life; of one account where the store is bound to one."""
        if not agents:
            return {}
        rows = msgspec.json.encode([{"account_id": account, "id": agent} for account, agent in agents]).decode()
        async with self._within(agents[0][0]) as connection:
            return dict(await _HOT["heard"].rows(connection, {"agents": rows, "at": at}))

    async def tend(self, at: datetime, silence: timedelta, limit: int) -> int:
        """Do what is due; see the port."""
        async with transaction(self._pool) as connection:
            return int(await _HOT["tend"].value(connection, {"at": at, "silence": silence, "n": limit}))

    async def events(
        self, account_id: AccountId, agent_id: UUID, before: UUID | None, limit: int
    ) -> Sequence[AgentEvent]:
        """His history, newest first."""
        values = {"account_id": account_id, "id": agent_id, "before": before, "limit": limit}
        async with self._within(account_id) as connection:
            return await fetch(connection, _SQL["agent_events"], AgentEvent, values)

    async def board(self, account_id: AccountId, after: UUID | None, limit: int) -> Sequence[BoardRow]:
        """Agents who are logged in, by id."""
        values = {"account_id": account_id, "after": after, "limit": limit}
        async with self._within(account_id) as connection:
            return await fetch(connection, _SQL["board"], BoardRow, values)


def turn_row(turn: AgentTurn) -> Mapping[str, object]:
    """An order as the statement ``turn`` reads it."""
    rule = turn.rule
    return {
        "account_id": turn.account_id, "agent_id": turn.agent_id, "goal": rule.goal, "reason": rule.reason,
        "at_once": sorted(rule.at_once), "later": sorted(rule.later), "next_wanted": rule.next_wanted,
        "code": turn.code, "phone": turn.phone, "actor": turn.actor, "supervisor": turn.supervisor,
    }  # fmt: skip
