"""A further leg: ring another number, say something to it alone, and join it with the customer (path steps 2 to 4).

Runs the errand ``BridgeNumber``. The leg is placed like the record's own (trunk, caps, row before the INVITE, money set
aside), but its end is the errand's affair and not the attempt's: the customer's leg alone decides what becomes of the record.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any, Final, Literal

from central.application.conversation.hear_legs import FurtherNews, HearLegs
from central.application.conversation.live_call import FurtherLeg, LiveCall, LiveLeg
from central.application.conversation.place_leg import FAILOVER, PlaceLeg
from central.application.conversation.play_media import media_files
from central.application.conversation.run_errands import Moved, Returned
from central.application.conversation.voice_desk import VoiceDesk
from central.application.ports import telephony as news
from central.domain.accounts import Switch
from central.domain.evidence import Evidence, Phase
from central.domain.numbers import is_international
from central.domain.statuses import CallStatus
from central.flow.commands import Dial
from central.flow.errands import BridgeNumber
from central.flow.media import Media

FIRST_POSITION: Final = 100
"""Positions of further legs begin here, behind those of the record's own numbers."""

_OUTCOMES: Final[dict[str, Literal["busy", "no_answer"]]] = {
    CallStatus.BUSY: "busy",
    CallStatus.RING_TIMEOUT: "no_answer",
    CallStatus.NO_USER_RESPONDING: "no_answer",
}
_REFUSED: Final = {
    "international": "International calls are not enabled for this account.",
    "blacklist": "The number is on the account's blacklist.",
    "whitelist": "A test may only call numbers of the account's whitelist.",
}


class BridgeNumbers:
    """The use case: a staged runner, and the listener of the legs that it made."""

    def __init__(self, desk: VoiceDesk, legs: HearLegs) -> None:
        self._desk, self._legs = desk, legs
        self._place = PlaceLeg(desk, self._over, self._short, self._dropped)

    async def run(self, call: LiveCall, errand: BridgeNumber, moved: Moved) -> Returned:
        """Ring, join, and wait until one of them leaves; see the errand for the outcomes."""
        refused = await self._refused(call, errand.number)
        if refused:
            return Returned("failed", detail=_REFUSED[refused])
        position = FIRST_POSITION + call.further_dialled
        call.further_dialled += 1
        dial = Dial(position, errand.ring_timeout_s, errand.caller_id or None)
        further = FurtherLeg(dial, errand.role, self._desk.ids.uuid().hex)
        call.further.append(further)
        try:
            return await self._converse(call, errand, further, moved)
        finally:
            self._part(call, further)

    async def _converse(self, call: LiveCall, errand: BridgeNumber, further: FurtherLeg, moved: Moved) -> Returned:
        customer, telephony = call.leg, self._desk.telephony
        if customer is None or customer.over:
            return Returned("failed", detail="The customer's call is over.")
        await telephony.ring(customer.id)
        try:
            # beside: a row that is on its way must find its leg, also when the errand is dropped meanwhile
            self._desk.timers.spawn(self._place.ring_up(call, further, errand.number), "dial")
            await _first(further.answered, further.ended)
        finally:
            await telephony.stop_ringing(customer.id)
        if further.ended.done():
            status, detail = further.ended.result()
            return Returned(_OUTCOMES.get(status, "failed"), {"status": status}, detail)
        if errand.whisper is not None:
            await self._whisper(call, further, errand.whisper)
        leg = further.leg
        if leg is None or customer.over or further.ended.done():
            return Returned("failed", detail="The called party left before they could talk.")
        further.bridged = True  # from now on it may be there
        joined = await telephony.bridge(further.bridge, [customer.id, leg.id])
        if isinstance(joined, news.Rejected):
            return Returned("failed", detail=joined.detail)
        moved("conversation")
        await further.ended
        return Returned("answered", {"status": CallStatus.CONNECTED})

    async def _whisper(self, call: LiveCall, further: FurtherLeg, words: Media) -> None:
        """Say it to the called party alone; what cannot be said must not keep the customer waiting."""
        files, fault = await media_files(self._desk, call, [words])
        leg = further.leg
        if fault is None and leg is not None and not leg.over:
            further.heard = asyncio.get_running_loop().create_future()
            answer = await self._desk.telephony.play(leg.id, self._desk.ids.uuid().hex, files)
            if isinstance(answer, news.Accepted):
                await _first(further.heard, further.ended)
                return
            fault = answer.detail
        if fault is not None:
            self._desk.warn(call, "whisper_failed", fault)

    def _part(self, call: LiveCall, further: FurtherLeg) -> None:
        """The errand is over: so are the bridge, and the leg where it is still there."""
        telephony, timers = self._desk.telephony, self._desk.timers
        if further in call.further:
            call.further.remove(further)
        if further.bridged:
            timers.spawn(telephony.unbridge(further.bridge), "unbridge")
        leg = further.leg
        if leg is None or leg.over:
            return
        leg.local = leg.local or ("hangup_by_us" if leg.phase is Phase.ANSWERED else "cancelled_by_first_party")
        if leg.sent:
            timers.spawn(telephony.hang_up(leg.id, leg.local), "hang_up")

    async def _refused(self, call: LiveCall, number: str) -> str:
        """The checks of a claim that hold for any number that is called (domain 7.2, steps 4 to 6); "" = it may be."""
        account, lists = call.handed.account, self._desk.lists
        if is_international(number, account.country) and not account.has(Switch.INTERNATIONAL_CALLING):
            return "international"
        if lists is None:
            return ""
        on = await lists.listed(call.account_id, number, self._desk.clock.now())
        if "blacklist" in on:
            return "blacklist"
        return "whitelist" if call.handed.record.testing and "whitelist" not in on else ""

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


async def _first(*what: asyncio.Future[Any]) -> None:
    await asyncio.wait(what, return_when=asyncio.FIRST_COMPLETED)
