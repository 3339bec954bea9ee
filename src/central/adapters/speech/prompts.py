"""The PromptLibrary port: recorded prompts as files named by their content, found through the store's index; and silence.

Conversations (step 4) ask for paths; API and CLI add recordings. A file that is once stored never changes, so a call that plays
it is not disturbed by a new recording of the same name.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import tempfile
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from central.adapters.speech.config import SpeechConfig
from central.adapters.speech.engines import convert_command
from central.adapters.speech.programs import run_program
from central.adapters.speech.wave_files import read_audio, store_whole, write_silence
from central.application.ports.speech import Audio, AudioFile, NoAudio, PromptIndex, StoredPrompt
from central.domain.errors import InvalidInput, OperatorError
from central.domain.ids import AccountId

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}")
_SILENCE = "silence:"
_SECONDS = re.compile(r"[0-9]{1,2}(\.[0-9]{1,3})?")
_MAX_SILENCE_S = 60.0
_MIN_SILENCE_S = 0.01


class PromptFiles:
    """Prompts below ``config.prompt_folder``, silence below ``config.cache_folder``."""

    def __init__(self, config: SpeechConfig, index: PromptIndex) -> None:
        self._config = config
        self._index = index

    async def find(self, account_id: AccountId, names: Sequence[str], language: str = "") -> Sequence[Audio]:
        """One result each, in the same order; see the port."""
        recorded = sorted({name for name in names if not name.startswith(_SILENCE)})
        found = await self._index.find_prompts(account_id, recorded) if recorded else ()
        rank: dict[str, int] = {language.lower(): 2, language.lower().partition("-")[0]: 1, "": 0}
        best: dict[str, StoredPrompt] = {}
        for prompt in sorted(found, key=lambda prompt: rank.get(prompt.language, -1)):
            if prompt.language in rank:
                best[prompt.name] = prompt
        return [await asyncio.to_thread(self._audio, name, best.get(name)) for name in names]

    def _audio(self, name: str, prompt: StoredPrompt | None) -> Audio:
        if name.startswith(_SILENCE):
            return self._silence(name.removeprefix(_SILENCE))
        if prompt is None:
            return NoAudio("prompt_missing", f"The account has no prompt {name}.")
        audio = read_audio(self._path(prompt.sha256))
        return audio if audio is not None else NoAudio("prompt_missing", f"The file of prompt {name} is not here.")

    def _silence(self, length: str) -> Audio:
        seconds = float(length) if _SECONDS.fullmatch(length) else 0.0
        if not _MIN_SILENCE_S <= seconds <= _MAX_SILENCE_S:
            return NoAudio("bad_silence", f"silence:N takes {_MIN_SILENCE_S:g} to {_MAX_SILENCE_S:g} seconds.")
        path = self._config.cache_folder / f"silence-{round(seconds * 1000)}.wav"
        known = read_audio(path)
        if known is not None:
            return known
        try:
            return store_whole(path, partial(write_silence, seconds=seconds))
        except OSError as error:
            return NoAudio("storage_failed", f"The speech cache cannot be used: {error.strerror or error}.")

    async def add(
        self, account_id: AccountId, name: str, audio: bytes, *, language: str = "", at: datetime
    ) -> StoredPrompt:
        """Take in a recording (WAV of any rate and width), convert it, store file and index row, and return the row.

        Raises InvalidInput ``invalid_prompt_name``, ``prompt_too_large`` or ``unreadable_audio``; OperatorError
        ``sox_missing`` or ``prompt_storage_failed``.
        """
        if not _NAME.fullmatch(name):
            raise InvalidInput(
                "invalid_prompt_name", "A prompt name has 1 to 100 letters, digits, blanks, dots, - or _."
            )
        if len(audio) > self._config.max_prompt_bytes:
            raise InvalidInput("prompt_too_large", f"A recording has at most {self._config.max_prompt_bytes} bytes.")
        if audio[:4] != b"RIFF" or audio[8:12] != b"WAVE":
            raise InvalidInput("unreadable_audio", "Send a WAV file.")
        try:
            stored, digest = await self._store(audio)
        except OSError as error:
            reason = error.strerror or str(error)
            raise OperatorError("prompt_storage_failed", f"The prompt folder cannot be used: {reason}.") from error
        prompt = StoredPrompt(account_id, name, language.lower(), digest, stored.seconds, at)
        await self._index.save_prompts([prompt])
        return prompt

    async def _store(self, audio: bytes) -> tuple[AudioFile, str]:
        folder = self._config.prompt_folder
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".add-", dir=folder, ignore_cleanup_errors=True) as scratch:
            source, fitting = Path(scratch) / "source.wav", Path(scratch) / "fitting.wav"
            await asyncio.to_thread(source.write_bytes, audio)
            done = await run_program(convert_command(self._config, source, fitting), self._config.timeout_s)
            if isinstance(done, NoAudio) and done.reason == "engine_missing":
                raise OperatorError("sox_missing", done.detail)
            if isinstance(done, NoAudio) or await asyncio.to_thread(read_audio, fitting) is None:
                raise InvalidInput("unreadable_audio", "The WAV file cannot be read, or is empty.")
            content = await asyncio.to_thread(fitting.read_bytes)
        digest = hashlib.sha256(content).hexdigest()
        path = self._path(digest)
        known = await asyncio.to_thread(read_audio, path)
        if known is not None:
            return known, digest
        return await asyncio.to_thread(store_whole, path, lambda part: part.write_bytes(content)), digest

    def _path(self, sha256: str) -> Path:
        return self._config.prompt_folder / sha256[:2] / f"{sha256}.wav"
