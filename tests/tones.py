"""Tones: made for the prompt library, and found again in what was recorded."""

from __future__ import annotations

import math
import wave
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO


def tone(seconds: float = 0.25, rate: int = 16_000) -> bytes:
    """A WAV file of a square wave."""
    content = BytesIO()
    with wave.open(content, "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(rate)
        target.writeframes((b"\x00\x20" * 20 + b"\x00\xe0" * 20) * round(seconds * rate / 40))
    return content.getvalue()


def sine(hertz: int, seconds: float, rate: int = 8000) -> bytes:
    """A WAV file of a pure tone."""
    content = BytesIO()
    with wave.open(content, "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(rate)
        samples = (round(9000 * math.sin(2 * math.pi * hertz * i / rate)) for i in range(round(seconds * rate)))
        target.writeframes(array("h", samples).tobytes())
    return content.getvalue()


@dataclass(frozen=True)
class Heard:
    """A recording as its channels' samples."""

    rate: int
    channels: Sequence[array[int]]

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.channels[0]) / self.rate

    def tone_s(self, hertz: int, channel: int = 0) -> float:
        """For how long the tone is the loudest thing in a channel: pieces of 100 ms in which it holds most of the power."""
        samples, piece = self.channels[channel], self.rate // 10
        pieces = [samples[i : i + piece] for i in range(0, len(samples) - piece + 1, piece)]
        return sum(_holds(part, hertz, self.rate) for part in pieces) / 10

    def loud_s(self, channel: int = 0) -> float:
        """For how long anything is to be heard in a channel."""
        samples, piece = self.channels[channel], self.rate // 10
        pieces = [samples[i : i + piece] for i in range(0, len(samples) - piece + 1, piece)]
        return sum(max(part) - min(part) > 600 for part in pieces) / 10


def hear(content: bytes) -> Heard:
    """Read a WAV file of 16-bit samples."""
    with wave.open(BytesIO(content), "rb") as source:
        assert source.getsampwidth() == 2
        count, rate = source.getnchannels(), source.getframerate()
        samples = array("h", source.readframes(source.getnframes()))
    return Heard(rate, [samples[channel::count] for channel in range(count)])


def _holds(part: array[int], hertz: int, rate: int) -> bool:
    """Goertzel's algorithm: the power at one frequency against the power of all."""
    total = sum(sample * sample for sample in part)
    if total < 100 * 100 * len(part):
        return False
    turn = 2 * math.cos(2 * math.pi * hertz / rate)
    before = now = 0.0
    for sample in part:
        before, now = now, sample + turn * now - before
    power = before * before + now * now - turn * before * now
    return power > 0.5 * total * len(part) / 2
