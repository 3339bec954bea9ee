"""Somebody else is brought to the customer: rung, told something alone, joined with him, parted (path steps 2 to 4).

His leg is placed like the record's own (trunk, caps, row before the INVITE, money set aside), but its end is the affair of the
errand that wanted him and not the attempt's: the customer's leg alone decides what becomes of the record.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from central.application.conversation.hear_legs import FurtherNews, HearLegs
from central.application.conversation.live_call import FurtherLeg, LiveCall, LiveLeg
from central.application.conversation.place_leg import FAILOVER, PlaceLeg
from central.application.conversation.play_media import media_files
from central.application.conversation.voice_desk import VoiceDesk
from central.application.ports import telephony as news
from central.domain.evidence import Evidence, Phase
from central.flow.commands import Dial
from central.flow.media import Media

FIRST_POSITION: Final = 100
"""Positions of further legs begin here, behind those of the record's own numbers."""


class BringIn:
    """The use case, and the listener of the legs that it made."""

    def __init__(self, desk: VoiceDesk, legs: HearLegs) -> None:
        self._desk, self._legs = desk, legs
        self._place = PlaceLeg(desk, self._over, self._short, self._dropped)

    def ring(
        self,
        call: LiveCall,
        number: str,
        role: str,
        ring_timeout_s: float,
        caller_id: str = "",
        phone: UUID | None = None,
    ) -> FurtherLeg:
        """Begin to ring him; ``answered`` or ``ended`` of the leg tell how it goes. It is to be parted in the end.

        phone: the agent whose SIP phone is rung; ``number`` is then what the leg's row shows.
        """
        position = FIRST_POSITION + call.further_dialled
        call.further_dialled += 1
        dial = Dial(position, ring_timeout_s, caller_id or None)
        further = FurtherLeg(dial, role, self._desk.ids.uuid().hex, phone)
        call.further.append(further)
        # beside: a row that is on its way must find its leg, also when the errand is dropped meanwhile
        self._desk.timers.spawn(self._place.ring_up(call, further, number), "dial")
        return further

    async def whisper(self, call: LiveCall, further: FurtherLeg, words: Media) -> None:
        """Say it to him alone; what cannot be said must not keep the customer waiting."""
        files, fault = await media_files(self._desk, call, [words])
        leg = further.leg
        if fault is None and leg is not None and not leg.over:
            further.heard = asyncio.get_running_loop().create_future()
            answer = await self._desk.telephony.play(leg.id, self._desk.ids.uuid().hex, files)
            if isinstance(answer, news.Accepted):
                await first(further.heard, further.ended)
                return
            fault = answer.detail
        if fault is not None:
            self._desk.warn(call, "whisper_failed", fault)

    async def join(self, call: LiveCall, further: FurtherLeg) -> str:
        """Let him and the customer hear each other; "" = they do, else why not."""
        customer, leg = call.leg, further.leg
        if leg is None or further.ended.done():
            return "The called party left before they could talk."
        if customer is None or customer.over:
            return "The customer's call is over."
        further.bridged = True  # from now on it may be there
        joined = await self._desk.telephony.bridge(further.bridge, [customer.id, leg.id])
        return joined.detail if isinstance(joined, news.Rejected) else ""

    def part(self, call: LiveCall, further: FurtherLeg) -> None:
        """He is needed no more: the bridge ends, and his leg where it is still there. Safe to repeat."""
        telephony, timers = self._desk.telephony, self._desk.timers
        if further in call.further:
            call.further.remove(further)
        if further.bridged:
            further.bridged = False
            timers.spawn(telephony.unbridge(further.bridge), "unbridge")
        leg = further.leg
        if leg is None or leg.over or leg.local is not None:
            return
        leg.local = "hangup_by_us" if leg.phase is Phase.ANSWERED else "cancelled_by_first_party"
        if leg.sent:
            timers.spawn(telephony.hang_up(leg.id, leg.local), "hang_up")

    def take_away(self, call: LiveCall, further: FurtherLeg) -> None:
        """Somebody else wants him gone: his leg ends as if it had broken; ``ended`` tells. Safe to repeat."""
        leg = further.leg
        if further not in call.further or leg is None or leg.over or leg.local is not None:
            return
        further.taken_away = True
        leg.local = "hangup_by_us" if leg.phase is Phase.ANSWERED else "cancelled_by_us"
        if leg.sent:
            self._desk.timers.spawn(self._desk.telephony.hang_up(leg.id, leg.local), "hang_up")

    # -- what is heard of the leg ------------------------------------------------------------------------------------------
    def hear(self, call: LiveCall, leg: LiveLeg, event: FurtherNews) -> None:
        """News of a leg that is not the customer's."""
        further = next((one for one in call.further if one.leg is leg), None)
        match event:
            case news.LegProgress():
                self._legs.progress(leg, event)
            case news.LegAnswered():
                self._legs.answered(call, leg, event.at)
                if further is not None and not further.answered.done():
                    further.answered.set_result(None)
            case news.LegEnded():
                self._over(call, leg, event.evidence, event.at)
            case news.PlaybackEnded():
                if further is not None and further.heard is not None and not further.heard.done():
                    further.heard.set_result(None)
            case _:
                pass  # its keys are nobody's business, and hold is between the two of them

    def _over(self, call: LiveCall, leg: LiveLeg, evidence: Evidence, at: datetime | None = None) -> None:
        if leg.over:
            return
        ending = self._legs.settle(call, leg, evidence, at or self._desk.clock.now())
        further = next((one for one in call.further if one.leg is leg), None)
        if further is None or further.ended.done():
            return
        rang = leg.ring_at is not None or evidence.phase is Phase.RINGING
        lost = evidence.local == "engine_lost" or evidence.end == "lost"
        if ending.status in FAILOVER and leg.left and not rang and not lost and not call.gone:
            self._desk.timers.spawn(self._place.over_next_trunk(call, leg, further), "dial")
            return
        further.broke = evidence.end != "normal" or lost or further.taken_away
        further.ended.set_result((ending.status, f"The call to it: {ending.status}."))

    def _short(self, call: LiveCall, leg: LiveLeg) -> None:
        self._end_unsent(call, leg, "The account cannot pay for a further call.")

    def _dropped(self, call: LiveCall, leg: LiveLeg) -> None:
        self._end_unsent(call, leg, "The record is not ours any more.")

    @staticmethod
    def _end_unsent(call: LiveCall, leg: LiveLeg, detail: str) -> None:
        leg.over = True
        for further in call.further:
            if further.leg is leg and not further.ended.done():
                further.ended.set_result(("", detail))


async def first(*what: asyncio.Future[Any]) -> None:
    """Wait until one of them is done."""
    await asyncio.wait(what, return_when=asyncio.FIRST_COMPLETED)
