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
        return sum(_share(part, hertz, self.rate) > 0.5 for part in self._pieces(channel)) / 10

    def mixed_s(self, hertz: int, channel: int = 0, share: float = 0.12) -> float:
        """For how long the tone is to be heard in a channel, also among others: pieces of 100 ms in which it has this share."""
        return sum(_share(part, hertz, self.rate) > share for part in self._pieces(channel)) / 10

    def loud_s(self, channel: int = 0) -> float:
        """For how long anything is to be heard in a channel."""
        return sum(max(part) - min(part) > 600 for part in self._pieces(channel)) / 10

    def _pieces(self, channel: int) -> list[array[int]]:
        samples, piece = self.channels[channel], self.rate // 10
        return [samples[i : i + piece] for i in range(0, len(samples) - piece + 1, piece)]


def hear(content: bytes) -> Heard:
    """Read a WAV file of 16-bit samples."""
    with wave.open(BytesIO(content), "rb") as source:
        assert source.getsampwidth() == 2
        count, rate = source.getnchannels(), source.getframerate()
        samples = array("h", source.readframes(source.getnframes()))
    return Heard(rate, [samples[channel::count] for channel in range(count)])


def _share(part: array[int], hertz: int, rate: int) -> float:
    """Goertzel's algorithm: the power at one frequency as a share of the power of all; 0 of what is hardly to be heard."""
    total = sum(sample * sample for sample in part)
    if total < 100 * 100 * len(part):
        return 0.0
    turn = 2 * math.cos(2 * math.pi * hertz / rate)
    before = now = 0.0
    for sample in part:
        before, now = now, sample + turn * now - before
    power = before * before + now * now - turn * before * now
    return 2 * power / (total * len(part))
