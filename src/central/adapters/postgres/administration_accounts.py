"""Accounts, people and API keys on PostgreSQL (ports AccountStore, PeopleStore, KeyStore, PolicyStore, IdempotencyStore).

On a pool of ``central_api`` these see one account a transaction; the operator's use cases pass a pool of ``central_worker``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Final
from uuid import UUID

from psycopg.errors import NumericValueOutOfRange
from psycopg.types.json import Jsonb

from central.adapters.postgres.administration_rows import (
    changing,
    fetch,
    fetch_one,
    scalar,
    touched,
    update_columns,
)
from central.adapters.postgres.pool import Pool, tenant, transaction
from central.adapters.postgres.statements import load_statements
from central.application.ports.administration import (
    AccountRow,
    ApiKey,
    AuditEntry,
    KeyHolder,
    LedgerEntry,
    Member,
    NewPerson,
    PolicyRow,
    Reservation,
)
from central.domain.errors import Conflict, InvalidInput, NotFound
from central.domain.ids import AccountId

_SQL = load_statements("administration")
_JSON: Final = frozenset({"settings", "rate_plan"})
_COLUMNS: Final = frozenset(AccountRow.__dataclass_fields__) - {"id", "created_at", "balance", "reserved"}


class PostgresAccounts:
    """AccountStore."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def create(self, account: AccountRow, audit: AuditEntry) -> None:
        """Store a new account with its opening balance. Needs a pool of ``central_worker``."""
        values = {name: Jsonb(value) if name in _JSON else value for name, value in asdict(account).items()}
        async with changing(self._pool, account.id, audit) as change:
            await change.connection.execute(_SQL["create_account"], values)
            opening = {"account_id": account.id, "balance": account.balance}
            await change.connection.execute(_SQL["create_balance"], opening)
            if account.balance:
                entry = {"id": audit.id, "at": audit.at, "kind": "topup", "amount": account.balance, "reserved": 0}
                more = {"account_id": account.id, "records": 0, "note": "opening balance"}
                await change.connection.execute(_SQL["add_ledger_entry"], entry | more)

    async def get(self, account_id: AccountId) -> AccountRow | None:
        """The account with its balance."""
        async with tenant(self._pool, account_id) as connection:
            return await fetch_one(connection, _SQL["account"], AccountRow, {"account_id": account_id})

    async def page(self, after: AccountId | None, limit: int) -> Sequence[AccountRow]:
        """Accounts by id, as far as the role sees them."""
        async with transaction(self._pool) as connection:
            return await fetch(connection, _SQL["account_page"], AccountRow, {"after": after, "limit": limit})

    async def change(
        self, account_id: AccountId, changes: Mapping[str, object], audit: AuditEntry
    ) -> AccountRow | None:
        """Set the named fields; None when there is no such account."""
        async with changing(self._pool, account_id, audit) as change:
            if not await update_columns(change.connection, "account", _COLUMNS, changes, {"id": account_id}, _JSON):
                change.nothing()
            return await fetch_one(change.connection, _SQL["account"], AccountRow, {"account_id": account_id})
        return None

    async def add_funds(self, account_id: AccountId, entry: LedgerEntry, audit: AuditEntry) -> int | None:
        """Write the ledger entry and change the balance by its amount. Raises InvalidInput ``balance_out_of_range``."""
        async with changing(self._pool, account_id, audit) as change:
            values = {"account_id": account_id, "amount": entry.amount}
            try:
                balance = await scalar(change.connection, _SQL["add_to_balance"], values)
            except NumericValueOutOfRange as error:
                message = "The balance would become larger than can be kept."
                raise InvalidInput("balance_out_of_range", message, field="amount") from error
            if balance is None:
                change.nothing()
            await change.connection.execute(_SQL["add_ledger_entry"], asdict(entry) | {"account_id": account_id})
            return int(balance)
        return None

    async def ledger(self, account_id: AccountId, before: UUID | None, limit: int) -> Sequence[LedgerEntry]:
        """Newest first."""
        values = {"account_id": account_id, "before": before, "limit": limit}
        async with tenant(self._pool, account_id) as connection:
            return await fetch(connection, _SQL["ledger_page"], LedgerEntry, values)

    async def audit_trail(self, account_id: AccountId, before: UUID | None, limit: int) -> Sequence[AuditEntry]:
        """Newest first."""
        values = {"account_id": account_id, "before": before, "limit": limit}
        async with tenant(self._pool, account_id) as connection:
            return await fetch(connection, _SQL["audit_page"], AuditEntry, values)


class PostgresPeople:
    """PeopleStore."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def enlist(
        self, account_id: AccountId, person: NewPerson, role: str, extra_rights: Sequence[str], audit: AuditEntry
    ) -> Member:
        """Make the person if the address is new and add the membership. Raises Conflict ``already_member``."""
        async with changing(self._pool, account_id, audit) as change:
            person_id = await scalar(change.connection, _SQL["enlist_person"], asdict(person))
            values = {
                "account_id": account_id,
                "person_id": person_id,
                "role": role,
                "extra_rights": list(extra_rights),
            }
            if not await touched(change.connection, _SQL["add_membership"], values):
                raise Conflict("already_member", "This person belongs to the account already.")
            return (await fetch(change.connection, _SQL["members"], Member, values))[0]
        raise Conflict("already_member", "This person belongs to the account already.")

    async def members(self, account_id: AccountId) -> Sequence[Member]:
        """All members by e-mail address."""
        async with tenant(self._pool, account_id) as connection:
            return await fetch(connection, _SQL["members"], Member, {"account_id": account_id, "person_id": None})

    async def change_membership(
        self,
        account_id: AccountId,
        person_id: UUID,
        role: str | None,
        extra_rights: Sequence[str] | None,
        audit: AuditEntry,
    ) -> Member | None:
        """Change role or rights; None back when the person is no member."""
        rights = None if extra_rights is None else list(extra_rights)
        values = {"account_id": account_id, "person_id": person_id, "role": role, "extra_rights": rights}
        async with changing(self._pool, account_id, audit) as change:
            if not await touched(change.connection, _SQL["change_membership"], values):
                change.nothing()
            return await fetch_one(change.connection, _SQL["members"], Member, values)
        return None

    async def remove_membership(self, account_id: AccountId, person_id: UUID, audit: AuditEntry) -> bool:
        """End the membership."""
        return await self._touch("remove_membership", account_id, audit, {"person_id": person_id})

    async def set_password(self, account_id: AccountId, person_id: UUID, password_hash: str, audit: AuditEntry) -> bool:
        """Replace the password of a member."""
        values = {"person_id": person_id, "password_hash": password_hash}
        return await self._touch("set_password", account_id, audit, values)

    async def _touch(
        self, statement: str, account_id: AccountId, audit: AuditEntry, values: Mapping[str, object]
    ) -> bool:
        async with changing(self._pool, account_id, audit) as change:
            if not await touched(change.connection, _SQL[statement], {"account_id": account_id, **values}):
                change.nothing()
            return True
        return False


class PostgresKeys:
    """KeyStore."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def create(self, account_id: AccountId, key: ApiKey, key_hash: bytes, audit: AuditEntry) -> None:
        """Store a key by its hash. Raises NotFound ``agent_not_found``."""
        scopes = None if key.scopes is None else list(key.scopes)
        values = asdict(key) | {"account_id": account_id, "hash": key_hash, "scopes": scopes}
        async with changing(self._pool, account_id, audit) as change:
            if not await touched(change.connection, _SQL["create_key"], values):
                raise NotFound("agent_not_found", "There is no such agent in this account.")

    async def page(self, account_id: AccountId, after: UUID | None, limit: int) -> Sequence[ApiKey]:
        """Keys in the order they were made."""
        values = {"account_id": account_id, "after": after, "limit": limit}
        async with tenant(self._pool, account_id) as connection:
            return await fetch(connection, _SQL["key_page"], ApiKey, values)

    async def revoke(self, account_id: AccountId, key_id: UUID, audit: AuditEntry) -> ApiKey | None:
        """End the key; safe to repeat."""
        values = {"account_id": account_id, "id": key_id, "at": audit.at}
        async with changing(self._pool, account_id, audit) as change:
            key = await fetch_one(change.connection, _SQL["revoke_key"], ApiKey, values)
            if key is None:
                change.nothing()
            return key
        return None

    async def holder(self, key_hash: bytes) -> KeyHolder | None:
        """The live key's account, role and scopes; the key is asked before the account is known."""
        async with transaction(self._pool) as connection:
            cursor = await connection.execute(_SQL["key_holder"], {"hash": key_hash})
            found = await cursor.fetchone()
            if found is None:
                return None
            account_id, key_id, role, scopes, agent_id = found
            await connection.execute("select set_config('central.account', %s, true)", [str(account_id)])
            account = await fetch_one(connection, _SQL["account"], AccountRow, {"account_id": account_id})
            hint = await scalar(connection, _SQL["key_hint"], {"account_id": account_id, "id": key_id})
        if account is None:
            return None
        return KeyHolder(account, key_id, hint, role, None if scopes is None else tuple(scopes), agent_id)


class PostgresPolicies:
    """PolicyStore; adding needs a pool of ``central_worker``."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def rows(self) -> Sequence[PolicyRow]:
        """All rows by id and version."""
        async with transaction(self._pool) as connection:
            return await fetch(connection, _SQL["policy_rows"], PolicyRow, {})

    async def add(self, row: PolicyRow) -> bool:
        """Add a row; False when this id and version exists."""
        values = asdict(row) | {"body": Jsonb(dict(row.body))}
        async with transaction(self._pool) as connection:
            return await touched(connection, _SQL["add_policy"], values) > 0


class PostgresIdempotency:
    """IdempotencyStore."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def reserve(
        self, account_id: AccountId, key: str, fingerprint: bytes, subject: UUID, stale_s: float
    ) -> Reservation:
        """Take the key, or say what it was answered with. Raises Conflict ``idempotency_in_progress``."""
        values = {"account_id": account_id, "key": key, "fingerprint": fingerprint, "subject": subject}
        async with tenant(self._pool, account_id) as connection:
            wanted = values | {"stale": timedelta(seconds=stale_s)}
            taken: UUID | None = await scalar(connection, _SQL["reserve_key"], wanted)
            if taken is not None:
                return Reservation(taken)
            cursor = await connection.execute(_SQL["reserved_key"], values)
            row = await cursor.fetchone()
        if row is None or row[1] is None:
            raise Conflict("idempotency_in_progress", "A request with this Idempotency-Key is being worked on.")
        return Reservation(UUID(row[2]["subject"]), bytes(row[0]), row[1], row[2])

    async def answer(
        self, account_id: AccountId, key: str, fingerprint: bytes, status_code: int, answer: Mapping[str, object]
    ) -> None:
        """Store the answer under a taken key."""
        values = {"account_id": account_id, "key": key, "fingerprint": fingerprint, "status_code": status_code}
        async with tenant(self._pool, account_id) as connection:
            await connection.execute(_SQL["answer_key"], values | {"answer": Jsonb(dict(answer))})

    async def release(self, account_id: AccountId, key: str) -> None:
        """Give up a taken key that got no answer."""
        async with tenant(self._pool, account_id) as connection:
            await connection.execute(_SQL["release_key"], {"account_id": account_id, "key": key})


async def ping(pool: Pool) -> None:
    """One round trip; raises NeighbourError when the server is not there."""
    async with transaction(pool) as connection:
        await connection.execute(_SQL["ping"])
