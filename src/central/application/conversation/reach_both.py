"""A dialer's run brings an agent and the customer together (path steps 2 to 4b): the errand ``ReachBoth``, in every mode.

The step of the flow calls the customer; this errand has the agent, and joins them when somebody has answered (ADR 46).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from central.application.conversation.bring_in import BringIn, first
from central.application.conversation.live_call import FurtherLeg, LiveCall
from central.application.conversation.play_media import media_files
from central.application.conversation.ring_agents import ring_agents
from central.application.conversation.run_errands import Moved, Returned
from central.application.conversation.voice_desk import VoiceDesk
from central.application.ports.contact_center import AgentWish, ContactCenter, Offer, Place, TalkEnd
from central.application.ports.telephony import Accepted
from central.flow.errands import ReachBoth
from central.flow.media import Prompt

_UNBOUND_S: Final = 30.0
"""How long an answered customer waits for an agent where no policy says when he counts as abandoned."""


@dataclass(slots=True)
class _Met:
    """An agent on the line for this run; ``settled``: the contact center knows how it ended."""

    place: Place
    offer: Offer
    further: FurtherLeg
    talked: bool = False
    settled: bool = False

    async def over(self, how: TalkEnd) -> None:
        self.settled = True
        await self.place.over(self.offer, how)


class ReachBoths:
    """A staged runner; ``door`` is the contact center's on this node."""

    def __init__(self, desk: VoiceDesk, bring: BringIn, door: ContactCenter) -> None:
        self._desk, self._bring, self._door = desk, bring, door

    async def run(self, call: LiveCall, errand: ReachBoth, moved: Moved) -> Returned:
        """Find an agent and the customer, in the order of the mode. Raises NeighbourError when the contact center is away."""
        call.met = asyncio.get_running_loop().create_future()
        match errand.mode:
            case "agent_first":
                return await self._agent_first(call, errand, moved)
            case "progressive":
                return await self._reserved(call, errand, moved)
            case "predictive":
                moved("agent")
                await call.met
                return await self._answered(call, errand, moved, None, ())

    # -- the agent first ---------------------------------------------------------------------------------------------------
    async def _agent_first(self, call: LiveCall, errand: ReachBoth, moved: Moved) -> Returned:
        place = await self._door.enter(self._wish(call, errand, errand.max_wait_s))
        try:
            won = await self._found(call, place)
            if isinstance(won, str):
                return Returned("agent_missing", detail=f"No agent took the call: {won.replace('_', ' ')}.")
            return await self._with_agent(call, errand, _Met(place, *won), moved)
        finally:
            self._desk.timers.spawn(place.leave(), "leave_queue")

    async def _found(
        self, call: LiveCall, place: Place, offers: Sequence[Offer] = ()
    ) -> tuple[Offer, FurtherLeg] | str:
        """The agent who answered, or how the wait for one ended."""
        while True:
            if not offers:
                came = await place.offers()
                if isinstance(came, str):
                    return came
                offers = came
            won = await ring_agents(self._bring, call, place, offers)
            if won is not None:
                return won
            offers = ()

    async def _with_agent(self, call: LiveCall, errand: ReachBoth, met: _Met, moved: Moved) -> Returned:
        try:
            if errand.whisper is not None:
                await self._bring.whisper(call, met.further, errand.whisper)
            if not met.further.ended.done() and call.met is not None:
                moved("agent")
                waits = asyncio.create_task(self._entertain(call, met.further, errand.music))
                try:
                    await first(call.met, met.further.ended)
                finally:
                    waits.cancel()
                    await asyncio.wait([waits])
                if call.met.done():
                    return await self._talk(call, met, moved)
            await met.over("not_reached")
            return Returned("agent_left", {"agent": met.offer.name})
        finally:
            self._let_go(call, met)

    async def _entertain(self, call: LiveCall, further: FurtherLeg, music: str) -> None:
        """He hears music, or ringing, until this is cancelled."""
        leg, telephony = further.leg, self._desk.telephony
        if leg is None:
            return
        files, fault = await media_files(self._desk, call, [Prompt(music, "en")]) if music else ([], None)
        if fault is not None:
            self._desk.warn(call, "music_failed", fault)
        playback = self._desk.ids.uuid().hex
        try:
            while files and not leg.over:
                further.heard = asyncio.get_running_loop().create_future()
                if not isinstance(await telephony.play(leg.id, playback, files), Accepted):
                    break
                await first(further.heard, further.ended)
                playback = self._desk.ids.uuid().hex
            await telephony.ring(leg.id)
            await first(further.ended)  # which waits without cancelling it
        finally:
            if files:
                await telephony.stop_playback(playback)
            await telephony.stop_ringing(leg.id)

    # -- the customer first ------------------------------------------------------------------------------------------------
    async def _reserved(self, call: LiveCall, errand: ReachBoth, moved: Moved) -> Returned:
        """An agent is offered the call, and rung when the customer answers."""
        place = await self._door.enter(self._wish(call, errand, errand.max_wait_s))
        try:
            offers = await place.offers()
            if isinstance(offers, str):
                return Returned("agent_missing", detail=f"No agent was free: {offers.replace('_', ' ')}.")
            moved("agent")
            if call.met is not None:
                await call.met
            return await self._answered(call, errand, moved, place, offers)
        finally:
            self._desk.timers.spawn(place.leave(), "leave_queue")

    async def _answered(
        self, call: LiveCall, errand: ReachBoth, moved: Moved, place: Place | None, offers: Sequence[Offer]
    ) -> Returned:
        """The customer is on the line: an agent has as long as the policy says."""
        abandon = call.handed.policy.abandon
        after_s = abandon.after_s if abandon is not None else _UNBOUND_S
        found: Place | None = place
        try:
            async with asyncio.timeout(after_s):
                found = place or await self._door.enter(self._wish(call, errand, after_s))
                won = await self._found(call, found, offers)
        except TimeoutError:
            won = f"nobody in {after_s:g} s"
        try:
            if found is None or isinstance(won, str):
                return Returned("abandoned", detail=f"No agent was there in time: {str(won).replace('_', ' ')}.")
            met = _Met(found, *won)
            try:
                if errand.whisper is not None:
                    self._desk.warn(call, "whisper_left_out")
                return await self._talk(call, met, moved)
            finally:
                self._let_go(call, met)
        finally:
            if found is not None and place is None:
                self._desk.timers.spawn(found.leave(), "leave_queue")

    # -- both --------------------------------------------------------------------------------------------------------------
    async def _talk(self, call: LiveCall, met: _Met, moved: Moved) -> Returned:
        """Until one of them leaves."""
        values = {"agent": met.offer.name}
        fault = await self._bring.join(call, met.further)
        if fault:
            await met.over("not_reached")
            return Returned("abandoned", values, fault)
        met.talked = True
        moved("conversation")
        await met.further.ended
        if met.further.broke:
            await met.over("agent_lost")
            return Returned("agent_lost", values)
        await met.over("agent_left")
        return Returned("connected", values)

    def _let_go(self, call: LiveCall, met: _Met) -> None:
        self._bring.part(call, met.further)
        if not met.settled:
            how: TalkEnd = "customer_left" if met.talked else "not_reached"
            self._desk.timers.spawn(met.over(how), "agent_free")

    def _wish(self, call: LiveCall, errand: ReachBoth, max_wait_s: float) -> AgentWish:
        record = call.handed.record
        leg = call.leg.id if call.leg is not None and not call.leg.over else None
        return AgentWish(
            account_id=call.account_id,
            record_id=call.record_id,
            leg=leg,
            number=record.numbers[call.handed.contact_position],
            max_wait_s=max_wait_s,
            queue=errand.queue,
            skills=errand.skills,
            priority=errand.priority,
            ring_timeout_s=errand.agent_ring_s,
        )
