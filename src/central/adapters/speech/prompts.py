"""The ports PromptLibrary, PromptRecorder and PromptContents: recordings as files named by their content; and silence.

Conversations (step 4) ask for paths; API and CLI add recordings. A file that is once stored never changes, so a call that plays
it is not disturbed by a new recording of the same name. A file's time says when it was last known to be named by somebody.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from central.adapters.speech.config import SpeechConfig
from central.adapters.speech.fitting import fit, known_kind
from central.adapters.speech.wave_files import length_s, read_audio, store_whole, write_silence
from central.application.ports.administration import AuditEntry
from central.application.ports.speech import Audio, AudioFile, NoAudio, PromptIndex, StoredPrompt
from central.domain.errors import InvalidInput, OperatorError
from central.domain.ids import AccountId
from central.domain.prompts import LANGUAGE, PROMPT_NAME, preferred_language

_SILENCE = "silence:"
_SECONDS = re.compile(r"[0-9]{1,2}(\.[0-9]{1,3})?")
_CONTENT = re.compile(r"[0-9a-f]{64}")
_MAX_SILENCE_S = 60.0
_MIN_SILENCE_S = 0.01


class PromptFiles:
    """Prompts below ``config.prompt_folder``, silence below ``config.cache_folder``."""

    def __init__(self, config: SpeechConfig, index: PromptIndex) -> None:
        self._config = config
        self._index = index
        self._converting = asyncio.Semaphore(config.workers)

    async def find(self, account_id: AccountId, names: Sequence[str], language: str = "") -> Sequence[Audio]:
        """One result each, in the same order; see the port."""
        recorded = sorted({name for name in names if not name.startswith(_SILENCE)})
        found = await self._index.find_prompts(account_id, recorded) if recorded else ()
        recordings: dict[str, dict[str, StoredPrompt]] = {}
        for prompt in found:
            recordings.setdefault(prompt.name, {})[prompt.language] = prompt
        best: dict[str, StoredPrompt] = {}
        for name, offered in recordings.items():
            heard = preferred_language(offered, language)
            if heard is not None:
                best[name] = offered[heard]
        return [await asyncio.to_thread(self._audio, name, best.get(name)) for name in names]

    async def contents(self, contents: Sequence[str]) -> Sequence[Audio]:
        """One result each, in the same order; see the port."""
        return [
            await asyncio.to_thread(self._content, content, f"with the content {content[:12]}") for content in contents
        ]

    def _audio(self, name: str, prompt: StoredPrompt | None) -> Audio:
        if name.startswith(_SILENCE):
            return self._silence(name.removeprefix(_SILENCE))
        if prompt is None:
            return NoAudio("prompt_missing", f"The account has no prompt {name}.")
        return self._content(prompt.sha256, name)

    def _content(self, sha256: str, called: str) -> Audio:
        audio = read_audio(self._path(sha256))
        return audio if audio is not None else NoAudio("prompt_missing", f"The file of prompt {called} is not here.")

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
        self, account_id: AccountId, name: str, audio: bytes, *, language: str = "", audit: AuditEntry
    ) -> StoredPrompt:
        """Take in a recording (WAV, MP3, OGG Vorbis or FLAC), convert it, store file and index row, and return the row.

        Raises InvalidInput ``invalid_prompt_name``, ``invalid_language``, ``prompt_too_large``, ``prompt_too_long``,
        ``unreadable_audio`` or ``truncated_audio``; OperatorError ``sox_missing`` or ``prompt_storage_failed``.
        """
        tag = language.lower()
        if not PROMPT_NAME.fullmatch(name):
            message = "A prompt name has 1 to 128 letters, digits, dots, - or _, in parts between /."
            raise InvalidInput("invalid_prompt_name", message, field="name")
        if not LANGUAGE.fullmatch(tag):
            raise InvalidInput("invalid_language", "A language is a tag such as hi or pt-BR.", field="language")
        if len(audio) > self._config.max_prompt_bytes:
            raise InvalidInput("prompt_too_large", f"A recording has at most {self._config.max_prompt_bytes} bytes.")
        kind = known_kind(audio)
        try:
            async with self._converting:
                content, seconds = await self._convert(audio, kind)
            prompt = StoredPrompt(account_id, name, tag, hashlib.sha256(content).hexdigest(), seconds, audit.at)
            await self._index.save_prompt(prompt, lambda: asyncio.to_thread(self._put, prompt.sha256, content), audit)
        except OSError as error:
            reason = error.strerror or str(error)
            raise OperatorError("prompt_storage_failed", f"The prompt folder cannot be used: {reason}.") from error
        return prompt

    def _put(self, sha256: str, content: bytes) -> AudioFile:
        path = self._path(sha256)
        known = read_audio(path)
        if known is not None:
            path.touch()
            return known
        return store_whole(path, lambda part: part.write_bytes(content))

    async def unseen(self, since: datetime) -> Sequence[str]:
        """Contents that were neither put in place nor seen since then."""
        return await asyncio.to_thread(self._unseen, since.timestamp())

    def _unseen(self, since: float) -> list[str]:
        found: list[str] = []
        for path in self._config.prompt_folder.glob("??/*.wav"):
            with contextlib.suppress(FileNotFoundError):  # two machines keep this house
                if _CONTENT.fullmatch(path.stem) and path.stat().st_mtime < since:
                    found.append(path.stem)
        return sorted(found)

    async def seen(self, contents: Iterable[str]) -> None:
        """They are still named: their files bear the present time."""
        for content in contents:
            with contextlib.suppress(FileNotFoundError):  # this machine may lack the folder
                await asyncio.to_thread(os.utime, self._path(content))

    async def remove(self, sha256: str) -> None:
        """Delete the file; it may be gone already. Raises OSError."""
        await asyncio.to_thread(self._path(sha256).unlink, missing_ok=True)

    async def _convert(self, audio: bytes, kind: str) -> tuple[bytes, float]:
        folder = self._config.prompt_folder
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".add-", dir=folder, ignore_cleanup_errors=True) as scratch:
            content = await fit(self._config, audio, kind, Path(scratch))
        return content, await asyncio.to_thread(length_s, content)

    def _path(self, sha256: str) -> Path:
        return self._config.prompt_folder / sha256[:2] / f"{sha256}.wav"
