"""What a conversation (step 4) needs in order to be heard: files for text, and files for the names of recorded prompts.

Every file is WAV, 8 kHz, 16-bit, mono, at an absolute path on this machine, ready for ``Telephony.play``, and never changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from central.application.ports.administration import AuditEntry
from central.domain.ids import AccountId


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """Text to be spoken, variables already rendered. ``voice`` empty = the default of the language.

    ``voice`` is ``engine/name`` (``flite/slt``) or a name alone; ``language`` a tag like ``en``, ``hi`` or ``pt-BR``.
    """

    text: str
    voice: str = ""
    language: str = "en"


@dataclass(frozen=True, slots=True)
class AudioFile:
    """A file that can be played, and how long it lasts."""

    path: str
    seconds: float


NoAudioReason = Literal[
    "text_empty",  # nothing that can be spoken
    "text_too_long",
    "unknown_voice",
    "unknown_language",
    "engine_missing",  # the program that speaks or converts is not installed
    "engine_failed",  # it ended with an error, or wrote no audio
    "engine_timeout",
    "storage_failed",  # the folder cannot be written: full, read-only, gone
    "prompt_missing",  # no prompt of that name in the account, or its file is not here
    "bad_silence",  # silence:N with an N that is no number of seconds from 0.01 to 60
]


@dataclass(frozen=True, slots=True)
class NoAudio:
    """There is no file; ``reason`` is a stable code, ``detail`` a sentence without the text itself."""

    reason: NoAudioReason
    detail: str


Audio = AudioFile | NoAudio


class SpeechRenderer(Protocol):
    """Text to speech."""

    async def render(self, items: Sequence[SpeechRequest]) -> Sequence[Audio]:
        """One result each, in the same order; the same text, voice and language is synthesised only once ever."""
        ...


class PromptLibrary(Protocol):
    """The recorded prompts of the accounts."""

    async def find(self, account_id: AccountId, names: Sequence[str], language: str = "") -> Sequence[Audio]:
        """One result each, in the same order: the prompt in this language, else the one that is for every language.

        ``silence:1.5`` is so many seconds of silence, for every account.
        """
        ...


@dataclass(frozen=True, slots=True)
class StoredPrompt:
    """A prompt as the store knows it; ``sha256`` (hex) of the stored file names the file, ``language`` "" = for all."""

    account_id: AccountId
    name: str
    language: str
    sha256: str
    seconds: float
    created_at: datetime


class PromptRecorder(Protocol):
    """Where recordings come in."""

    async def add(
        self, account_id: AccountId, name: str, audio: bytes, *, language: str = "", audit: AuditEntry
    ) -> StoredPrompt:
        """Take in a sound file as this prompt, in place of the one before; calls that play that one are not disturbed.

        Raises InvalidInput ``invalid_prompt_name``, ``invalid_language``, ``prompt_too_large``, ``prompt_too_long``,
        ``unreadable_audio``, ``truncated_audio``; OperatorError ``sox_missing``, ``prompt_storage_failed``.
        """
        ...


class PromptIndex(Protocol):
    """The store side of the library: names and content hashes."""

    async def find_prompts(self, account_id: AccountId, names: Sequence[str]) -> Sequence[StoredPrompt]:
        """All languages of these prompts, in no order; unknown names are left out."""
        ...

    async def save_prompts(self, prompts: Sequence[StoredPrompt], audit: AuditEntry) -> None:
        """Add prompts of one account, or replace those of the same name and language."""
        ...


@dataclass(frozen=True, slots=True)
class FlowInUse:
    """A version of a flow that calls are or will be made with; ``number`` None = the draft as a test took it."""

    flow_name: str
    number: int | None
    document: bytes


class PromptCatalogue(Protocol):
    """What administration asks of the store about an account's prompts."""

    async def find_prompts(self, account_id: AccountId, names: Sequence[str]) -> Sequence[StoredPrompt]:
        """All languages of these prompts, in no order; unknown names are left out."""
        ...

    async def list_prompts(
        self, account_id: AccountId, after: tuple[str, str] | None, limit: int
    ) -> Sequence[StoredPrompt]:
        """By name and language, those behind the name and language in ``after``."""
        ...

    async def documents_in_use(self, account_id: AccountId) -> Sequence[FlowInUse]:
        """Every version that still makes calls: the production versions, and those of requests that are not done."""
        ...

    async def delete_prompt(self, account_id: AccountId, name: str, language: str, audit: AuditEntry) -> bool:
        """Take the name out of the library; its file stays, for calls that play it. False when there is none."""
        ...
