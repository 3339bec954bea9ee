"""Flows as they are edited: a draft is saved whatever its findings; reading drafts, versions and their bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from central.application.administration.acting import Actor, Auditor
from central.application.administration.find_missing import FindMissing
from central.application.administration.judge_draft import JudgedDraft, judge_draft
from central.application.administration.keep_keys import short_id
from central.application.ports.flow_store import Draft, FlowRow, FlowStore, VersionRow
from central.domain.errors import InvalidInput, NotFound
from central.domain.ids import FlowId
from central.flow.findings import Finding


def flow_found(flow: FlowRow | None) -> FlowRow:
    """The flow. Raises NotFound ``flow_not_found`` for None."""
    if flow is None:
        raise NotFound("flow_not_found", "There is no such flow in this account.")
    return flow


@dataclass(frozen=True, slots=True)
class SaveFlow:
    """Drafts. The document's bytes are kept as they came, so that editors can patch them."""

    store: FlowStore
    missing: FindMissing
    auditor: Auditor

    async def create(self, actor: Actor, document: bytes) -> FlowRow:
        """Make a flow from its document; name and type stand in it. The row has all findings, as ``show`` gives them.

        Raises InvalidInput ``document_...`` (unreadable), ``flow_name_missing``; Conflict ``name_taken``.
        """
        judged = await judge_draft(document)
        draft = _named(judged.draft)
        flow_id = FlowId(short_id(self.auditor.ids))
        audit = self.auditor.entry(actor, "flow_created", f"flow:{flow_id}", name=draft.name, hash=draft.hash)
        await self.store.create(actor.account_id, flow_id, draft, audit)
        return await self._complete(flow_found(await self.store.get(actor.account_id, flow_id)), judged, actor)

    async def save_draft(self, actor: Actor, flow: str, document: bytes, expected_hash: str | None = None) -> FlowRow:
        """Replace the draft; with ``expected_hash`` only if the draft still has it.

        Raises InvalidInput as ``create``, NotFound ``flow_not_found``, Conflict ``draft_changed``, ``name_taken``.
        """
        judged = await judge_draft(document)
        draft = _named(judged.draft)
        row = await self.get(actor, flow)
        audit = self.auditor.entry(actor, "flow_draft_saved", f"flow:{row.id}", hash=draft.hash)
        saved = flow_found(await self.store.save_draft(actor.account_id, row.id, draft, expected_hash, audit))
        return await self._complete(saved, judged, actor)

    async def check(self, actor: Actor, document: bytes) -> Sequence[Finding]:
        """The findings of a document, saving nothing; with the numbers of the flow whose name it bears, if there is one.

        Raises InvalidInput ``document_...``.
        """
        judged = await judge_draft(document)
        known = await self.store.get(actor.account_id, judged.draft.name) if judged.draft.name else None
        return [*judged.findings, *await self.missing.find(actor.account_id, judged, known.dids if known else None)]

    async def show(self, actor: Actor, flow: str) -> FlowRow:
        """By id or name, with all findings of the draft as they are now: those of the document, then what the account lacks.

        Raises NotFound ``flow_not_found``.
        """
        row = await self.get(actor, flow)
        draft = await self.draft(actor, row.id)
        return await self._complete(row, await judge_draft(draft.document), actor)

    async def _complete(self, row: FlowRow, judged: JudgedDraft, actor: Actor) -> FlowRow:
        missing = await self.missing.find(actor.account_id, judged, row.dids)
        return replace(row, draft_findings=[asdict(finding) for finding in (*judged.findings, *missing)])

    async def get(self, actor: Actor, flow: str) -> FlowRow:
        """By id or name. Raises NotFound ``flow_not_found``."""
        return flow_found(await self.store.get(actor.account_id, flow))

    async def page(self, actor: Actor, after: FlowId | None, limit: int) -> Sequence[FlowRow]:
        """Flows by id."""
        return await self.store.page(actor.account_id, after, limit)

    async def draft(self, actor: Actor, flow: str) -> Draft:
        """The draft with its bytes. Raises NotFound ``flow_not_found``."""
        row = await self.get(actor, flow)
        found = await self.store.draft(actor.account_id, row.id)
        if found is None:
            raise NotFound("flow_not_found", "There is no such flow in this account.")
        return found

    async def versions(self, actor: Actor, flow: str, before: int | None, limit: int) -> Sequence[VersionRow]:
        """Published versions, newest first. Raises NotFound ``flow_not_found``."""
        row = await self.get(actor, flow)
        return await self.store.versions(actor.account_id, row.id, before, limit)

    async def version_document(self, actor: Actor, flow: str, number: int) -> bytes:
        """The frozen bytes. Raises NotFound ``flow_not_found``, ``version_not_found``."""
        row = await self.get(actor, flow)
        found = await self.store.version_document(actor.account_id, row.id, number)
        if found is None:
            raise NotFound("version_not_found", f"The flow has no version {number}.")
        return found


def _named(draft: Draft) -> Draft:
    if not draft.name:
        raise InvalidInput("flow_name_missing", "The document names the flow: `flow: appointment_reminder`.", line=0)
    return draft
