"""Fixtures: an embedded PostgreSQL a session, a migrated template in it, and a clone of the template for each test.

Registered by ``pytest_plugins`` in tests/conftest.py. ``database`` is a connection string of the superuser; open pools by
``central.adapters.postgres.pool.open_pool(database, role, size)``, or ask for ``owner_pool``, ``api_pool``, ``worker_pool``.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from central.adapters.postgres.migrate import create_database, prepare_database
from central.adapters.postgres.pool import Pool, open_pool
from central.adapters.postgres.supervisor import EmbeddedPostgres, ServerPlan
from central.adapters.system import SystemIds

TEMPLATE = "central_template"
QUICK = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "64MB", "max_connections": "200"}
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    """A folder that the server's account reaches (pytest's own are closed), with a short path for the socket."""
    folder = Path(tempfile.mkdtemp(prefix="central-db-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres_server(server_folder: Path) -> Iterator[EmbeddedPostgres]:
    """The session's server; safe against kill -9 of processes, not against a power cut (fsync is off)."""
    plan = ServerPlan(server_folder / "postgres", configuration=QUICK, shelter=server_folder / "shelter")
    with EmbeddedPostgres(plan, SystemIds()) as server:
        yield server


@pytest.fixture(scope="session")
def database_template(postgres_server: EmbeddedPostgres) -> str:
    """Name of a database at the newest step, with partitions around today."""
    create_database(postgres_server.dsn(), TEMPLATE)
    prepare_database(postgres_server.dsn(TEMPLATE), datetime.now(UTC))
    return TEMPLATE


@pytest.fixture
def database(postgres_server: EmbeddedPostgres, database_template: str) -> Iterator[str]:
    """Connection string of a fresh, migrated database of this test's own; it is dropped afterwards."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(postgres_server.dsn(), autocommit=True) as admin:
        create = sql.SQL("create database {} template {}")
        admin.execute(create.format(sql.Identifier(name), sql.Identifier(database_template)))
    yield make_conninfo(postgres_server.dsn(), dbname=name)
    with psycopg.connect(postgres_server.dsn(), autocommit=True) as admin:
        admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
async def owner_pool(database: str) -> AsyncIterator[Pool]:
    """Two connections as central_owner."""
    async with await open_pool(database, "central_owner", 2) as pool:
        yield pool


@pytest.fixture
async def api_pool(database: str) -> AsyncIterator[Pool]:
    """Two connections as central_api: use them through ``tenant``."""
    async with await open_pool(database, "central_api", 2) as pool:
        yield pool


@pytest.fixture
async def worker_pool(database: str) -> AsyncIterator[Pool]:
    """Four connections as central_worker."""
    async with await open_pool(database, "central_worker", 4) as pool:
        yield pool
