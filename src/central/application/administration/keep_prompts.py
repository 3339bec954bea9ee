"""Recorded prompts: taken in, listed, taken out of the library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from central.application.administration.acting import Actor, Auditor
from central.application.administration.judge_draft import named_prompts
from central.application.ports.speech import PromptCatalogue, PromptRecorder, StoredPrompt
from central.domain.errors import Conflict, NotFound
from central.domain.ids import AccountId
from central.domain.prompts import preferred_language


@dataclass(frozen=True, slots=True)
class KeepPrompts:
    """The prompt library of an account."""

    recorder: PromptRecorder
    catalogue: PromptCatalogue
    auditor: Auditor

    async def add(self, actor: Actor, name: str, language: str, audio: bytes) -> StoredPrompt:
        """Take in a sound file under this name, in place of the one before; heard from the next playback on.

        Raises InvalidInput and OperatorError, see ``PromptRecorder.add``.
        """
        detail = {"language": language.lower(), "size_bytes": len(audio)}
        audit = self.auditor.entry(actor, "prompt_added", f"prompt:{name}", **detail)
        return await self.recorder.add(actor.account_id, name, audio, language=language, audit=audit)

    async def page(self, actor: Actor, after: tuple[str, str] | None, limit: int) -> Sequence[StoredPrompt]:
        """Prompts by name and language, those behind the name and language in ``after``."""
        return await self.catalogue.list_prompts(actor.account_id, after, limit)

    async def remove(self, actor: Actor, name: str, language: str, *, force: bool = False) -> None:
        """Take it out of the library; ``force`` even where a flow plays it, which then fails at that step.

        Raises NotFound ``prompt_not_found``, Conflict ``prompt_in_use`` (details: ``flows``).
        """
        if not force:
            await self._refuse_in_use(actor.account_id, name, language.lower())
        audit = self.auditor.entry(actor, "prompt_removed", f"prompt:{name}", language=language.lower(), forced=force)
        if not await self.catalogue.delete_prompt(actor.account_id, name, language.lower(), audit):
            raise NotFound("prompt_not_found", "There is no such prompt in this account.")

    async def _refuse_in_use(self, account_id: AccountId, name: str, language: str) -> None:
        """Refuse where a version in use would find this prompt now, and none without this language."""
        recorded = {prompt.language for prompt in await self.catalogue.find_prompts(account_id, [name])}
        if language not in recorded:
            return
        flows = {
            flow.flow_name
            for flow in await self.catalogue.documents_in_use(account_id)
            for use in await named_prompts(flow.document)
            if use.name == name
            and preferred_language(recorded, use.language) is not None
            and preferred_language(recorded - {language}, use.language) is None
        }
        if flows:
            named = ", ".join(sorted(flows))
            raise Conflict("prompt_in_use", f"The prompt {name} is played by {named}.", flows=sorted(flows))
