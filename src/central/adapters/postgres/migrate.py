"""Bring a database to the schema of this release: roles, hand-written SQL steps under Alembic, catalogue, partitions.

Runs at start-up and by ``central db migrate``. Safe to run by several starters at once and again at any time. Limits: a
step waits 4 s for a lock and runs 5 s a statement, so that a migration never stops the traffic for long; what needs more
(``create index concurrently``) says so in its step.
"""

from __future__ import annotations

import contextlib
from importlib import resources
from typing import TYPE_CHECKING

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationInfo
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from central.adapters.postgres.binaries import MINIMUM_MAJOR
from central.adapters.postgres.catalogue import refresh_catalogue
from central.adapters.postgres.partitions import ensure_partitions
from central.domain.errors import NeighbourError, OperatorError

if TYPE_CHECKING:
    from collections.abc import Generator
    from datetime import datetime
    from importlib.resources.abc import Traversable

DATABASE = "central"
_LOCK = 0x43454E54_4D494752  # "CENTMIGR": one migrator at a time
_PATIENCE = "set lock_timeout = '120s'"  # for another starter that migrates right now
_LIMITS = "set lock_timeout = '4s'; set statement_timeout = '5s'"
_CONNECT_TIMEOUT_S = 10

Connection = psycopg.Connection[tuple[object, ...]]


def create_database(admin_dsn: str, name: str = DATABASE) -> None:
    """Create database ``name`` on the embedded server if it is not there; ``admin_dsn`` is the superuser's."""
    with _connect(admin_dsn) as connection:
        if connection.execute("select from pg_database where datname = %s", [name]).fetchone() is None:
            statement = sql.SQL("create database {} encoding 'UTF8' template template0").format(sql.Identifier(name))
            with contextlib.suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                connection.execute(statement)  # another starter may have been faster


def prepare_database(dsn: str, now: datetime) -> list[str]:
    """Migrate and make the partitions around ``now``: all that a process needs before it starts. Returns steps applied."""
    applied = migrate(dsn)
    with _connect(dsn) as connection:
        connection.execute("set role central_owner")
        ensure_partitions(connection, now)
    return applied


def migrate(dsn: str) -> list[str]:
    """Apply every step that is missing and refresh the catalogue; returns the names of the steps applied, oldest first.

    OperatorError ``database_version`` (server below 15), ``database_rights`` (the user may not create the roles, with the
    statements for the administrator), ``database_newer`` (made by a later release). NeighbourError
    ``database_unavailable``, ``migration_locked`` (somebody holds a lock; nothing of that step was done).
    """
    with _connect(dsn) as connection:
        _check_server(connection)
        try:
            connection.execute(_PATIENCE)
            connection.execute("select pg_advisory_lock(%s)", [_LOCK])
            _make_roles(connection)
            connection.execute(_LIMITS)
            connection.execute("set role central_owner")
            return _upgrade(connection)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled) as error:
            raise NeighbourError("migration_locked", f"the migration could not get a lock in time: {error}") from error


def pending_steps(dsn: str) -> list[str]:
    """Names of the steps that this release has and the database has not, oldest first."""
    with _connect(dsn) as connection:
        done = _current(connection)
    steps = _known_steps()
    return steps if done is None else steps[steps.index(done) + 1 :] if done in steps else []


def _upgrade(connection: Connection) -> list[str]:
    before, steps = _current(connection), _known_steps()
    if before is not None and before not in steps:
        raise OperatorError("database_newer", f"the database is at step {before}, which this release does not know")
    applied: list[str] = []

    def note(*, step: MigrationInfo, **_: object) -> None:
        applied.append(str(step.up_revision_id))

    connection.autocommit = False
    engine = create_engine("postgresql+psycopg://", creator=lambda: connection, poolclass=NullPool)
    with engine.connect() as outer:
        config = _config()
        config.attributes["connection"] = outer
        config.attributes["on_version_apply"] = note
        command.upgrade(config, "head")
        refresh_catalogue(connection)
        connection.commit()
    return applied


def _make_roles(connection: Connection) -> None:
    statements = _package().joinpath("roles.sql").read_bytes()
    try:
        connection.execute(statements)
    except psycopg.errors.InsufficientPrivilege as error:
        raise OperatorError(
            "database_rights",
            f"the user of CENTRAL_DATABASE_URL may not prepare the roles ({error.diag.message_primary}); let an "
            "administrator run once: create role central_owner nologin; create role central_api nologin; "
            "create role central_worker nologin; grant central_owner, central_api, central_worker to <user>; "
            "grant usage, create on schema public to central_owner; grant usage on schema public to central_api, central_worker",
        ) from error


def _check_server(connection: Connection) -> None:
    major = connection.info.server_version // 10_000
    if major < MINIMUM_MAJOR:
        raise OperatorError("database_version", f"PostgreSQL {major} is too old, at least {MINIMUM_MAJOR} is needed")


def _current(connection: Connection) -> str | None:
    """The step the database is at, None for an empty one."""
    if connection.execute("select to_regclass('public.alembic_version')::text").fetchone() in (None, (None,)):
        return None
    row = connection.execute("select version_num from public.alembic_version").fetchone()
    return str(row[0]) if row else None


def _known_steps() -> list[str]:
    script = ScriptDirectory.from_config(_config())
    return [step.revision for step in reversed(list(script.walk_revisions()))]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_package().joinpath("migrations")))
    config.set_main_option("path_separator", "os")
    return config


def _package() -> Traversable:
    return resources.files("central.adapters.postgres")


@contextlib.contextmanager
def _connect(dsn: str) -> Generator[Connection]:
    try:
        connection = psycopg.connect(
            dsn, autocommit=True, connect_timeout=_CONNECT_TIMEOUT_S, application_name="central migrate"
        )
    except psycopg.OperationalError as error:
        raise NeighbourError("database_unavailable", f"PostgreSQL does not answer: {error}") from error
    with connection:
        yield connection
