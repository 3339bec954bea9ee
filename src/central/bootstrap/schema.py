"""The store's schema: our own server where it is ours, migrations, partitions. Slow to import, so apart from ``store``."""

from __future__ import annotations

import contextlib
from collections.abc import Generator

from central.adapters.postgres.migrate import create_database, pending_steps, prepare_database
from central.adapters.postgres.server_files import is_served, stored_dsn
from central.adapters.postgres.supervisor import EmbeddedPostgres, ServerPlan
from central.adapters.system import SystemClock, SystemIds
from central.bootstrap.store import DATABASE, database_dsn
from central.settings import Settings


def embedded_server(settings: Settings) -> EmbeddedPostgres | None:
    """The server that we supervise ourselves, None when a URL is set."""
    if settings.database_url is not None:
        return None
    plan = ServerPlan(folder=settings.postgres_folder, pg_bin=settings.pg_bin, port=settings.pg_port)
    return EmbeddedPostgres(plan, SystemIds())


def prepare_store(settings: Settings) -> list[str]:
    """Create the database where it is ours, migrate, make partitions; answers the steps applied."""
    if settings.database_url is None:
        create_database(stored_dsn(settings.postgres_folder), DATABASE)
    return prepare_database(database_dsn(settings), SystemClock().now())


@contextlib.contextmanager
def standing_store(settings: Settings) -> Generator[list[str]]:
    """The store, migrated, for a command of this machine; our own server is started for its time unless it runs already."""
    server = embedded_server(settings)
    if server is None or is_served(settings.postgres_folder):
        yield prepare_store(settings)
        return
    server.start()
    try:
        yield prepare_store(settings)
    finally:
        server.stop()


def schema_behind(settings: Settings) -> list[str]:
    """Steps that the store still lacks; raises NeighbourError or OperatorError when it cannot be asked."""
    return pending_steps(database_dsn(settings))
