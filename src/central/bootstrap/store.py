"""The store of this installation: by URL, or the embedded server of this machine."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Generator, Mapping
from datetime import timedelta

from central.adapters.postgres.migrate import create_database, pending_steps, prepare_database
from central.adapters.postgres.partitions import keep_partitions
from central.adapters.postgres.pool import Pool, Role, open_pool
from central.adapters.postgres.server_files import is_served, stored_dsn
from central.adapters.postgres.supervisor import EmbeddedPostgres, ServerPlan
from central.adapters.system import SystemClock, SystemIds
from central.settings import Settings

_DATABASE = "central"


def database_dsn(settings: Settings) -> str:
    """How this process reaches the store. Raises OperatorError ``no_embedded_server`` before the first ``central up``."""
    return settings.database_url or stored_dsn(settings.postgres_folder, _DATABASE)


def embedded_server(settings: Settings) -> EmbeddedPostgres | None:
    """The server that we supervise ourselves, None when a URL is set."""
    if settings.database_url is not None:
        return None
    plan = ServerPlan(folder=settings.postgres_folder, pg_bin=settings.pg_bin, port=settings.pg_port)
    return EmbeddedPostgres(plan, SystemIds())


def prepare_store(settings: Settings) -> list[str]:
    """Create the database where it is ours, migrate, make partitions; answers the steps applied."""
    if settings.database_url is None:
        create_database(stored_dsn(settings.postgres_folder), _DATABASE)
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


def retention(settings: Settings) -> Mapping[str, timedelta]:
    """How long the partitioned tables keep their days."""
    return {
        "sip_trace": timedelta(days=settings.keep_sip_days),
        "event": timedelta(days=settings.keep_events_days),
        "attempt": timedelta(days=settings.keep_attempts_days),
        "leg": timedelta(days=settings.keep_attempts_days),
    }


def row_retention(settings: Settings) -> Mapping[str, timedelta]:
    """How long rows of the tables that are not partitioned are kept, by the statement of retention.sql that deletes them."""
    records, audit = timedelta(days=settings.keep_records_days), timedelta(days=settings.keep_audit_days)
    deliveries = timedelta(days=settings.keep_deliveries_days)
    return {
        "old_idempotency": timedelta(hours=settings.idempotency_hours),
        "old_deliveries": deliveries,
        "old_parked": deliveries,
        "old_audit": audit,
        "old_ledger": audit,
        "old_records": records,
        "empty_requests": records,
    }


async def upkeep(settings: Settings) -> None:
    """Make the partitions of the coming days and drop those whose time is over."""
    await asyncio.to_thread(keep_partitions, database_dsn(settings), SystemClock().now(), retention(settings))


async def worker_pool(settings: Settings, role: Role, name: str, size: int | None = None) -> Pool:
    """Connections of a process."""
    count = size or (settings.api_connections if role == "central_api" else settings.worker_connections)
    return await open_pool(
        database_dsn(settings), role, count, name=name, statement_timeout_s=settings.statement_timeout_s
    )
