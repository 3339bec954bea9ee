"""An SMSC that accepts everything as cheaply as possible: the common far end of load runs, never a judge of correctness.

    python tests/far_ends/smpp_sink.py [--port 0] [--receipts] [--delay-ms 0] [--answer-ms 0] [--quickack]

Prints ``listening HOST:PORT loop=NAME``. Each line on standard input is answered by one JSON line: submits and acks of receipts,
first, last and last_ack as seconds of the machine's monotonic clock; the line ``clear`` counts anew after it. ``--quickack`` acknowledges TCP segments at once; it hides
a peer that suffers from Nagle with delayed acknowledgements, so all sides of a comparison take it, or none. ``--answer-ms`` answers
submits so late: a slow carrier.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import struct
import sys
import time
from typing import cast

import uvloop

HEAD = struct.Struct(">IIII")
SUBMIT, DELIVER_RESP, BINDS, OTHERS = 0x04, 0x80000005, (0x01, 0x02, 0x09), (0x15, 0x06)
RECEIPT = b"id:%s sub:001 dlvrd:001 submit date:%s done date:%s stat:DELIVRD err:000 text:"


class Counts:
    """What came since the last report; ``total`` makes the ids, and never goes back."""

    def __init__(self) -> None:
        self.total = 0
        self.clear()

    def clear(self) -> None:
        """Begin a new measurement."""
        self.submits = self.acks = 0
        self.first = self.last = self.last_ack = 0.0

    def report(self) -> str:
        """One JSON line."""
        counts = {"submits": self.submits, "acks": self.acks}
        return json.dumps(counts | {"first": self.first, "last": self.last, "last_ack": self.last_ack})


def receipt(frame: bytes, message_id: bytes) -> bytes | None:
    """The body of the DELIVRD receipt for a submit_sm, or None when none was asked for."""
    at = frame.index(0, 16) + 3
    end = frame.index(0, at)
    source, at = frame[at:end], end + 3
    end = frame.index(0, at)
    target, at = frame[at:end], end + 4
    at = frame.index(0, frame.index(0, at) + 1) + 1
    if not frame[at] & 1:
        return None
    now = time.strftime("%y%m%d%H%M").encode()
    text = RECEIPT % (message_id, now, now)
    return b"\0\1\1" + target + b"\0\0\0" + source + b"\0\4" + bytes(8) + bytes([len(text)]) + text


class Sink(asyncio.Protocol):
    """One bind."""

    transport: asyncio.Transport

    def __init__(self, counts: Counts, *, receipts: bool, delay_s: float, answer_s: float, quickack: bool) -> None:
        self._counts, self._receipts, self._quickack = counts, receipts, quickack
        self._delay_s, self._answer_s = delay_s, answer_s
        self._rest, self._sequence = b"", 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport, self._loop = cast("asyncio.Transport", transport), asyncio.get_running_loop()

    def data_received(self, data: bytes) -> None:
        """Answer everything that one read brought with one write."""
        buffer, at, out = self._rest + data, 0, list[bytes]()
        while len(buffer) - at >= HEAD.size:
            length, command, _, sequence = HEAD.unpack_from(buffer, at)
            if len(buffer) - at < length:
                break
            if command == SUBMIT:
                self._submit(buffer[at : at + length], sequence, out)
            elif command == DELIVER_RESP:
                self._counts.acks += 1
                self._counts.last_ack = time.monotonic()
            elif command in BINDS:
                out.append(HEAD.pack(21, command | 0x80000000, 0, sequence) + b"sink\0")
            elif command in OTHERS:
                out.append(HEAD.pack(16, command | 0x80000000, 0, sequence))
            at += length
        self._rest = buffer[at:]
        if out:
            self.transport.write(b"".join(out))
        if self._quickack:
            self.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def _submit(self, frame: bytes, sequence: int, out: list[bytes]) -> None:
        counts = self._counts
        now = time.monotonic()
        counts.first, counts.last = counts.first or now, now
        counts.submits += 1
        counts.total += 1
        message_id = b"%08x" % counts.total
        answer = HEAD.pack(17 + len(message_id), 0x80000004, 0, sequence) + message_id + b"\0"
        if self._answer_s:
            self._loop.call_later(self._answer_s, self.transport.write, answer)
        else:
            out.append(answer)
        body = receipt(frame, message_id) if self._receipts else None
        if body is not None:
            self._sequence += 1
            pdu = HEAD.pack(16 + len(body), 5, 0, self._sequence) + body
            if late := self._delay_s + self._answer_s:
                self._loop.call_later(late, self.transport.write, pdu)
            else:
                out.append(pdu)


async def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--receipts", action="store_true")
    parser.add_argument("--delay-ms", type=float, default=0)
    parser.add_argument("--answer-ms", type=float, default=0)
    parser.add_argument("--quickack", action="store_true")
    asked = parser.parse_args()
    loop, counts = asyncio.get_running_loop(), Counts()
    server = await loop.create_server(
        lambda: Sink(
            counts,
            receipts=asked.receipts,
            delay_s=asked.delay_ms / 1000,
            answer_s=asked.answer_ms / 1000,
            quickack=asked.quickack,
        ),
        asked.host,
        asked.port,
    )
    sys.stdout.write(
        f"listening {asked.host}:{server.sockets[0].getsockname()[1]} loop={type(loop).__module__.partition('.')[0]}\n"
    )
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
