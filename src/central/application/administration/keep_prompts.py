"""Recorded prompts: taken in, listed, taken out of the library. Versions of flows go on playing what they hold."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from central.application.administration.acting import Actor, Auditor
from central.application.ports.speech import (
    FlowInUse,
    HoldingVersion,
    PromptCatalogue,
    PromptRecorder,
    StoredPrompt,
)
from central.domain.errors import Conflict, NotFound
from central.domain.ids import AccountId
from central.domain.prompts import preferred_language
from central.flow.preparation import named_prompts


@dataclass(frozen=True, slots=True)
class KeepPrompts:
    """The prompt library of an account."""

    recorder: PromptRecorder
    catalogue: PromptCatalogue
    auditor: Auditor

    async def add(
        self, actor: Actor, name: str, language: str, audio: bytes
    ) -> tuple[StoredPrompt, Sequence[HoldingVersion]]:
        """Take in a sound file under this name, in place of the one before, which the versions named beside it go on playing.

        Raises InvalidInput and OperatorError, see ``PromptRecorder.add``.
        """
        before = await self._stored(actor.account_id, name, language.lower())
        await self.recorder.seen([] if before is None else [before.sha256])
        detail = {"language": language.lower(), "size_bytes": len(audio)}
        audit = self.auditor.entry(actor, "prompt_added", f"prompt:{name}", **detail)
        stored = await self.recorder.add(actor.account_id, name, audio, language=language, audit=audit)
        if before is None or before.sha256 == stored.sha256:
            return stored, ()
        return stored, await self.catalogue.versions_holding(actor.account_id, name, before.sha256)

    async def page(self, actor: Actor, after: tuple[str, str] | None, limit: int) -> Sequence[StoredPrompt]:
        """Prompts by name and language, those behind the name and language in ``after``."""
        return await self.catalogue.list_prompts(actor.account_id, after, limit)

    async def remove(self, actor: Actor, name: str, language: str, *, force: bool = False) -> Sequence[HoldingVersion]:
        """Take the name out of the library; answers the versions that go on playing the recording, because they hold it.

        ``force`` even where a version plays it that was frozen before versions held their recordings: it then fails at that
        step. Raises NotFound ``prompt_not_found``, Conflict ``prompt_in_use`` (details: ``flows``).
        """
        account_id, tag = actor.account_id, language.lower()
        if not force:
            await self._refuse_in_use(account_id, name, tag)
        before = await self._stored(account_id, name, tag)
        await self.recorder.seen([] if before is None else [before.sha256])
        audit = self.auditor.entry(actor, "prompt_removed", f"prompt:{name}", language=tag, forced=force)
        if before is None or not await self.catalogue.delete_prompt(account_id, name, tag, audit):
            raise NotFound("prompt_not_found", "There is no such prompt in this account.")
        return await self.catalogue.versions_holding(account_id, name, before.sha256)

    async def _stored(self, account_id: AccountId, name: str, language: str) -> StoredPrompt | None:
        found = await self.catalogue.find_prompts(account_id, [name])
        return next((prompt for prompt in found if prompt.language == language), None)

    async def _refuse_in_use(self, account_id: AccountId, name: str, language: str) -> None:
        """Refuse where a version in use would find this prompt in the library now, and none without this language."""
        recorded = {prompt.language for prompt in await self.catalogue.find_prompts(account_id, [name])}
        if language not in recorded:
            return
        flows: set[str] = set()
        for flow in await self.catalogue.documents_in_use(account_id):
            if any(
                preferred_language(recorded, wanted) is not None
                and preferred_language(recorded - {language}, wanted) is None
                for wanted in await _looked_up(flow, name)
            ):
                flows.add(flow.flow_name)
        if flows:
            named = ", ".join(sorted(flows))
            raise Conflict("prompt_in_use", f"The prompt {name} is played by {named}.", flows=sorted(flows))


async def _looked_up(flow: FlowInUse, name: str) -> set[str]:
    """The languages in which a version asks the library for this prompt, because it holds none."""
    held = {(one[0], one[1]) for one in flow.held}
    uses = await asyncio.to_thread(named_prompts, flow.document)
    return {use.language for use in uses if use.name == name and (name, use.language.lower()) not in held}
