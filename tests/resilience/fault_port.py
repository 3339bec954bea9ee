"""The fault port of a test process: between any two statements it may die, stand still, or lose its connection.

Points have names of their own: ``journal.finish/before`` (the statement is about to run), ``/after`` (it ran, nothing is
committed), ``/uncommitted`` (COMMIT is about to be sent for a transaction that ran it), ``/committed`` (COMMIT is through,
the program does not know yet); ``node.finish/gathered`` (results are in hand, no transaction is open); ``ari.originate/before``
and ``/after`` likewise for the engine's HTTP. An order is a file in
the folder of faults, written by the test: the point, how often it is passed before, and the action. The product's code is
not touched: the hooks hang in psycopg, in the named statements and in the ARI transport.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import time
from collections.abc import AsyncGenerator, Generator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import psycopg

from central.adapters.asterisk.transport import AriTransport
from central.adapters.postgres.hot_statements import HotStatement
from central.adapters.postgres.journal_store import PostgresJournal
from central.application.ports.journal import JournalAnswer, JournalBatch
from central.domain.errors import NeighbourError

STRUCK = "struck.jsonl"
_ANY = "transaction"  # every transaction, whatever ran in it
_NAME = re.compile(rb"/\* (\S+) \*/")
_ARI = {("POST", "channels"): "originate", ("DELETE", "channels"): "hangup", ("POST", "play"): "play"}


class FaultPort:
    """One process's faults. ``passes`` is called at every point; without an order it costs one ``stat``."""

    def __init__(self, folder: Path, process: str) -> None:
        self._folder, self._process = folder, process
        self._order = folder / f"{process}.order"
        self._seen: tuple[str, int] | None = None

    def passes(self, point: str) -> str | None:
        """Strike here if it was ordered; ``sever`` is answered for the caller to do, the others have happened by then."""
        try:
            text = self._order.read_text()
        except FileNotFoundError:
            return None
        order: Mapping[str, Any] = json.loads(text)
        if order["point"] != point:
            return None
        left = self._seen[1] if self._seen is not None and self._seen[0] == text else int(order["passes"])
        if left > 0:
            self._seen = (text, left - 1)
            return None
        self._order.unlink(missing_ok=True)
        self._seen = None
        self._tell(order)
        match order["action"]:
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "stand":
                os.kill(os.getpid(), signal.SIGSTOP)  # the test lets it go on
            case _:
                return "sever"
        return None

    def _tell(self, order: Mapping[str, Any]) -> None:
        line = json.dumps({**order, "process": self._process, "pid": os.getpid(), "at": time.time()})
        with (self._folder / STRUCK).open("a") as file:
            file.write(f"{line}\n")

    # -- hooks -------------------------------------------------------------------------------------------------------
    def hang_in(self) -> None:
        """Put the hooks into the libraries; once a process."""
        self._hang_into_journal()
        self._hang_into_statements()
        self._hang_into_transactions()
        self._hang_into_engine()

    def _hang_into_journal(self) -> None:
        plain = PostgresJournal.commit

        async def commit(this: PostgresJournal, owner: str, batch: JournalBatch, now: Any) -> JournalAnswer:
            kinds = {"hand_over": batch.legs, "answer": batch.answers, "finish": batch.results}
            for kind in (name for name, rows in kinds.items() if rows):
                if self.passes(f"node.{kind}/gathered"):
                    raise NeighbourError("database_unavailable", "severed by the fault port")
            return await plain(this, owner, batch, now)

        setattr(PostgresJournal, "commit", commit)  # noqa: B010

    def _hang_into_statements(self) -> None:
        plain_run, plain_rows = HotStatement.run, HotStatement.rows

        async def run(this: HotStatement, connection: Any, parameters: Any = None) -> int:
            with self._around(this, connection):
                return await plain_run(this, connection, parameters)

        async def rows(this: HotStatement, connection: Any, parameters: Any = None) -> list[tuple[Any, ...]]:
            with self._around(this, connection):
                return await plain_rows(this, connection, parameters)

        setattr(HotStatement, "run", run)  # noqa: B010 - a frozen class of the product, changed in test processes only
        setattr(HotStatement, "rows", rows)  # noqa: B010

    @contextlib.contextmanager
    def _around(self, statement: HotStatement, connection: Any) -> Generator[None]:
        found = _NAME.match(statement.sql)
        name = found[1].decode() if found else "unnamed"
        ran: list[str] = connection.__dict__.setdefault("statements_run", [])
        self._strike(f"{name}/before", connection)
        yield
        ran.append(name)
        self._strike(f"{name}/after", connection)

    def _hang_into_transactions(self) -> None:
        plain = psycopg.AsyncConnection.transaction

        @contextlib.asynccontextmanager
        async def transaction(this: Any, *arguments: Any, **more: Any) -> AsyncGenerator[Any]:
            ran: list[str] = this.__dict__.setdefault("statements_run", [])
            ran.clear()
            async with plain(this, *arguments, **more) as made:
                yield made
                for name in (*ran, _ANY):
                    self._strike(f"{name}/uncommitted", this)
            for name in (*ran, _ANY):
                self._strike(f"{name}/committed", this)

        setattr(psycopg.AsyncConnection, "transaction", transaction)  # noqa: B010

    def _hang_into_engine(self) -> None:
        plain = AriTransport.request

        async def request(this: AriTransport, method: str, path: str, *more: Any, **named: Any) -> tuple[int, bytes]:
            parts = path.strip("/").split("/")
            deed = _ARI.get((method, "play" if "play" in parts else parts[0]))
            if deed is None:
                return await plain(this, method, path, *more, **named)
            if self.passes(f"ari.{deed}/before"):
                raise aiohttp.ClientConnectionError("severed by the fault port")
            answer = await plain(this, method, path, *more, **named)
            if self.passes(f"ari.{deed}/after"):
                raise aiohttp.ClientConnectionError("severed by the fault port")
            return answer

        setattr(AriTransport, "request", request)  # noqa: B010

    def _strike(self, point: str, connection: Any) -> None:
        """``sever``: the connection breaks, and the program hears of it as psycopg tells it."""
        if self.passes(point):
            connection.pgconn.finish()
            raise psycopg.OperationalError(f"severed by the fault port at {point}")


class Gate:
    """A door before the engine's ARI, inside the node's process: it can be shut for some seconds, which cuts everything."""

    def __init__(self, folder: Path, process: str) -> None:
        self._order = folder / f"{process}.cut"
        self._open: set[asyncio.StreamWriter] = set()
        self._shut_until = 0.0
        self._target = ("127.0.0.1", 0)
        self._server: asyncio.Server | None = None
        self._watch: asyncio.Task[None] | None = None

    async def before(self, port: int) -> int:
        """Stand before ``port`` of this machine; answers the door's own port."""
        self._target = ("127.0.0.1", port)
        if self._server is None:
            self._server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
            self._watch = asyncio.create_task(self._obey())
        number: int = self._server.sockets[0].getsockname()[1]
        return number

    async def _obey(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(0.1)
            try:
                seconds = float(self._order.read_text())
            except (FileNotFoundError, ValueError):
                continue
            self._order.unlink(missing_ok=True)
            self._shut_until = loop.time() + seconds
            for writer in list(self._open):
                writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if asyncio.get_running_loop().time() < self._shut_until:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, far_writer}
        try:
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        finally:
            for one in (writer, far_writer):
                self._open.discard(one)
                one.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.close()
