"""News of the engine about legs: progress, answer, digits, the end. Each becomes rows for the writer and a flow event.

Path steps 3 to 5. A leg ends exactly once, with one connection status drawn from the evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from datetime import datetime
from typing import assert_never

from central.application.conversation.live_call import LiveCall, LiveLeg
from central.application.conversation.place_leg import FAILOVER
from central.application.conversation.record_calls import RecordCalls
from central.application.conversation.voice_desk import VoiceDesk
from central.application.ports import telephony as news
from central.application.ports.journal import LegAnswer, LegEnd
from central.domain.attempts import LegResult, Loss
from central.domain.dispositions import Disposition, dispose
from central.domain.evidence import EngineReport, Evidence, Phase
from central.domain.ids import LegId
from central.domain.money import cost
from central.flow.events import DigitReceived, FlowEvent, LegAnswered, LegEnded
from central.flow.walk import MASKED_DIGIT

Feed = Callable[[LiveCall, FlowEvent], None]
FurtherNews = news.LegProgress | news.LegAnswered | news.LegEnded | news.Digit | news.PlaybackEnded | news.HoldChanged
PlaybackOver = Callable[[LiveCall, news.PlaybackEnded], None]

_SIDES = {"customer": "CUSTOMER", "agent": "AGENT", "third_party": "AGENT"}
"""Who hung up, by the role of the leg that ended (domain 7.1): whoever talks with the customer counts as his agent."""
_ORDER = {Phase.NONE: 0, Phase.DIALING: 1, Phase.RINGING: 2, Phase.ANSWERED: 3}


class HearLegs:
    """The use case; ``retry`` places the number over the next trunk, ``lost`` closes an attempt whose engine is gone."""

    def __init__(
        self,
        desk: VoiceDesk,
        feed: Feed,
        retry: Callable[[LiveCall, LiveLeg], None],
        lost: Callable[[LiveCall, Loss], None],
        recorder: RecordCalls | None = None,
    ) -> None:
        self._desk, self._feed, self._retry, self._lost, self._recorder = desk, feed, retry, lost, recorder
        self.further: Callable[[LiveCall, LiveLeg, FurtherNews], None] | None = None

    def hear(self, event: news.LegNews, playback_over: PlaybackOver, offered: Container[LegId] = ()) -> None:
        """Take one event; news of legs that are not ours any more are ignored. ``offered``: legs nobody has taken yet."""
        match event:
            case news.NodeUp():
                self._desk.engine_up = True
                self._desk.telemetry.event("engine_connected", legs=len(event.legs))
                self._end_strays(event, offered)
                return
            case news.NodeDown():
                self._node_down(event)
                return
            case _:
                pass
        call = self._desk.by_leg.get(event.leg)
        leg = None if call is None else call.leg
        if call is not None and (leg is None or leg.id != event.leg):
            self._hear_further(call, event)
            return
        if call is None or leg is None or leg.over:
            return
        match event:
            case news.LegProgress():
                self.progress(leg, event)
            case news.LegAnswered():
                self._answered(call, leg, event)
            case news.LegEnded():
                self.over(call, leg, event.evidence, event.at)
            case news.Digit():
                leg.digits.append({"digit": event.digit, "at": event.at, "ms": event.duration_ms})
                self._feed(call, DigitReceived(event.digit, event.at))
            case news.PlaybackEnded():
                playback_over(call, event)
            case news.HoldChanged():
                self._desk.tell(call, "leg_held" if event.held else "leg_unheld", {"leg_id": leg.id})
            case _:
                assert_never(event)

    def _end_strays(self, event: news.NodeUp, offered: Container[LegId]) -> None:
        """Legs that no call of ours goes with: of an earlier life of this node, or of records that were taken away."""
        for leg_id in event.legs:
            if leg_id not in self._desk.by_leg and leg_id not in offered:
                self._desk.timers.spawn(self._desk.telephony.hang_up(leg_id, "hangup_by_us"), "hang_up")

    def _hear_further(self, call: LiveCall, event: FurtherNews) -> None:
        """News of somebody else's leg in this call, also of one that nobody waits for any more."""
        leg = self._desk.further.get(event.leg)
        if leg is not None and self.further is not None:
            self.further(call, leg, event)

    @staticmethod
    def progress(leg: LiveLeg, event: news.LegProgress) -> None:
        """The far side of a leg has come so far."""
        leg.sip_call_id = leg.sip_call_id or event.sip_call_id
        if event.phase is Phase.RINGING and leg.ring_at is None:
            leg.ring_at = event.at
        if _ORDER[event.phase] > _ORDER[leg.phase]:
            leg.phase = event.phase

    def _answered(self, call: LiveCall, leg: LiveLeg, event: news.LegAnswered) -> None:
        if not self.answered(call, leg, event.at):
            return
        if self._recorder is not None:
            self._recorder.answered(call, leg)
        self._feed(call, LegAnswered(leg.dial.position, event.at, machine=bool(event.machine)))
        if call.met is not None and not call.met.done():
            call.met.set_result(None)

    def answered(self, call: LiveCall, leg: LiveLeg, at: datetime) -> bool:
        """Store that a leg was answered; False when it was known."""
        if leg.connect_at is not None:
            return False
        leg.phase, leg.connect_at = Phase.ANSWERED, at
        if leg.ring_timer is not None:
            leg.ring_timer.cancel()
        answer = LegAnswer(call.account_id, call.record_id, leg.id, at, leg.sip_call_id, call.handed.fence)
        self._desk.writer.answered(answer)
        return True

    def settle(self, call: LiveCall, leg: LiveLeg, evidence: Evidence, at: datetime) -> Disposition:
        """The leg is gone: store how, with its price; answers its status."""
        leg.over = True
        self._clear(leg)
        ending = dispose(evidence)
        answered_ms = _answered_ms(leg, at)
        # rate plans price what we dial over a trunk: a call that comes in costs nothing, and none to an agent's phone
        free = bool(leg.called) or leg.phone is not None
        price = 0 if free else cost(call.handed.account.rate_plan, leg.number, answered_ms).micros
        call.cost += price
        self._store(call, leg, evidence, ending, at, answered_ms, price)
        return ending

    def over(self, call: LiveCall, leg: LiveLeg, evidence: Evidence, at: datetime | None = None) -> None:
        """The leg is gone: store how, then tell the flow, or try the number's next trunk."""
        if leg.over:
            return
        at = at or self._desk.clock.now()
        if self._recorder is not None:
            self._recorder.over(call, leg, known=evidence.end != "lost" or not self._desk.engine_up)
        ending = self.settle(call, leg, evidence, at)
        answered_ms = _answered_ms(leg, at)
        answered_s = None if answered_ms is None else answered_ms / 1000
        result = LegResult(leg.dial.position, ending.status, answered_s, evidence.side)
        if evidence.local == "engine_lost" or evidence.end == "lost":
            call.legs.append(result)
            self._lost(call, self._loss(leg))
            return
        rang = leg.ring_at is not None or evidence.phase is Phase.RINGING  # over another trunk it would ring again
        if ending.status in FAILOVER and leg.left and not rang and not call.stopping and not call.gone:
            self._retry(call, leg)
            return
        call.legs.append(result)
        self._feed(
            call,
            LegEnded(leg.dial.position, at, ending.status, evidence.side, answered_s, ending.q850, ending.sip_code),
        )

    def _node_down(self, event: news.NodeDown) -> None:
        """The connection may come back; an engine that ended does not bring its calls back."""
        self._desk.engine_up = False
        self._desk.telemetry.warning("engine_lost" if event.engine_lost else "engine_disconnected", detail=event.detail)
        if not event.engine_lost:
            return
        with_others = [call for call in self._desk.calls.values() if call.leg is None and call.further]
        for leg_id, other in list(self._desk.further.items()):
            self._hear_further(self._desk.by_leg[leg_id], news.LegEnded(leg_id, event.at, _lost_with_engine(other)))
        for call in list(self._desk.calls.values()):
            leg = call.leg
            if leg is not None and not leg.over and leg.sent:
                self.over(call, leg, _lost_with_engine(leg), event.at)
            elif call in with_others:  # a dialer whose agent was there, or was rung: no customer was called yet
                self._lost(call, Loss.NOT_SENT)

    def _loss(self, leg: LiveLeg) -> Loss:
        if leg.connect_at is not None:
            return Loss.AFTER_ANSWER
        return Loss.POSSIBLY_SENT if leg.sent else Loss.NOT_SENT

    def _clear(self, leg: LiveLeg) -> None:
        desk = self._desk
        if leg.ring_timer is not None:
            leg.ring_timer.cancel()
        desk.by_leg.pop(leg.id, None)
        desk.further.pop(leg.id, None)
        if leg.placed and leg.trunk is not None:
            leg.placed = False
            desk.limits.give_back(leg.trunk.trunk.id)

    def _store(
        self,
        call: LiveCall,
        leg: LiveLeg,
        evidence: Evidence,
        ending: Disposition,
        at: datetime,
        answered_ms: int | None,
        price: int,
    ) -> None:
        desk, engine = self._desk, evidence.engine
        desk.writer.ended(
            LegEnd(
                account_id=call.account_id,
                record_id=call.record_id,
                request_id=call.handed.record.request_id,
                id=leg.id,
                ring_at=leg.ring_at,
                connect_at=leg.connect_at,
                end_at=at,
                status=ending.status,
                code=ending.code,
                q850=ending.q850,
                sip_code=ending.sip_code,
                local=evidence.local,
                phase=evidence.phase,
                hangup_by=_SIDES[leg.role] if evidence.side == "them" else "SYSTEM",
                answered_ms=answered_ms,
                cost=price,
                sip_call_id=leg.sip_call_id,
                digits=_masked(leg, call),
                engine={
                    "cause": engine.cause,
                    "cause_text": engine.cause_text,
                    "tech_cause": engine.tech_cause,
                    "end": evidence.end,
                },
                fence=call.handed.fence,
            )
        )
        if leg.sent:
            desk.ended_legs.append((desk.clock.monotonic(), call.account_id, call.record_id, leg.id))


def _masked(leg: LiveLeg, call: LiveCall) -> list[dict[str, object]]:
    """The keys as the flow keeps them: those that a step collects as a secret are not written down."""
    kept = call.run.digits[-len(leg.digits) :] if leg.digits else ()
    if len(kept) != len(leg.digits):
        # what is read is masked as a whole where the record's flow collects a secret; of another flow nobody knows then
        return leg.digits if call.run.place is None else [told | {"digit": MASKED_DIGIT} for told in leg.digits]
    return [told | {"digit": pressed.digit} for told, pressed in zip(leg.digits, kept, strict=True)]


def _answered_ms(leg: LiveLeg, at: datetime) -> int | None:
    return None if leg.connect_at is None else max(0, round((at - leg.connect_at).total_seconds() * 1000))


def _lost_with_engine(leg: LiveLeg) -> Evidence:
    answered = leg.phase is Phase.ANSWERED
    engine = EngineReport(cause_text="engine_lost")
    return Evidence(None if answered else "engine_lost", leg.phase, side="us", end="lost", engine=engine)
