"""WAV files as the voice engine plays them: 8 kHz, 16-bit, mono. Reading their length, judging, making silence, storing whole.

A file appears under its name only when it is complete (rename in one folder), so a reader never sees half a prompt.
"""

from __future__ import annotations

import os
import tempfile
import wave
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from central.application.ports.speech import AudioFile

RATE = 8000
_SAMPLE_BYTES = 2


def read_audio(path: Path) -> AudioFile | None:
    """The file as playable audio; None when it is absent, no WAV, empty, or of another rate, width or channel count."""
    try:
        with wave.open(str(path), "rb") as source:
            shape = (source.getframerate(), source.getsampwidth(), source.getnchannels())
            frames = source.getnframes()
    except (FileNotFoundError, EOFError, wave.Error):
        return None
    if shape != (RATE, _SAMPLE_BYTES, 1) or frames == 0:
        return None
    return AudioFile(str(path.absolute()), frames / RATE)


def length_s(content: bytes) -> float:
    """How long a WAV file that is at hand as bytes lasts. Raises wave.Error."""
    with wave.open(BytesIO(content), "rb") as source:
        return source.getnframes() / source.getframerate()


def write_silence(path: Path, seconds: float) -> None:
    """Write so many seconds of silence."""
    with wave.open(str(path), "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(_SAMPLE_BYTES)
        target.setframerate(RATE)
        target.writeframes(bytes(round(seconds * RATE) * _SAMPLE_BYTES))


def store_whole(path: Path, write: Callable[[Path], object]) -> AudioFile:
    """Let ``write`` make a file beside ``path``, then give it its name at once and durably; returns it as audio.

    Whoever comes second replaces the file by an equal one. Raises OSError, and ValueError when no playable WAV was written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".part-", suffix=".wav", dir=path.parent)
    os.close(handle)
    part = Path(name)
    try:
        write(part)
        if read_audio(part) is None:
            raise ValueError("no playable audio was written")
        part.chmod(0o644)  # the voice engine may run as another user; mkstemp gives 0600
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    stored = read_audio(path)
    if stored is None:
        raise ValueError("the stored file cannot be read back")
    return stored
