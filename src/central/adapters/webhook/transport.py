"""All I/O of the webhook channel: one HTTP request to an address that was checked, with bounded time and bounded answer.

Step 6 of the path. Every connection's addresses pass ``AddressPolicy`` between name lookup and connect, and exactly the
checked addresses are connected to, so a name that changes its address in between (DNS rebinding) gains nothing. No proxy,
no cookies, no automatic redirect, no decompression.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from typing_extensions import override
from yarl import URL

from central.adapters.webhook.addresses import AddressPolicy
from central.adapters.webhook.config import WebhookConfig
from central.application.ports.reach import AddressRefused

_ACCEPTED = range(200, 300)
_WHOLE = 200


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """Status code, headers, and at most ``max_answer_bytes`` of the body; ``cut`` = there was more of it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cut: bool = False


class CheckedResolver(AbstractResolver):
    """Resolves a name and refuses it when any of its addresses is not permitted."""

    def __init__(self, inner: AbstractResolver, policy: AddressPolicy) -> None:
        self._inner = inner
        self._policy = policy

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The checked addresses of a name. Raises AddressRefused, or OSError when it has none or is no name."""
        try:
            found = await self._inner.resolve(host, port, family)
        except UnicodeError as error:  # the idna codec of the system's resolver: a label is empty or too long
            raise OSError(None, f"{host} is no host name: {error}") from error
        for result in found:
            if not self._policy.permits(result["host"]):
                raise AddressRefused(f"{host} resolves to {result['host']}, which is not a public address")
        return found

    @override
    async def close(self) -> None:
        """Release the inner resolver."""
        await self._inner.close()


class HttpTransport:
    """A pool of connections for posts; open it inside a running event loop, close it at the end."""

    def __init__(self, config: WebhookConfig, *, resolver: AbstractResolver | None = None) -> None:
        self._max_answer_bytes = config.max_answer_bytes
        self._policy = AddressPolicy.from_settings(allow_private=config.allow_private, allowed=config.allowed_networks)
        context = ssl.create_default_context()
        if config.ca_file:
            context.load_verify_locations(config.ca_file)
        inner = resolver if resolver is not None else aiohttp.ThreadedResolver()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=CheckedResolver(inner, self._policy),
                use_dns_cache=False,  # each new connection is resolved and checked anew
                limit=0,  # the publisher, or the number of calls, bounds what runs at once
                limit_per_host=config.per_host,
                force_close=not config.keep_connections,
                ssl=context,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=config.timeout_s),
            auto_decompress=False,
            trust_env=False,
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def post(self, url: URL, headers: Mapping[str, str], body: bytes) -> RawAnswer:
        """Post once, following nothing; of a 2xx the body is not read. Raises as ``send``."""
        return await self._request("POST", url, headers, body, unread=_ACCEPTED)

    async def send(self, method: str, url: URL, headers: Mapping[str, str], body: bytes | None) -> RawAnswer:
        """Request once, following nothing, and read the beginning of the answer.

        Raises AddressRefused for a literal address that is not permitted, and what aiohttp raises: its errors,
        TimeoutError, or ValueError for what it cannot encode.
        """
        return await self._request(method, url, headers, body, unread=range(0))

    async def fetch(
        self, url: URL, headers: Mapping[str, str], keep: Callable[[bytes], Awaitable[None]], piece_bytes: int
    ) -> RawAnswer:
        """GET once, following nothing. The body of a 200 goes to ``keep`` in pieces; of any other answer it is not read.

        ``cut`` = it has more than ``max_answer_bytes``: what was kept is of no use. Raises as ``send``, and what ``keep`` does.
        """
        self._policy.check_host(url.raw_host or "")
        async with self._session.get(
            url, headers=headers, allow_redirects=False, skip_auto_headers=("User-Agent",)
        ) as response:
            cut = response.status == _WHOLE and (response.content_length or 0) > self._max_answer_bytes
            if response.status != _WHOLE or cut:
                response.close()
                return RawAnswer(response.status, dict(response.headers), b"", cut)
            received, piece = 0, bytearray()
            async for chunk in response.content.iter_any():
                received += len(chunk)
                if received > self._max_answer_bytes:
                    response.close()  # it may have no end
                    return RawAnswer(response.status, dict(response.headers), b"", cut=True)
                piece += chunk
                if len(piece) >= piece_bytes:
                    await keep(bytes(piece))
                    piece.clear()
            await keep(bytes(piece))
            return RawAnswer(response.status, dict(response.headers), b"")

    async def _request(
        self, method: str, url: URL, headers: Mapping[str, str], body: bytes | None, *, unread: range
    ) -> RawAnswer:
        self._policy.check_host(url.raw_host or "")
        async with self._session.request(
            method, url, data=body, headers=headers, allow_redirects=False, skip_auto_headers=("User-Agent",)
        ) as response:
            if response.status in unread:  # success whatever the body does
                return RawAnswer(response.status, dict(response.headers), b"")
            received = bytearray()
            async for chunk in response.content.iter_any():
                received += chunk
                if len(received) > self._max_answer_bytes:
                    response.close()  # the rest is of no interest, and may have no end
                    break
            cut = len(received) > self._max_answer_bytes
            return RawAnswer(response.status, dict(response.headers), bytes(received[: self._max_answer_bytes]), cut)
