"""Recorded prompts: taken in from any WAV, found by name and language, one file for one content; and silence."""

from __future__ import annotations

import array
import math
import os
import wave
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from uuid import uuid4

import pytest

from central.adapters.postgres.pool import Pool
from central.adapters.postgres.prompts import PostgresPrompts
from central.adapters.speech.config import SpeechConfig
from central.adapters.speech.prompts import PromptFiles
from central.application.ports.administration import AuditEntry
from central.application.ports.speech import AudioFile, NoAudio, PromptIndex, StoredPrompt
from central.domain.errors import InvalidInput
from central.domain.ids import AccountId

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class MemoryIndex:
    rows: dict[tuple[AccountId, str, str], StoredPrompt] = field(
        default_factory=dict[tuple[AccountId, str, str], StoredPrompt]
    )

    async def find_prompts(self, account_id: AccountId, names: list[str]) -> list[StoredPrompt]:
        return [row for row in self.rows.values() if row.account_id == account_id and row.name in names]

    async def save_prompts(self, prompts: list[StoredPrompt], audit: AuditEntry) -> None:
        del audit
        self.rows.update({(prompt.account_id, prompt.name, prompt.language): prompt for prompt in prompts})


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
