"""Agents are rung for somebody who wants one: the first who answers and whose offer still stands (path steps 4 and 4b)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from central.application.conversation.bring_in import BringIn, first
from central.application.conversation.live_call import FurtherLeg, LiveCall
from central.application.ports.contact_center import Offer, OfferEnd, Place
from central.application.ports.telephony import phone_user
from central.domain.statuses import CallStatus

_ENDS: Final[dict[str, OfferEnd]] = {
    CallStatus.BUSY: "busy",
    CallStatus.RING_TIMEOUT: "missed",
    CallStatus.NO_USER_RESPONDING: "missed",
    CallStatus.USER_REJECTED: "refused",
    CallStatus.CANCELLED: "withdrawn",
}
"""What an unanswered call to an agent tells the contact center; every other status: he could not be reached."""


async def ring_agents(
    bring: BringIn, call: LiveCall, place: Place, offers: Sequence[Offer], caller_id: str = ""
) -> tuple[Offer, FurtherLeg] | None:
    """Ring them all; the first who answers and whose offer still stands, None when nobody did. The others are let go."""
    rung = {
        offer.id: bring.ring(
            call,
            offer.number or phone_user(offer.agent),
            "agent",
            offer.ring_timeout_s,
            caller_id or offer.caller_id,
            phone=None if offer.number else offer.agent,
        )
        for offer in offers
    }
    for offer in offers:
        place.watch(offer, partial(bring.take_away, call, rung[offer.id]))
    left = {offer.id: offer for offer in offers}
    won: tuple[Offer, FurtherLeg] | None = None
    try:
        while left and won is None:
            await first(*(rung[key].ended for key in left), *(rung[key].answered for key in left))
            for key, offer in list(left.items()):
                further = rung[key]
                if further.ended.done():
                    del left[key]
                    await place.ended(offer, _ENDS.get(further.ended.result()[0], "unreachable"))
                elif further.answered.done() and won is None:
                    del left[key]
                    if await place.taken(offer):
                        won = offer, further
        return won
    finally:
        for key, further in rung.items():
            if won is None or key != won[0].id:
                bring.part(call, further)
