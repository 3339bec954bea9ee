"""The documents of a flow, and what they play, beside each other: what changed between versions; an earlier one as the draft."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace

from central.application.administration.acting import Actor, Auditor
from central.application.administration.judge_draft import judge_draft
from central.application.administration.save_flow import flow_found
from central.application.ports.flow_store import FlowRow, FlowStore
from central.application.ports.speech import PromptCatalogue
from central.domain.errors import NotFound
from central.domain.ids import AccountId
from central.domain.prompts import HeldPrompt, preferred_language
from central.flow.difference import Change, Difference, FieldChange, compare
from central.flow.preparation import named_prompts

Played = Mapping[tuple[str, str], HeldPrompt | None]


@dataclass(frozen=True, slots=True)
class CompareVersions:
    """Versions are named by their numbers; ``draft`` and ``production`` are what they are now."""

    store: FlowStore
    prompts: PromptCatalogue
    auditor: Auditor

    async def document(self, actor: Actor, flow: str, version: str) -> bytes:
        """The bytes of ``draft``, ``production`` or a number.

        Raises NotFound ``flow_not_found``, ``version_not_found``, ``no_production_version``.
        """
        row = flow_found(await self.store.get(actor.account_id, flow))
        if version == "draft":
            draft = await self.store.draft(actor.account_id, row.id)
            found = None if draft is None else draft.document
        elif version == "production" and row.production_version is None:
            raise NotFound("no_production_version", "The flow has no version in production.")
        else:
            number = row.production_version if version == "production" else int(version)
            found = await self.store.version_document(actor.account_id, row.id, number or 0)
        if found is None:
            raise NotFound("version_not_found", f"The flow has no version {version}.")
        return found

    async def compare(self, actor: Actor, flow: str, before: str, after: str) -> Difference:
        """What changed from one to the other, and which of the recordings that both play have another content.

        Raises as ``document``.
        """
        old = await self.document(actor, flow, before)
        new = await self.document(actor, flow, after)
        found = await asyncio.to_thread(compare, old, new, (before, after))
        was = await self._played(actor.account_id, flow, before, old)
        now = await self._played(actor.account_id, flow, after, new)
        heard = tuple(
            _heard(key, was[key], now[key]) for key in sorted(was.keys() & now.keys()) if _other(was, now, key)
        )
        return replace(found, changes=(*found.changes, *heard))

    async def _played(self, account_id: AccountId, flow: str, version: str, document: bytes) -> Played:
        """What a version holds; for the draft, and for what a version does not hold, what the library has now."""
        row = flow_found(await self.store.get(account_id, flow))
        asked = {(u.name, u.language.lower()) for u in await asyncio.to_thread(named_prompts, document)}
        number = row.production_version if version == "production" else int(version) if version != "draft" else None
        rows = await self.store.held_prompts(account_id, row.id, number) if number is not None and asked else ()
        held = {(one.name, one.language): one for one in rows}
        names = sorted({name for name, language in asked if (name, language) not in held})
        library: dict[str, dict[str, HeldPrompt]] = {}
        for one in await self.prompts.find_prompts(account_id, names) if names else ():
            library.setdefault(one.name, {})[one.language] = HeldPrompt(one.name, one.language, one.sha256, one.seconds)
        return {key: held.get(key) or _found(library.get(key[0], {}), key[1]) for key in asked}

    async def reset_draft(self, actor: Actor, flow: str, number: int) -> FlowRow:
        """Make this version the draft, in place of what it holds; production stays as it is.

        Raises NotFound ``flow_not_found``, ``version_not_found``; Conflict ``name_taken`` (another flow took the name that
        the version had).
        """
        row = flow_found(await self.store.get(actor.account_id, flow))
        judged = await judge_draft(await self.document(actor, row.id, str(number)))
        detail = {"version": number, "before": row.draft_hash, "hash": judged.draft.hash}
        audit = self.auditor.entry(actor, "flow_draft_reset", f"flow:{row.id}", **detail)
        return flow_found(await self.store.save_draft(actor.account_id, row.id, judged.draft, None, audit))


def _found(recorded: Mapping[str, HeldPrompt], wanted: str) -> HeldPrompt | None:
    language = preferred_language(recorded, wanted)
    return None if language is None else recorded[language]


def _other(before: Played, after: Played, key: tuple[str, str]) -> bool:
    old, new = before[key], after[key]
    return (old and old.sha256) != (new and new.sha256)


def _heard(key: tuple[str, str], before: HeldPrompt | None, after: HeldPrompt | None) -> Change:
    return Change("changed", "prompt", key[0], (FieldChange(f"recording ({key[1]})", _shown(before), _shown(after)),))


def _shown(prompt: HeldPrompt | None) -> str | None:
    return None if prompt is None else f"{prompt.seconds:.1f} s, content {prompt.sha256[:12]}"
