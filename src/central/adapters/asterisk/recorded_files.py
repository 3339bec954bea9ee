"""Files that the engine recorded, made whole: headers that a killed engine left unfinished, two sides as one of two channels.

Step 3 of the path (channel). The engine writes canonical WAV (44 bytes of header, then samples), 8 kHz, 16 bit, mono. Blocking.
"""

from __future__ import annotations

import math
import sys
import wave
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import IO

_HEADER_BYTES = 44
_RATE = 8000
_BEEP_PEAK = 6000
_BLOCK_SAMPLES = 64 * 1024


def one_channel(source: Path, into: Path) -> None:
    """Write the samples of one file anew and remove it. Raises OSError."""
    with source.open("rb") as samples, _target(into, 1) as target:
        samples.seek(_HEADER_BYTES)
        while block := _block(samples):
            target.writeframes(_little(block))
    source.unlink()


def two_channels(left: Path, right: Path, into: Path) -> None:
    """Join two files to one of two channels and remove them; the shorter one goes on with silence. Raises OSError."""
    with left.open("rb") as one, right.open("rb") as other, _target(into, 2) as target:
        one.seek(_HEADER_BYTES)
        other.seek(_HEADER_BYTES)
        while True:
            a, b = _block(one), _block(other)
            if not a and not b:
                break
            both = array("h", bytes(4 * max(len(a), len(b))))
            both[0 : 2 * len(a) : 2] = a
            both[1 : 2 * len(b) : 2] = b
            target.writeframes(_little(both))
    left.unlink()
    right.unlink()


def write_beep(path: Path, hertz: int, seconds: float) -> None:
    """A short tone, under its name only when it is whole. Raises OSError."""
    write_samples(
        path, [round(_BEEP_PEAK * math.sin(2 * math.pi * hertz * i / _RATE)) for i in range(round(seconds * _RATE))]
    )


def write_samples(path: Path, samples: Sequence[int]) -> None:
    """A sound of one channel, under its name only when it is whole. Raises OSError."""
    part = path.with_suffix(".part")
    with _target(part, 1) as target:
        target.writeframes(_little(array("h", samples)))
    part.replace(path)


def _target(path: Path, channels: int) -> wave.Wave_write:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    target = wave.open(str(path), "wb")  # noqa: SIM115 - the caller's context closes it
    target.setnchannels(channels)
    target.setsampwidth(2)
    target.setframerate(_RATE)
    return target


def _block(samples: IO[bytes]) -> array[int]:
    data = samples.read(2 * _BLOCK_SAMPLES)
    block = array("h", data[: len(data) // 2 * 2])
    if sys.byteorder == "big":
        block.byteswap()
    return block


def _little(block: array[int]) -> bytes:
    if sys.byteorder == "big":
        block.byteswap()
    return block.tobytes()
