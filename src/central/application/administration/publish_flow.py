"""From draft to production: freeze the next version, move the production pointer, snapshot the draft for a test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from central.application.administration.acting import Actor, Auditor
from central.application.administration.judge_draft import judge_draft
from central.application.administration.save_flow import flow_found
from central.application.ports.flow_store import FlowRow, FlowStore, VersionRow
from central.application.ports.speech import PromptCatalogue
from central.domain.errors import Conflict, InvalidInput, NotFound
from central.domain.ids import AccountId
from central.domain.prompts import preferred_language
from central.flow.findings import Finding
from central.flow.program import PromptUse

_WITHOUT_DID = Finding(
    "flow_without_did", "error", 0, "", "The flow makes calls and has no DID.", "Attach at least one DID to the flow."
)


@dataclass(frozen=True, slots=True)
class PublishFlow:
    """Promotion and its reverse (domain specification, section 4.3)."""

    store: FlowStore
    prompts: PromptCatalogue
    auditor: Auditor

    async def publish(self, actor: Actor, flow: str, note: str = "") -> VersionRow:
        """Freeze the draft as the next version and point production to it.

        Raises NotFound ``flow_not_found``, InvalidInput ``flow_has_errors`` (details: ``findings``), Conflict
        ``draft_changed`` (somebody saved meanwhile), ``flow_archived``.
        """
        row = flow_found(await self.store.get(actor.account_id, flow))
        draft = await self.store.draft(actor.account_id, row.id)
        if draft is None or row.archived_at is not None:
            raise Conflict("flow_archived", "An archived flow cannot be published.")
        judged = await judge_draft(draft.document)
        errors = [finding for finding in judged.findings if finding.severity == "error"]
        if judged.calls and not row.dids:
            errors.append(_WITHOUT_DID)
        errors += await self._missing_prompts(actor.account_id, judged.prompts)
        if errors:
            raise InvalidInput(
                "flow_has_errors",
                f"The draft has {len(errors)} error{'s' if len(errors) > 1 else ''} and cannot be published.",
                findings=[asdict(finding) for finding in errors],
            )
        audit = self.auditor.entry(actor, "flow_published", f"flow:{row.id}", hash=draft.hash, note=note)
        version_id = self.auditor.ids.uuid()
        version = await self.store.publish(actor.account_id, row.id, version_id, draft.hash, note, audit)
        if version is None:
            raise NotFound("flow_not_found", "There is no such flow in this account.")
        return version

    async def _missing_prompts(self, account_id: AccountId, uses: Sequence[tuple[str, PromptUse]]) -> Sequence[Finding]:
        """An error for each recording that no playback would find: the document may be right, the library is not."""
        recorded: dict[str, set[str]] = {}
        names = sorted({use.name for _, use in uses})
        for prompt in await self.prompts.find_prompts(account_id, names) if names else ():
            recorded.setdefault(prompt.name, set()).add(prompt.language)
        return [
            _prompt_missing(step, use, recorded.get(use.name, set()))
            for step, use in uses
            if preferred_language(recorded.get(use.name, ()), use.language) is None
        ]

    async def roll_back(self, actor: Actor, flow: str, number: int | None, note: str = "") -> FlowRow:
        """Point production to an earlier (or later) version, None = to none; the draft stays as it is.

        Raises NotFound ``flow_not_found``, ``version_not_found``.
        """
        row = flow_found(await self.store.get(actor.account_id, flow))
        audit = self.auditor.entry(
            actor, "flow_production_moved", f"flow:{row.id}", before=row.production_version, after=number, note=note
        )
        return flow_found(await self.store.point_production(actor.account_id, row.id, number, audit))

    async def snapshot(self, actor: Actor, flow: str) -> VersionRow:
        """Freeze the draft for a testing request; the same bytes give the same snapshot.

        Raises NotFound ``flow_not_found``.
        """
        row = flow_found(await self.store.get(actor.account_id, flow))
        found = await self.store.snapshot(actor.account_id, row.id, self.auditor.ids.uuid())
        if found is None:
            raise NotFound("flow_not_found", "There is no such flow in this account.")
        return found


def _prompt_missing(step: str, use: PromptUse, others: set[str]) -> Finding:
    only = f" in {use.language}, only in {', '.join(sorted(others))}" if others else ""
    message = f"The account has no recorded prompt {use.name!r}{only}."
    return Finding(
        "prompt_missing", "error", use.line, step, message, "Add it to the prompt library, or correct `file:`."
    )
