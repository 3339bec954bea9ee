"""From the end of an attempt to the row that stores it: facts, decision, result (path step 5, domain 7.4). Pure.

Used by the voice node for its own calls and, through the same facts, by nobody else: the tracker decides for records whose
node is gone.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from central.application.conversation.live_call import LiveCall
from central.application.ports.journal import RecordResult
from central.domain.attempts import AttemptEnd, AttemptFacts, DialerFacts, Outcome
from central.domain.due_times import Limits
from central.domain.outcomes import decide
from central.domain.statuses import FlowStatus
from central.domain.zones import zones_of
from central.flow.commands import MainPathEnded
from central.flow.prepared import calling_window


def outcome_of(call: LiveCall, now: datetime, end: MainPathEnded | None = None) -> Outcome:
    """Decide what becomes of the record now that its attempt is over; ``end``: if it were over in this way."""
    handed = call.handed
    record = handed.record
    zones = [record.time_zone] if record.time_zone else list(zones_of(record.numbers[0]))
    _, opening = calling_window(handed.prepared, handed.policy, zones)
    end = end or call.end
    facts = AttemptFacts(
        end=AttemptEnd.LOST if end is None else AttemptEnd(end.kind),
        reason="" if end is None else end.reason,
        detail="" if end is None else end.detail,
        parted=end is not None and end.parted,
        ended_at=now,
        rule=handed.prepared.rule,
        attempts_made=handed.attempt_number,
        attempts_charged=record.attempts_charged,
        platform_faults=record.platform_faults,
        legs=tuple(call.legs),
        loss=call.loss,
        limits=Limits(record.expires_at, record.end_at),
        next_opening=opening,
        paused=call.paused,
        stopping=call.stopping,
        short_hangup_s=handed.prepared.calls.short_hangup.total_seconds(),
        numbers=len(record.numbers),
        inbound=handed.prepared.inbound,
        without_call=not handed.prepared.needs_voice,
        dialer=_dialer(call, end),
        struck=frozenset(i for i in range(len(record.numbers)) if handed.struck >> i & 1),
    )
    return decide(facts)


def _dialer(call: LiveCall, end: MainPathEnded | None) -> DialerFacts | None:
    prepared, abandon = call.handed.prepared, call.handed.policy.abandon
    if not prepared.dialer:
        return None
    return DialerFacts(
        result=call.run.dialer if end is None else end.dialer,
        rule=prepared.calls.agent_reattempts,
        charged=call.handed.record.agent_charged,
        hold=(abandon.redial_hold if abandon is not None else None) or timedelta(),
    )


def result_row(call: LiveCall, outcome: Outcome, event_id: UUID, now: datetime) -> RecordResult:
    """The row that stores the outcome together with the event that explains it."""
    record = call.handed.record
    struck = call.handed.struck
    for position in outcome.struck:
        struck |= 1 << position
    held = outcome.status is FlowStatus.PAUSE
    last = call.legs[-1].status if call.legs else None
    return RecordResult(
        account_id=call.account_id,
        id=call.record_id,
        fence=call.handed.fence,
        attempt_number=call.handed.attempt_number,
        status=outcome.status,
        reason=outcome.reason,
        due_at=None if held else outcome.due_at,
        held_status=outcome.resume_as if held else None,
        held_due_at=outcome.due_at if held else None,
        attempts_charged=record.attempts_charged + (outcome.charged and outcome.budget == "customer"),
        agent_charged=record.agent_charged + (outcome.charged and outcome.budget == "agent"),
        budget=outcome.budget,
        abandoned=outcome.abandoned,
        platform_faults=record.platform_faults + outcome.platform_fault,
        struck=struck,
        last_call_status=last,
        result=outcome.result,
        outcome="unknown" if outcome.result == "unknown" else "done",
        charged=outcome.charged,
        cost=call.cost,
        variables=_kept(call),
        event_id=event_id,
        at=now,
        data=_told(call, outcome),
    )


def _told(call: LiveCall, outcome: Outcome) -> dict[str, object]:
    """What the event says of the decision."""
    data: dict[str, object] = {
        "rule": outcome.rule,
        "sentence": outcome.sentence,
        "attempt": call.handed.attempt_number,
        "result": outcome.result,
        "charged": outcome.charged,
    }
    if call.handed.prepared.dialer:
        data |= {"budget": outcome.budget} if outcome.charged else {}
        data |= {"abandoned": True} if outcome.abandoned else {}
    if outcome.due_at is not None:
        data["due_at"] = outcome.due_at
    if call.end is not None:
        data |= {"step": call.end.step} if call.end.step else {}
        data |= {"detail": call.end.detail} if call.end.detail else {}
        data |= {"fallback_ran": True} if call.end.fallback_ran else {}
    if call.run.place is not None:
        data["flow"] = {"id": call.run.place.flow_id, "name": call.run.place.name, "version": call.run.place.version}
    return data


def _kept(call: LiveCall) -> dict[str, str]:
    """The run's variables as the record keeps them; what only another flow holds secret stays as it came, or goes.

    What is told of a record is masked by the record's own flow, which knows nothing of another one's secrets.
    """
    foreign = (call.run.masked | call.flow.program.secrets) - call.handed.prepared.program.secrets
    if not foreign:
        return dict(call.run.variables)
    came = {name: value for name, value in call.handed.record.variables.items() if name in foreign}
    return {name: value for name, value in call.run.variables.items() if name not in foreign} | came
