"""Partitions by the day in the record's id: made ahead, found again, dropped whole, never in anybody's way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from central.adapters.postgres.partitions import (
    Connection,
    drop_partitions,
    ensure_partitions,
    keep_partitions,
    missing_partitions,
    partitioned_tables,
)
from central.domain.errors import DefectError, InvalidInput
from central.domain.ids import uuid7

NOW = datetime(2031, 3, 1, 23, 59, 59, tzinfo=UTC)
ACCOUNT = UUID(int=1)


def owner(database: str) -> Connection:
    connection = psycopg.connect(database, autocommit=True)
    connection.execute("set role central_owner")
    return connection


def add_event(connection: Connection, at: datetime) -> str:
    record = uuid7(int(at.timestamp() * 1000), 5)
    row = connection.execute(
        "insert into event (account_id, record_id, id, at, kind) values (%s, %s, %s, %s, 'x') returning tableoid::regclass::text",
        [ACCOUNT, record, record, at],
    ).fetchone()
    assert row is not None
    return str(row[0])


def test_history_tables_are_known(database: str) -> None:
    with owner(database) as connection:
        assert {"attempt", "event", "leg", "sip_trace"} <= set(partitioned_tables(connection))


def test_each_record_lies_in_the_partition_of_its_day(database: str) -> None:
    with owner(database) as connection:
        ensure_partitions(connection, NOW)
        midnight = datetime(2031, 3, 2, tzinfo=UTC)
        assert add_event(connection, NOW - timedelta(days=1)) == "event_20310228"
        assert add_event(connection, midnight - timedelta(milliseconds=1)) == "event_20310301"
        assert add_event(connection, midnight) == "event_20310302"
        assert add_event(connection, NOW + timedelta(days=2)) == "event_20310303"


def test_missing_day_is_named_and_made_once(database: str) -> None:
    with owner(database) as connection:
        ensure_partitions(connection, NOW)
        later = NOW + timedelta(days=1)
        wanted = missing_partitions(connection, later)
        assert "event_20310304" in wanted
        assert ensure_partitions(connection, later) == wanted
        assert ensure_partitions(connection, later) == []
        assert missing_partitions(connection, later) == []


def test_partition_carries_keys_and_indexes_of_its_table(database: str) -> None:
    with owner(database) as connection:
        ensure_partitions(connection, NOW)
        unattached = connection.execute(
            "select i.indexrelid::regclass::text from pg_index i join pg_class c on c.oid = i.indrelid "
            "where c.relispartition and not exists (select from pg_inherits h where h.inhrelid = i.indexrelid)"
        ).fetchall()
        assert unattached == []
        add_event(connection, NOW)
        with pytest.raises(psycopg.errors.UniqueViolation):
            add_event(connection, NOW)


def test_new_days_do_not_wait_for_readers_and_writers(database: str) -> None:
    with owner(database) as connection, psycopg.connect(database) as busy:
        busy.execute("select from event")
        add_event(busy, datetime.now(UTC))
        assert "event_20310301" in ensure_partitions(connection, NOW)


def test_only_whole_days_before_the_limit_are_dropped(database: str) -> None:
    with owner(database) as connection:
        ensure_partitions(connection, NOW)
        dropped = drop_partitions(connection, "event", NOW)
        assert [name for name in dropped if "2031" in name] == ["event_20310228"]
        assert add_event(connection, NOW) == "event_20310301"
        assert connection.execute("select to_regclass('attempt_20310228')::text").fetchone() == ("attempt_20310228",)


def test_cut_off_detach_is_finished_later(database: str) -> None:
    with owner(database) as connection, psycopg.connect(database) as reader:
        ensure_partitions(connection, NOW)
        reader.execute("select from event")
        connection.execute("set statement_timeout = '300ms'")
        with pytest.raises(psycopg.errors.QueryCanceled):
            drop_partitions(connection, "event", NOW)
        reader.rollback()
        connection.execute("reset statement_timeout")
        names = drop_partitions(connection, "event", NOW)
        assert "event_20310228" in names
        assert drop_partitions(connection, "event", NOW) == []


def test_daily_job_makes_and_drops(database: str) -> None:
    keep_partitions(database, NOW, {})
    made, dropped = keep_partitions(database, NOW + timedelta(days=31), {"sip_trace": timedelta(days=30)})
    assert {"event_20310401", "sip_trace_20310401"} <= set(made)
    assert {name for name in dropped if "2031" in name} == {"sip_trace_20310228", "sip_trace_20310301"}


def test_other_tables_are_never_touched(database: str) -> None:
    with owner(database) as connection:
        with pytest.raises(InvalidInput) as refusal:
            drop_partitions(connection, "account", NOW)
        assert refusal.value.code == "not_partitioned"


def test_time_without_zone_is_a_defect(database: str) -> None:
    with owner(database) as connection, pytest.raises(DefectError):
        missing_partitions(connection, NOW.replace(tzinfo=None))
