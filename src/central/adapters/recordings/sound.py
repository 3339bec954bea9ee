"""What a WAV file of 16-bit samples holds: its length, and how much of it can be heard. Blocking; run it in a thread."""

from __future__ import annotations

import wave
from array import array
from hashlib import file_digest
from pathlib import Path
from typing import Final

from central.application.ports.recordings import Sound

_FRAME_S: Final = 0.02
_LOUD: Final = 600
"""Least swing between the lowest and highest sample of 20 ms that counts as sound: about -40 dB below full scale.

Line noise and the comfort noise of G.711 stay below 100, speech of a quiet caller reaches several thousand.
"""


def measure_sound(path: Path, enough_s: float) -> Sound | None:
    """The file's length and sound, of which no more than ``enough_s`` is looked for; None when it is no such file, or empty."""
    try:
        with wave.open(str(path), "rb") as source:
            rate, channels, frames = source.getframerate(), source.getnchannels(), source.getnframes()
            if source.getsampwidth() != 2 or not frames:  # noqa: PLR2004 - 16 bit
                return None
            loud_s = _loud_s(source, round(rate * _FRAME_S), enough_s)
    except (FileNotFoundError, EOFError, wave.Error):
        return None
    with path.open("rb") as content:
        digest = file_digest(content, "sha256").hexdigest()
    return Sound(frames / rate, loud_s, channels, path.stat().st_size, digest)


def _loud_s(source: wave.Wave_read, frame: int, enough_s: float) -> float:
    loud_s = 0.0
    while loud_s < enough_s:
        samples = array("h")
        samples.frombytes(source.readframes(frame))
        if not samples:
            break
        if max(samples) - min(samples) >= _LOUD:
            loud_s += _FRAME_S
    return loud_s
