"""From draft to production: freeze the next version, move the production pointer."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from central.application.administration.acting import Actor, Auditor
from central.application.administration.find_missing import FindMissing
from central.application.administration.judge_draft import judge_draft
from central.application.administration.save_flow import flow_found
from central.application.ports.flow_store import FlowRow, FlowStore, VersionRow
from central.domain.errors import Conflict, InvalidInput, NotFound


@dataclass(frozen=True, slots=True)
class PublishFlow:
    """Promotion and its reverse (domain specification, section 4.3)."""

    store: FlowStore
    missing: FindMissing
    auditor: Auditor

    async def publish(self, actor: Actor, flow: str, note: str = "") -> VersionRow:
        """Freeze the draft, and the recordings that it plays, as the next version and point production to it.

        Raises NotFound ``flow_not_found``, InvalidInput ``flow_has_errors`` (details: ``findings``), Conflict
        ``draft_changed`` (somebody saved meanwhile), ``prompts_changed`` (somebody removed a recording), ``flow_archived``.
        """
        row = flow_found(await self.store.get(actor.account_id, flow))
        draft = await self.store.draft(actor.account_id, row.id)
        if draft is None or row.archived_at is not None:
            raise Conflict("flow_archived", "An archived flow cannot be published.")
        judged = await judge_draft(draft.document)
        found = [*judged.findings, *await self.missing.find(actor.account_id, judged, row.dids)]
        errors = [finding for finding in found if finding.severity == "error"]
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

    async def roll_back(self, actor: Actor, flow: str, number: int | None, note: str = "") -> FlowRow:
        """Point production to an earlier (or later) version, None = to none; the draft stays as it is.

        Raises NotFound ``flow_not_found``, ``version_not_found``.
        """
        row = flow_found(await self.store.get(actor.account_id, flow))
        audit = self.auditor.entry(
            actor, "flow_production_moved", f"flow:{row.id}", before=row.production_version, after=number, note=note
        )
        return flow_found(await self.store.point_production(actor.account_id, row.id, number, audit))
