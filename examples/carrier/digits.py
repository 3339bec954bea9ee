"""Captures of pressed keys, made here: RFC 4733 telephone events in the pcap format that SIPp replays.

SIPp's own captures have fixed timestamps, so a receiver takes a later digit with an earlier timestamp for an old one; these
count on from digit to digit. Format: libpcap 2.4, Ethernet, IPv4, UDP, RTP (RFC 3550); SIPp replaces addresses and ports.
"""

from __future__ import annotations

import struct

_KEYS = "0123456789*#ABCD"  # RFC 4733, section 3.2, table 3
_PAYLOAD_TYPE = 101
_STEP_MS = 20
_HELD_MS = 160
_ENDS = 3  # the last packet of an event is sent three times (RFC 4733, 2.5.1.4)
_TICKS = 8  # of the 8 kHz clock in a millisecond
_SSRC = 0x1234ABCD


def _packet(rtp: bytes) -> bytes:
    udp = struct.pack("!HHHH", 6000, 6000, 8 + len(rtp), 0) + rtp
    addresses = bytes((127, 0, 0, 1)) * 2
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + addresses
    return bytes(12) + b"\x08\x00" + ip + udp


def capture(keys: str, between_ms: int = 700) -> bytes:
    """A capture in which the keys are pressed one after the other. Raises ValueError for a key that does not exist."""
    records: list[tuple[int, bytes]] = []
    sequence, at_ms = 1, 0
    for key in keys:
        event, start = _KEYS.index(key.upper()), at_ms
        steps = _HELD_MS // _STEP_MS
        for i in range(steps + _ENDS):
            ends = i >= steps
            duration = min(i + 1, steps) * _STEP_MS * _TICKS
            marker = 0x80 if i == 0 else 0
            rtp = struct.pack("!BBHII", 0x80, marker | _PAYLOAD_TYPE, sequence, 16_000 + start * _TICKS, _SSRC)
            records.append((at_ms, _packet(rtp + struct.pack("!BBH", event, (0x80 if ends else 0) | 10, duration))))
            sequence += 1
            at_ms += _STEP_MS
        at_ms = start + _HELD_MS + between_ms
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 1)
    return header + b"".join(
        struct.pack("<IIII", at // 1000, at % 1000 * 1000, len(data), len(data)) + data for at, data in records
    )


def file_name(keys: str) -> str:
    """The name under which a scenario finds its capture."""
    return f"keys_{keys.replace('*', 'star').replace('#', 'pound')}.pcap"
