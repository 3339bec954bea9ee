"""Speech samples made of tone bursts, enough for energy-based answering machine detection; G.711 u-law, 8 kHz."""

from __future__ import annotations

import math

TONE_HZ = 440
"""What the callees say who speak to be recorded."""

_RATE = 8000
_QUIET = b"\xff"


def ulaw(sample: int) -> int:
    """A 16-bit sample as G.711 u-law (ITU-T G.711, table 2a)."""
    sign, value = (0x80, -sample) if sample < 0 else (0, sample)
    value = min(value, 32_635) + 132
    exponent = max(value.bit_length() - 8, 0)
    return ~(sign | exponent << 4 | value >> exponent + 3 & 15) & 255


def bursts(pattern_ms: list[tuple[int, int]], tail_ms: int) -> bytes:
    """(loud, quiet) pairs in milliseconds, then silence."""
    loud = bytes(
        ulaw(int(9000 * math.sin(2 * math.pi * 300 * i / _RATE) * math.sin(2 * math.pi * 4 * i / _RATE)))
        for i in range(_RATE)
    )
    spoken = b"".join((loud * 9)[: on * 8] + _QUIET * (off * 8) for on, off in pattern_ms)
    return _QUIET * 1600 + spoken + _QUIET * (tail_ms * 8)


def tone(hertz: int, ms: int) -> bytes:
    """A steady tone."""
    return bytes(ulaw(int(9000 * math.sin(2 * math.pi * hertz * i / _RATE))) for i in range(ms * 8))


def linear_tone(hertz: int, ms: int) -> bytes:
    """The same as 16-bit samples, little-endian."""
    return b"".join(
        int(9000 * math.sin(2 * math.pi * hertz * i / _RATE)).to_bytes(2, "little", signed=True) for i in range(ms * 8)
    )


def samples() -> dict[str, bytes]:
    """File name -> audio, for the scenarios that speak."""
    return {
        "human.ul": bursts([(450, 0)], 8000),
        "machine.ul": bursts([(600, 120)] * 8, 8000),
        "moment.ul": bursts([(500, 100)] * 2, 100),
        "tone.ul": _QUIET * 8_000 + tone(TONE_HZ, 3000) + _QUIET * 64_000,  # a second to begin to listen in
        "long.ul": tone(TONE_HZ, 12_000),
    }
