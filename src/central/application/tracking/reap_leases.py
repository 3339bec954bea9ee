"""Records whose worker fell silent: find out what is certain, close the attempt, go on by policy (path step 5).

An expired lease says nothing about what was sent. The stored legs do: no leg row means that no INVITE was sent (7.4 row 6b), an
answered one that the conversation broke off (6a), anything else that the call may have been sent (6c). Never an immediate
redial. Of a flow without a call the messages and begun errands of the attempt say the same: a message that was handed over is
never sent again (6a).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Literal

from central.application.ports.journal import JournalBatch, JournalStore, LegEnd, RecordResult
from central.application.ports.library import Library
from central.application.ports.telemetry import Telemetry
from central.application.ports.tracking import Deed, LegState, ReapedRecord, TrackingStore
from central.application.ports.world import Clock, Ids
from central.domain.attempts import AttemptEnd, AttemptFacts, DialerFacts, LegResult, Loss, Outcome
from central.domain.dispositions import dispose
from central.domain.due_times import Limits
from central.domain.evidence import Evidence, Phase
from central.domain.ids import RecordId
from central.domain.outcomes import decide
from central.domain.policies import Policy
from central.domain.statuses import CallStatus, FlowStatus
from central.domain.zones import zones_of
from central.flow.prepared import PreparedFlow, calling_window

OWNER = "tracker"
_LEASE = timedelta(seconds=60)
_BATCH = 500


class ReapLeases:
    """The use case; called again and again by the tracker."""

    def __init__(
        self,
        tracking: TrackingStore,
        journal: JournalStore,
        library: Library,
        clock: Clock,
        ids: Ids,
        telemetry: Telemetry,
    ) -> None:
        self._tracking, self._journal, self._library = tracking, journal, library
        self._clock, self._ids, self._telemetry = clock, ids, telemetry

    async def __call__(self) -> int:
        """Close one batch of abandoned attempts; answers how many. Raises NeighbourError when the store is away."""
        reaped = await self._tracking.reap(OWNER, _BATCH, _LEASE)
        if not reaped:
            return 0
        legs = await self._tracking.legs_of([(r.account_id, r.id, r.attempts_made) for r in reaped])
        flows = await self._library.flows({r.flow_version_id for r in reaped})
        deeds = await self._deeds([r for r in reaped if not flows[r.flow_version_id].needs_voice])
        policies = await self._library.policies_of({r.account_id for r in reaped}, self._clock.now())
        batch = JournalBatch()
        for record in reaped:
            prepared, policy = flows[record.flow_version_id], policies[record.account_id]
            loss = loss_of(legs.get(record.id, ()), deeds.get(record.id, ()))
            self._close(batch, record, legs.get(record.id, ()), loss, prepared, policy)
        answer = await self._journal.commit(OWNER, batch, self._clock.now())
        held = [r for r in reaped if answer.results.get(r.id) in ("paused", "stopping")]
        if held:
            again = JournalBatch()
            for record in held:
                prepared, policy = flows[record.flow_version_id], policies[record.account_id]
                control = str(answer.results[record.id])
                loss = loss_of(legs.get(record.id, ()), deeds.get(record.id, ()))
                self._close(again, record, legs.get(record.id, ()), loss, prepared, policy, control)
            again.ends.clear()
            await self._journal.commit(OWNER, again, self._clock.now())
        self._telemetry.event("leases_reaped", records=len(reaped), held=len(held))
        return len(reaped)

    async def _deeds(self, silent: Sequence[ReapedRecord]) -> Mapping[RecordId, frozenset[Deed]]:
        """What attempts that never have a leg have done; nothing is asked where there are none."""
        if not silent:
            return {}
        return await self._tracking.deeds_of([(r.account_id, r.id, r.attempts_made) for r in silent])

    def _close(
        self,
        batch: JournalBatch,
        record: ReapedRecord,
        legs: Sequence[LegState],
        loss: Loss,
        prepared: PreparedFlow,
        policy: Policy,
        control: str = "running",
    ) -> None:
        now = self._clock.now()
        cost = sum(leg.cost for leg in legs)
        batch.ends += [self._end_of(record, leg) for leg in legs if leg.status is None and leg.role != "customer"]
        legs = [leg for leg in legs if leg.role == "customer"]  # whoever else was brought in decides nothing
        results: list[LegResult] = []
        for leg in legs:
            if leg.status is None:
                end = self._end_of(record, leg)
                batch.ends.append(end)
                results.append(LegResult(leg.position, CallStatus(end.status), _seconds(end.answered_ms), "us"))
            else:
                by: Literal["us", "them"] = "them" if leg.hangup_by == "CUSTOMER" else "us"
                results.append(LegResult(leg.position, CallStatus(leg.status), _seconds(leg.answered_ms), by))
        zones = [record.time_zone] if record.time_zone else list(zones_of(record.numbers[0]))
        _, opening = calling_window(prepared, policy, zones)
        outcome = decide(
            AttemptFacts(
                end=AttemptEnd.LOST,
                ended_at=now,
                rule=prepared.rule,
                attempts_made=record.attempts_made,
                attempts_charged=record.attempts_charged,
                legs=tuple(r for r, leg in zip(results, legs, strict=True) if leg.status is not None or leg.connect_at),
                loss=loss,
                platform_faults=record.platform_faults,
                limits=Limits(record.expires_at, record.end_at),
                next_opening=opening,
                paused=control == "paused",
                stopping=control == "stopping",
                short_hangup_s=prepared.calls.short_hangup.total_seconds(),
                numbers=len(record.numbers),
                inbound=prepared.inbound,
                without_call=not prepared.needs_voice,
                dialer=_dialer(record, prepared),
                struck=frozenset(i for i in range(len(record.numbers)) if record.struck >> i & 1),
            )
        )
        batch.results.append(self._result(record, outcome, results, cost))

    def _end_of(self, record: ReapedRecord, leg: LegState) -> LegEnd:
        """A leg that never ended as far as the rows know: it ends now, as lost."""
        now = self._clock.now()
        answered = leg.connect_at is not None
        phase = Phase.ANSWERED if answered else Phase.DIALING
        ending = dispose(Evidence(local=None if answered else "engine_lost", phase=phase, side="us", end="lost"))
        return LegEnd(
            account_id=leg.account_id,
            record_id=leg.record_id,
            request_id=record.request_id,
            id=leg.id,
            ring_at=None,
            connect_at=leg.connect_at,
            end_at=now,
            status=ending.status,
            code=ending.code,
            q850=None,
            sip_code=None,
            local=ending.local,
            phase=phase,
            hangup_by="SYSTEM",
            answered_ms=None,
            cost=0,
            sip_call_id=None,
            digits=(),
            engine={"end": "lost", "cause_text": "node lost; the rows do not say how the call ended"},
            fence=record.fence,
        )

    def _result(self, record: ReapedRecord, outcome: Outcome, results: Sequence[LegResult], cost: int) -> RecordResult:
        struck = record.struck
        for position in outcome.struck:
            struck |= 1 << position
        held = outcome.status is FlowStatus.PAUSE
        data: dict[str, object] = {
            "rule": outcome.rule,
            "sentence": outcome.sentence,
            "attempt": record.attempts_made,
            "result": outcome.result,
            "charged": outcome.charged,
            "reconciled": True,
        }
        return RecordResult(
            account_id=record.account_id,
            id=record.id,
            fence=record.fence,
            attempt_number=record.attempts_made,
            status=outcome.status,
            reason=outcome.reason,
            due_at=None if held else outcome.due_at,
            held_status=outcome.resume_as if held else None,
            held_due_at=outcome.due_at if held else None,
            attempts_charged=record.attempts_charged + (outcome.charged and outcome.budget == "customer"),
            agent_charged=record.agent_charged + (outcome.charged and outcome.budget == "agent"),
            budget=outcome.budget,
            platform_faults=record.platform_faults + outcome.platform_fault,
            struck=struck,
            last_call_status=results[-1].status if results else None,
            result=outcome.result,
            outcome="unknown" if outcome.result == "unknown" else "done",
            charged=outcome.charged,
            cost=cost,
            variables={},
            event_id=self._ids.uuid(),
            at=self._clock.now(),
            data=data,
        )


def _dialer(record: ReapedRecord, prepared: PreparedFlow) -> DialerFacts | None:
    if prepared.dialer is None:
        return None
    return DialerFacts(result="", rule=prepared.calls.agent_reattempts, charged=record.agent_charged)


def loss_of(legs: Sequence[LegState], deeds: Collection[Deed] = ()) -> Loss:
    """What the rows prove about an attempt whose worker is gone (domain 7.4 rows 6a to 6c)."""
    customers = [leg for leg in legs if leg.role == "customer"]  # whoever else was brought in decides nothing
    if any(leg.connect_at is not None for leg in customers):
        return Loss.AFTER_ANSWER
    if "message" in deeds:
        return Loss.MESSAGES_SENT
    return Loss.POSSIBLY_SENT if customers or deeds else Loss.NOT_SENT


def _seconds(ms: int | None) -> float | None:
    return None if ms is None else ms / 1000
