"""The link to one engine: its process (where it is ours), the HEP tap and the ARI transport, held together over restarts.

Step 3 of the path (channel).
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Mapping
from pathlib import Path

import aiohttp

from central.adapters.asterisk.book import LegBook
from central.adapters.asterisk.config import AsteriskConfig, ForeignEngine
from central.adapters.asterisk.engine import Access, Engine
from central.adapters.asterisk.hep import HepTap
from central.adapters.asterisk.transport import AriTransport, Listener
from central.domain.errors import CentralError, NeighbourError, OperatorError

_RESTART_S = (0.2, 1.0, 5.0, 15.0)


class EngineLink:
    """Starts, watches, restarts and stops; ``request`` reaches whatever engine is there now."""

    def __init__(self, config: AsteriskConfig, engine: Engine | None, tap: HepTap) -> None:
        self._config = config
        self._engine = engine
        self._tap = tap
        self._hep: tuple[str, int] | None = None
        self._transport: AriTransport | None = None
        self._watch: asyncio.Task[None] | None = None

    async def start(self, listener: Listener, book: LegBook) -> None:
        """Bring everything up. Raises NeighbourError or OperatorError."""
        self._open_tap()
        await self._connect(listener)
        if self._engine is not None:
            self._watch = asyncio.create_task(self._supervise(self._engine, listener, book), name="engine-watch")

    async def stop(self) -> None:
        """Take everything down; safe to repeat."""
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
            self._watch = None
        await self._disconnect()
        if self._engine is not None:
            await self._engine.stop()
        self._tap.close()

    async def request(
        self, method: str, path: str, body: Mapping[str, object] | None = None, params: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """One ARI request. Raises aiohttp.ClientError or TimeoutError when no answer came."""
        if self._transport is None:
            raise aiohttp.ClientConnectionError("no engine")
        return await self._transport.request(method, path, body, params)

    async def download(self, path: str, into: Path) -> int:
        """The body of a GET to a file, in pieces; the HTTP status. Raises aiohttp.ClientError, TimeoutError or OSError."""
        if self._transport is None:
            raise aiohttp.ClientConnectionError("no engine")
        return await self._transport.download(path, into)

    def _open_tap(self) -> None:
        engine = self._config.engine
        if not self._config.trace:
            return
        host = engine.hep_host if isinstance(engine, ForeignEngine) else "127.0.0.1"
        port = engine.hep_port
        if isinstance(engine, ForeignEngine) and not port:
            return
        try:
            self._hep = self._tap.open(host, port)
        except OSError as error:
            raise OperatorError("port_taken", f"HEP {host}:{port}: {error.strerror}") from error

    async def _connect(self, listener: Listener) -> None:
        engine = self._config.engine
        if isinstance(engine, ForeignEngine):
            access = Access(engine.url, engine.user, engine.password)
        elif self._engine is not None:
            access = await self._engine.start(self._hep)
        else:
            raise OperatorError("engine_not_configured", "neither an engine of our own nor a foreign one")
        self._transport = AriTransport(access, self._config, listener)
        await self._transport.open(self._config.connect_timeout_s)

    async def _disconnect(self) -> None:
        if self._transport is not None:
            await self._transport.close()
            self._transport = None

    async def _supervise(self, engine: Engine, listener: Listener, book: LegBook) -> None:
        """When the process ends by itself: say so, start it again, with growing pauses while that fails."""
        while True:
            code = await engine.wait()
            await self._disconnect()
            await engine.stop()
            book.lost(f"the engine ended with {code}")
            for pause in itertools.chain(_RESTART_S, itertools.repeat(_RESTART_S[-1])):
                await asyncio.sleep(pause)
                try:
                    await self._connect(listener)
                    break
                except NeighbourError:
                    await self._disconnect()
                    await engine.stop()
                except CentralError as error:
                    book.failed(error)
                    return
