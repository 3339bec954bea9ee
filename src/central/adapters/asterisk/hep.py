"""The HEP tap: takes the engine's copies of SIP messages and keeps them by Call-ID until somebody asks.

Step 3 of the path (channel). It must never hold up the call path: one datagram costs a look for its Call-ID, messages are
parsed only when they are needed, memory is bounded, and what does not fit is dropped and counted.
Source: HEP/EEP protocol revision 12 (HEPv3), chunk types of vendor 0.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from central.adapters.asterisk.siptext import WireFacts, facts, from_tag, is_sent, outside_calls, redact
from central.application.ports.telephony import SipMessage, SipTrace

_SRC_IP4, _DST_IP4, _SRC_IP6, _DST_IP6, _SRC_PORT, _DST_PORT = 3, 4, 5, 6, 7, 8
_SECONDS, _MICROSECONDS, _PAYLOAD, _CORRELATION = 9, 10, 15, 17
_CHUNK = struct.Struct("!HHH")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PER_WAKE = 256  # datagrams read per turn of the event loop
_PER_CALL = 64  # messages kept per call: an ordinary call has 7 to 12
_TAKEN = 4096  # calls whose late messages are ignored after their trace was taken
_RECEIVE_BUFFER = 4 * 1024 * 1024


def chunks(packet: bytes) -> dict[int, bytes]:
    """A HEPv3 packet as {chunk type: value}. Raises ValueError when it is none."""
    if packet[:4] != b"HEP3" or len(packet) < 6 or int.from_bytes(packet[4:6], "big") != len(packet):  # noqa: PLR2004
        raise ValueError("not a HEPv3 packet")
    found: dict[int, bytes] = {}
    at, end = 6, len(packet)
    while at + 6 <= end:
        _vendor, kind, length = _CHUNK.unpack_from(packet, at)
        if length < _CHUNK.size or at + length > end:
            raise ValueError("chunk length is wrong")
        found[kind] = packet[at + 6 : at + length]
        at += length
    return found


@dataclass(slots=True)
class _Call:
    packets: list[dict[int, bytes]] = field(default_factory=list[dict[int, bytes]])
    size: int = 0
    dropped: int = 0


class HepBuffers:
    """Messages per Call-ID, bounded by bytes over all calls; the calls waiting longest go first. No I/O."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._size = 0
        self._calls: OrderedDict[str, _Call] = OrderedDict()
        self._taken: OrderedDict[str, None] = OrderedDict()
        self._inbound: OrderedDict[str, None] = OrderedDict()
        self.dropped = 0
        self.malformed = 0

    def add(self, packet: bytes) -> None:
        """Keep one datagram; a malformed or superfluous one is counted and forgotten."""
        try:
            parts = chunks(packet)
            key = parts[_CORRELATION].decode("ascii").rstrip("\0")
            size = len(parts[_PAYLOAD])
        except (ValueError, KeyError):
            self.malformed += 1
            return
        if key in self._taken:
            return
        call = self._calls.get(key)
        if call is None:
            if outside_calls(parts[_PAYLOAD]):  # phones register all day: their messages would push the calls' out
                return
            call = self._calls[key] = _Call()
        if len(call.packets) >= _PER_CALL:
            call.dropped += 1
            self.dropped += 1
            return
        call.packets.append(parts)
        call.size += size
        self._size += size
        while self._size > self._limit:
            _, oldest = self._calls.popitem(last=False)
            self._size -= oldest.size
            self.dropped += len(oldest.packets)

    def came_in(self, sip_call_id: str) -> None:
        """The other side placed this call: who sent a message is told by that."""
        self._inbound[sip_call_id] = None
        if len(self._inbound) > _TAKEN:
            self._inbound.popitem(last=False)

    def facts(self, sip_call_id: str) -> WireFacts | None:
        """What the call's messages prove so far; None when there are none or some are missing."""
        call = self._calls.get(sip_call_id)
        if call is None or call.dropped:
            return None
        return facts((parts[_PAYLOAD] for parts in call.packets), inbound=sip_call_id in self._inbound)

    def take(self, sip_call_id: str) -> SipTrace | None:
        """Hand the call's messages over and forget them; None when there are none."""
        call = self._calls.pop(sip_call_id, None)
        if call is None:
            return None
        self._size -= call.size
        self._taken[sip_call_id] = None
        if len(self._taken) > _TAKEN:
            self._taken.popitem(last=False)
        inbound = sip_call_id in self._inbound
        self._inbound.pop(sip_call_id, None)
        caller_tag = from_tag(call.packets[0][_PAYLOAD])
        messages: list[SipMessage] = []
        at = _EPOCH
        for parts in call.packets:  # in order of arrival: the engine copies from one queue
            at = max(at, _time(parts))  # received messages are stamped to the millisecond only, rounded down
            messages.append(_message(parts, at, sent=is_sent(parts[_PAYLOAD], caller_tag, inbound=inbound)))
        return SipTrace(sip_call_id, tuple(messages), call.dropped)


def _time(parts: dict[int, bytes]) -> datetime:
    seconds = int.from_bytes(parts.get(_SECONDS, b""), "big")
    return _EPOCH + timedelta(seconds=seconds, microseconds=int.from_bytes(parts.get(_MICROSECONDS, b""), "big"))


def _address(parts: dict[int, bytes], ip4: int, ip6: int, port: int) -> str:
    number = int.from_bytes(parts.get(port, b""), "big")
    if ip4 in parts:
        return f"{socket.inet_ntop(socket.AF_INET, parts[ip4])}:{number}"
    if ip6 in parts:
        return f"[{socket.inet_ntop(socket.AF_INET6, parts[ip6])}]:{number}"
    return f"?:{number}"


def _message(parts: dict[int, bytes], at: datetime, *, sent: bool) -> SipMessage:
    return SipMessage(
        at=at,
        sent=sent,
        source=_address(parts, _SRC_IP4, _SRC_IP6, _SRC_PORT),
        target=_address(parts, _DST_IP4, _DST_IP6, _DST_PORT),
        text=redact(parts[_PAYLOAD].decode("utf-8", "replace")),
    )


class HepTap:
    """The socket that the engine copies to; buffers in ``buffers``."""

    def __init__(self, limit_bytes: int) -> None:
        self.buffers = HepBuffers(limit_bytes)
        self._socket: socket.socket | None = None

    def open(self, host: str, port: int) -> tuple[str, int]:
        """Bind (port 0 = a free one) and listen on the running event loop; the bound address. Raises OSError."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        try:
            sock.bind((host, port))
        except OSError:
            sock.close()
            raise
        asyncio.get_running_loop().add_reader(sock.fileno(), self.drain)
        self._socket = sock
        bound: tuple[str, int] = sock.getsockname()
        return bound

    def drain(self) -> None:
        """Read what lies in the socket now, at most a bounded number; called by the loop, and before facts are needed."""
        if self._socket is None:
            return
        for _ in range(_PER_WAKE):
            try:
                packet = self._socket.recv(65_535)
            except (BlockingIOError, InterruptedError):
                return
            self.buffers.add(packet)

    def facts(self, sip_call_id: str | None) -> WireFacts | None:
        """What the wire proves about a call, including copies that arrived this very moment."""
        if sip_call_id is None or self._socket is None:
            return None
        self.drain()
        return self.buffers.facts(sip_call_id)

    def take(self, sip_call_id: str) -> SipTrace | None:
        """As ``HepBuffers.take``, including copies that arrived this very moment."""
        self.drain()
        return self.buffers.take(sip_call_id)

    def close(self) -> None:
        """Stop listening; safe to repeat."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None
