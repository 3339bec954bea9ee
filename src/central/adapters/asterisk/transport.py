"""All I/O with ARI: one HTTP session for commands, one websocket for events, connected again whenever it is lost.

Step 3 of the path (channel). The receive task only hands events on; it never waits for anything, or the engine's queue for
us fills up and is cut. An event that cannot be understood, or a second owner of our application name, ends the transport
loudly: ``failed`` is told, and the node has to stop.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import aiohttp
import msgspec

from central.adapters.asterisk.config import AsteriskConfig
from central.adapters.asterisk.engine import Access
from central.adapters.asterisk.wire import (
    WANTED_EVENTS,
    WANTED_OF_PHONES,
    Channel,
    Event,
    decode_channels,
    decode_event,
)
from central.domain.errors import CentralError, DefectError, NeighbourError

_OK, _NOT_FOUND = 200, 404
_BACKOFF_S = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_KEEPALIVE_S = 10.0  # below Asterisk's own session_keep_alive of 15 s, so that we close first
_HEARTBEAT_S = 15.0
_MAX_EVENT_BYTES = 1024 * 1024
_PIECE_BYTES = 256 * 1024
_JSON = {"Content-Type": "application/json"}


class Listener(Protocol):
    """Who is told. All calls come from the event loop; all but ``prepare`` must return at once."""

    async def prepare(self) -> None:
        """Connected, before anything else: make the engine know what it must know."""
        ...

    def asking(self) -> None:
        """The list of channels is asked for now: what is placed later need not be in it."""
        ...

    def heard(self, event: Event) -> None:
        """An event, in the engine's order."""
        ...

    def up(self, channels: tuple[Channel, ...]) -> None:
        """Connected (again); these channels exist now. All events heard before are older."""
        ...

    def down(self, detail: str) -> None:
        """The websocket is lost; calls go on unheard."""
        ...

    def failed(self, error: CentralError) -> None:
        """The transport gave up for good."""
        ...


class AriTransport:
    """One connection to one engine."""

    def __init__(self, access: Access, config: AsteriskConfig, listener: Listener) -> None:
        self._access = access
        self._config = config
        self._listener = listener
        self._http: aiohttp.ClientSession | None = None
        self._task: asyncio.Task[None] | None = None
        self._first = asyncio.Event()
        self._error: CentralError | None = None

    async def open(self, timeout_s: float) -> None:
        """Connect and start to listen. Raises NeighbourError ``engine_unreachable`` or ``engine_refused_login``."""
        self._http = aiohttp.ClientSession(
            headers=self._access.headers,
            connector=aiohttp.TCPConnector(limit=self._config.connections, keepalive_timeout=_KEEPALIVE_S),
            timeout=aiohttp.ClientTimeout(total=self._config.request_timeout_s),
        )
        self._task = asyncio.create_task(self._run(), name="ari-events")
        try:
            async with asyncio.timeout(timeout_s):
                await self._first.wait()
        except TimeoutError as error:
            await self.close()
            raise NeighbourError("engine_unreachable", f"no ARI at {self._access.url} in {timeout_s:g} s") from error
        if self._error is not None:
            await self.close()
            raise self._error

    async def close(self) -> None:
        """Disconnect; safe to repeat."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def request(
        self, method: str, path: str, body: Mapping[str, object] | None = None, params: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """One ARI request: status and body. Raises aiohttp.ClientError or TimeoutError when no answer came."""
        if self._http is None:
            raise aiohttp.ClientConnectionError("the transport is closed")
        data = None if body is None else msgspec.json.encode(body)
        headers = None if body is None else _JSON
        async with self._http.request(
            method, self._access.url + path, params=params, data=data, headers=headers
        ) as answer:
            return answer.status, await answer.read()

    async def download(self, path: str, into: Path) -> int:
        """The body of a GET to a file, in pieces; the HTTP status. Raises aiohttp.ClientError, TimeoutError or OSError."""
        if self._http is None:
            raise aiohttp.ClientConnectionError("the transport is closed")
        slow = aiohttp.ClientTimeout(total=None, sock_read=self._config.request_timeout_s)
        async with self._http.get(self._access.url + path, timeout=slow) as answer:
            if answer.status == _OK:
                target = await asyncio.to_thread(into.open, "wb")
                with target:
                    async for piece in answer.content.iter_chunked(_PIECE_BYTES):
                        await asyncio.to_thread(target.write, piece)
            return answer.status

    # -- events --------------------------------------------------------------------------------------------------------
    async def _run(self) -> None:
        """Connect, listen, connect again; ends only by failure or ``close``."""
        tries = 0
        try:
            while True:
                detail = "connection closed"
                try:
                    if await self._session():
                        tries = 0
                except aiohttp.WSServerHandshakeError as error:
                    if error.status == 401:  # noqa: PLR2004 - HTTP Unauthorized: another instance holds the port
                        raise NeighbourError("engine_refused_login", f"{self._access.url} answers 401") from error
                    detail = str(error)
                except (aiohttp.ClientError, OSError, TimeoutError) as error:
                    detail = str(error) or type(error).__name__
                if self._first.is_set():
                    self._listener.down(detail)
                await asyncio.sleep(_BACKOFF_S[min(tries, len(_BACKOFF_S) - 1)])
                tries += 1
        except CentralError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - a defect here would make the node deaf: it must become loud
            self._fail(DefectError("ari_receive_failed", f"{type(error).__name__}: {error}"))

    def _fail(self, error: CentralError) -> None:
        self._error = error
        if self._first.is_set():
            self._listener.failed(error)
        self._first.set()

    async def _session(self) -> bool:
        """One websocket from handshake to loss; True when it was up."""
        http = self._http
        if http is None:
            return False
        params = {"app": f"{self._config.app},{self._config.phones_app}", "subscribeAll": "false"}
        async with http.ws_connect(
            f"{self._access.url}/events", params=params, heartbeat=_HEARTBEAT_S, max_msg_size=_MAX_EVENT_BYTES
        ) as socket:
            early: list[Event] = []
            hand_on: list[Callable[[Event], None]] = [early.append]
            reader = asyncio.create_task(self._receive(socket, hand_on), name="ari-receive")
            try:
                await self._filter()
                await self._listener.prepare()
                channels = await self._resync()
                for event in early:
                    self._listener.heard(event)
                hand_on[0] = self._listener.heard
                self._listener.up(channels)
                self._first.set()
                await reader
            finally:
                if not reader.done():
                    reader.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await reader
        return True

    async def _filter(self) -> None:
        """Ask for the events we need only. Phones have an application of their own: see ``phones.py``."""
        for app, names in ((self._config.app, WANTED_EVENTS), (self._config.phones_app, WANTED_OF_PHONES)):
            wanted = {"allowed": [{"type": name} for name in names]}
            status, answer = await self.request("PUT", f"/applications/{app}/eventFilter", wanted)
            if (
                status == _NOT_FOUND
            ):  # a connection before this one ended late, and took the new one's applications along
                raise ConnectionError(f"application {app} is gone")
            if status != _OK:
                raise NeighbourError("engine_misbehaves", f"event filter: HTTP {status} {answer[:200]!r}")

    async def _resync(self) -> tuple[Channel, ...]:
        """Ask for all channels there are."""
        self._listener.asking()
        status, answer = await self.request("GET", "/channels")
        if status != _OK:
            raise NeighbourError("engine_misbehaves", f"channels: HTTP {status} {answer[:200]!r}")
        return decode_channels(answer)

    async def _receive(self, socket: aiohttp.ClientWebSocketResponse, hand_on: list[Callable[[Event], None]]) -> None:
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            text: str = message.data
            try:
                event = decode_event(text)
            except msgspec.DecodeError as error:
                raise NeighbourError("engine_misbehaves", f"event not understood: {error}") from error
            if event.type == "ApplicationReplaced":
                raise NeighbourError("application_replaced", f"another client took over {self._config.app!r}")
            hand_on[0](event)
