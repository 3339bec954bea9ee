"""Recorded prompts: taken in, listed, taken out of the library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from central.application.administration.acting import Actor, Auditor
from central.application.ports.speech import PromptCatalogue, PromptRecorder, StoredPrompt
from central.domain.errors import NotFound


@dataclass(frozen=True, slots=True)
class KeepPrompts:
    """The prompt library of an account."""

    recorder: PromptRecorder
    catalogue: PromptCatalogue
    auditor: Auditor

    async def add(self, actor: Actor, name: str, language: str, audio: bytes) -> StoredPrompt:
        """Take in a WAV file under this name, in place of the one before; heard from the next playback on.

        Raises InvalidInput and OperatorError, see ``PromptRecorder.add``.
        """
        detail = {"language": language.lower(), "size_bytes": len(audio)}
        audit = self.auditor.entry(actor, "prompt_added", f"prompt:{name}", **detail)
        return await self.recorder.add(actor.account_id, name, audio, language=language, audit=audit)

    async def page(self, actor: Actor, after: tuple[str, str] | None, limit: int) -> Sequence[StoredPrompt]:
        """Prompts by name and language, those behind the name and language in ``after``."""
        return await self.catalogue.list_prompts(actor.account_id, after, limit)

    async def remove(self, actor: Actor, name: str, language: str) -> None:
        """Take it out of the library; flows that play it fail at that step. Raises NotFound ``prompt_not_found``."""
        audit = self.auditor.entry(actor, "prompt_removed", f"prompt:{name}", language=language.lower())
        if not await self.catalogue.delete_prompt(actor.account_id, name, language.lower(), audit):
            raise NotFound("prompt_not_found", "There is no such prompt in this account.")
