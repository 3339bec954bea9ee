"""Files appear whole or not at all, and only what can be played counts as audio."""

from __future__ import annotations

import wave
from functools import partial
from pathlib import Path

import pytest

from central.adapters.speech.wave_files import read_audio, store_whole, write_silence


def half(path: Path) -> None:
    path.write_bytes(b"RIFF half")
    raise OSError(28, "No space left on device")


def test_a_whole_file_gets_its_name(tmp_path: Path) -> None:
    target = tmp_path / "ab" / "prompt.wav"
    stored = store_whole(target, partial(write_silence, seconds=0.5))
    assert (stored.path, stored.seconds) == (str(target), 0.5)
    assert [found.name for found in target.parent.iterdir()] == ["prompt.wav"]


def test_a_failed_write_leaves_nothing_and_keeps_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "prompt.wav"
    store_whole(target, partial(write_silence, seconds=0.5))
    with pytest.raises(OSError, match="No space"):
        store_whole(target, half)
    with pytest.raises(ValueError, match="no playable audio"):
        store_whole(target, lambda part: part.write_bytes(b"noise"))
    assert [found.name for found in tmp_path.iterdir()] == ["prompt.wav"]
    assert read_audio(target) is not None


@pytest.mark.parametrize(
    ("rate", "width", "channels", "frames"), [(16_000, 2, 1, 9), (8000, 1, 1, 9), (8000, 2, 2, 9), (8000, 2, 1, 0)]
)
def test_audio_of_another_shape_cannot_be_played(
    tmp_path: Path, rate: int, width: int, channels: int, frames: int
) -> None:
    with wave.open(str(tmp_path / "a.wav"), "wb") as target:
        target.setnchannels(channels)
        target.setsampwidth(width)
        target.setframerate(rate)
        target.writeframes(bytes(frames * width * channels))
    assert read_audio(tmp_path / "a.wav") is None


def test_what_is_absent_or_no_wav_is_no_audio(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"")
    (tmp_path / "b.wav").write_bytes(b"RIFF....WAVE")
    assert read_audio(tmp_path / "a.wav") is read_audio(tmp_path / "b.wav") is read_audio(tmp_path / "c.wav") is None
