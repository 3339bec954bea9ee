"""Recorded prompts: taken in from any WAV, MP3, OGG or FLAC, found by name and language, one file for one content; and silence."""

from __future__ import annotations

import array
import math
import os
import subprocess
import sys
import wave
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import pytest

from central.adapters.postgres.pool import Pool
from central.adapters.postgres.prompts import PostgresPrompts
from central.adapters.speech.config import SpeechConfig
from central.adapters.speech.prompts import PromptFiles
from central.application.ports.administration import AuditEntry
from central.application.ports.speech import AudioFile, NoAudio, PromptIndex, StoredPrompt
from central.domain.errors import InvalidInput, OperatorError
from central.domain.ids import AccountId

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class MemoryIndex:
    rows: dict[tuple[AccountId, str, str], StoredPrompt] = field(
        default_factory=dict[tuple[AccountId, str, str], StoredPrompt]
    )

    async def find_prompts(self, account_id: AccountId, names: list[str]) -> list[StoredPrompt]:
        return [row for row in self.rows.values() if row.account_id == account_id and row.name in names]

    async def save_prompt(
        self, prompt: StoredPrompt, put: Callable[[], Awaitable[AudioFile]], audit: AuditEntry
    ) -> None:
        del audit
        await put()
        self.rows[prompt.account_id, prompt.name, prompt.language] = prompt


@pytest.fixture(params=["memory", "postgres"])
def index(request: pytest.FixtureRequest) -> PromptIndex:
    if request.param == "memory":
        return MemoryIndex()  # type: ignore[return-value]
    pool: Pool = request.getfixturevalue("api_pool")
    return PostgresPrompts(pool)


@pytest.fixture
def library(tmp_path: Path, index: PromptIndex) -> PromptFiles:
    return PromptFiles(SpeechConfig(tmp_path / "cache", tmp_path / "prompts"), index)


def tone(seconds: float, *, rate: int = 44_100, channels: int = 2, hertz: int = 440) -> bytes:
    samples = [round(9000 * math.sin(2 * math.pi * hertz * n / rate)) for n in range(round(seconds * rate))]
    content = BytesIO()
    with wave.open(content, "wb") as target:
        target.setnchannels(channels)
        target.setsampwidth(2)
        target.setframerate(rate)
        target.writeframes(array.array("h", [sample for sample in samples for _ in range(channels)]).tobytes())
    return content.getvalue()


def line() -> AuditEntry:
    return AuditEntry(uuid4(), NOW, "test", "prompt_added", "prompt")


def playable(path: str) -> bool:
    with wave.open(path) as source:
        return bool(source.getnframes())


@pytest.fixture
def account() -> AccountId:
    return AccountId(uuid4())


async def test_a_recording_is_converted_and_found(library: PromptFiles, account: AccountId) -> None:
    stored = await library.add(account, "welcome", tone(1.5), audit=line())
    assert stored.name == "welcome"
    assert stored.seconds == pytest.approx(1.5, abs=0.01)
    (found,) = await library.find(account, ["welcome"])
    assert isinstance(found, AudioFile)
    assert found.seconds == pytest.approx(1.5, abs=0.01)
    assert Path(found.path).is_absolute()
    with wave.open(found.path) as source:
        assert (source.getframerate(), source.getsampwidth(), source.getnchannels()) == (8000, 2, 1)


async def test_results_come_in_the_order_asked(library: PromptFiles, account: AccountId) -> None:
    await library.add(account, "a", tone(0.5), audit=line())
    await library.add(account, "b", tone(1), audit=line())
    found = await library.find(account, ["b", "silence:2", "missing", "a", "b"])
    lengths = [round(one.seconds, 1) if isinstance(one, AudioFile) else one.reason for one in found]
    assert lengths == [1.0, 2.0, "prompt_missing", 0.5, 1.0]


async def test_the_prompt_of_the_language_goes_before_the_general_one(library: PromptFiles, account: AccountId) -> None:
    await library.add(account, "menu", tone(0.5), audit=line())
    await library.add(account, "menu", tone(1), language="hi", audit=line())
    await library.add(account, "menu", tone(1.5), language="en-IN", audit=line())
    lengths = {
        language: round(one.seconds, 1)
        for language in ("", "hi", "hi-IN", "en-in", "de")
        for one in await library.find(account, ["menu"], language)
        if isinstance(one, AudioFile)
    }
    await library.add(account, "other", tone(0.5), language="hi", audit=line())
    assert isinstance((await library.find(account, ["other"], "de"))[0], NoAudio)
    assert lengths == {"": 0.5, "hi": 1.0, "hi-IN": 1.0, "en-in": 1.5, "de": 0.5}


async def test_a_new_recording_replaces_the_name_and_keeps_the_playing_file(
    library: PromptFiles, account: AccountId
) -> None:
    await library.add(account, "menu", tone(0.5), audit=line())
    (old,) = await library.find(account, ["menu"])
    await library.add(account, "menu", tone(1), audit=line())
    (new,) = await library.find(account, ["menu"])
    assert isinstance(old, AudioFile)
    assert isinstance(new, AudioFile)
    assert new.seconds == pytest.approx(1, abs=0.01)
    assert old.path != new.path
    assert playable(old.path)


async def test_equal_content_is_one_file_and_accounts_are_apart(library: PromptFiles, account: AccountId) -> None:
    first = await library.add(account, "a", tone(0.5), audit=line())
    second = await library.add(account, "b", tone(0.5), audit=line())
    assert first.sha256 == second.sha256
    (stranger,) = await library.find(AccountId(uuid4()), ["a"])
    assert isinstance(stranger, NoAudio)


async def test_a_file_that_is_not_here_is_missing(library: PromptFiles, account: AccountId) -> None:
    await library.add(account, "a", tone(0.5), audit=line())
    (found,) = await library.find(account, ["a"])
    assert isinstance(found, AudioFile)
    os.unlink(found.path)  # noqa: PTH108 - a small local file
    assert [one.reason for one in await library.find(account, ["a"]) if isinstance(one, NoAudio)] == ["prompt_missing"]


@pytest.mark.parametrize("length", ["0", "0.001", "60.5", "61", "-1", "1e1", "nan", "inf", "", " 1", "../x"])
async def test_silence_has_bounds(library: PromptFiles, account: AccountId, length: str) -> None:
    (found,) = await library.find(account, [f"silence:{length}"])
    assert isinstance(found, NoAudio)
    assert found.reason == "bad_silence"


@pytest.mark.parametrize(("length", "seconds"), [("1", 1), ("0.25", 0.25), ("60", 60)])
async def test_silence_is_silent(library: PromptFiles, account: AccountId, length: str, seconds: float) -> None:
    (found,) = await library.find(account, [f"silence:{length}"])
    assert isinstance(found, AudioFile)
    assert found.seconds == seconds
    with wave.open(found.path) as source:
        assert not any(source.readframes(source.getnframes()))


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("", tone(0.1), "invalid_prompt_name"),
        ("../x", tone(0.1), "invalid_prompt_name"),
        ("silence:1", tone(0.1), "invalid_prompt_name"),
        ("a" * 129, tone(0.1), "invalid_prompt_name"),
        ("a/../b", tone(0.1), "invalid_prompt_name"),
        ("a//b", tone(0.1), "invalid_prompt_name"),
        ("a b", tone(0.1), "invalid_prompt_name"),
        ("a", b"", "unreadable_audio"),
        ("a", b"ID3 an mp3", "unreadable_audio"),
        ("a", b"#EXTM3U\n/etc/passwd\n", "unreadable_audio"),
        ("a", b"RIFF\xff\xff\xff\x7fWAVE" + bytes(5_000), "unreadable_audio"),
        ("a", b"ID3" + bytes(range(256)) * 40, "unreadable_audio"),
        ("a", tone(0), "unreadable_audio"),
        ("a", tone(0.1)[:30], "unreadable_audio"),
        ("a", bytes(20 * 1024 * 1024 + 1), "prompt_too_large"),
    ],
    ids=[
        "no name",
        "path",
        "silence",
        "long",
        "climbing",
        "hollow",
        "blank",
        "empty",
        "mp3",
        "list of files",
        "garbage as WAV",
        "garbage as MP3",
        "no samples",
        "cut",
        "large",
    ],
)
async def test_what_is_no_recording_is_refused(
    library: PromptFiles, account: AccountId, name: str, content: bytes, code: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        await library.add(account, name, content, audit=line())
    assert caught.value.code == code


async def test_a_header_that_stretches_few_bytes_over_hours_is_refused(
    library: PromptFiles, account: AccountId
) -> None:
    with pytest.raises(InvalidInput) as caught:
        await library.add(
            account, "a", tone(100, rate=40, channels=1, hertz=1).replace(b"\x28\0\0\0", b"\1\0\0\0", 1), audit=line()
        )
    assert caught.value.code == "prompt_too_long"


@pytest.mark.parametrize("language", ["english", "e", "en_GB", "en-", "hi/..", "en\n"])
async def test_a_language_is_a_tag(library: PromptFiles, account: AccountId, language: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        await library.add(account, "a", tone(0.1), language=language, audit=line())
    assert caught.value.code == "invalid_language"


KINDS = ["wav", "mp3", "ogg", "flac"]


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The same three seconds of a tone, and what else sox can make of it."""
    folder = tmp_path_factory.mktemp("sounds")

    def made(name: str, *synth: str, rate: str = "44100") -> bytes:
        shape = ["-D", "-n", "-r", rate, "-c", "2" if rate == "44100" else "1", "-b", "16"]
        subprocess.run(["sox", *shape, str(folder / name), *synth], check=True, timeout=60)
        return (folder / name).read_bytes()

    three = {kind: made(f"three.{kind}", "synth", "3", "sine", "440") for kind in KINDS}
    return three | {
        "hours.flac": made("hours.flac", "trim", "0", "11000", rate="8000"),
        "hours.wav": made("hours.wav", "trim", "0", "3700", rate="2000"),
    }


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_becomes_what_the_engine_plays(
    library: PromptFiles, account: AccountId, sounds: dict[str, bytes], kind: str
) -> None:
    stored = await library.add(account, f"three/{kind}", sounds[kind], audit=line())
    assert 2.95 < stored.seconds < 3.1
    (audio,) = await library.find(account, [f"three/{kind}"])
    assert isinstance(audio, AudioFile)
    with wave.open(audio.path) as played:
        assert (played.getframerate(), played.getsampwidth(), played.getnchannels()) == (8000, 2, 1)
        played.setpos(8000)  # behind what an MP3 encoder puts before the sound
        frames = played.readframes(8000)
    samples = array.array("h", frames)
    crossings = sum((a < 0) != (b < 0) for a, b in pairwise(samples))
    assert 860 < crossings < 900  # 440 Hz cross zero 880 times a second


@pytest.mark.parametrize("kind", ["wav", "ogg", "flac"])
async def test_a_file_that_is_cut_off_is_refused(
    library: PromptFiles, account: AccountId, sounds: dict[str, bytes], kind: str
) -> None:
    whole, codes = sounds[kind], list[str]()
    for left in (len(whole) - 100, len(whole) * 2 // 3):
        with pytest.raises(InvalidInput) as caught:
            await library.add(account, "a", whole[:left], audit=line())
        codes.append(caught.value.code)
    assert codes[0] == "truncated_audio"
    assert codes[1] in {"truncated_audio", "unreadable_audio"}  # perhaps no page of sound is left whole


@pytest.mark.parametrize("name", ["hours.flac", "hours.wav"])
async def test_hours_in_few_bytes_are_refused(
    library: PromptFiles, account: AccountId, sounds: dict[str, bytes], name: str
) -> None:
    assert len(sounds[name]) < 20 * 1024 * 1024
    with pytest.raises(InvalidInput) as caught:
        await library.add(account, "a", sounds[name], audit=line())
    assert caught.value.code == "prompt_too_long"


async def test_the_converter_is_bounded(
    tmp_path: Path, index: PromptIndex, account: AccountId, sounds: dict[str, bytes]
) -> None:
    greedy = tmp_path / "sox"
    greedy.write_text(f"#!{sys.executable}\nbytes(4 << 30)\n")
    greedy.chmod(0o755)
    library = PromptFiles(SpeechConfig(cache_folder=tmp_path, prompt_folder=tmp_path / "p", sox=str(greedy)), index)
    with pytest.raises(InvalidInput) as caught:
        await library.add(account, "a", sounds["wav"], audit=line())
    assert caught.value.code == "unreadable_audio"
    greedy.write_text(f"#!{sys.executable}\nwhile True: pass\n")
    slow = SpeechConfig(cache_folder=tmp_path, prompt_folder=tmp_path / "p", sox=str(greedy), timeout_s=0.5)
    with pytest.raises(InvalidInput) as caught:
        await PromptFiles(slow, index).add(account, "a", sounds["wav"], audit=line())
    assert caught.value.code == "unreadable_audio"
    assert [path for path in (tmp_path / "p").rglob("*") if path.is_file()] == []


async def test_a_machine_that_cannot_read_a_kind_says_so(
    tmp_path: Path, index: PromptIndex, account: AccountId, sounds: dict[str, bytes]
) -> None:
    bare = tmp_path / "sox"
    bare.write_text('#!/bin/sh\necho "sox FAIL formats: no handler for given file type \\`mp3\'"\nexit 2\n')
    bare.chmod(0o755)
    library = PromptFiles(SpeechConfig(cache_folder=tmp_path, prompt_folder=tmp_path / "p", sox=str(bare)), index)
    with pytest.raises(OperatorError) as caught:
        await library.add(account, "a", sounds["mp3"], audit=line())
    assert (caught.value.code, "libsox-fmt-mp3" in caught.value.message) == ("sox_missing", True)
