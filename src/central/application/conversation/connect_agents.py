"""The customer waits for an agent and talks with him (path steps 4 and 4b): the errand ``ConnectAgent``."""

from __future__ import annotations

from collections.abc import Sequence

from central.application.conversation.bring_in import BringIn
from central.application.conversation.live_call import FurtherLeg, LiveCall
from central.application.conversation.ring_agents import ring_agents
from central.application.conversation.run_errands import Moved, Returned
from central.application.conversation.voice_desk import VoiceDesk
from central.application.ports.contact_center import AgentWish, ContactCenter, Offer, Place
from central.flow.errands import ConnectAgent


class ConnectAgents:
    """A staged runner; ``door`` is the contact center's on this node."""

    def __init__(self, desk: VoiceDesk, bring: BringIn, door: ContactCenter) -> None:
        self._desk, self._bring, self._door = desk, bring, door

    async def run(self, call: LiveCall, errand: ConnectAgent, moved: Moved) -> Returned:
        """Let the customer wait and talk. Raises NeighbourError when the contact center is away."""
        leg = call.leg
        if leg is None or leg.over:
            return Returned("failed", detail="The customer's leg is gone.")
        began = self._desk.clock.monotonic()
        wish = AgentWish(
            account_id=call.account_id,
            record_id=call.record_id,
            leg=leg.id,
            number=leg.number,
            max_wait_s=errand.max_wait_s,
            queue=errand.queue,
            agent=errand.agent,
            skills=errand.skills,
            priority=errand.priority,
            ring_timeout_s=errand.ring_timeout_s,
        )
        place = await self._door.enter(wish)
        try:
            return await self._serve(call, errand, place, moved, began)
        finally:
            self._desk.timers.spawn(place.leave(), "leave_queue")

    async def _serve(self, call: LiveCall, errand: ConnectAgent, place: Place, moved: Moved, began: float) -> Returned:
        """Ring whoever is offered, until somebody has talked with him or the wait is over."""
        lost = ""
        while True:
            offers = await place.offers()
            if isinstance(offers, str):
                return Returned("agent_lost" if lost else offers, self._values(began, lost))
            waited = self._values(began, "")
            won = await self._ring(call, errand, place, offers)
            if won is None:
                continue
            offer, further = won
            try:
                left = await self._converse(call, errand, further, moved)
            finally:
                self._bring.part(call, further)
            if left:
                await place.over(offer, "agent_left")
                return Returned("agent_allocated", waited | {"agent": offer.name})
            lost = offer.name
            await place.over(offer, "agent_lost")
            moved("waiting")

    async def _ring(
        self, call: LiveCall, errand: ConnectAgent, place: Place, offers: Sequence[Offer]
    ) -> tuple[Offer, FurtherLeg] | None:
        """Ring them all; the first who answers and whose offer still stands, None when nobody did."""
        customer, telephony = call.leg, self._desk.telephony
        if customer is None or customer.over:
            return None
        await telephony.ring(customer.id)
        try:
            return await ring_agents(self._bring, call, place, offers, errand.caller_id)
        finally:
            await telephony.stop_ringing(customer.id)

    async def _converse(self, call: LiveCall, errand: ConnectAgent, further: FurtherLeg, moved: Moved) -> bool:
        """Until one of them leaves; False when the agent's leg broke, or he was gone before they could talk."""
        if errand.whisper is not None:
            await self._bring.whisper(call, further, errand.whisper)
        if await self._bring.join(call, further):
            return False
        moved("conversation")
        await further.ended
        return not further.broke

    def _values(self, began: float, agent: str) -> dict[str, str]:
        waited = {"waited_s": f"{self._desk.clock.monotonic() - began:.1f}"}
        return waited | {"agent": agent} if agent else waited
