"""A PostgreSQL server of the benchmark's own, set up as ``central up`` sets up its own: durable, checksums on."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import tempfile
from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql

from central.adapters.postgres.migrate import create_database, prepare_database
from central.adapters.postgres.supervisor import EmbeddedPostgres, ServerPlan
from central.adapters.system import SystemIds

TEMPLATE = "bench_template"


class BenchStore:
    """The server; each measurement gets a fresh database, a clone of the migrated template."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._server, self._n = server, 0
        create_database(server.dsn(), TEMPLATE)
        prepare_database(server.dsn(TEMPLATE), datetime.now(UTC))

    @contextlib.contextmanager
    def database(self) -> Generator[str]:
        """Connection string of a fresh database; dropped afterwards."""
        self._n += 1
        name = f"bench_{self._n}"
        self._admin("create database {} template {}", name, TEMPLATE)
        try:
            yield self._server.dsn(name)
        finally:
            self._admin("drop database {} with (force)", name)

    @property
    def pid(self) -> int:
        """The server's first process."""
        return self._server.pid or 0

    def cpu_s(self) -> float:
        """Processor seconds of all backends that have ended, and of the server itself."""
        fields = Path(f"/proc/{self._server.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")

    def _admin(self, statement: LiteralString, *names: str) -> None:
        with psycopg.connect(self._server.dsn(), autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*(sql.Identifier(name) for name in names)))


@contextlib.contextmanager
def bench_store(port: int | None = None) -> Generator[BenchStore]:
    """Start a server, end and remove it afterwards. port: of loopback, for programs that do not see our sockets."""
    folder = Path(tempfile.mkdtemp(prefix="central-bench-"))
    folder.chmod(0o755)
    try:
        with EmbeddedPostgres(ServerPlan(folder / "postgres", port=port), SystemIds()) as server:
            yield BenchStore(server)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(slots=True)
class Cpu:
    """Processor time of our child processes and of the server between begin and end: what a busy machine does not blur."""

    store: BenchStore
    _children: float = 0.0
    _server: float = 0.0

    def begin(self) -> None:
        """From here."""
        self._children, self._server = _children_s(), self.store.cpu_s()

    def ms_each(self, n: int) -> dict[str, float]:
        """Milliseconds of Python and of PostgreSQL for each of ``n``, once the children have ended."""
        python, server = _children_s() - self._children, self.store.cpu_s() - self._server
        return {"python": round(python * 1000 / n, 3), "postgres": round(server * 1000 / n, 3)}


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
