"""Connections of one role to the store: every step reads and writes through a pool that is opened here.

The program has one URL; each connection says ``SET ROLE`` once when it is made. ``central_api`` sees one account a
transaction (``tenant``), ``central_worker`` all accounts of the shard (``transaction``), ``central_owner`` migrates.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from typing import Any, Literal

import msgspec
import psycopg
from psycopg.types.json import set_json_dumps, set_json_loads
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

from central.domain.errors import NeighbourError
from central.domain.ids import AccountId

Role = Literal["central_owner", "central_api", "central_worker"]
Connection = psycopg.AsyncConnection[tuple[Any, ...]]
Pool = AsyncConnectionPool[Connection]

_OPEN_TIMEOUT_S = 15.0
_CONNECT_TIMEOUT_S = 5
_TOO_SLOW = frozenset({"57014", "55P03", "25P03"})  # statement, lock and idle-in-transaction timeouts
# A transaction that was forgotten holds vacuum back, and that of a worker which stands still holds locks: others wait for it.
_IDLE_IN_TRANSACTION_S: Mapping[Role, int] = {"central_owner": 60, "central_api": 60, "central_worker": 10}
# A prepared plan lives until the next analyze: one made while a table was new would read it whole for each batch until then.
_BY_KEYS = (
    "select set_config('enable_seqscan', 'off', false), set_config('enable_hashjoin', 'off', false), "
    "set_config('enable_mergejoin', 'off', false)"
)
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


async def open_pool(
    dsn: str,
    role: Role,
    size: int,
    *,
    name: str = "",
    checkout_timeout_s: float = 10.0,
    statement_timeout_s: float = 60.0,
    by_keys: bool = False,
) -> Pool:
    """Open at most ``size`` connections as ``role`` and return when the first ones stand; the caller closes the pool.

    ``name`` shows in pg_stat_activity. Connections of the API are tested at each checkout, so that a restart of the server
    costs no request; workers retry by themselves. Jsonb is read and written by msgspec, statements that repeat are
    prepared. by_keys: all statements look rows up by keys, and are planned so, however small a table was when it was planned.
    NeighbourError ``database_unavailable`` when the server does not answer.
    """
    pool: Pool = AsyncConnectionPool(
        dsn,
        connection_class=psycopg.AsyncConnection[tuple[Any, ...]],
        kwargs={
            "application_name": f"central {name or role}",
            "connect_timeout": _CONNECT_TIMEOUT_S,
            "prepare_threshold": 1,
        },
        min_size=min(2, size),
        max_size=size,
        open=False,
        configure=_configure(role, statement_timeout_s, by_keys=by_keys),
        check=AsyncConnectionPool.check_connection if role == "central_api" else None,
        timeout=checkout_timeout_s,
        name=name or role,
    )
    try:
        await pool.open(wait=True, timeout=_OPEN_TIMEOUT_S)
    except PoolTimeout as error:
        await pool.close()
        raise NeighbourError(
            "database_unavailable",
            f"PostgreSQL gives no connection as {role} within {_OPEN_TIMEOUT_S:g} s: see the log",
        ) from error
    return pool


def _configure(role: Role, statement_timeout_s: float, *, by_keys: bool) -> Callable[[Connection], Awaitable[None]]:
    """What each new connection is told, once."""

    async def configure(connection: Connection) -> None:
        set_json_loads(_decode, connection)
        set_json_dumps(_encode, connection)
        await connection.execute(
            "select set_config('role', %s, false), set_config('timezone', 'UTC', false), set_config('jit', 'off', false), "
            "set_config('statement_timeout', %s, false), set_config('idle_in_transaction_session_timeout', %s, false)",
            [role, f"{statement_timeout_s * 1000:.0f}", f"{_IDLE_IN_TRANSACTION_S[role]}s"],
        )
        if by_keys:
            await connection.execute(_BY_KEYS)
        await connection.commit()

    return configure


@contextlib.asynccontextmanager
async def tenant(pool: Pool, account_id: AccountId) -> AsyncGenerator[Connection]:
    """One transaction that sees and writes the rows of this account only (row-level security of ``central_api``).

    The setting ends with the transaction; afterwards the connection holds an empty string, which the policies read as no
    account. NeighbourError ``database_unavailable`` or ``database_busy``.
    """
    async with transaction(pool) as connection:
        await connection.execute("select set_config('central.account', %s, true)", [str(account_id)])
        yield connection


@contextlib.asynccontextmanager
async def transaction(pool: Pool) -> AsyncGenerator[Connection]:
    """One transaction: committed at the end of the block, rolled back by any exception.

    NeighbourError ``database_unavailable`` (connection refused or lost; after a loss at commit the outcome is unknown) or
    ``database_busy`` (no connection became free in time). Other database errors pass through.
    """
    with database_errors():
        async with pool.connection() as connection, connection.transaction():
            yield connection


@contextlib.asynccontextmanager
async def pipelined(pool: Pool) -> AsyncGenerator[Connection]:
    """As ``transaction``, but what is executed travels with the next rows that are fetched: BEGIN, writes and COMMIT wait for no answer.

    An error of a write is raised by the next fetch or at the end; ``rowcount`` is not known before.
    """
    with database_errors():
        async with pool.connection() as connection, connection.pipeline(), connection.transaction():
            yield connection


@contextlib.contextmanager
def database_errors() -> Generator[None]:
    """Turn what may go well next time into NeighbourError; leave all other errors alone.

    Codes: ``database_unavailable``, ``database_busy`` (no connection free), ``database_conflict`` (class 40: deadlock or
    serialization failure; the transaction was rolled back).
    """
    try:
        yield
    except (PoolTimeout, TooManyRequests) as error:
        raise NeighbourError("database_busy", f"no database connection became free: {error}") from error
    except PoolClosed as error:
        raise NeighbourError("database_unavailable", "this process is closing its database connections") from error
    except psycopg.OperationalError as error:
        if error.sqlstate is not None and error.sqlstate.startswith("40"):
            raise NeighbourError("database_conflict", f"PostgreSQL gave this transaction up: {error}") from error
        if error.sqlstate in _TOO_SLOW:
            raise NeighbourError("database_slow", f"PostgreSQL gave this statement up: {error}") from error
        if not is_connection_loss(error):
            raise
        raise NeighbourError("database_unavailable", f"PostgreSQL does not answer: {error}") from error
    except psycopg.errors.IdleInTransactionSessionTimeout as error:
        raise NeighbourError("database_slow", f"PostgreSQL gave this transaction up: {error}") from error


def is_connection_loss(error: psycopg.Error) -> bool:
    """Whether the connection is the trouble: no SQLSTATE, class 08, 53 (too many clients) or 57P (shutdown, restart).

    Source: PostgreSQL manual, appendix A. Deadlocks and serialization failures (class 40) are not.
    """
    state = error.sqlstate
    return isinstance(error, psycopg.OperationalError) and (
        state is None or state[:2] in {"08", "53"} or state[:3] == "57P"
    )
