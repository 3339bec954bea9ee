"""How the statements of administration are run: one transaction in one account, rows as frozen values, change with audit."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any, NoReturn, TypeVar, cast

from psycopg import sql
from psycopg.errors import ForeignKeyViolation, UniqueViolation
from psycopg.rows import tuple_row
from psycopg.types.json import Jsonb

from central.adapters.postgres.pool import Connection, Pool, tenant
from central.adapters.postgres.statements import load_statements
from central.application.ports.administration import AuditEntry
from central.domain.errors import Conflict, DefectError
from central.domain.ids import AccountId

Value = TypeVar("Value")
Parameters = Mapping[str, object]
_AUDIT = load_statements("administration")["add_audit"]


async def fetch(
    connection: Connection, statement: bytes, into: Callable[..., Value], parameters: Parameters
) -> list[Value]:
    """All rows, each made by ``into(**columns)``; arrays and JSON lists come as tuples."""
    async with connection.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(statement, parameters)
        names = [column.name for column in cursor.description or ()]
        return [into(**dict(zip(names, map(_frozen, row), strict=True))) for row in await cursor.fetchall()]


async def fetch_one(
    connection: Connection, statement: bytes, into: Callable[..., Value], parameters: Parameters
) -> Value | None:
    """The first row, None without rows."""
    found = await fetch(connection, statement, into, parameters)
    return found[0] if found else None


async def scalar(connection: Connection, statement: bytes, parameters: Parameters) -> Any:  # noqa: ANN401 - at the wire
    """The first column of the first row, None without rows."""
    cursor = await connection.execute(statement, parameters)
    row = await cursor.fetchone()
    return None if row is None else row[0]


async def touched(connection: Connection, statement: bytes, parameters: Parameters) -> int:
    """How many rows the statement changed."""
    return (await connection.execute(statement, parameters)).rowcount


async def write_audit(connection: Connection, account_id: AccountId, audit: AuditEntry) -> None:
    """The line of the audit trail, in the transaction of the change."""
    values = {
        "account_id": account_id,
        "id": audit.id,
        "at": audit.at,
        "actor": audit.actor,
        "action": audit.action,
        "object": audit.object,
        "detail": Jsonb(dict(audit.detail)),
    }
    await connection.execute(_AUDIT, values)


class _Unchanged(Exception):
    """Undo the transaction: there was nothing to change."""


class Change:
    """One change in the making; ``nothing()`` leaves the block and undoes it."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def nothing(self) -> NoReturn:
        """There is no such thing: no change, no audit line."""
        raise _Unchanged


@contextlib.asynccontextmanager
async def changing(pool: Pool, account_id: AccountId, audit: AuditEntry) -> AsyncGenerator[Change]:
    """A transaction that ends with the audit line; a taken name or key becomes Conflict ``name_taken`` or ``key_taken``.

    A constraint on which the caller gave no answer is DefectError ``constraint_violated``.
    """
    with contextlib.suppress(_Unchanged):
        try:
            async with tenant(pool, account_id) as connection:
                yield Change(connection)
                await write_audit(connection, account_id, audit)
        except UniqueViolation as error:
            for word in ("name", "key"):
                if (error.diag.constraint_name or "").endswith(f"_{word}_key"):
                    raise Conflict(f"{word}_taken", f"This {word} is taken in the account.") from error
            raise DefectError("constraint_violated", str(error)) from error
        except ForeignKeyViolation as error:
            raise Conflict("still_in_use", "Something else in the account still refers to it.") from error


async def update_columns(
    connection: Connection,
    table: str,
    columns: frozenset[str],
    changes: Mapping[str, object],
    key: Mapping[str, object],
    json: frozenset[str] = frozenset(),
) -> bool:
    """``update table set changes where key``; only ``columns`` can be set, those in ``json`` are jsonb. False: no row."""
    if not set(changes) <= columns:
        raise DefectError("unknown_column", f"{table} has no column for {sorted(set(changes) - columns)}")
    if not changes:
        changes = dict(list(key.items())[:1])
    pairs = sql.SQL(", ").join(
        sql.SQL("{} = {}").format(sql.Identifier(n), sql.Placeholder(f"new_{n}")) for n in changes
    )
    where = sql.SQL(" and ").join(
        sql.SQL("{} = {}").format(sql.Identifier(n), sql.Placeholder(f"key_{n}")) for n in key
    )
    statement = sql.SQL("update {} set {} where {}").format(sql.Identifier(table), pairs, where)
    values: dict[str, object] = {f"new_{n}": Jsonb(v) if n in json else _plain(v) for n, v in changes.items()}
    cursor = await connection.execute(statement, values | {f"key_{n}": v for n, v in key.items()})
    return cursor.rowcount > 0


def _frozen(value: Any) -> Any:  # noqa: ANN401 - at the wire
    return tuple(cast("list[object]", value)) if isinstance(value, list) else value


def _plain(value: object) -> object:
    return list(cast("Sequence[object]", value)) if isinstance(value, list | tuple) else value
