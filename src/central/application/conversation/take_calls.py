"""Calls that come in: known from the moment they are offered, driven once they were admitted (path step 4).

Between the two the caller may leave; then the call begins all the same, because its record is there, and ends at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from central.application.conversation.live_call import LiveCall, LiveLeg
from central.application.conversation.voice_desk import VoiceDesk
from central.application.ports.library import AccountTrunk
from central.application.ports.telephony import CallOffered, LegEnded
from central.domain.evidence import Evidence, Phase
from central.domain.ids import LegId
from central.flow.commands import Dial

_REFUSED = "cancelled_by_us"


class TakeCalls:
    """The use case; ``over`` ends the leg of a call, as in ``HearLegs``."""

    def __init__(self, desk: VoiceDesk, over: Callable[[LiveCall, LiveLeg, Evidence], None]) -> None:
        self._desk, self._over = desk, over
        self._offered: dict[LegId, LegEnded | None] = {}

    @property
    def waiting(self) -> Collection[LegId]:
        """Legs that are offered and wait for their admission."""
        return self._offered.keys()

    def offered(self, event: CallOffered) -> None:
        """Somebody calls."""
        self._offered[event.leg] = None

    def ended(self, event: LegEnded) -> None:
        """The caller left before anybody decided; told when the call begins."""
        if event.leg in self._offered:
            self._offered[event.leg] = event

    def refuse(self, offer: CallOffered, q850: int) -> None:
        """Nobody takes the call: the carrier hears why."""
        left = self._offered.pop(offer.leg, None)
        if left is None:
            self._desk.timers.spawn(self._desk.telephony.hang_up(offer.leg, _REFUSED, q850), "refuse")

    def leg_of(self, offer: CallOffered, trunk: AccountTrunk) -> LiveLeg:
        """The leg of an admitted call; it has a place on its trunk."""
        return LiveLeg(
            id=offer.leg,
            dial=Dial(0, 0.0),
            number=offer.caller,
            trunk=trunk,
            left=(),
            caller_id=offer.caller or None,
            handed_at=offer.at,
            phase=Phase.RINGING,
            placed=True,
            sent=True,
            ring_at=offer.at,
            sip_call_id=offer.sip_call_id,
            called=offer.called,
        )

    def begun(self, call: LiveCall, leg: LiveLeg) -> None:
        """The call runs; if its caller is gone already, it ends now."""
        left = self._offered.pop(leg.id, None)
        if left is not None:
            self._over(call, leg, left.evidence)
