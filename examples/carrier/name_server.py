"""A name server to practise on: publishes on loopback what it is told, so that a sender's domain can be proved without the world."""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import Self

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset


class NameServer:
    """A context manager; ``port`` is UDP on 127.0.0.1. What is not published is no such name."""

    def __init__(self) -> None:
        self._records: dict[tuple[str, str], list[str]] = {}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._closing = False
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, name="name-server", daemon=True)

    def publish(self, name: str, record_type: str, value: str) -> None:
        """One more record of a name: TXT or MX (``10 host``)."""
        self._records.setdefault((name.lower().rstrip("."), record_type), []).append(value)

    def withdraw(self, name: str, record_type: str) -> None:
        """All records of this type of a name."""
        self._records.pop((name.lower().rstrip("."), record_type), None)

    def _serve(self) -> None:
        while not self._closing:
            asked, client = self._socket.recvfrom(4096)
            if asked:
                self._socket.sendto(self._answer(asked), client)

    def _answer(self, asked: bytes) -> bytes:
        query = dns.message.from_wire(asked)
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA
        (question,) = query.question
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        values = self._records.get((name, kind), [])
        if values:
            texts = [_quoted(value) if kind == "TXT" else value + "." for value in values]
            answer.answer.append(dns.rrset.from_text_list(question.name, 60, "IN", kind, texts))
        elif not any(known == name for known, _ in self._records):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer.to_wire(max_size=4096)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:  # wakes the thread
            self._closing = True
            last.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join(2)
        self._socket.close()


def _quoted(text: str) -> str:
    """A text in pieces of at most 255 octets (RFC 1035, section 3.3)."""
    pieces = [text[start : start + 255] for start in range(0, len(text), 255)]
    return " ".join('"' + piece.replace("\\", "\\\\").replace('"', '\\"') + '"' for piece in pieces)
