"""Dialling: from the flow's wish to call a number to an INVITE, or to the reason why there is none (path steps 2 to 4).

Order for each trunk that routes the number: wait for a place within its caps, store the leg row, look whether the lease
still stands, then originate. A trunk that proves unable is followed by the next one; nothing is dialled twice.
"""

from __future__ import annotations

from collections.abc import Callable

from central.application.conversation.live_call import FurtherLeg, LiveCall, LiveLeg
from central.application.conversation.voice_desk import VoiceDesk
from central.application.ports.journal import LegHandOver
from central.application.ports.library import AccountTrunk
from central.application.ports.telephony import Accepted, Originate
from central.domain.evidence import Evidence, Phase
from central.domain.ids import LegId
from central.domain.money import reserve_amount
from central.domain.numbers import normalise
from central.domain.statuses import CallStatus
from central.flow.commands import ANONYMOUS, Dial

FAILOVER = frozenset({CallStatus.CONGESTION, CallStatus.CHANNEL_UNAVAILABLE})
"""Words after which another trunk may still reach the number: the carrier or the trunk, not the callee, said no."""

_BACKSTOP_S = 15.0  # the engine's own timer is longer than ours, so that ours always decides

LegOver = Callable[[LiveCall, LiveLeg, Evidence], None]
Unsent = Callable[[LiveCall, LiveLeg], None]


class PlaceLeg:
    """The use case; ``over``, ``short`` and ``dropped`` are how its owner hears of what never became a call."""

    def __init__(
        self, desk: VoiceDesk, over: LegOver, short: Unsent, dropped: Unsent, *, records: bool = False
    ) -> None:
        self._desk, self._over, self._short, self._dropped = desk, over, short, dropped
        self._records = records

    async def dial(self, call: LiveCall, dial: Dial) -> None:
        """Place the leg for ``dial`` over the first trunk that routes its number."""
        number = call.handed.record.numbers[dial.position]
        routes = self._desk.routes(call.account_id, number)
        await self._place(call, dial, number, routes)

    async def ring_up(self, call: LiveCall, further: FurtherLeg, number: str) -> None:
        """Place the leg of somebody else who is brought to the customer."""
        routes = () if further.phone is not None else self._desk.routes(call.account_id, number)
        await self._place(call, further.dial, number, routes, further)

    async def over_next_trunk(self, call: LiveCall, failed: LiveLeg, further: FurtherLeg | None = None) -> None:
        """The trunk of ``failed`` could not: place the same number over the next one."""
        await self._place(call, failed.dial, failed.number, failed.left, further)

    async def _place(
        self,
        call: LiveCall,
        dial: Dial,
        number: str,
        routes: tuple[AccountTrunk, ...],
        further: FurtherLeg | None = None,
    ) -> None:
        desk = self._desk
        until = desk.clock.monotonic() + self._wait_s(call)
        trunk = routes[0] if routes else None
        leg = LiveLeg(
            id=LegId(desk.ids.uuid()),
            dial=dial,
            number=number,
            trunk=trunk,
            left=routes[1:],
            caller_id=self._shown(call, dial, number),
            handed_at=desk.clock.now(),
            recording=desk.ids.uuid() if self._records and call.recorded else None,
            role="customer" if further is None else further.role,
            phone=None if further is None else further.phone,
        )
        _keep(call, leg, further)
        if trunk is None:
            leg.local = "no_trunk" if leg.phone is None else None
        else:
            place = await desk.limits.take(trunk.trunk.id, max(0.0, until - desk.clock.monotonic()))
            leg.placed = place == "taken"
            leg.local = leg.local or (None if place == "taken" else place)
        if call.gone or not _kept(call, leg, further):
            self._give_back(leg)
            return
        if not await self._hand_over(call, leg):
            return
        if not _kept(call, leg, further):  # given up while the row was on its way
            leg.local = leg.local or "cancelled_by_first_party"
        if leg.local is not None:
            self._over(call, leg, Evidence(local=leg.local, phase=Phase.NONE, side="us"))
            return
        await self._send(call, leg)

    async def _hand_over(self, call: LiveCall, leg: LiveLeg) -> bool:
        """Commit the leg row; False when the call may not be placed, and the driver was told why."""
        desk, handed = self._desk, call.handed
        further = leg.dial.position not in call.reserved_positions and leg.phone is None
        amount = reserve_amount(handed.account.rate_plan, leg.number).micros if further else 0
        call.reserved_positions.add(leg.dial.position)
        verdict = await desk.writer.hand_over(
            LegHandOver(
                account_id=call.account_id,
                record_id=call.record_id,
                fence=handed.fence,
                id=leg.id,
                attempt_number=handed.attempt_number,
                position=leg.dial.position,
                number_from=leg.caller_id,
                number_to=leg.number,
                trunk_id=leg.trunk.trunk.id if leg.trunk else None,
                handed_at=leg.handed_at,
                reserved=amount,
                role=leg.role,
            )
        )
        if verdict == "go" and call.gone:  # the call ended while the row was on its way: the leg ends unsent
            self._over(call, leg, Evidence(local="cancelled_by_us", phase=Phase.NONE, side="us"))
            return False
        if verdict == "go":
            return True
        self._give_back(leg)
        self._forget(call, leg)
        if verdict == "short":
            self._short(call, leg)
        else:
            self._dropped(call, leg)
        return False

    async def _send(self, call: LiveCall, leg: LiveLeg) -> None:
        desk, trunk = self._desk, leg.trunk
        if desk.clock.monotonic() >= call.good_until:
            # the process stood still past its lease: the record is somebody else's by now, whatever our memory says
            if leg.role == "customer":
                self._give_back(leg)
                self._forget(call, leg)
            else:  # the reaper asks for the customer's legs; this one never was more than its row
                self._over(call, leg, Evidence(local="cancelled_by_us", phase=Phase.NONE, side="us"))
            self._dropped(call, leg)
            return
        if call.stopping:
            self._over(call, leg, Evidence(local="cancelled_by_us", phase=Phase.NONE, side="us"))
            return
        desk.by_leg[leg.id] = call
        if leg.role != "customer":
            desk.further[leg.id] = leg
        leg.phase, leg.sent = Phase.DIALING, True
        headers: dict[str, str] = {}
        if trunk is not None and trunk.trunk.tag_calls:
            tag = f"{call.handed.attempt_id};number={call.handed.attempt_number};position={leg.dial.position}"
            headers["X-Central-Attempt"] = tag
        originate = Originate(
            leg=leg.id,
            trunk=None if trunk is None else trunk.trunk.id,
            to="" if trunk is None else leg.number,
            caller_id=leg.caller_id,
            engine_timeout_s=leg.dial.ring_timeout_s + _BACKSTOP_S,
            headers=headers,
            detect_machine=leg.dial.detect_machine,
            record=leg.record,
            phone=leg.phone,
        )
        ring_s = max(leg.dial.ring_timeout_s, call.handed.policy.min_ring_s)
        leg.ring_timer = desk.timers.after(ring_s, lambda: self._ring_out(leg))
        (answer,) = await desk.telephony.originate([originate])
        if isinstance(answer, Accepted):
            leg.sip_call_id = leg.sip_call_id or answer.sip_call_id
        elif not answer.uncertain and not leg.over:
            leg.sent = False
            self._over(call, leg, Evidence(local=answer.local, phase=Phase.NONE, side="us"))

    def _ring_out(self, leg: LiveLeg) -> None:
        """Our own ring timer: the evidence is noted before the command that causes the end."""
        if leg.over or leg.phase is Phase.ANSWERED:
            return
        rang = leg.phase is Phase.RINGING
        leg.local = "ring_timeout_after_ringing" if rang else "ring_timeout_without_ringing"
        self._desk.timers.spawn(self._desk.telephony.hang_up(leg.id, leg.local), "hang_up")

    @staticmethod
    def _forget(call: LiveCall, leg: LiveLeg) -> None:
        if call.leg is leg:
            call.leg = None

    def _give_back(self, leg: LiveLeg) -> None:
        if leg.placed and leg.trunk is not None:
            leg.placed = False
            self._desk.limits.give_back(leg.trunk.trunk.id)

    def _wait_s(self, call: LiveCall) -> float:
        return call.handed.prepared.calls.channel_wait.total_seconds()

    def _shown(self, call: LiveCall, dial: Dial, number: str) -> str | None:
        """The caller number of this leg; None shows none (RFC 3323). A flow may choose among its own DIDs only."""
        if dial.caller_id == ANONYMOUS:
            return None
        if dial.caller_id is not None:
            wanted = normalise(dial.caller_id, call.handed.account.country)
            if wanted in call.handed.dids:
                return wanted
            self._desk.warn(call, "caller_id_refused")
        return self._caller_id(call, number)

    @staticmethod
    def _caller_id(call: LiveCall, number: str) -> str | None:
        """A DID of the flow, the same for a contact each time (domain 4.4); allowed by the policy's number series."""
        dids = call.handed.dids
        series = call.handed.policy.series.get(call.handed.prepared.purpose, ())
        allowed = [did for did in dids if not series or did.startswith(series)] or list(dids)
        tail = number[-6:]  # of a phone's user name it is hex
        return allowed[int(tail, 10 if tail.isdigit() else 16) % len(allowed)] if allowed else None


def _keep(call: LiveCall, leg: LiveLeg, further: FurtherLeg | None) -> None:
    if further is None:
        call.leg = leg
    else:
        further.leg = leg


def _kept(call: LiveCall, leg: LiveLeg, further: FurtherLeg | None) -> bool:
    """Whether the leg is still wanted: nobody has put another in its place, or given the errand up."""
    return call.leg is leg if further is None else further.leg is leg and further in call.further
