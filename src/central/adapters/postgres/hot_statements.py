"""The hot path's way to run named statements: prepared, binary, rows as tuples (path steps 1, 2 and 5)."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from central.adapters.postgres.pool import Connection
from central.adapters.postgres.statements import load_statements

Parameters = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class HotStatement:
    """One statement. A batch travels as one jsonb parameter."""

    sql: bytes

    async def run(self, connection: Connection, parameters: Parameters | None = None) -> int:
        """Execute and return the number of rows touched."""
        async with connection.cursor(binary=True) as cursor:
            await cursor.execute(self.sql, parameters, prepare=True)
            return cursor.rowcount

    async def rows(self, connection: Connection, parameters: Parameters | None = None) -> list[tuple[Any, ...]]:
        """All rows as tuples, in the order of the statement's columns."""
        async with connection.cursor(binary=True) as cursor:
            await cursor.execute(self.sql, parameters, prepare=True)
            return await cursor.fetchall()

    async def value(self, connection: Connection, parameters: Parameters | None = None) -> Any:  # noqa: ANN401 - at the wire
        """First column of the first row, None without rows."""
        found = await self.rows(connection, parameters)
        return found[0][0] if found else None


async def rows_together(connection: Connection, *asked: tuple[HotStatement, Parameters]) -> list[list[tuple[Any, ...]]]:
    """The rows of several statements, one after the other; of a pipelined connection in one round trip."""
    async with contextlib.AsyncExitStack() as opened:
        cursors = [await opened.enter_async_context(connection.cursor(binary=True)) for _ in asked]
        for cursor, (statement, parameters) in zip(cursors, asked, strict=True):
            await cursor.execute(statement.sql, parameters, prepare=True)
        return [await cursor.fetchall() for cursor in cursors]


@cache
def hot_statements(file: str) -> Mapping[str, HotStatement]:
    """The statements of ``queries/<file>.sql`` by name."""
    named = load_statements(file)
    return {name: HotStatement(named[name]) for name in named}
