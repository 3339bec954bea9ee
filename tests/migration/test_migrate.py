"""Migrations: from an empty database, again, by two starters at once, against locks, by an ordinary user."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from central.adapters.postgres.catalogue import lawful_moves
from central.adapters.postgres.migrate import create_database, migrate, pending_steps, prepare_database
from central.adapters.postgres.partitions import missing_partitions
from central.adapters.postgres.supervisor import EmbeddedPostgres, ServerPlan
from central.adapters.system import SystemIds
from central.domain.errors import NeighbourError, OperatorError
from tests.database import QUICK

NOW = datetime(2026, 5, 17, 12, tzinfo=UTC)


@pytest.fixture
def empty(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """A database without anything in it."""
    create_database(postgres_server.dsn(), "empty")
    yield postgres_server.dsn("empty")
    with psycopg.connect(postgres_server.dsn(), autocommit=True) as admin:
        admin.execute("drop database empty with (force)")


def test_empty_database_gets_every_step_once(empty: str) -> None:
    steps = pending_steps(empty)
    assert steps[0] == "0001_foundation"
    assert migrate(empty) == steps
    assert migrate(empty) == []
    assert pending_steps(empty) == []


def test_prepared_database_has_partitions_around_now(empty: str) -> None:
    prepare_database(empty, NOW)
    with psycopg.connect(empty) as connection:
        assert missing_partitions(connection, NOW) == []
        days = connection.execute(
            "select relname from pg_class where relname ~ '^event_2' and relkind = 'r' order by 1"
        ).fetchall()
    assert days == [("event_20260516",), ("event_20260517",), ("event_20260518",), ("event_20260519",)]


def test_two_starters_at_once_do_the_work_once(empty: str) -> None:
    steps = pending_steps(empty)
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(prepare_database, [empty] * 2, [NOW] * 2))
    assert sorted(done) == [[], steps]


def test_tables_belong_to_the_owner_role_and_hide_rows(database: str) -> None:
    with psycopg.connect(database) as connection:
        owners = connection.execute("select distinct tableowner from pg_tables where schemaname = 'public'").fetchall()
        unguarded = connection.execute(
            "select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'account_id' "
            "where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace and not c.relispartition "
            "and not c.relrowsecurity and has_table_privilege('central_api', c.oid, 'select')"
        ).fetchall()
        open_partitions = connection.execute(
            "select relname from pg_class where relispartition and relkind = 'r' and has_table_privilege('central_api', oid, 'select')"
        ).fetchall()
    assert owners == [("central_owner",)]
    assert unguarded == []
    assert open_partitions == []


def test_catalogue_in_the_database_is_the_packaged_one(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("delete from move where family = 'sms'")
        connection.execute("insert into move values ('flow', 'COMPLETED', 'IN_PROGRESS')")
        connection.execute("update status_catalogue set final = not final")
    migrate(database)
    with psycopg.connect(database) as connection:
        moves = connection.execute("select family, from_status, to_status from move order by 1, 2, 3").fetchall()
        final = connection.execute(
            "select name from status_catalogue where name in ('COMPLETED', 'PAUSE') and final"
        ).fetchall()
    assert sorted(moves) == lawful_moves()
    assert final == [("COMPLETED",)]


def test_refresh_touches_nothing_that_is_right(database: str) -> None:
    with psycopg.connect(database) as connection:
        before = connection.execute("select sum(xmin::text::bigint) from status_catalogue").fetchone()
    migrate(database)
    with psycopg.connect(database) as connection:
        assert connection.execute("select sum(xmin::text::bigint) from status_catalogue").fetchone() == before


def test_step_gives_up_after_four_seconds_behind_a_lock(empty: str) -> None:
    with psycopg.connect(empty) as holder:
        holder.execute("create table account (id int)")  # the foundation wants the same name
        with pytest.raises(NeighbourError) as refusal:
            migrate(empty)
        assert refusal.value.code == "migration_locked"
        assert "lock timeout" in refusal.value.message
        holder.rollback()
    assert pending_steps(empty)[0] == "0001_foundation"
    assert migrate(empty)[0] == "0001_foundation"


def test_database_of_a_later_release_is_refused(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("update alembic_version set version_num = '9999_future'")
    with pytest.raises(OperatorError) as refusal:
        migrate(database)
    assert refusal.value.code == "database_newer"


def test_absent_server_is_a_neighbours_fault(free_port: int) -> None:
    with pytest.raises(NeighbourError) as absent:
        migrate(f"host=127.0.0.1 port={free_port} user=x dbname=x")
    assert absent.value.code == "database_unavailable"


def plain_user(admin_dsn: str, attributes: str) -> str:
    with psycopg.connect(admin_dsn, autocommit=True) as admin:
        admin.execute(f"create role app login password 'app' {attributes}".encode())
        admin.execute("create database theirs owner app")
    return make_conninfo(admin_dsn, user="app", password="app", dbname="theirs")


def test_user_who_may_create_roles_needs_no_administrator(server_folder: Path) -> None:
    plan = ServerPlan(server_folder / "fresh", configuration=QUICK, shelter=server_folder / "shelter")
    with EmbeddedPostgres(plan, SystemIds()) as fresh:
        theirs = plain_user(fresh.dsn(), "createrole")
        assert prepare_database(theirs, NOW)[0] == "0001_foundation"
        assert prepare_database(theirs, NOW) == []


def test_user_without_rights_is_told_what_an_administrator_must_run(server_folder: Path) -> None:
    plan = ServerPlan(server_folder / "strict", configuration=QUICK, shelter=server_folder / "shelter")
    with EmbeddedPostgres(plan, SystemIds()) as strict:
        theirs = plain_user(strict.dsn(), "")
        with pytest.raises(OperatorError) as refusal:
            migrate(theirs)
        assert refusal.value.code == "database_rights"
        advice = refusal.value.message.partition("run once: ")[2].replace("<user>", "app")
        with psycopg.connect(strict.dsn("theirs"), autocommit=True) as admin:
            admin.execute(advice.encode())
        assert migrate(theirs)[0] == "0001_foundation"
