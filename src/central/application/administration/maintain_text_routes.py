"""Which flow texts to a number start: the flow must be one without a call."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import msgspec

from central.application.administration.acting import Actor, Auditor
from central.application.ports.carriers import CarrierId
from central.application.ports.intake import IntakeStore
from central.application.ports.text_routes import TextRoute, TextRouteStore
from central.domain.errors import Conflict, InvalidInput, NotFound
from central.domain.opt_out import wish_of
from central.domain.text_routes import keyword_of
from central.flow.prepared import prepare_flow

_RECIPIENT: Final = re.compile(r"[A-Za-z0-9]{0,20}")


@dataclass(frozen=True, slots=True)
class MaintainTextRoutes:
    """The use case."""

    store: TextRouteStore
    flows: IntakeStore
    auditor: Auditor

    async def put(
        self, actor: Actor, flow: str, *, recipient: str, keyword: str, carrier_id: CarrierId | None
    ) -> TextRoute:
        """Store a route, or give the one with the same recipient, keyword and carrier another flow.

        Raises InvalidInput ``invalid_recipient``, ``invalid_keyword``, ``keyword_reserved``; NotFound ``flow_not_found``,
        ``carrier_not_found``; Conflict ``flow_archived``, ``flow_has_call``.
        """
        recipient = recipient.strip().removeprefix("+")
        if not _RECIPIENT.fullmatch(recipient):
            message = "A recipient is the number or short code as the carrier writes it: at most 20 digits and letters."
            raise InvalidInput("invalid_recipient", message, field="recipient")
        word = keyword_of(keyword)
        if keyword and (not word or " " in keyword.strip()):
            raise InvalidInput("invalid_keyword", "A keyword is one word of at most 32 characters.", field="keyword")
        if wish_of(keyword):
            message = "Texts that say this alone are opt-outs, opt-ins or calls for help; they start no flow."
            raise InvalidInput("keyword_reserved", message, field="keyword")
        found = await self.flows.find_flow(actor.account_id, flow)
        if found is None:
            raise NotFound("flow_not_found", f"There is no flow {flow!r} in this account.", flow=flow)
        if found.archived_at is not None:
            raise Conflict("flow_archived", f"Flow {found.name} is archived.", flow=found.flow_id)
        document = found.draft
        if found.version_id is not None:
            _, _, document = await self.flows.version_document(actor.account_id, found.version_id)
        route_id = self.auditor.ids.uuid()
        if prepare_flow(route_id, actor.account_id, found.flow_id, None, document).needs_voice:
            message = f"Flow {found.name} has steps of a call; a text starts only flows without one."
            raise Conflict("flow_has_call", message, flow=found.flow_id)
        route = TextRoute(
            id=route_id,
            flow_id=found.flow_id,
            created_at=self.auditor.clock.now(),
            recipient=recipient,
            keyword=word,
            carrier_id=carrier_id,
        )
        audit = self.auditor.entry(
            actor, "text_route_stored", f"text-route:{recipient or '*'}", keyword=word, flow=found.flow_id
        )
        return msgspec.structs.replace(route, id=await self.store.put(actor.account_id, route, audit))

    async def page(self, actor: Actor, after: UUID | None, limit: int) -> Sequence[TextRoute]:
        """Routes in the order they were made."""
        return await self.store.page(actor.account_id, after, limit)

    async def remove(self, actor: Actor, route_id: UUID) -> None:
        """Raises NotFound ``text_route_not_found``."""
        audit = self.auditor.entry(actor, "text_route_removed", f"text-route:{route_id}")
        if not await self.store.remove(actor.account_id, route_id, audit):
            raise NotFound("text_route_not_found", "There is no such route in this account.")
