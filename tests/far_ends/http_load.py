"""Closed-loop GET load over kept connections for a gateway's HTTP door.

    python tests/far_ends/http_load.py --port 13013 --path '/send?to=9198%06d00&text=hi' -n 5000 -c 16

The path holds one printf integer, the number of the request; a literal percent sign is written %%. Prints one JSON line: begun
and ended as seconds of the machine's monotonic clock, and how often each status came ("lost" = the connection ended first).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator

import uvloop


class _Door:
    """One connection, opened again when the far end closes it."""

    def __init__(self, host: str, port: int, path: str) -> None:
        self._host, self._port, self._path = host, port, path
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, number: int) -> str:
        """One request; its status."""
        try:
            if self._streams is None:
                self._streams = await asyncio.open_connection(self._host, self._port)
            reader, writer = self._streams
            writer.write(f"GET {self._path % number} HTTP/1.1\r\nHost: {self._host}\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            if b"content-length:" in head:
                await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
            elif b"chunked" in head:
                while size := int((await reader.readline()).strip() or b"0", 16):
                    await reader.readexactly(size + 2)
                await reader.readexactly(2)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.close()
            return "lost"  # counted, not repeated: a repeat would hide a loss
        if b"connection: close" in head or head.startswith(b"http/1.0"):
            self.close()
        return head.split(b" ", 2)[1].decode()

    def close(self) -> None:
        """End the connection."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def _work(numbers: Iterator[int], door: _Door, codes: Counter[str]) -> None:
    for number in numbers:
        codes[await door.get(number)] += 1
    door.close()


async def main() -> None:
    """Send all requests."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("-n", type=int, default=1000)
    parser.add_argument("-c", type=int, default=16)
    asked = parser.parse_args()
    numbers, codes = iter(range(asked.n)), Counter[str]()
    begun = time.monotonic()
    await asyncio.gather(*(_work(numbers, _Door(asked.host, asked.port, asked.path), codes) for _ in range(asked.c)))
    sys.stdout.write(json.dumps({"begun": begun, "ended": time.monotonic(), "codes": codes}) + "\n")


if __name__ == "__main__":
    uvloop.run(main())
