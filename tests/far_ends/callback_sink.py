"""A web server that takes a gateway's callbacks as cheaply as possible, and counts them: for load runs.

    python tests/far_ends/callback_sink.py [--port 0] [--body ACK/Jasmin]

Prints ``listening HOST:PORT``. Each line on standard input is answered by one JSON line: callbacks, first and last as seconds of
the machine's monotonic clock, and the last request; the line ``clear`` counts anew after it. Jasmin wants the body ACK/Jasmin.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import time
from typing import cast

import uvloop

_LENGTH = re.compile(rb"(?i)content-length:\s*(\d+)")
_SHOWN = 300


class Counts:
    """What came since the last ``clear``."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Begin a new measurement."""
        self.callbacks, self.first, self.last, self.request = 0, 0.0, 0.0, ""

    def report(self) -> str:
        """One JSON line."""
        return json.dumps(
            {"callbacks": self.callbacks, "first": self.first, "last": self.last, "request": self.request}
        )


class Callback(asyncio.Protocol):
    """One connection; requests may be pipelined."""

    transport: asyncio.Transport

    def __init__(self, counts: Counts, answer: bytes) -> None:
        self._counts, self._answer, self._rest = counts, answer, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole."""
        self._rest += data
        while b"\r\n\r\n" in self._rest:
            head, _, body = self._rest.partition(b"\r\n\r\n")
            found = _LENGTH.search(head)
            size = int(found[1]) if found else 0
            if len(body) < size:
                return
            counts, now = self._counts, time.monotonic()
            counts.callbacks += 1
            counts.first, counts.last = counts.first or now, now
            counts.request = (head.split(b"\r\n")[0] + b" " + body[:size])[:_SHOWN].decode("latin-1")
            self._rest = body[size:]
            self.transport.write(self._answer)


async def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--body", default="ACK/Jasmin")
    asked = parser.parse_args()
    size = len(asked.body)
    answer = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {size}\r\n\r\n{asked.body}".encode()
    loop, counts = asyncio.get_running_loop(), Counts()
    server = await loop.create_server(lambda: Callback(counts, answer), asked.host, asked.port)
    sys.stdout.write(f"listening {asked.host}:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    orders = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while order := await orders.readline():
        sys.stdout.write(counts.report() + "\n")
        sys.stdout.flush()
        if order.strip() == b"clear":
            counts.clear()


if __name__ == "__main__":
    uvloop.run(main())
