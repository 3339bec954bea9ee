"""Upkeep of the history tables: a partition a day of ``record_id``, made ahead, dropped whole when its time is over.

A record's id is a version 7 UUID, so the day in it is the day of the record's intake: all history of a record lies in one
partition of each table, and the key needs no extra column. A missing partition is an alarm (``missing_partitions``).
The functions are synchronous and run as central_owner; call them from a thread.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from central.domain.errors import DefectError, InvalidInput
from central.domain.ids import uuid7_floor

if TYPE_CHECKING:
    from collections.abc import Mapping

DAYS_AHEAD = 2
_REWRITTEN = {
    "attempt": 80,
    "leg": 70,
}  # their rows are updated in place once or twice: room in the page spares index entries
DAYS_BEHIND = 1  # the clock of another machine may still show yesterday
_LOCK = 0x43454E54_50415254  # "CENTPART": one upkeep at a time

Connection = psycopg.Connection[tuple[object, ...]]


def partitioned_tables(connection: Connection) -> list[str]:
    """Names of all tables of the schema that are partitioned by range, as the database knows them."""
    rows = connection.execute(
        "select c.relname from pg_partitioned_table p join pg_class c on c.oid = p.partrelid "
        "where p.partstrat = 'r' and c.relnamespace = 'public'::regnamespace order by 1"
    ).fetchall()
    return [str(name) for (name,) in rows]


def partition_name(table: str, day: date) -> str:
    """``event_20260131`` for the records of 31 January 2026 (UTC)."""
    return f"{table}_{day:%Y%m%d}"


def missing_partitions(connection: Connection, now: datetime, days_ahead: int = DAYS_AHEAD) -> list[str]:
    """Names of the partitions that should exist from yesterday to ``days_ahead`` days after ``now``, but do not."""
    today = _day(now)
    days = [today + timedelta(days=n) for n in range(-DAYS_BEHIND, days_ahead + 1)]
    wanted = [partition_name(table, day) for table in partitioned_tables(connection) for day in days]
    have = set(_attached(connection))
    return [name for name in wanted if name not in have]


def ensure_partitions(connection: Connection, now: datetime, days_ahead: int = DAYS_AHEAD) -> list[str]:
    """Make what is missing, in one transaction; returns the names made.

    Each is created beside and then attached: ``create ... partition of`` would lock readers and writers of the whole
    table out, ``attach`` does not.
    """
    made: list[str] = []
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", [_LOCK])
        connection.execute("set local lock_timeout = '4s'")
        for name in missing_partitions(connection, now, days_ahead):
            table, _, day_text = name.rpartition("_")
            day = datetime.strptime(day_text, "%Y%m%d").replace(tzinfo=UTC)
            _attach(connection, table, name, day)
            made.append(name)
    return made


def drop_partitions(connection: Connection, table: str, before: datetime) -> list[str]:
    """Detach and drop every partition of ``table`` whose whole day lies before ``before``; returns the names dropped.

    Needs a connection in autocommit mode, because ``detach concurrently`` cannot run in a transaction. A detach that was
    cut off is finished first. InvalidInput ``not_partitioned`` for any other table.
    """
    if table not in partitioned_tables(connection):
        raise InvalidInput("not_partitioned", f"{table} is not a partitioned table", table=table)
    first_kept = _day(before)
    dropped: list[str] = []
    for name, pending in _attached(connection).items():
        parent, _, day_text = name.rpartition("_")
        if parent != table or datetime.strptime(day_text, "%Y%m%d").replace(tzinfo=UTC).date() >= first_kept:
            continue
        detach = (
            "alter table {} detach partition {} finalize"
            if pending
            else "alter table {} detach partition {} concurrently"
        )
        connection.execute(sql.SQL(detach).format(sql.Identifier(table), sql.Identifier(name)))
        connection.execute(sql.SQL("drop table {}").format(sql.Identifier(name)))
        dropped.append(name)
    return dropped


def keep_partitions(dsn: str, now: datetime, keep: Mapping[str, timedelta]) -> tuple[list[str], list[str]]:
    """The daily job: make what is missing, drop what is older than ``keep[table]``; returns (made, dropped).

    Opens and closes its own connection. Tables that ``keep`` does not name are never dropped from.
    """
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("set role central_owner")
        made = ensure_partitions(connection, now)
        dropped = [name for table, age in keep.items() for name in drop_partitions(connection, table, now - age)]
    return made, dropped


def _attach(connection: Connection, table: str, name: str, day: datetime) -> None:
    parent, child = sql.Identifier(table), sql.Identifier(name)
    room = (
        sql.SQL(" with (fillfactor = {})").format(sql.Literal(_REWRITTEN[table]))
        if table in _REWRITTEN
        else sql.SQL("")
    )
    connection.execute(sql.SQL("create table {} (like {} including all){}").format(child, parent, room))
    connection.execute(
        sql.SQL("alter table {} attach partition {} for values from ({}) to ({})").format(
            parent, child, str(uuid7_floor(day)), str(uuid7_floor(day + timedelta(days=1)))
        )
    )


def _attached(connection: Connection) -> dict[str, bool]:
    """Daily partitions that exist -> whether a detach of them was cut off."""
    rows = connection.execute(
        "select c.relname, i.inhdetachpending from pg_inherits i join pg_class c on c.oid = i.inhrelid "
        "where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace and c.relname ~ '_[0-9]{8}$' order by 1"
    ).fetchall()
    return {str(name): bool(pending) for name, pending in rows}


def _day(at: datetime) -> date:
    if at.tzinfo is None:
        raise DefectError("naive_datetime", "a time without zone cannot name a day")
    return at.astimezone(UTC).date()
