"""Agents, queues and pause codes on PostgreSQL (ports AgentStore, QueueStore, PauseCodeStore; ``queries/agent.sql``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec
from psycopg.types.json import Jsonb

from central.adapters.postgres.administration_rows import (
    changing,
    fetch,
    fetch_one,
    scalar,
    touched,
    update_columns,
)
from central.adapters.postgres.pool import Connection, Pool, tenant
from central.adapters.postgres.statements import load_statements
from central.application.ports.administration import AuditEntry
from central.application.ports.agents import AgentRow, Member, PauseCode, QueueRow
from central.domain.errors import Conflict, NotFound
from central.domain.ids import AccountId
from central.domain.statuses import AgentStatus

_SQL = load_statements("agent")
_AGENT_COLUMNS: Final = frozenset({"key", "name", "kind", "groups", "skills", "number", "phone"})
_QUEUE_COLUMNS: Final = frozenset(QueueRow.__struct_fields__) - {"id", "created_at", "agents"}


class PostgresAgents:
    """AgentStore; ``pool`` is one of central_api."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def create(self, account_id: AccountId, agent: AgentRow, audit: AuditEntry) -> None:
        """Store him, LOGGED_OUT. Raises Conflict ``key_taken``."""
        values = {name: getattr(agent, name) for name in _AGENT_COLUMNS | {"id", "created_at"}}
        values |= {"account_id": account_id, "groups": list(agent.groups), "skills": Jsonb(dict(agent.skills))}
        async with changing(self._pool, account_id, audit) as change:
            await change.connection.execute(_SQL["create_agent"], values)

    async def get(self, account_id: AccountId, agent_id: UUID) -> AgentRow | None:
        """One agent."""
        async with tenant(self._pool, account_id) as connection:
            return await _one_agent(connection, account_id, agent_id)

    async def page(self, account_id: AccountId, after: UUID | None, limit: int) -> Sequence[AgentRow]:
        """Agents in the order they were made."""
        values = {"account_id": account_id, "id": None, "after": after, "limit": limit}
        async with tenant(self._pool, account_id) as connection:
            return await fetch(connection, _SQL["agent_page"], _agent, values)

    async def change(
        self, account_id: AccountId, agent_id: UUID, changes: Mapping[str, object], audit: AuditEntry
    ) -> AgentRow | None:
        """Set the named fields. Raises Conflict ``key_taken``."""
        key, json = {"account_id": account_id, "id": agent_id}, frozenset({"skills"})
        async with changing(self._pool, account_id, audit) as change:
            if not await update_columns(change.connection, "agent", _AGENT_COLUMNS, changes, key, json):
                change.nothing()
            return await _one_agent(change.connection, account_id, agent_id)
        return None

    async def set_phone_password(self, account_id: AccountId, agent_id: UUID, password: str, audit: AuditEntry) -> bool:
        """Replace the password of his SIP phone."""
        values = {"account_id": account_id, "id": agent_id, "password": password}
        async with changing(self._pool, account_id, audit) as change:
            if not await touched(change.connection, _SQL["set_phone_password"], values):
                change.nothing()
            return True
        return False

    async def remove(self, account_id: AccountId, agent_id: UUID, audit: AuditEntry) -> bool:
        """Delete him and end his keys. Raises Conflict ``agent_at_work`` unless he is LOGGED_OUT."""
        values = {"account_id": account_id, "id": agent_id, "at": audit.at}
        async with changing(self._pool, account_id, audit) as change:
            status = await scalar(change.connection, _SQL["lock_agent"], values)
            if status is None:
                change.nothing()
            if status != AgentStatus.LOGGED_OUT:
                raise Conflict("agent_at_work", "The agent is at work; log him out first.", status=status)
            await change.connection.execute(_SQL["drop_agent"], values)
            return True
        return False


class PostgresQueues:
    """QueueStore; ``pool`` is one of central_api."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def create(self, account_id: AccountId, queue: QueueRow, audit: AuditEntry) -> None:
        """Store it. Raises Conflict ``name_taken``, NotFound ``did_not_found``."""
        values = msgspec.structs.asdict(queue) | {"account_id": account_id}
        async with changing(self._pool, account_id, audit) as change:
            await _own_did(change.connection, account_id, queue.caller_id)
            await change.connection.execute(_SQL["create_queue"], values)

    async def get(self, account_id: AccountId, queue_id: UUID) -> QueueRow | None:
        """One queue."""
        async with tenant(self._pool, account_id) as connection:
            return await _one_queue(connection, account_id, queue_id)

    async def page(self, account_id: AccountId, after: UUID | None, limit: int) -> Sequence[QueueRow]:
        """Queues in the order they were made."""
        values = {"account_id": account_id, "id": None, "after": after, "limit": limit}
        async with tenant(self._pool, account_id) as connection:
            return await fetch(connection, _SQL["queue_page"], QueueRow, values)

    async def change(
        self, account_id: AccountId, queue_id: UUID, changes: Mapping[str, object], audit: AuditEntry
    ) -> QueueRow | None:
        """Set the named fields. Raises as ``create``."""
        key = {"account_id": account_id, "id": queue_id}
        async with changing(self._pool, account_id, audit) as change:
            await _own_did(change.connection, account_id, str(changes.get("caller_id", "")))
            if not await update_columns(change.connection, "queue", _QUEUE_COLUMNS, changes, key):
                change.nothing()
            return await _one_queue(change.connection, account_id, queue_id)
        return None

    async def remove(self, account_id: AccountId, queue_id: UUID, audit: AuditEntry) -> bool:
        """Delete it with its memberships. Raises Conflict ``queue_in_use`` while somebody waits in it."""
        values = {"account_id": account_id, "id": queue_id}
        async with changing(self._pool, account_id, audit) as change:
            if not await scalar(change.connection, _SQL["lock_queue"], values):
                change.nothing()
            if await scalar(change.connection, _SQL["queue_in_use"], values):
                raise Conflict("queue_in_use", "Somebody waits or talks in this queue; try again later.")
            await change.connection.execute(_SQL["drop_queue"], values)
            return True
        return False

    async def members(self, account_id: AccountId, queue_id: UUID) -> Sequence[Member] | None:
        """Its agents by tier, place and key; None: no such queue."""
        async with tenant(self._pool, account_id) as connection:
            if await _one_queue(connection, account_id, queue_id) is None:
                return None
            values = {"account_id": account_id, "id": queue_id}
            return await fetch(connection, _SQL["queue_members"], Member, values)

    async def put_members(
        self, account_id: AccountId, queue_id: UUID, members: Sequence[Member], audit: AuditEntry, *, all_of_them: bool
    ) -> bool:
        """Add or change these, and with ``all_of_them`` drop the others. Raises NotFound ``agent_not_found``."""
        rows = Jsonb([{"agent_id": str(one.agent_id), "tier": one.tier, "place": one.place} for one in members])
        values = {"account_id": account_id, "id": queue_id, "members": rows}
        async with changing(self._pool, account_id, audit) as change:
            if not await scalar(change.connection, _SQL["lock_queue"], values):
                change.nothing()
            missing = await scalar(change.connection, _SQL["missing_agent"], values)
            if missing is not None:
                raise NotFound("agent_not_found", "There is no such agent in this account.", agent_id=str(missing))
            if all_of_them:
                await change.connection.execute(_SQL["drop_other_members"], values)
            await change.connection.execute(_SQL["put_members"], values)
            return True
        return False

    async def drop_member(self, account_id: AccountId, queue_id: UUID, agent_id: UUID, audit: AuditEntry) -> bool:
        """Take an agent out."""
        values = {"account_id": account_id, "id": queue_id, "agent_id": agent_id}
        async with changing(self._pool, account_id, audit) as change:
            if not await touched(change.connection, _SQL["drop_member"], values):
                change.nothing()
            return True
        return False


class PostgresPauseCodes:
    """PauseCodeStore; ``pool`` is one of central_api."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def all(self, account_id: AccountId) -> Sequence[PauseCode]:
        """All by code."""
        async with tenant(self._pool, account_id) as connection:
            return await fetch(connection, _SQL["pause_codes"], PauseCode, {"account_id": account_id})

    async def put(self, account_id: AccountId, code: PauseCode, audit: AuditEntry) -> None:
        """Add or change it."""
        async with changing(self._pool, account_id, audit) as change:
            values = msgspec.structs.asdict(code) | {"account_id": account_id}
            await change.connection.execute(_SQL["put_pause_code"], values)

    async def remove(self, account_id: AccountId, code: str, audit: AuditEntry) -> bool:
        """Delete it."""
        async with changing(self._pool, account_id, audit) as change:
            if not await touched(change.connection, _SQL["drop_pause_code"], {"account_id": account_id, "code": code}):
                change.nothing()
            return True
        return False


async def _one_agent(connection: Connection, account_id: AccountId, agent_id: UUID) -> AgentRow | None:
    values = {"account_id": account_id, "id": agent_id, "after": None, "limit": 1}
    return await fetch_one(connection, _SQL["agent_page"], _agent, values)


async def _one_queue(connection: Connection, account_id: AccountId, queue_id: UUID) -> QueueRow | None:
    values = {"account_id": account_id, "id": queue_id, "after": None, "limit": 1}
    return await fetch_one(connection, _SQL["queue_page"], QueueRow, values)


async def _own_did(connection: Connection, account_id: AccountId, number: str) -> None:
    if number and not await scalar(connection, _SQL["own_did"], {"account_id": account_id, "number": number}):
        raise NotFound("did_not_found", "There is no such DID in this account.", field="caller_id")


def _agent(**columns: Any) -> AgentRow:  # noqa: ANN401 - at the wire
    return msgspec.convert(columns, AgentRow)
