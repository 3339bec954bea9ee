"""Looks names up in threads of its own, each name once at a time: a name service that hangs holds up no other work.

The event loop's own threads serve files and much else; a customer's name whose look-up hangs must not take them all.
"""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor

from aiohttp.abc import AbstractResolver, ResolveResult
from typing_extensions import override

_THREADS = 32
_Name = tuple[str, int, socket.AddressFamily]


class NameLookup(AbstractResolver):
    """A resolver on the system's ``getaddrinfo``."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="name-lookup")
        self._running: dict[_Name, asyncio.Future[list[ResolveResult]]] = {}

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a name. Raises OSError (UnicodeError for what is no name)."""
        name = (host, port, family)
        running = self._running.get(name)
        if running is None:
            running = asyncio.get_running_loop().run_in_executor(self._threads, _look_up, *name)
            self._running[name] = running
            running.add_done_callback(lambda done: self._ended(name, done))
        return list(await asyncio.shield(running))

    @override
    async def close(self) -> None:
        """Start no more look-ups."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _ended(self, name: _Name, done: asyncio.Future[list[ResolveResult]]) -> None:
        del self._running[name]
        if not done.cancelled():
            done.exception()  # whoever waited may be gone: then nobody else would look at it


def _look_up(host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult]:
    found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return [
        ResolveResult(
            hostname=host,
            host=str(address[0]),
            port=port,
            family=kind,
            proto=protocol,
            flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
        )
        for kind, _, protocol, _, address in found
    ]
