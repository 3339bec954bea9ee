"""Contacts and short links on PostgreSQL (ports of ``internal_functions``; ``queries/functions.sql``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from central.adapters.postgres.administration_rows import changing, fetch, fetch_one, touched
from central.adapters.postgres.dispatch_store import as_json
from central.adapters.postgres.hot_statements import hot_statements
from central.adapters.postgres.pool import Pool, tenant, transaction
from central.adapters.postgres.statements import load_statements
from central.application.ports.administration import AuditEntry
from central.application.ports.internal_functions import Link, NewLink, Opened
from central.domain.contacts import Contact
from central.domain.errors import DefectError
from central.domain.ids import AccountId
from central.domain.incoming import MAX_RECORD_BYTES

_SQL = load_statements("functions")
_HOT = hot_statements("functions")


class PostgresContacts:
    """Contacts, one account a transaction; ``pool`` is one of ``central_api`` or ``central_worker``."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def merge(self, account_id: AccountId, number: str, values: Mapping[str, str], now: datetime) -> bool:
        """Set these values beside those that are there; see the port."""
        changes = {name: value or None for name, value in values.items()}
        row = {"account_id": account_id, "number": number, "values": as_json(changes), "now": now}
        async with tenant(self._pool, account_id) as connection:
            return bool(await _HOT["merge_contact"].rows(connection, row | {"limit": MAX_RECORD_BYTES}))

    async def get(self, account_id: AccountId, number: str) -> Contact | None:
        """One contact."""
        async with tenant(self._pool, account_id) as connection:
            return await fetch_one(connection, _SQL["contact"], Contact, {"account_id": account_id, "number": number})

    async def page(self, account_id: AccountId, after: str, limit: int) -> Sequence[Contact]:
        """By number; see the port."""
        values = {"account_id": account_id, "after": after, "limit": limit}
        async with tenant(self._pool, account_id) as connection:
            return await fetch(connection, _SQL["contact_page"], Contact, values)

    async def put(self, account_id: AccountId, contact: Contact, audit: AuditEntry) -> None:
        """Store the whole contact."""
        values = {
            "account_id": account_id, "number": contact.number, "values": Jsonb(dict(contact.values)),
            "time_zone": contact.time_zone, "updated_at": contact.updated_at,
        }  # fmt: skip
        async with changing(self._pool, account_id, audit) as change:
            await change.connection.execute(_SQL["put_contact"], values)

    async def delete(self, account_id: AccountId, number: str, audit: AuditEntry) -> bool:
        """Forget it; see the port."""
        async with changing(self._pool, account_id, audit) as change:
            if not await touched(
                change.connection, _SQL["delete_contact"], {"account_id": account_id, "number": number}
            ):
                change.nothing()
            return True
        return False


class PostgresLinks:
    """Short links; ``pool`` is one of ``central_api`` or ``central_worker``, ``open`` needs the former."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def add(self, account_id: AccountId, link: NewLink) -> str:
        """Store it once; see the port."""
        values = {
            "account_id": account_id, "id": link.id, "code": link.code, "url": link.url, "shown": link.shown,
            "record_id": link.record_id, "number": link.number, "step": link.step, "created_at": link.created_at,
            "expires_at": link.expires_at,
        }  # fmt: skip
        async with tenant(self._pool, account_id) as connection:
            await _HOT["add_link"].run(connection, values)
            code = await _HOT["link_code"].value(connection, {"account_id": account_id, "id": link.id})
        if not isinstance(code, str):
            raise DefectError("link_not_stored", "A link that was just stored cannot be read.")
        return code

    async def page(self, account_id: AccountId, before: UUID | None, limit: int) -> Sequence[Link]:
        """Newest first; see the port."""
        values = {"account_id": account_id, "before": before, "limit": limit}
        async with tenant(self._pool, account_id) as connection:
            return await fetch(connection, _SQL["link_page"], Link, values)

    async def open(self, code: str, at: datetime) -> Opened | None:
        """Follow a link and count the click; see the port."""
        async with transaction(self._pool) as connection:
            return await fetch_one(connection, _SQL["open_link"], Opened, {"code": code, "at": at})
