"""Flows, control actions and webhook endpoints on PostgreSQL (ports FlowStore, EndpointStore)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Final
from uuid import UUID

from psycopg.types.json import Jsonb

from central.adapters.postgres.administration_rows import (
    changing,
    fetch,
    fetch_one,
    scalar,
    touched,
    update_columns,
)
from central.adapters.postgres.held_prompts import hold_prompts, lock_prompts
from central.adapters.postgres.pool import Connection, Pool, tenant
from central.adapters.postgres.statements import load_statements
from central.application.ports.administration import AuditEntry, DeliveryTry, Endpoint
from central.application.ports.flow_store import Draft, FlowRow, VersionRow
from central.domain.errors import Conflict, DefectError, NotFound
from central.domain.ids import AccountId, EndpointId, FlowId
from central.domain.prompts import HeldPrompt

_SQL = load_statements("flows")
_PROMPT = load_statements("prompt")
_ADMINISTRATION = load_statements("administration")
_ENDPOINT_COLUMNS: Final = frozenset(Endpoint.__dataclass_fields__) - {"id", "created_at"}
_CHANGED = "The draft was changed meanwhile; read it again."
_REMOVED = "Recordings that the flow plays were removed meanwhile."


class PostgresFlows:
    """FlowStore."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def create(self, account_id: AccountId, flow_id: FlowId, draft: Draft, audit: AuditEntry) -> None:
        """Store a new flow. Raises Conflict ``name_taken``."""
        async with changing(self._pool, account_id, audit) as change:
            await change.connection.execute(_SQL["create_flow"], _draft_values(account_id, flow_id, draft, audit))

    async def get(self, account_id: AccountId, id_or_name: str) -> FlowRow | None:
        """By id, else by name."""
        async with tenant(self._pool, account_id) as connection:
            return await _one_flow(connection, account_id, id_or_name)

    async def page(self, account_id: AccountId, after: FlowId | None, limit: int) -> Sequence[FlowRow]:
        """Flows by id."""
        values = {"account_id": account_id, "wanted": None, "after": after, "limit": limit}
        async with tenant(self._pool, account_id) as connection:
            return await fetch(connection, _SQL["flow_page"], FlowRow, values)

    async def draft(self, account_id: AccountId, flow_id: FlowId) -> Draft | None:
        """The draft with its bytes."""
        async with tenant(self._pool, account_id) as connection:
            return await fetch_one(connection, _SQL["draft"], Draft, {"account_id": account_id, "id": flow_id})

    async def save_draft(
        self, account_id: AccountId, flow_id: FlowId, draft: Draft, expected_hash: str | None, audit: AuditEntry
    ) -> FlowRow | None:
        """Replace the draft. Raises Conflict ``draft_changed``, ``name_taken``."""
        values = _draft_values(account_id, flow_id, draft, audit) | {"expected": expected_hash}
        async with changing(self._pool, account_id, audit) as change:
            if await scalar(change.connection, _SQL["save_draft"], values) is None:
                if await scalar(change.connection, _SQL["flow_exists"], values):
                    raise Conflict("draft_changed", _CHANGED)
                change.nothing()
            return await _one_flow(change.connection, account_id, flow_id)
        return None

    async def publish(
        self, account_id: AccountId, flow_id: FlowId, version_id: UUID, draft_hash: str, note: str, audit: AuditEntry
    ) -> VersionRow | None:
        """Freeze the draft with this hash as the next version and point production to it."""
        values: dict[str, object] = {"account_id": account_id, "id": flow_id, "version_id": version_id, "at": audit.at}
        values |= {"hash": draft_hash, "by": audit.actor, "note": note}
        async with changing(self._pool, account_id, audit) as change:
            if await scalar(change.connection, _SQL["lock_flow"], values) is None:
                change.nothing()
            draft = await scalar(change.connection, _SQL["lock_draft"], values)
            if draft is None:
                raise Conflict("draft_changed", _CHANGED)
            held, lacking = await lock_prompts(change.connection, account_id, bytes(draft))
            if lacking:
                raise Conflict("prompts_changed", _REMOVED, prompts=lacking)
            version = await fetch_one(change.connection, _SQL["freeze_version"], VersionRow, values)
            if version is None:  # it is locked
                raise DefectError("version_not_frozen", "The draft went away while it was locked.")
            await hold_prompts(change.connection, account_id, version_id, held)
            await change.connection.execute(_SQL["point_production"], values | {"number": version.number})
            return version
        return None

    async def point_production(
        self, account_id: AccountId, flow_id: FlowId, number: int | None, audit: AuditEntry
    ) -> FlowRow | None:
        """Move the production pointer. Raises NotFound ``version_not_found``."""
        values = {"account_id": account_id, "id": flow_id, "number": number, "at": audit.at}
        async with changing(self._pool, account_id, audit) as change:
            if await scalar(change.connection, _SQL["point_production"], values) is None:
                if await scalar(change.connection, _SQL["flow_exists"], values):
                    raise NotFound("version_not_found", f"The flow has no version {number}.")
                change.nothing()
            return await _one_flow(change.connection, account_id, flow_id)
        return None

    async def versions(
        self, account_id: AccountId, flow_id: FlowId, before: int | None, limit: int
    ) -> Sequence[VersionRow]:
        """Numbered versions, newest first."""
        values = {"account_id": account_id, "id": flow_id, "before": before, "limit": limit}
        async with tenant(self._pool, account_id) as connection:
            return await fetch(connection, _SQL["version_page"], VersionRow, values)

    async def version_document(self, account_id: AccountId, flow_id: FlowId, number: int) -> bytes | None:
        """The bytes of a numbered version."""
        values = {"account_id": account_id, "id": flow_id, "number": number}
        async with tenant(self._pool, account_id) as connection:
            found = await scalar(connection, _SQL["version_document"], values)
        return None if found is None else bytes(found)

    async def held_prompts(self, account_id: AccountId, flow_id: FlowId, number: int) -> Sequence[HeldPrompt]:
        """The recordings that a numbered version holds."""
        values = {"account_id": account_id, "id": flow_id, "number": number}
        async with tenant(self._pool, account_id) as connection:
            return await fetch(connection, _PROMPT["held_prompts"], HeldPrompt, values)

    async def attach_dids(
        self, account_id: AccountId, flow_id: FlowId, numbers: Sequence[str], audit: AuditEntry
    ) -> FlowRow | None:
        """Make exactly these the flow's DIDs. Raises NotFound ``did_not_found``."""
        values = {"account_id": account_id, "id": flow_id, "numbers": list(numbers)}
        async with changing(self._pool, account_id, audit) as change:
            if await scalar(change.connection, _SQL["lock_flow"], values) is None:
                change.nothing()
            missing = await scalar(change.connection, _SQL["missing_dids"], values)
            if missing:
                raise NotFound("did_not_found", "Some of these numbers are no DIDs of the account.", dids=missing)
            busy = await scalar(change.connection, _SQL["inbound_elsewhere"], values)
            if busy:
                raise Conflict("did_in_use", "Another inbound flow runs on some of these numbers.", dids=busy)
            await change.connection.execute(_SQL["detach_dids"], values)
            await change.connection.execute(_SQL["attach_dids"], values)
            return await _one_flow(change.connection, account_id, flow_id)
        return None

    async def set_switches(
        self, account_id: AccountId, flow_id: FlowId, changes: Mapping[str, object], audit: AuditEntry
    ) -> FlowRow | None:
        """Set ``active`` or ``archived_at``."""
        columns, key = frozenset({"active", "archived_at"}), {"account_id": account_id, "id": flow_id}
        async with changing(self._pool, account_id, audit) as change:
            if not await update_columns(change.connection, "flow", columns, changes, key):
                change.nothing()
            return await _one_flow(change.connection, account_id, flow_id)
        return None

    async def set_security(
        self, account_id: AccountId, flow_id: FlowId, digest: bytes, overlap_until: datetime | None, audit: AuditEntry
    ) -> bool:
        """Store the hash of a new security id."""
        values = {"account_id": account_id, "id": flow_id, "digest": digest, "until": overlap_until, "at": audit.at}
        async with changing(self._pool, account_id, audit) as change:
            if not await touched(change.connection, _SQL["set_security"], values):
                change.nothing()
            return True
        return False


class PostgresEndpoints:
    """EndpointStore."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def create(self, account_id: AccountId, endpoint: Endpoint, audit: AuditEntry) -> None:
        """Store it. Raises Conflict ``name_taken``."""
        lists = {"events": list(endpoint.events), "secrets": list(endpoint.secrets), "auth": Jsonb(dict(endpoint.auth))}
        async with changing(self._pool, account_id, audit) as change:
            values = asdict(endpoint) | lists | {"account_id": account_id}
            await change.connection.execute(_ADMINISTRATION["create_endpoint"], values)

    async def get(self, account_id: AccountId, endpoint_id: EndpointId) -> Endpoint | None:
        """One endpoint with its secrets."""
        values = {"account_id": account_id, "id": endpoint_id}
        async with tenant(self._pool, account_id) as connection:
            return await fetch_one(connection, _ADMINISTRATION["endpoint"], Endpoint, values)

    async def page(self, account_id: AccountId, after: EndpointId | None, limit: int) -> Sequence[Endpoint]:
        """Endpoints in the order they were made."""
        values = {"account_id": account_id, "after": after, "limit": limit}
        async with tenant(self._pool, account_id) as connection:
            return await fetch(connection, _ADMINISTRATION["endpoint_page"], Endpoint, values)

    async def change(
        self, account_id: AccountId, endpoint_id: EndpointId, changes: Mapping[str, object], audit: AuditEntry
    ) -> Endpoint | None:
        """Set the named fields. Raises Conflict ``name_taken``."""
        key = {"account_id": account_id, "id": endpoint_id}
        json = frozenset({"auth"})
        async with changing(self._pool, account_id, audit) as change:
            found = await update_columns(change.connection, "webhook_endpoint", _ENDPOINT_COLUMNS, changes, key, json)
            if not found:
                change.nothing()
            return await fetch_one(change.connection, _ADMINISTRATION["endpoint"], Endpoint, key)
        return None

    async def remove(self, account_id: AccountId, endpoint_id: EndpointId, audit: AuditEntry) -> bool:
        """Delete it with all that waits for it."""
        key = {"account_id": account_id, "id": endpoint_id}
        async with changing(self._pool, account_id, audit) as change:
            await change.connection.execute(_ADMINISTRATION["drop_endpoint_outbox"], key)
            if not await touched(change.connection, _ADMINISTRATION["drop_endpoint"], key):
                change.nothing()
            return True
        return False

    async def tries(
        self, account_id: AccountId, endpoint_id: EndpointId, before: datetime | None, limit: int
    ) -> Sequence[DeliveryTry]:
        """Recorded tries, newest first."""
        values = {"account_id": account_id, "endpoint_id": endpoint_id, "before": before, "limit": limit}
        async with tenant(self._pool, account_id) as connection:
            return await fetch(connection, _ADMINISTRATION["delivery_page"], DeliveryTry, values)


async def _one_flow(connection: Connection, account_id: AccountId, wanted: str) -> FlowRow | None:
    values = {"account_id": account_id, "wanted": wanted, "after": None, "limit": 1}
    return await fetch_one(connection, _SQL["flow_page"], FlowRow, values)


def _draft_values(account_id: AccountId, flow_id: FlowId, draft: Draft, audit: AuditEntry) -> dict[str, object]:
    return {
        "account_id": account_id,
        "id": flow_id,
        "name": draft.name,
        "type": draft.type,
        "document": draft.document,
        "hash": draft.hash,
        "findings": Jsonb(list(draft.findings)),
        "at": audit.at,
    }
