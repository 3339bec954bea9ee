"""Speech with the real flite, espeak-ng and sox: playable files, made once, whatever the text is."""

from __future__ import annotations

import array
import asyncio
import os
import shutil
import stat
import wave
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from central.adapters.speech.config import SpeechConfig
from central.adapters.speech.renderer import CachedSpeech
from central.application.ports.speech import Audio, AudioFile, NoAudio, SpeechRequest

for program in ("flite", "espeak-ng", "sox"):
    assert shutil.which(program), f"{program} is missing: tools/install_system.sh"


@pytest.fixture
def config(tmp_path: Path) -> SpeechConfig:
    return SpeechConfig(tmp_path / "cache", tmp_path / "prompts")


@pytest.fixture
async def speech(config: SpeechConfig) -> AsyncIterator[CachedSpeech]:
    made = CachedSpeech(config)
    yield made
    await made.close()


def loudness(path: str) -> int:
    """The highest sample of a file, after checking that it is 8 kHz, 16-bit, mono."""
    with wave.open(path, "rb") as source:
        assert (source.getframerate(), source.getsampwidth(), source.getnchannels()) == (8000, 2, 1)
        return max(abs(sample) for sample in array.array("h", source.readframes(source.getnframes())))


def mode_of(path: str) -> int:
    return Path(path).stat().st_mode


async def say(speech: CachedSpeech, text: str, *, voice: str = "", language: str = "en") -> Audio:
    (found,) = await speech.render([SpeechRequest(text, voice, language)])
    return found


async def audio(speech: CachedSpeech, text: str, *, voice: str = "", language: str = "en") -> AudioFile:
    found = await say(speech, text, voice=voice, language=language)
    assert isinstance(found, AudioFile), found
    return found


def count_runs(config: SpeechConfig, folder: Path) -> tuple[SpeechConfig, Path]:
    """A configuration whose flite notes each run, then does what the real one does."""
    folder.mkdir(exist_ok=True)
    log, script = folder / "runs", folder / "flite"
    script.write_text(
        f'#!/bin/sh\ncase "$1" in --*) ;; *) echo run >> {log};; esac\nexec {shutil.which("flite")} "$@"\n'
    )
    script.chmod(0o755)
    log.touch()
    return replace(config, flite=str(script)), log


@pytest.mark.parametrize(
    ("text", "voice", "language"),
    [
        ("Hello, your appointment is tomorrow at five.", "", "en"),
        ("Hello, your appointment is tomorrow at five.", "slt", "en"),
        ("Hello.", "espeak-ng/en-gb+f3", "en"),
        ("नमस्ते, आपकी मुलाकात कल है", "", "hi-IN"),
        ("Guten Tag, Ihr Termin ist morgen.", "", "de"),
    ],
)
async def test_text_becomes_audible_telephone_audio(speech: CachedSpeech, text: str, voice: str, language: str) -> None:
    found = await audio(speech, text, voice=voice, language=language)
    assert Path(found.path).is_absolute()
    assert 0.2 < found.seconds < 10
    assert loudness(found.path) > 1000
    assert stat.S_IMODE(mode_of(found.path)) & 0o044 == 0o044, "the voice engine is another user"


async def test_longer_text_lasts_longer(speech: CachedSpeech) -> None:
    short, long = await audio(speech, "One."), await audio(speech, "One. Two. Three. Four. Five. Six. Seven.")
    assert long.seconds > 2 * short.seconds


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize(
    "text",
    [
        "-o {target}",
        "--version",
        "-f /etc/passwd",
        "-t hello -o {target}",
        "$(touch {target})",
        "`touch {target}`; touch {target} | touch {target} & touch {target}",
        '"; touch {target} #',
        "<audio src='/etc/passwd'/> hello",
    ],
)
async def test_text_is_only_ever_spoken(speech: CachedSpeech, tmp_path: Path, text: str, language: str) -> None:
    target = tmp_path / "target"
    found = await audio(speech, text.format(target=target), language=language)
    assert loudness(found.path) > 1000
    assert not target.exists()


async def test_the_same_request_is_spoken_once(config: SpeechConfig, tmp_path: Path) -> None:
    counted, log = count_runs(config, tmp_path / "bin")
    speech = CachedSpeech(counted)
    together = await speech.render([SpeechRequest("Hello there.")] * 10)
    assert len({found.path for found in together if isinstance(found, AudioFile)}) == 1
    later = await audio(speech, "Hello there.")
    after_restart = await audio(CachedSpeech(counted), "  Hello\n there. ")
    assert later == after_restart == together[0]
    assert log.read_text() == "run\n"
    assert (await audio(speech, "Hello there!")).path != later.path
    assert log.read_text() == "run\nrun\n"


async def test_voice_and_language_and_engine_version_have_files_of_their_own(
    config: SpeechConfig, tmp_path: Path
) -> None:
    speech = CachedSpeech(config)
    paths = {
        (await audio(speech, "Hello.", voice=voice, language=language)).path
        for voice, language in [("", "en"), ("slt", "en"), ("", "de"), ("", "fr")]
    }
    assert len(paths) == 4
    newer = tmp_path / "flite"
    newer.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo version 99 && exit\nexec {shutil.which("flite")} "$@"\n')
    newer.chmod(0o755)
    upgraded = CachedSpeech(replace(config, flite=str(newer)))
    assert (await audio(upgraded, "Hello.")).path not in paths


async def test_a_caller_that_gives_up_does_not_take_the_others_prompt_away(
    config: SpeechConfig, tmp_path: Path
) -> None:
    held, begun, go = (tmp_path / name for name in ("flite", "begun", "go"))
    os.mkfifo(begun)
    os.mkfifo(go)
    flite = shutil.which("flite")
    held.write_text(f'#!/bin/sh\ncase "$1" in --*) exit 0;; esac\n{flite} "$@"; echo run > {begun}; cat {go}\n')
    held.chmod(0o755)
    speech = CachedSpeech(replace(config, flite=str(held)))
    impatient = asyncio.create_task(say(speech, "Shared."))
    patient = asyncio.create_task(say(speech, "Shared."))
    assert await asyncio.to_thread(begun.read_text) == "run\n"
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    await asyncio.to_thread(go.write_text, "on")
    assert isinstance(await patient, AudioFile)


async def test_no_more_engines_run_at_once_than_allowed(config: SpeechConfig, tmp_path: Path) -> None:
    script, log = tmp_path / "flite", tmp_path / "running"
    log.touch()
    script.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && exit 0\nmkdir {tmp_path}/slot-1 2>/dev/null && s=1 ||'
        f" {{ mkdir {tmp_path}/slot-2 2>/dev/null && s=2 || {{ echo crowded >> {log}; s=3; }}; }}\n"
        f'{shutil.which("flite")} "$@"; c=$?; rmdir {tmp_path}/slot-$s 2>/dev/null; exit $c\n'
    )
    script.chmod(0o755)
    speech = CachedSpeech(replace(config, flite=str(script), workers=2))
    found = await speech.render([SpeechRequest(f"Number {n}.") for n in range(8)])
    assert all(isinstance(one, AudioFile) for one in found)
    assert log.read_text() == ""


@pytest.mark.parametrize(
    ("text", "voice", "language", "reason"),
    [
        ("", "", "en", "text_empty"),
        ("x" * 2001, "", "en", "text_too_long"),
        ("hello", "nobody", "en", "unknown_voice"),
        ("hello", "", "xx", "unknown_language"),
        ("hello", "espeak-ng/zz", "en", "unknown_language"),
    ],
)
async def test_what_cannot_be_spoken_is_answered_with_a_reason(
    speech: CachedSpeech, text: str, voice: str, language: str, reason: str
) -> None:
    found = await say(speech, text, voice=voice, language=language)
    assert isinstance(found, NoAudio)
    assert found.reason == reason


async def test_one_bad_item_spoils_no_other(speech: CachedSpeech) -> None:
    good, bad, also_good = await speech.render([SpeechRequest("One."), SpeechRequest(""), SpeechRequest("Two.")])
    assert isinstance(good, AudioFile)
    assert isinstance(bad, NoAudio)
    assert isinstance(also_good, AudioFile)


async def test_an_engine_that_is_absent_fails_or_hangs_is_answered_with_a_reason(
    config: SpeechConfig, tmp_path: Path
) -> None:
    absent = CachedSpeech(replace(config, flite=str(tmp_path / "absent")))
    failing, silent, hanging = tmp_path / "failing", tmp_path / "silent", tmp_path / "hanging"
    failing.write_text('#!/bin/sh\n[ "$1" = --version ] && exit 0\necho out of words; exit 3\n')
    silent.write_text("#!/bin/sh\nexit 0\n")
    hanging.write_text('#!/bin/sh\n[ "$1" = --version ] && exit 0\nexec tail -f /dev/null\n')
    for script in (failing, silent, hanging):
        script.chmod(0o755)
    broken = [CachedSpeech(replace(config, flite=str(script), timeout_s=1)) for script in (failing, silent, hanging)]
    outcomes = [await say(speech, "Hello.") for speech in (absent, *broken)]
    assert [one.reason for one in outcomes if isinstance(one, NoAudio)] == [
        "engine_missing",
        "engine_failed",
        "engine_failed",
        "engine_timeout",
    ]
    assert "out of words" in str(outcomes[1])
    assert list(config.cache_folder.rglob("*.wav")) == [], "no half file is left behind"


async def test_a_cache_that_cannot_be_written_is_answered_with_a_reason(config: SpeechConfig, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    found = await say(CachedSpeech(replace(config, cache_folder=tmp_path / "file" / "cache")), "Hello.")
    assert isinstance(found, NoAudio)
    assert found.reason == "storage_failed"


async def test_a_damaged_file_in_the_cache_is_made_anew(speech: CachedSpeech) -> None:
    found = await audio(speech, "Hello.")
    os.truncate(found.path, 20)
    assert await audio(speech, "Hello.") == found
    assert loudness(found.path) > 1000
