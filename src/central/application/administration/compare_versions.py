"""The documents of a flow beside each other: what changed between versions, and an earlier one as the draft again."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from central.application.administration.acting import Actor, Auditor
from central.application.administration.judge_draft import judge_draft
from central.application.administration.save_flow import flow_found
from central.application.ports.flow_store import FlowRow, FlowStore
from central.domain.errors import NotFound
from central.flow.difference import Difference, compare


@dataclass(frozen=True, slots=True)
class CompareVersions:
    """Versions are named by their numbers; ``draft`` and ``production`` are what they are now."""

    store: FlowStore
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
        """What changed from one to the other. Raises as ``document``."""
        old = await self.document(actor, flow, before)
        new = await self.document(actor, flow, after)
        return await asyncio.to_thread(compare, old, new, (before, after))

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
