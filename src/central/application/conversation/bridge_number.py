"""Another number is brought to the customer (path steps 2 to 4): the errand ``BridgeNumber``."""

from __future__ import annotations

from typing import Final, Literal

from central.application.conversation.bring_in import BringIn, first
from central.application.conversation.live_call import FurtherLeg, LiveCall
from central.application.conversation.run_errands import Moved, Returned
from central.application.conversation.voice_desk import VoiceDesk
from central.domain.accounts import Switch
from central.domain.numbers import is_international
from central.domain.statuses import CallStatus
from central.flow.errands import BridgeNumber

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
    """A staged runner."""

    def __init__(self, desk: VoiceDesk, bring: BringIn) -> None:
        self._desk, self._bring = desk, bring

    async def run(self, call: LiveCall, errand: BridgeNumber, moved: Moved) -> Returned:
        """Ring, join, and wait until one of them leaves; see the errand for the outcomes."""
        refused = await self._refused(call, errand.number)
        if refused:
            return Returned("failed", detail=_REFUSED[refused])
        customer, telephony = call.leg, self._desk.telephony
        if customer is None or customer.over:
            return Returned("failed", detail="The customer's call is over.")
        await telephony.ring(customer.id)
        further = self._bring.ring(call, errand.number, errand.role, errand.ring_timeout_s, errand.caller_id)
        try:
            try:
                await first(further.answered, further.ended)
            finally:
                await telephony.stop_ringing(customer.id)
            return await self._converse(call, errand, further, moved)
        finally:
            self._bring.part(call, further)

    async def _converse(self, call: LiveCall, errand: BridgeNumber, further: FurtherLeg, moved: Moved) -> Returned:
        if further.ended.done():
            status, detail = further.ended.result()
            return Returned(_OUTCOMES.get(status, "failed"), {"status": status}, detail)
        if errand.whisper is not None:
            await self._bring.whisper(call, further, errand.whisper)
        if fault := await self._bring.join(call, further):
            return Returned("failed", detail=fault)
        moved("conversation")
        await further.ended
        return Returned("answered", {"status": CallStatus.CONNECTED})

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
