"""A far end that answers every call at once, says BYE after a while, and remembers when: SIP over UDP, no media.

Enough of RFC 3261 for a caller that behaves: 200 to the INVITE (repeated until its ACK), BYE within the dialog (repeated until
its 200), 200 to whatever else is asked.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from typing import Any

from typing_extensions import override

_T1_S = 0.5  # RFC 3261, 17.1.1.1
_TRIES = 7
_NUMBER = re.compile(r"^INVITE sip:\+?([0-9]+)@")
_SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"


class AnsweringPhone(asyncio.DatagramProtocol):
    """``said_bye`` is called with the called number and the monotonic time at which the first BYE left."""

    def __init__(self, talk_s: float, said_bye: Callable[[str, float], None]) -> None:
        self._talk_s, self._said_bye = talk_s, said_bye
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[str, asyncio.TimerHandle] = {}
        self._seen: set[str] = set()
        self.port = 0

    @override
    def connection_made(self, transport: Any) -> None:
        self._transport: asyncio.DatagramTransport = transport
        self.port = int(transport.get_extra_info("sockname")[1])

    @override
    def datagram_received(self, data: bytes, addr: Any) -> None:
        text = data.decode("utf-8", "replace")
        method = text.split(" ", 1)[0]
        match method:
            case "INVITE":
                self._invite(text, addr)
            case "ACK":
                self._stop(f"200 {_header(text, 'Call-ID')}")
            case "SIP/2.0":
                if "BYE" in _header(text, "CSeq"):
                    self._stop(f"BYE {_header(text, 'Call-ID')}")
            case _:
                self._transport.sendto(_reply(text, "200 OK").encode(), addr)

    def _invite(self, text: str, addr: Any) -> None:
        call_id = _header(text, "Call-ID")
        if call_id in self._seen:
            return
        self._seen.add(call_id)
        found = _NUMBER.match(text)
        number = found[1] if found else ""
        contact = f"<sip:{number}@127.0.0.1:{self.port}>"
        body = _SDP.format(port=40_000)
        more = f"Contact: {contact}\r\nContent-Type: application/sdp\r\n"
        answer = _reply(text, "200 OK", more, body)
        self._repeat(f"200 {call_id}", answer.encode(), addr)
        bye = _bye(text, answer, self.port)
        self._loop.call_later(self._talk_s, lambda: self._leave(call_id, number, bye.encode(), addr))

    def _leave(self, call_id: str, number: str, bye: bytes, addr: Any) -> None:
        self._said_bye(number, time.monotonic())
        self._repeat(f"BYE {call_id}", bye, addr)

    def _repeat(self, key: str, data: bytes, addr: Any, tries: int = _TRIES, wait_s: float = _T1_S) -> None:
        self._transport.sendto(data, addr)
        if tries > 1:
            again = lambda: self._repeat(key, data, addr, tries - 1, min(4.0, wait_s * 2))  # noqa: E731
            self._waiting[key] = self._loop.call_later(wait_s, again)

    def _stop(self, key: str) -> None:
        if handle := self._waiting.pop(key, None):
            handle.cancel()


def _header(text: str, name: str) -> str:
    found = re.search(rf"^{name}:[ \t]*(.*?)\r?$", text, re.MULTILINE | re.IGNORECASE)
    return found[1] if found else ""


def _lines(text: str, name: str) -> str:
    return "".join(f"{line}\r\n" for line in text.split("\r\n") if line.lower().startswith(f"{name.lower()}:"))


def _reply(request: str, status: str, more: str = "", body: str = "") -> str:
    to = _header(request, "To")
    to = to if ";tag=" in to else f"{to};tag=far"
    head = f"SIP/2.0 {status}\r\n{_lines(request, 'Via')}From: {_header(request, 'From')}\r\nTo: {to}\r\n"
    head += f"Call-ID: {_header(request, 'Call-ID')}\r\nCSeq: {_header(request, 'CSeq')}\r\n"
    return f"{head}{more}Content-Length: {len(body)}\r\n\r\n{body}"


def _bye(invite: str, answer: str, port: int) -> str:
    """A BYE from the called side: From and To change places (RFC 3261, 12.2.1.1)."""
    target = re.search(r"<([^>]+)>", _header(invite, "Contact"))
    call_id = _header(invite, "Call-ID")
    branch = f"z9hG4bK{abs(hash(call_id)):x}"
    head = f"BYE {target[1] if target else ''} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch={branch}\r\nMax-Forwards: 70\r\n"
    head += f"From: {_header(answer, 'To')}\r\nTo: {_header(invite, 'From')}\r\nCall-ID: {call_id}\r\nCSeq: 1 BYE\r\n"
    return f'{head}Reason: Q.850;cause=16;text="normal"\r\nContent-Length: 0\r\n\r\n'
