"""The bytes of SMPP 3.4 for tests of far ends: a blocking client of a hundred lines, no model for the product's session."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

HEAD = struct.Struct(">IIII")
RESPONSE = 0x80000000
BIND_RX, BIND_TX, QUERY, SUBMIT, DELIVER, UNBIND, BIND_TRX, ENQUIRE = 1, 2, 3, 4, 5, 6, 9, 0x15
STATES = {
    1: "ENROUTE", 2: "DELIVRD", 3: "EXPIRED", 4: "DELETED", 5: "UNDELIV", 6: "ACCEPTD", 7: "UNKNOWN", 8: "REJECTD", 9: "FAILED",
    42: "LIMBO",
}  # fmt: skip


@dataclass(frozen=True)
class Delivered:
    """One deliver_sm: from whom, what kind, the text, and TLVs by number."""

    source: str
    esm_class: int
    text: bytes
    tlvs: dict[int, bytes]

    @property
    def word(self) -> str:
        """The state of a receipt by TLV and text, ``~`` before an intermediate notice, ``MO:`` before a person's text."""
        if self.esm_class & 0x3C not in (0x04, 0x20):
            return f"MO:{self.text.decode('latin-1')}"
        by_tlv = STATES[self.tlvs[0x0427][0]] if 0x0427 in self.tlvs else ""
        by_text = self.text.decode("latin-1").partition("stat:")[2].split(" ")[0]
        said = by_tlv if by_tlv in (by_text, "") or not by_text else f"{by_tlv}/{by_text}"
        return ("~" if self.esm_class & 0x20 else "") + (said or by_text or "?")

    @property
    def id(self) -> str:
        """The id of the message that a receipt is about, by TLV or text."""
        return self.tlvs.get(0x001E, b"").rstrip(b"\0").decode() or self.text.decode("latin-1")[3:].split(" ")[0]


@dataclass
class Link:
    """One connection. ``answer`` gives the status of each deliver_sm_resp; None leaves it unanswered."""

    port: int
    host: str = "127.0.0.1"
    answer: Callable[[Delivered], int | None] = lambda _news: 0
    news: list[Delivered] = field(default_factory=list[Delivered])
    answers: dict[int, tuple[int, int, bytes]] = field(default_factory=dict[int, tuple[int, int, bytes]])
    requests: list[int] = field(default_factory=list[int])

    def __post_init__(self) -> None:
        self._socket = socket.create_connection((self.host, self.port), 5)
        self._rest = b""
        self._sequence = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, command: int, body: bytes = b"") -> int:
        """Send a request; its sequence number."""
        self._sequence += 1
        self._socket.sendall(HEAD.pack(16 + len(body), command, 0, self._sequence) + body)
        return self._sequence

    def ask(self, command: int, body: bytes = b"", limit_s: float = 5) -> tuple[int, bytes]:
        """Send a request and wait for its answer: command_status and body."""
        number = self.send(command, body)
        self.until(lambda: number in self.answers, limit_s)
        return self.answers[number][1:]

    def bind(self, kind: int = BIND_TRX, name: str = "esme", password: str = "secret") -> int:
        """Bind; the status."""
        return self.ask(kind, f"{name}\0{password}\0\0\x34\0\0\0".encode())[0]

    def submit(self, to: str, text: bytes = b"hello", *, coding: int = 0, esm_class: int = 0, tlvs: bytes = b"") -> int:
        """Send a submit_sm that asks for a receipt; its sequence number."""
        addresses = b"\0\x05\0BRAND\0\x01\x01" + to.encode() + b"\0"
        return self.send(SUBMIT, addresses + bytes((esm_class, 0, 0, 0, 0, 1, 0, coding, 0, len(text))) + text + tlvs)

    def submitted(self, to: str, text: bytes = b"hello", **how: Any) -> tuple[int, str]:
        """Send a submit_sm and wait: the status and the id that was given."""
        number = self.submit(to, text, **how)
        self.until(lambda: number in self.answers)
        _, status, body = self.answers[number]
        return status, body.rstrip(b"\0").decode()

    def words(self, to: str) -> list[str]:
        """What was told of one number so far."""
        return [one.word for one in self.news if one.source == to]

    def until(self, condition: Callable[[], bool], limit_s: float = 5) -> None:
        """Read until something is true. Raises TimeoutError, or ConnectionError when the far end closes."""
        end = time.monotonic() + limit_s
        while not condition():
            self._socket.settimeout(max(end - time.monotonic(), 0.001))
            data = self._socket.recv(1 << 16)
            if not data:
                raise ConnectionError("closed by the far end")
            self._rest += data
            self._take()

    def _take(self) -> None:
        while len(self._rest) >= HEAD.size:
            length, command, status, sequence = HEAD.unpack_from(self._rest)
            if length < HEAD.size:
                raise ConnectionError(f"a PDU of {length} octets")
            if len(self._rest) < length:
                return
            body, self._rest = self._rest[16:length], self._rest[length:]
            if command & RESPONSE:
                self.answers[sequence] = (command, status, body)
                continue
            self.requests.append(command)
            if command == DELIVER:
                news = read_deliver(body)
                self.news.append(news)
                given = self.answer(news)
                if given is not None:
                    self._socket.sendall(HEAD.pack(17, DELIVER | RESPONSE, given, sequence) + b"\0")
            else:
                self._socket.sendall(HEAD.pack(16, command | RESPONSE, 0, sequence))


def read_deliver(body: bytes) -> Delivered:
    """A deliver_sm (SMPP 3.4, 4.6.1)."""
    at = body.index(0) + 3
    end = body.index(0, at)
    source, at = body[at:end], body.index(0, end + 3) + 1
    esm_class = body[at]
    at = body.index(0, body.index(0, at + 3) + 1) + 1
    size = body[at + 4]
    text = body[at + 5 : at + 5 + size]
    at += 5 + size
    tlvs: dict[int, bytes] = {}
    while at + 4 <= len(body):
        tag, size = struct.unpack_from(">HH", body, at)
        tlvs[tag] = body[at + 4 : at + 4 + size]
        at += 4 + size
    return Delivered(source.decode(), esm_class, text, tlvs)


def tlv(tag: int, value: bytes) -> bytes:
    """One optional parameter."""
    return struct.pack(">HH", tag, len(value)) + value
