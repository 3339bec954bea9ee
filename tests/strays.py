"""Watches the network calls of the test process (see the fixture ``stray_calls`` in conftest.py)."""

from __future__ import annotations

import socket
from typing import cast

_CALLS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname"})
_LOCAL_NAMES = frozenset({None, "", "localhost", "::1", b"localhost"})


class StrayCalls:
    """Watches every connect, send and name lookup of this process, by Python's audit hook (which cannot be taken out)."""

    def __init__(self) -> None:
        self.allow_loopback = True
        self.seen: list[str] = []

    def hook(self, event: str, args: tuple[object, ...]) -> None:
        """Refuse the call, and remember it: code under test may swallow the error."""
        if event not in _CALLS:
            return
        if event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
            sock, address = args[0], args[1]
            if not isinstance(sock, socket.socket) or not isinstance(address, tuple):
                return  # a Unix socket, or one that is connected already
            host = cast("tuple[object, ...]", address)[0]
        else:
            host = args[0]
        if self.allow_loopback and (host in _LOCAL_NAMES or str(host).startswith("127.")):
            return
        self.seen.append(f"{event} {host}")
        message = f"this kind of test must not reach {host!r}"
        raise ConnectionRefusedError(message)
