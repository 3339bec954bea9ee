"""What a conversation (step 4) needs in order to be heard: files for text, and files for the names of recorded prompts.

Every file is WAV, 8 kHz, 16-bit, mono, at an absolute path on this machine, ready for ``Telephony.play``, and never changes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
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

    async def contents(self, contents: Sequence[str]) -> Sequence[Audio]:
        """One result each, in the same order: the recording of this content (SHA-256, hex), as a flow version holds it."""
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

    async def seen(self, contents: Iterable[str]) -> None:
        """They are still named, for the last time perhaps: calls that play them have time to end."""
        ...


class PromptIndex(Protocol):
    """The store side of the library: names and content hashes."""

    async def find_prompts(self, account_id: AccountId, names: Sequence[str]) -> Sequence[StoredPrompt]:
        """All languages of these prompts, in no order; unknown names are left out."""
        ...

    async def save_prompt(
        self, prompt: StoredPrompt, put: Callable[[], Awaitable[AudioFile]], audit: AuditEntry
    ) -> None:
        """Add a prompt, or replace the one of the same name and language; ``put`` puts its content in its place.

        While it does, the content cannot be taken for one that nobody names.
        """
        ...


class PromptContents(Protocol):
    """The files of the recordings, one for each content (SHA-256, hex)."""

    async def unseen(self, since: datetime) -> Sequence[str]:
        """Contents that were neither put in place nor ``seen`` since then."""
        ...

    async def seen(self, contents: Iterable[str]) -> None:
        """They are still named."""
        ...

    async def remove(self, sha256: str) -> None:
        """Delete the file; it may be gone already. Raises OSError."""
        ...


class NamedContents(Protocol):
    """What the store knows about contents, of all accounts: equal ones are one file."""

    async def named(self, contents: Sequence[str]) -> frozenset[str]:
        """Those that a prompt or a frozen version names."""
        ...

    def nameless(self, sha256: str) -> AbstractAsyncContextManager[bool]:
        """Whether nobody names it, and as long as the block lasts nobody can begin to."""
        ...


@dataclass(frozen=True, slots=True)
class FlowInUse:
    """A version of a flow that calls are or will be made with; ``number`` None = the draft as a test took it.

    ``held``: the uses (name, language in lower case) whose recordings it holds; others depend on the library.
    """

    flow_name: str
    number: int | None
    document: bytes
    held: Sequence[Sequence[str]] = ()


@dataclass(frozen=True, slots=True)
class HoldingVersion:
    """A version that plays a content which the library has under another name, or not at all; ``runs`` = calls are made with it.

    Those that do not run are versions to which production may go back; ``version`` None = the draft as a test took it.
    """

    flow: str
    version: int | None
    runs: bool


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
        """Take the name out of the library; its content stays, for versions and calls that play it. False: there is none."""
        ...

    async def versions_holding(self, account_id: AccountId, name: str, sha256: str) -> Sequence[HoldingVersion]:
        """Versions that play this content under this name, by flow, newest first; at most 100."""
        ...
