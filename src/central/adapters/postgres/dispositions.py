"""What agents say of their calls, on PostgreSQL (``queries/disposition.sql``)."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg.types.json import Jsonb

from central.adapters.postgres.administration_numbers import put_entries
from central.adapters.postgres.administration_rows import changing, fetch, fetch_one, scalar, touched, write_audit
from central.adapters.postgres.agent_statuses import turn_row
from central.adapters.postgres.hot_statements import hot_statements
from central.adapters.postgres.intake_store import PostgresChunk
from central.adapters.postgres.pool import Connection, Pool, tenant, transaction
from central.adapters.postgres.statements import load_statements
from central.application.ports.administration import AuditEntry
from central.application.ports.agents import AgentTurn
from central.application.ports.dispositions import DeskCall, Owner, PastCall, Said, Saving, StoredChoice, Tree
from central.application.ports.numbering import ListEntry
from central.application.ports.world import Ids
from central.domain.agent_orders import FORCED
from central.domain.call_dispositions import Choice
from central.domain.errors import NotFound
from central.domain.ids import AccountId, RequestId

_SQL = load_statements("disposition")
_HOT = hot_statements("disposition")
_AGENT = hot_statements("agent")


class PostgresTrees:
    """TreeStore; ``pool`` is one of central_api."""

    def __init__(self, pool: Pool, ids: Ids) -> None:
        self._pool, self._ids = pool, ids

    async def get(self, account_id: AccountId, owner: Owner, *, retired: bool = False) -> Tree | None:
        """The tree of a queue or flow."""
        values = _owned(account_id, owner)
        async with tenant(self._pool, account_id) as connection:
            if not await scalar(connection, _SQL["owner_there"], values):
                return None
            return (await _tree(connection, values, retired=retired))[1]

    async def put(
        self, account_id: AccountId, owner: Owner, tree: Tree, choices: Sequence[Choice], audit: AuditEntry
    ) -> bool:
        """Make this the tree; see the port."""
        values = _owned(account_id, owner) | {"id": self._ids.uuid(), "required": tree.required, "at": audit.at}
        async with changing(self._pool, account_id, audit) as change:
            connection = change.connection
            if not await scalar(connection, _SQL["owner_there"], values):
                change.nothing()
            await connection.execute(_SQL["lock_owner"], values)
            values["callback_flow"] = await _flow(connection, account_id, tree.callback_flow)
            _, before = await _tree(connection, values, retired=False)
            tree_id = await scalar(connection, _SQL["put_tree"], values)
            await self._replace(connection, values | {"tree_id": tree_id}, before.choices, choices)
            return True
        return False

    async def _replace(
        self,
        connection: Connection,
        values: Mapping[str, object],
        before: Sequence[StoredChoice],
        now: Sequence[Choice],
    ) -> None:
        """Retire what has gone or means something else, add what is new, and put all in order."""
        held = {one.key: one for one in before}
        kept = {one.key: held[one.key].id for one in now if one.key in held and _plain(held[one.key]) == one}
        gone = [one.id for one in before if one.key not in kept]
        await connection.execute(_SQL["retire_choices"], {**values, "ids": gone})
        added = [
            {
                **msgspec.structs.asdict(one), "id": str(self._ids.uuid()), "place": place,
                "former": held[one.key].version if one.key in held else 0,
            }
            for place, one in enumerate(now) if one.key not in kept
        ]  # fmt: skip
        await connection.execute(_SQL["add_choices"], {**values, "choices": Jsonb(added)})
        places = [{"id": str(kept[one.key]), "place": place} for place, one in enumerate(now) if one.key in kept]
        await connection.execute(_SQL["place_choices"], {**values, "places": Jsonb(places)})


class PostgresDispositions:
    """DispositionStore; ``pool`` is one of central_api."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def call(self, account_id: AccountId, agent_id: UUID, offer_id: UUID | None) -> DeskCall | None:
        """This call of the agent, by default his present or last one."""
        values = {"account_id": account_id, "agent_id": agent_id, "offer_id": offer_id}
        async with tenant(self._pool, account_id) as connection:
            return await fetch_one(connection, _SQL["desk_call"], _call, values)

    async def past(self, account_id: AccountId, number: str, before: datetime, limit: int) -> Sequence[PastCall]:
        """Conversations with this number, newest first."""
        values = {"account_id": account_id, "number": number, "before": before, "limit": limit}
        async with tenant(self._pool, account_id) as connection:
            return await fetch(connection, _SQL["past_calls"], PastCall, values)

    @contextlib.asynccontextmanager
    async def saving(self, account_id: AccountId, agent_id: UUID, offer_id: UUID) -> AsyncGenerator[Saving]:
        """Open the transaction."""
        values = {"account_id": account_id, "agent_id": agent_id, "offer_id": offer_id}
        async with tenant(self._pool, account_id) as connection:
            mine = await scalar(connection, _SQL["lock_agent_call"], values)
            state = await scalar(connection, _SQL["lock_said"], values) if mine else None
            yield PostgresSaving(connection, values, account_id, state or "gone")


class PostgresSaving:
    """One transaction (port Saving)."""

    def __init__(self, connection: Connection, values: Mapping[str, object], account_id: AccountId, state: str) -> None:
        self._connection, self._values, self._account = connection, values, account_id
        self.state = state
        self._chunk = PostgresChunk(connection, account_id)

    @property
    def chunk(self) -> PostgresChunk:
        """Intake's view of this transaction."""
        return self._chunk

    async def blacklist(self, number: str, note: str, audit: AuditEntry) -> None:
        """Add a number to the account's blacklist, as an entry of administration would."""
        await put_entries(self._connection, self._account, "blacklist", [ListEntry(number=number, note=note)], audit)

    async def link(self, request_id: RequestId, why: str, agent_id: UUID | None) -> None:
        """Say why a request was made."""
        values = {**self._values, "request_id": request_id, "why": why, "agent_id": agent_id}
        await self._connection.execute(_SQL["link_request"], values)

    async def save(self, said: Said, event: Mapping[str, object], audit: AuditEntry) -> None:
        """Store it with its event and its line of the audit trail."""
        choice = said.choice
        values = {
            **self._values, "disposition_id": choice.id, "key": choice.key, "path": list(said.path), "version": choice.version,
            "said": Jsonb(msgspec.structs.asdict(_plain(choice))), "note": said.note, "callback_at": said.callback_at,
            "follow_up": None if said.follow_up is None else Jsonb(dict(said.follow_up)), "at": said.at, "by": said.by,
            "event": Jsonb(dict(event)),
        }  # fmt: skip
        await touched(self._connection, _SQL["save_said"], values)
        await write_audit(self._connection, self._account, audit)

    async def end_wrap_up(self, turn: AgentTurn, at: datetime) -> None:
        """End his wrap-up, if he is in it."""
        turns = msgspec.json.encode([turn_row(turn)]).decode()
        await _AGENT["turn"].rows(self._connection, {"turns": turns, "at": at, "forced": FORCED})


class PostgresUnsaid:
    """UnsaidCalls; ``pool`` is one of central_worker."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def close_owed(self, at: datetime, limit: int) -> int:
        """Mark calls of which nothing was said although it had to be."""
        async with transaction(self._pool) as connection:
            return int(await _HOT["close_owed"].value(connection, {"at": at, "n": limit}))


def _owned(account_id: AccountId, owner: Owner) -> dict[str, object]:
    return {"account_id": account_id, "queue_id": owner.queue_id, "flow_id": owner.flow_id}


async def _tree(connection: Connection, values: Mapping[str, object], *, retired: bool) -> tuple[UUID | None, Tree]:
    async with connection.cursor() as cursor:
        await cursor.execute(_SQL["tree"], values)
        row = await cursor.fetchone()
    if row is None:
        return None, Tree()
    tree_id, required, callback_flow, changed_at = row
    asked = {**values, "tree_id": tree_id, "retired": retired}
    choices = tuple(await fetch(connection, _SQL["choices"], StoredChoice, asked))
    return tree_id, Tree(required=required, callback_flow=callback_flow, choices=choices, changed_at=changed_at)


async def _flow(connection: Connection, account_id: AccountId, flow: str) -> str:
    """The id of the flow that is named by id or name. Raises NotFound ``flow_not_found``."""
    if not flow:
        return ""
    found = await scalar(connection, _SQL["callback_flow_there"], {"account_id": account_id, "flow": flow})
    if found is None:
        raise NotFound("flow_not_found", f"There is no flow {flow!r} in this account.", field="callback_flow")
    return str(found)


def _plain(choice: StoredChoice) -> Choice:
    """What a person wrote, without what the store added."""
    return Choice(**{name: getattr(choice, name) for name in Choice.__struct_fields__})


def _call(**columns: Any) -> DeskCall:  # noqa: ANN401 - at the wire
    return msgspec.convert(columns, DeskCall)
