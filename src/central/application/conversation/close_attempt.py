"""The end of an attempt: decide the record's status, let the flow's last path run, store it, let the call go (path step 5)."""

from __future__ import annotations

from collections.abc import Callable

from central.application.conversation.decide_outcome import outcome_of, result_row
from central.application.conversation.hear_legs import Feed
from central.application.conversation.live_call import LiveCall
from central.application.conversation.voice_desk import VoiceDesk
from central.application.ports.journal import FinishAnswer, RecordResult
from central.domain.attempts import Loss, Outcome
from central.flow.commands import MainPathEnded
from central.flow.events import StatusDecided


class CloseAttempt:
    """The use case; ``hang_up`` ends a leg that should not outlive its record."""

    def __init__(self, desk: VoiceDesk, feed: Feed, hang_up: Callable[[LiveCall], None]) -> None:
        self._desk, self._feed, self._hang_up = desk, feed, hang_up

    def ended(self, call: LiveCall, end: MainPathEnded) -> None:
        """The flow's main path is over. A final status runs On Flow Complete first, which may not change it."""
        call.end = end
        outcome = call.outcome = self._decide(call)
        if outcome.final:
            self._feed(call, StatusDecided(outcome.status, outcome.reason, self._desk.clock.now()))
        else:
            self._store(call, outcome)

    def store(self, call: LiveCall) -> None:
        """On Flow Complete is done: the record becomes final, as it was decided before that path ran."""
        self._store(call, call.outcome or self._decide(call))

    def lost(self, call: LiveCall, loss: Loss) -> None:
        """The engine (or this node) is gone for this call: the flow is not asked any more."""
        if call.gone:
            return
        call.loss = loss
        self._store(call, call.outcome or self._decide(call))  # what was decided and told to the flow stays

    def drop(self, call: LiveCall) -> None:
        """The lease is lost: whatever we know is late now. End the leg, store nothing but that."""
        if call.gone:
            return
        self._desk.telemetry.warning("lease_lost", record_id=str(call.record_id))
        self._hang_up(call)
        self.forget(call)

    def _decide(self, call: LiveCall) -> Outcome:
        return outcome_of(call, self._desk.clock.now())

    def _store(self, call: LiveCall, outcome: Outcome) -> None:
        desk = self._desk
        desk.tell_notes(call)
        row = result_row(call, outcome, desk.ids.uuid(), desk.clock.now())
        call.let_go()
        desk.writer.finish(row, lambda answer: self._stored(call, row, answer))

    def _stored(self, call: LiveCall, row: RecordResult, answer: FinishAnswer) -> None:
        """The store's answer: held requests are decided again with what we now know; a lost lease makes the news late."""
        match answer:
            case "accepted":
                self.forget(call)
            case "paused" | "stopping":
                call.paused, call.stopping = answer == "paused", answer == "stopping"
                self._store(call, self._decide(call))
            case "lost" | "unlawful":
                data = {"status": row.status, "reason": row.reason, "refused": answer} | dict(row.data)
                self._desk.tell(call, "late_news", data, late=True)
                self._desk.telemetry.warning("result_refused", record_id=str(call.record_id), answer=answer)
                self.forget(call)

    def forget(self, call: LiveCall) -> None:
        """The call is nobody's any more: free what it holds on this node."""
        call.let_go()
        if call.leg is not None:
            self._desk.by_leg.pop(call.leg.id, None)
            if call.leg.placed and call.leg.trunk is not None:
                call.leg.placed = False
                self._desk.limits.give_back(call.leg.trunk.trunk.id)
        if self._desk.calls.get(call.record_id) is call:
            del self._desk.calls[call.record_id]
