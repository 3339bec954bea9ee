"""The addresses of a trunk's host name, asked before dialling and remembered for a short time.

Step 3 of the path (channel). Without this the engine answers an unresolvable name with a 503 of its own, which looks like the
carrier's congestion.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket


class Resolver:
    """Answers from memory for ``ttl_s`` seconds; one lookup per name at a time."""

    def __init__(self, ttl_s: float) -> None:
        self._ttl_s = ttl_s
        self._known: dict[str, tuple[float, asyncio.Future[tuple[str, ...]]]] = {}

    async def resolves(self, host: str) -> bool:
        """True for an address, and for a name that has one."""
        return bool(await self.addresses(host))

    async def addresses(self, host: str) -> tuple[str, ...]:
        """The addresses of a name (an address is its own), empty when it has none."""
        try:
            return (str(ipaddress.ip_address(host)),)
        except ValueError:
            pass
        loop = asyncio.get_running_loop()
        until, answer = self._known.get(host, (0.0, None))
        if answer is None or (answer.done() and loop.time() >= until):
            answer = asyncio.ensure_future(self._look_up(host))
            self._known[host] = (loop.time() + self._ttl_s, answer)
        return await asyncio.shield(answer)

    @staticmethod
    async def _look_up(host: str) -> tuple[str, ...]:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError):
            return ()
        return tuple(sorted({str(entry[4][0]) for entry in found}))
