"""What belongs to a flow beside its document: DIDs, the activation switch, archiving, the security id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from central.application.administration.acting import Actor, Auditor
from central.application.administration.checks import check_number
from central.application.administration.save_flow import flow_found
from central.application.ports.flow_store import FlowRow, FlowStore
from central.domain.errors import InvalidInput

MAX_OVERLAP = timedelta(days=30)
_MAX_DIDS = 1000


@dataclass(frozen=True, slots=True)
class ArrangeFlow:
    """Switches of a flow; none of them changes a version."""

    store: FlowStore
    auditor: Auditor

    async def attach_dids(self, actor: Actor, flow: str, numbers: Sequence[str], country: str) -> FlowRow:
        """Make exactly these the flow's DIDs. Raises InvalidInput ``invalid_number``, NotFound ``did_not_found``."""
        if len(numbers) > _MAX_DIDS:
            raise InvalidInput("too_many_dids", f"A flow has at most {_MAX_DIDS} DIDs.", field="dids")
        row = flow_found(await self.store.get(actor.account_id, flow))
        digits = sorted({check_number(number, country, "dids") for number in numbers})
        audit = self.auditor.entry(actor, "flow_dids_attached", f"flow:{row.id}", dids=digits)
        return flow_found(await self.store.attach_dids(actor.account_id, row.id, digits, audit))

    async def activate(self, actor: Actor, flow: str, *, active: bool) -> FlowRow:
        """Switch the flow on or off; off, it takes no requests. Raises NotFound ``flow_not_found``."""
        row = flow_found(await self.store.get(actor.account_id, flow))
        audit = self.auditor.entry(actor, "flow_switched", f"flow:{row.id}", active=active)
        return flow_found(await self.store.set_switches(actor.account_id, row.id, {"active": active}, audit))

    async def archive(self, actor: Actor, flow: str, *, archived: bool) -> FlowRow:
        """Put the flow away, or take it back; its waiting records run on unless stopped. Raises NotFound."""
        row = flow_found(await self.store.get(actor.account_id, flow))
        audit = self.auditor.entry(actor, "flow_archived" if archived else "flow_restored", f"flow:{row.id}")
        changes = {"archived_at": self.auditor.clock.now() if archived else None}
        return flow_found(await self.store.set_switches(actor.account_id, row.id, changes, audit))

    async def rotate_security_id(self, actor: Actor, flow: str, overlap: timedelta = timedelta(0)) -> str:
        """A new security id of 64 hex digits, shown once; the old one stays valid for ``overlap`` (at most 30 days).

        Raises NotFound ``flow_not_found``, InvalidInput ``invalid_overlap``.
        """
        if not timedelta(0) <= overlap <= MAX_OVERLAP:
            raise InvalidInput("invalid_overlap", f"An overlap is 0 to {MAX_OVERLAP.days} days.", field="overlap_s")
        row = flow_found(await self.store.get(actor.account_id, flow))
        secret = sha256(self.auditor.ids.secret(32).encode()).hexdigest()
        until = self.auditor.clock.now() + overlap if overlap else None
        audit = self.auditor.entry(
            actor, "flow_security_rotated", f"flow:{row.id}", overlap_s=int(overlap.total_seconds())
        )
        digest = sha256(secret.encode()).digest()
        if not await self.store.set_security(actor.account_id, row.id, digest, until, audit):
            flow_found(None)
        return secret
