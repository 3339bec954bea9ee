"""Trunks, DIDs and lists on PostgreSQL (ports TrunkStore, DidStore, ListStore)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

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
from central.application.ports.numbering import (
    ADDRESS_LISTS,
    Did,
    ListChange,
    ListEntry,
    ListName,
    ListState,
    Route,
    TrunkRow,
)
from central.domain.errors import Conflict, DefectError, NotFound
from central.domain.ids import AccountId, TrunkId

_SQL = load_statements("numbering")
_MOST_COUNTED = 100_000
_TRUNK_COLUMNS: Final = frozenset(TrunkRow.__dataclass_fields__) - {"id", "created_at", "routes"}
_REGISTER: Final = ListEntry("").register
_IN_ARRAY: Final = str.maketrans({'"': r"\"", "\\": r"\\"})
_IN_COPY: Final = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
_COPY = "copy staged_entry (number, prefix, expires_at, note, register, categories, reason, source) from stdin"


def _trunk(*, routes: Sequence[Mapping[str, Any]], **columns: Any) -> TrunkRow:  # noqa: ANN401 - at the wire
    return TrunkRow(routes=tuple(Route(**route) for route in routes), **columns)


class PostgresTrunks:
    """TrunkStore."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def create(self, account_id: AccountId, trunk: TrunkRow, audit: AuditEntry) -> None:
        """Store it with its routes. Raises Conflict ``name_taken``."""
        values = asdict(trunk) | {"account_id": account_id, "codecs": list(trunk.codecs)}
        async with changing(self._pool, account_id, audit) as change:
            await change.connection.execute(_SQL["create_trunk"], values)
            await _set_routes(change.connection, account_id, trunk.id, trunk.routes)

    async def get(self, account_id: AccountId, trunk_id: TrunkId) -> TrunkRow | None:
        """One trunk."""
        async with tenant(self._pool, account_id) as connection:
            return await _one_trunk(connection, account_id, trunk_id)

    async def page(self, account_id: AccountId, after: TrunkId | None, limit: int) -> Sequence[TrunkRow]:
        """Trunks in the order they were made."""
        values = {"account_id": account_id, "id": None, "after": after, "limit": limit}
        async with tenant(self._pool, account_id) as connection:
            return await fetch(connection, _SQL["trunk_page"], _trunk, values)

    async def change(
        self,
        account_id: AccountId,
        trunk_id: TrunkId,
        changes: Mapping[str, object],
        routes: Sequence[Route] | None,
        audit: AuditEntry,
    ) -> TrunkRow | None:
        """Set the named fields and, unless None, all routes. Raises Conflict ``name_taken``."""
        key = {"account_id": account_id, "id": trunk_id}
        async with changing(self._pool, account_id, audit) as change:
            if not await update_columns(change.connection, "trunk", _TRUNK_COLUMNS, changes, key):
                change.nothing()
            if routes is not None:
                await change.connection.execute(_SQL["drop_routes"], {"account_id": account_id, "trunk_id": trunk_id})
                await _set_routes(change.connection, account_id, trunk_id, routes)
            return await _one_trunk(change.connection, account_id, trunk_id)
        return None

    async def remove(self, account_id: AccountId, trunk_id: TrunkId, audit: AuditEntry) -> bool:
        """Delete it with its routes; DIDs keep existing without it."""
        key = {"account_id": account_id, "id": trunk_id}
        async with changing(self._pool, account_id, audit) as change:
            await change.connection.execute(_SQL["free_trunk_dids"], key)
            if not await touched(change.connection, _SQL["drop_trunk"], key):
                change.nothing()
            return True
        return False


class PostgresDids:
    """DidStore."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def put(self, account_id: AccountId, dids: Sequence[Did], audit: AuditEntry) -> int:
        """Add or change by number; returns how many are new.

        Raises NotFound ``trunk_not_found``, Conflict ``did_taken``.
        """
        unique = {did.number: did for did in dids}
        values: dict[str, object] = {"account_id": account_id, "numbers": list(unique)}
        values["dids"] = Jsonb([asdict(did) for did in unique.values()])
        async with changing(self._pool, account_id, audit) as change:
            if await scalar(change.connection, _SQL["missing_trunks"], values):
                raise NotFound("trunk_not_found", "There is no such trunk in this account.")
            taken = await scalar(change.connection, _SQL["did_elsewhere"], values)
            if taken is not None:
                raise Conflict("did_taken", f"The number {taken} belongs to somebody else.", field="number")
            return int(await scalar(change.connection, _SQL["put_dids"], values))
        return 0

    async def page(self, account_id: AccountId, after: str | None, limit: int) -> Sequence[Did]:
        """DIDs by number."""
        values = {"account_id": account_id, "after": after, "limit": limit}
        async with tenant(self._pool, account_id) as connection:
            return await fetch(connection, _SQL["did_page"], Did, values)

    async def remove(self, account_id: AccountId, number: str, audit: AuditEntry) -> bool:
        """Delete it. Raises Conflict ``did_in_use`` while a flow uses it."""
        values = {"account_id": account_id, "number": number}
        async with changing(self._pool, account_id, audit) as change:
            if await scalar(change.connection, _SQL["did_in_use"], values):
                raise Conflict("did_in_use", "A flow uses this DID; detach it first.")
            if not await touched(change.connection, _SQL["drop_did"], values):
                change.nothing()
            return True
        return False


@dataclass(frozen=True, slots=True)
class _Merge:
    statement: str
    prune: str
    remove: str


_PHONE = _Merge("merge_phone_list", "prune_phone_list", "remove_phone_entries")
_DND = _Merge("merge_dnd_list", "prune_dnd_list", "remove_dnd_entries")
_SEARCHES: Final = {"dnd": "search_dnd_list", "suppression": "search_suppression", "mail_whitelist": "search_mail_list"}
_FINDS: Final = {"dnd": "find_dnd_entry", "suppression": "find_suppression", "mail_whitelist": "find_mail_entry"}
_SUPPRESSION = _Merge("merge_suppression", "", "lift_suppressions")


class PostgresLists:
    """ListStore. Files go by COPY into a temporary table, because COPY cannot write below row-level security."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def states(self, account_id: AccountId) -> Sequence[ListState]:
        """The state of each list."""
        async with tenant(self._pool, account_id) as connection:
            asked = {"account_id": account_id, "most_counted": _MOST_COUNTED}
            return await fetch(connection, _SQL["list_states"], ListState, asked)

    async def put(
        self, account_id: AccountId, name: ListName, entries: Sequence[ListEntry], audit: AuditEntry
    ) -> ListChange:
        """Add or change single entries; they say nothing about the date of the list's data."""
        async with changing(self._pool, account_id, audit) as change:
            return await put_entries(change.connection, account_id, name, entries, audit)
        raise _unreachable()

    async def load(
        self,
        account_id: AccountId,
        name: ListName,
        batches: AsyncIterator[Sequence[ListEntry]],
        *,
        replace: bool,
        fresh_at: datetime | None,
        audit: AuditEntry,
    ) -> ListChange:
        """Take in a whole file in one transaction: staged without a lock, then merged under the list's lock."""
        async with changing(self._pool, account_id, audit) as change:
            await change.connection.execute(
                "select set_config('statement_timeout', '0', true), "
                "set_config('idle_in_transaction_session_timeout', '0', true)"
            )
            await change.connection.execute(_SQL["stage_list"])
            async with change.connection.cursor() as cursor, cursor.copy(_COPY) as copy:
                async for batch in batches:
                    await copy.write("".join(map(_copy_line, batch)))
            if replace:
                await change.connection.execute(_SQL["index_staged"])
                await change.connection.execute("analyze staged_entry")
            return await _merge(change.connection, account_id, name, audit, replace=replace, fresh_at=fresh_at)
        raise _unreachable()

    async def remove(
        self, account_id: AccountId, name: ListName, entries: Sequence[ListEntry], audit: AuditEntry
    ) -> ListChange:
        """Remove by number, prefix flag and (dnd) register; suppressions are lifted."""
        async with changing(self._pool, account_id, audit) as change:
            values = _values(account_id, name, audit)
            await change.connection.execute(_SQL["lock_list"], values)
            await _stage(change.connection, entries)
            removed = await touched(change.connection, _SQL[_kind(name).remove], values)
            return await _advance(change.connection, account_id, name, (0, removed, 0), None)
        raise _unreachable()

    async def search(
        self, account_id: AccountId, name: ListName, digits: str, after: ListEntry | None, limit: int
    ) -> Sequence[ListEntry]:
        """Entries that begin with ``digits``, by number or address."""
        values = {
            "account_id": account_id,
            "list": name,
            "low": digits,
            "high": None if name in ADDRESS_LISTS else _successor(digits),
            "after": after and after.number,
            "after_prefix": after and after.prefix,
            "after_register": after and after.register,
            "limit": limit,
        }
        async with tenant(self._pool, account_id) as connection:
            return await fetch(connection, _SQL[_SEARCHES.get(name, "search_phone_list")], ListEntry, values)

    async def find(self, account_id: AccountId, name: ListName, entry: str, at: datetime) -> ListEntry | None:
        """The entry that holds this number or address."""
        values = {"account_id": account_id, "list": name, "entry": entry, "at": at}
        async with tenant(self._pool, account_id) as connection:
            return await fetch_one(connection, _SQL[_FINDS.get(name, "find_phone_entry")], ListEntry, values)


async def put_entries(
    connection: Connection, account_id: AccountId, name: ListName, entries: Sequence[ListEntry], audit: AuditEntry
) -> ListChange:
    """Add or change single entries within a transaction that is open."""
    await _stage(connection, entries)
    return await _merge(connection, account_id, name, audit, replace=False, fresh_at=None)


async def _one_trunk(connection: Connection, account_id: AccountId, trunk_id: TrunkId) -> TrunkRow | None:
    values = {"account_id": account_id, "id": trunk_id, "after": None, "limit": 1}
    return await fetch_one(connection, _SQL["trunk_page"], _trunk, values)


async def _set_routes(
    connection: Connection, account_id: AccountId, trunk_id: TrunkId, routes: Sequence[Route]
) -> None:
    values = {"account_id": account_id, "trunk_id": trunk_id, "routes": Jsonb([asdict(route) for route in routes])}
    await connection.execute(_SQL["add_routes"], values)


def _copy_line(entry: ListEntry) -> str:
    """One row in COPY's text format (PostgreSQL manual, COPY, file formats); several times faster than row by row."""
    number, prefix, note = entry.number, "t" if entry.prefix else "f", entry.note
    if entry.expires_at is None and not note and not entry.categories and entry.register == _REGISTER:
        return f"{number}\t{prefix}\t\\N\t\t{_REGISTER}\t{{}}\t{entry.reason}\t{entry.source}\n"
    expires = "\\N" if entry.expires_at is None else entry.expires_at.isoformat()
    quoted = ",".join('"' + word.translate(_IN_ARRAY) + '"' for word in entry.categories)
    texts = (
        text.translate(_IN_COPY) for text in (note, entry.register, "{" + quoted + "}", entry.reason, entry.source)
    )
    return "\t".join((number, prefix, expires, *texts)) + "\n"


async def _stage(connection: Connection, entries: Sequence[ListEntry]) -> None:
    await connection.execute(_SQL["stage_list"])
    await connection.execute(_SQL["stage_entries"], {"entries": Jsonb([asdict(entry) for entry in entries])})


async def _merge(
    connection: Connection,
    account_id: AccountId,
    name: ListName,
    audit: AuditEntry,
    *,
    replace: bool,
    fresh_at: datetime | None,
) -> ListChange:
    values = _values(account_id, name, audit)
    await connection.execute(_SQL["lock_list"], values)
    removed = await touched(connection, _SQL[_kind(name).prune], values) if replace else 0
    cursor = await connection.execute(_SQL[_kind(name).statement], values)
    added, unchanged = await cursor.fetchone() or (0, 0)
    return await _advance(connection, account_id, name, (added, removed, unchanged), fresh_at)


async def _advance(
    connection: Connection,
    account_id: AccountId,
    name: ListName,
    counts: tuple[int, int, int],
    fresh_at: datetime | None,
) -> ListChange:
    added, removed, unchanged = counts
    values = {"account_id": account_id, "list": name, "added": added, "removed": removed, "fresh_at": fresh_at}
    state = await fetch_one(connection, _SQL["advance_list"], ListState, values)
    if state is None:
        raise _unreachable()
    return ListChange(added, removed, unchanged, state)


def _values(account_id: AccountId, name: ListName, audit: AuditEntry) -> dict[str, object]:
    return {"account_id": account_id, "list": name, "at": audit.at, "actor": audit.actor}


def _kind(name: ListName) -> _Merge:
    if name == "suppression":
        return _SUPPRESSION
    return _DND if name == "dnd" else _PHONE


def _successor(digits: str) -> str | None:
    """The first string of digits that does not begin with ``digits`` any more; None when there is none."""
    stem = digits.rstrip("9")
    return stem[:-1] + chr(ord(stem[-1]) + 1) if stem else None


def _unreachable() -> DefectError:
    return DefectError("list_version_missing", "The version row of a list was made before and is gone.")
