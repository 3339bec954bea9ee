"""All I/O of a gateway: one HTTP request, following nothing, with bounded time and bounded answer, and whether it left us.

The addresses of each connection are judged between name look-up and connect by the ``Guard`` that bootstrap gives, so a gateway is
no way into our own network. No proxy, no cookies, no redirects, no decompression, no repeats.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from types import SimpleNamespace
from typing import Final

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver
from yarl import URL

from central.adapters.gateway.config import GatewayConfig
from central.adapters.gateway.translate import WireAnswer, WireRequest, shown

_MOST_BYTES: Final = 64 * 1024


class Guard(msgspec.Struct, frozen=True):
    """Which addresses may be reached. check_host: raises ``refused`` for a literal address that may not; ``resolver``: so does it.

    plain_http: the account's switch.
    """

    resolver: Callable[[], AbstractResolver]
    check_host: Callable[[str], None]
    refused: type[OSError]
    plain_http: bool = False

    def check(self, config: GatewayConfig) -> tuple[str, int]:
        """Its host and port. Raises ValueError for an address that may not be used, ``refused`` for its host."""
        url = URL(config.request.url.partition("?")[0].partition("{")[0])
        if url.scheme == "http" and not self.plain_http:
            raise ValueError("this account may only use https addresses")
        self.check_host(url.raw_host or "")
        return url.raw_host or "", url.port or 0


class NotBegun(Exception):
    """Nothing of the request left us."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


class NoAnswer(Exception):
    """It left us, and there is no whole answer."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


class _Cut(aiohttp.ClientError):
    """A connection that was lost after the request; of a class that the client never answers by asking again (it does for GET)."""


class GatewayTransport:
    """A pool of connections; open it inside a running event loop, close it at the end."""

    def __init__(self, config: GatewayConfig, guard: Guard) -> None:
        self._guard = guard
        self._times = config.timeouts
        trace = aiohttp.TraceConfig()
        trace.on_request_headers_sent.append(_mark_begun)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=guard.resolver(),
                use_dns_cache=False,  # each new connection is resolved and judged anew
                limit=0,  # the channel bounds what runs at once
                force_close=self._times.keep == 0,
                keepalive_timeout=self._times.keep or None,
                ssl=ssl.create_default_context(),
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, connect=self._times.connect),
            trace_configs=[trace],
            middlewares=[_once],
            auto_decompress=False,
            trust_env=False,
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def send(self, request: WireRequest) -> WireAnswer:
        """Ask once. Raises NotBegun, NoAnswer."""
        asked = SimpleNamespace(begun=False)
        try:
            url = URL(request.url, encoded=True)
            self._guard.check_host(url.raw_host or "")
            async with asyncio.timeout(self._times.connect + self._times.answer):
                return await self._send(request, url, asked)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            if asked.begun:
                raise NoAnswer(_reason_after(error), _words(error)) from error
            raise NotBegun(self._reason_before(error), _words(error)) from error

    async def _send(self, request: WireRequest, url: URL, asked: SimpleNamespace) -> WireAnswer:
        async with self._session.request(
            request.method, url, data=request.body, headers=request.headers, allow_redirects=False,
            skip_auto_headers=("User-Agent", "Content-Type"), trace_request_ctx=asked,
        ) as response:  # fmt: skip
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > _MOST_BYTES:
                    response.close()  # the rest is of no interest, and may have no end
                    break
            return WireAnswer(response.status, dict(response.headers), bytes(body[:_MOST_BYTES]))

    def _reason_before(self, error: BaseException) -> str:
        inner = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
        if isinstance(inner, self._guard.refused) or isinstance(inner.__cause__, self._guard.refused):
            return "address_refused"
        if isinstance(error, aiohttp.ClientConnectorDNSError):
            return "unresolvable"
        if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
            return "tls_failed"
        return "connect_timeout" if isinstance(error, TimeoutError) else "unreachable"


def _reason_after(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "timeout"
    return (
        "link_lost"
        if isinstance(error, OSError | aiohttp.ClientConnectionError | aiohttp.ClientPayloadError | _Cut)
        else "bad_answer"
    )


def _words(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return ""  # the library names the whole URL, with number and text
    return shown(str(error).encode(errors="replace"))


async def _mark_begun(_session: aiohttp.ClientSession, context: SimpleNamespace, _params: object) -> None:
    context.trace_request_ctx.begun = True


async def _once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _Cut(str(error)) from error
