"""The SpeechRenderer port: text becomes a WAV file once, kept under the hash of all that determines its sound.

Called by conversations (step 4), and ahead of time for texts without variables. Equal requests at the same time share one
run of the engine; the hash covers text, voice, language, engine, engine version and output format, so that an upgrade of
the engine speaks anew by itself.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from central.adapters.speech.config import SpeechConfig
from central.adapters.speech.engines import (
    EngineName,
    Utterance,
    choose,
    command,
    convert_command,
    espeak_languages,
    espeak_voice,
    version_command,
)
from central.adapters.speech.programs import run_program
from central.adapters.speech.wave_files import read_audio, store_whole
from central.application.ports.speech import Audio, NoAudio, SpeechRequest

_FORMAT = "wav-8000-16-mono-1"  # raise the last number when rendering changes


class CachedSpeech:
    """Renders with flite, espeak-ng and (where configured) piper into ``config.cache_folder``."""

    def __init__(self, config: SpeechConfig) -> None:
        self._config = config
        self._slots = asyncio.Semaphore(config.workers)
        self._running: dict[Path, asyncio.Task[Audio]] = {}
        self._versions: dict[EngineName, str] = {}
        self._languages: Mapping[str, str] = {}

    async def render(self, items: Sequence[SpeechRequest]) -> Sequence[Audio]:
        """One result each, in the same order; see the port."""
        return await asyncio.gather(*(self._render(item) for item in items))

    async def close(self) -> None:
        """End what still runs; the cache keeps what is complete."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _render(self, request: SpeechRequest) -> Audio:
        utterance = choose(request, self._config)
        if isinstance(utterance, NoAudio):
            return utterance
        version = await self._version(utterance.engine)
        if isinstance(version, NoAudio):
            return version
        path = self._path(utterance, version)
        if (running := self._running.get(path)) is None:
            running = asyncio.create_task(self._find_or_speak(utterance, path))
            self._running[path] = running
            running.add_done_callback(lambda _: self._running.pop(path, None))
        return await asyncio.shield(running)  # a caller that gives up must not take the others' prompt away

    def _path(self, utterance: Utterance, version: str) -> Path:
        facts = [_FORMAT, utterance.engine, version, utterance.voice, utterance.language, utterance.text]
        if utterance.engine == "piper":
            facts.append(self._config.piper_model)
        key = hashlib.sha256(json.dumps(facts).encode()).hexdigest()
        return self._config.cache_folder / key[:2] / f"{key}.wav"

    async def _version(self, engine: EngineName) -> str | NoAudio:
        known = self._versions.get(engine)
        if known is not None:
            return known
        # flite prints its version and exits with 1
        told = await run_program(version_command(engine, self._config), self._config.timeout_s, any_exit=True)
        if isinstance(told, str):
            self._versions[engine] = told
        return told

    async def _find_or_speak(self, utterance: Utterance, path: Path) -> Audio:
        try:
            if (known := await asyncio.to_thread(read_audio, path)) is not None:
                return known
            async with self._slots:
                return await self._speak(utterance, path)
        except OSError as error:
            return NoAudio("storage_failed", f"The speech cache cannot be used: {error.strerror or error}.")

    async def _speak(self, utterance: Utterance, path: Path) -> Audio:
        voice_tag = ""
        if utterance.engine == "espeak-ng":
            found = await self._espeak_voice(utterance)
            if isinstance(found, NoAudio):
                return found
            voice_tag = found
        with await asyncio.to_thread(_scratch, self._config.cache_folder) as folder:
            text_file, spoken, fitting = (Path(folder) / name for name in ("text.txt", "spoken.wav", "fitting.wav"))
            await asyncio.to_thread(text_file.write_text, utterance.text + "\n", encoding="utf-8")
            argv = command(utterance, self._config, voice_tag, text_file, spoken)
            done = await run_program(argv, self._config.timeout_s, stdin=text_file)
            if isinstance(done, NoAudio):
                return done
            if await asyncio.to_thread(read_audio, spoken) is None:
                done = await run_program(convert_command(self._config, spoken, fitting), self._config.timeout_s)
                if isinstance(done, NoAudio):
                    return done
                spoken = fitting
            try:
                return await asyncio.to_thread(store_whole, path, partial(_copy, spoken))
            except ValueError:
                return NoAudio("engine_failed", f"{utterance.engine} wrote no audio.")

    async def _espeak_voice(self, utterance: Utterance) -> str | NoAudio:
        if not self._languages:
            told = await run_program([self._config.espeak, "--voices"], self._config.timeout_s)
            if isinstance(told, NoAudio):
                return told
            self._languages = espeak_languages(told)
        voice = espeak_voice(utterance, self._languages)
        if voice is None:
            return NoAudio("unknown_language", f"espeak-ng has no voice for {utterance.voice or utterance.language}.")
        return voice


def _scratch(folder: Path) -> tempfile.TemporaryDirectory[str]:
    folder.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(prefix=".speak-", dir=folder, ignore_cleanup_errors=True)


def _copy(source: Path, target: Path) -> None:
    target.write_bytes(source.read_bytes())
