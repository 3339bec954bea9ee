"""The internal functions of a flow as errands: start another flow, keep values about the customer, make a short link (step 4).

Each is done once however often it is tried: its id comes from the attempt and the errand's number. While the store is away it is
tried again, until the step's time is over and the errand is dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeVar
from uuid import UUID

from central.application.conversation.live_call import LiveCall
from central.application.conversation.run_errands import Returned
from central.application.ports.internal_functions import ContactKeeper, FlowStart, FlowStarter, LinkKeeper, NewLink
from central.application.ports.telemetry import Telemetry
from central.application.ports.world import Clock, Ids
from central.domain.errors import NeighbourError
from central.domain.ids import RequestId, derived_uuid
from central.domain.text_links import escaped_url, is_linkable
from central.flow.errands import ShortenLink, StartFlow, UpdateContact

_PAUSE_S: Final = 0.5
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class CallFunctions:
    """The runners. ``link_address``: where links are resolved, with a slash at its end."""

    starter: FlowStarter
    contacts: ContactKeeper
    links: LinkKeeper
    clock: Clock
    ids: Ids
    telemetry: Telemetry
    link_address: str

    async def start_flow(self, call: LiveCall, errand: StartFlow) -> Returned:
        """Store a record of another flow; a refusal is ``failed`` with its reason."""
        record = call.handed.record
        own = errand.number in record.numbers
        wanted = FlowStart(
            request_id=RequestId(_id_of(call)),
            started_by=record.id,
            request_of_starter=record.request_id,
            testing=record.testing,
            flow=errand.flow,
            number=f"+{errand.number}" if own else errand.number,  # as stored: no national form is to be guessed again
            after_s=errand.after_s,
            variables=errand.variables,
            client_identifier=errand.client_identifier,
            time_zone=(record.time_zone or "") if own else "",
        )
        answer = await self._insist(lambda: self.starter(record.account_id, wanted))
        if not answer.started:
            return Returned("failed", detail=answer.detail)
        values = {"record_id": str(answer.record_id), "request_id": str(wanted.request_id), "status": answer.status}
        return Returned("started", values, answer.detail)

    async def update_contact(self, call: LiveCall, errand: UpdateContact) -> Returned:
        """Keep values about the number that the record is about."""
        number, now = call.run.facts.system.get("contact_number", ""), self.clock.now()
        kept = await self._insist(lambda: self.contacts.merge(call.account_id, number, errand.values, now))
        return Returned("updated") if kept else Returned("failed", detail="contact_too_large: There is no room for it.")

    async def shorten_link(self, call: LiveCall, errand: ShortenLink) -> Returned:
        """Store a link to an http or https address."""
        url = escaped_url(errand.url)
        if not is_linkable(url):
            return Returned("failed", detail=f"url_invalid: {errand.shown[:80]!r} is no web address.")
        now = self.clock.now()
        link = NewLink(
            id=_id_of(call),
            code=self.ids.code(),
            url=url,
            shown=errand.shown,
            record_id=call.record_id,
            number=call.run.facts.system.get("contact_number", ""),
            step=call.run.step,
            created_at=now,
            expires_at=now + timedelta(days=errand.days),
        )
        code = await self._insist(lambda: self.links.add(call.account_id, link))
        return Returned("shortened", {"link": self.link_address + code}, f"expires {link.expires_at:%Y-%m-%d}")

    async def _insist(self, work: Callable[[], Awaitable[Answer]]) -> Answer:
        """Do it as soon as the store is there; doing it twice changes nothing, and the step's limit ends the wait."""
        while True:
            try:
                return await work()
            except NeighbourError as error:
                self.telemetry.event("errand_delayed", code=error.code, detail=error.message)
                await asyncio.sleep(_PAUSE_S)


def _id_of(call: LiveCall) -> UUID:
    return derived_uuid(call.handed.attempt_id, call.errand_in_hand())
