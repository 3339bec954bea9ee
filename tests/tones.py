"""Recordings for the prompt library."""

from __future__ import annotations

import wave
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
