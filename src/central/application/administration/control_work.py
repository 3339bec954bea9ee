"""Control actions on requests, records and flows: preview what an action would touch, then do it (domain, section 7.6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from central.application.administration.acting import Actor, Auditor
from central.application.administration.save_flow import flow_found
from central.application.ports.flow_store import ControlAction, ControlEffect, ControlStore, FlowStore
from central.domain.errors import NotFound
from central.domain.ids import RecordId, RequestId

_DONE: Final = {"pause": "paused", "resume": "resumed", "stop": "stopped"}


@dataclass(frozen=True, slots=True)
class ControlWork:
    """Pause, resume, stop, requeue. All are idempotent and audited."""

    store: ControlStore
    flows: FlowStore
    auditor: Auditor

    async def preview(self, actor: Actor, request_id: RequestId, action: str, *, force: bool = False) -> ControlEffect:
        """How many records the action would touch now. Raises NotFound ``request_not_found``."""
        return _request(await self.store.preview(actor.account_id, request_id, action, force=force))

    async def control(
        self, actor: Actor, request_id: RequestId, action: ControlAction, *, force: bool = False
    ) -> ControlEffect:
        """Pause, resume or stop a request; ``force`` (stop only) also cuts running calls.

        Raises NotFound ``request_not_found``, Conflict ``request_stopped``, ``request_finished``, ``flow_paused``.
        """
        audit = self.auditor.entry(actor, f"request_{_DONE[action]}", f"request:{request_id}", force=force)
        return _request(
            await self.store.control_request(
                actor.account_id, request_id, action, force=force, at=audit.at, audit=audit
            )
        )

    async def requeue(self, actor: Actor, request_id: RequestId) -> ControlEffect:
        """Bring back records that ended with INSUFFICIENT_BALANCE or ACCOUNT_VALIDITY_EXPIRED. Raises NotFound."""
        audit = self.auditor.entry(actor, "request_requeued", f"request:{request_id}")
        return _request(await self.store.requeue(actor.account_id, request_id, audit.at, audit))

    async def stop_record(self, actor: Actor, record_id: RecordId) -> ControlEffect:
        """End one waiting record; 0 touched when it runs or has ended. Raises NotFound ``record_not_found``."""
        audit = self.auditor.entry(actor, "record_stopped", f"record:{record_id}")
        effect = await self.store.stop_record(actor.account_id, record_id, audit.at, audit)
        if effect is None:
            raise NotFound("record_not_found", "There is no such record in this account.")
        return effect

    async def preview_flow(
        self, actor: Actor, flow: str, action: ControlAction, *, force: bool = False
    ) -> ControlEffect:
        """How many records of all open requests the action would touch now. Raises NotFound ``flow_not_found``."""
        row = flow_found(await self.flows.get(actor.account_id, flow))
        return _flow(await self.store.preview_flow(actor.account_id, row.id, action, force=force))

    async def control_flow(
        self, actor: Actor, flow: str, action: ControlAction, *, force: bool = False
    ) -> ControlEffect:
        """Pause or resume a flow with its open requests; stop ends all its open requests. Raises NotFound."""
        row = flow_found(await self.flows.get(actor.account_id, flow))
        audit = self.auditor.entry(actor, f"flow_{_DONE[action]}", f"flow:{row.id}", force=force)
        return _flow(
            await self.store.control_flow(actor.account_id, row.id, action, force=force, at=audit.at, audit=audit)
        )


def _request(effect: ControlEffect | None) -> ControlEffect:
    if effect is None:
        raise NotFound("request_not_found", "There is no such request in this account.")
    return effect


def _flow(effect: ControlEffect | None) -> ControlEffect:
    if effect is None:
        raise NotFound("flow_not_found", "There is no such flow in this account.")
    return effect
