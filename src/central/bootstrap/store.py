"""The store of this installation: by URL, or the embedded server of this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta

from central.adapters.postgres.partitions import keep_partitions
from central.adapters.postgres.pool import Pool, Role, open_pool
from central.adapters.postgres.server_files import stored_dsn
from central.adapters.system import SystemClock
from central.settings import Settings

DATABASE = "central"


def database_dsn(settings: Settings) -> str:
    """How this process reaches the store. Raises OperatorError ``no_embedded_server`` before the first ``central up``."""
    return settings.database_url or stored_dsn(settings.postgres_folder, DATABASE)


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
        "abandoned_uploads": timedelta(hours=24),
        "old_idempotency": timedelta(hours=settings.idempotency_hours),
        "old_deliveries": deliveries,
        "old_parked": deliveries,
        "old_audit": audit,
        "old_recordings": audit,
        "old_ledger": audit,
        "old_agent_events": timedelta(days=settings.keep_events_days),
        "old_records": records,
        "empty_requests": records,
        "old_messages": records,
        "old_contents": records,
        "old_texts": records,
        "old_mail_links": records,
        "old_reports": timedelta(days=30),
        "old_strays": timedelta(days=7),
        "old_links": timedelta(days=30),  # behind their expiry: until then whoever comes late is told so
    }


async def upkeep(settings: Settings) -> None:
    """Make the partitions of the coming days and drop those whose time is over."""
    await asyncio.to_thread(keep_partitions, database_dsn(settings), SystemClock().now(), retention(settings))


async def worker_pool(
    settings: Settings, role: Role, name: str, size: int | None = None, *, by_keys: bool = False
) -> Pool:
    """Connections of a process; ``by_keys`` as of ``open_pool``."""
    count = size or (settings.api_connections if role == "central_api" else settings.worker_connections)
    return await open_pool(
        database_dsn(settings),
        role,
        count,
        name=name,
        statement_timeout_s=settings.statement_timeout_s,
        by_keys=by_keys,
    )
