"""What a migration step may do: run one hand-written SQL file of ``migrations/`` on the migration's connection."""

from __future__ import annotations

from importlib import resources
from typing import cast

import psycopg
from alembic import op

from central.domain.errors import DefectError


def run_sql(name: str, *, transaction: bool = True) -> None:
    """Execute a file, all statements in one round trip and as they stand (no parameters, so ``%`` needs no doubling).

    ``transaction=False`` is for ``create index concurrently`` and ``detach concurrently``: the file then holds exactly
    one statement, is run outside a transaction, and may take longer than the limit for a statement.
    """
    sql = resources.files("central.adapters.postgres").joinpath("migrations", name).read_bytes()
    if transaction:
        _connection().execute(sql)
        return
    with op.get_context().autocommit_block():
        connection = _connection()
        connection.execute("set statement_timeout = 0")
        try:
            connection.execute(sql)
        finally:
            connection.execute("reset statement_timeout")


def _connection() -> psycopg.Connection[tuple[object, ...]]:
    """Psycopg's own connection below Alembic's: SQLAlchemy would read ``%`` and ``:name`` as parameters."""
    raw = op.get_bind().connection.driver_connection
    if not isinstance(raw, psycopg.Connection):
        raise DefectError("not_psycopg", f"migrations run on psycopg, not on {type(raw).__name__}")
    return cast("psycopg.Connection[tuple[object, ...]]", raw)
