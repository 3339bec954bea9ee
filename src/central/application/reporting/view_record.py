"""A record with its attempts and legs, from the stored rows (path step 7). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace

from central.application.ports.reporting import AttemptRow, EventRow, RecordHistory, RecordRow
from central.application.reporting.event_data import data_of, inner, texts
from central.application.reporting.explain_leg import legs_of
from central.application.reporting.list_messages import hide_secret_recipients, view_messages
from central.application.reporting.record_values import AttemptView, LegView, RecordDetail, RecordView
from central.domain.moves import counts_as, record_class
from central.domain.status_rows import Bucket
from central.domain.statuses import FlowStatus
from central.domain.variable_rules import MASK
from central.flow.prepared import PreparedFlow


def view_record(row: RecordRow) -> RecordView:
    """A record as a list shows it."""
    status = FlowStatus(row.status)
    return RecordView(
        record_id=row.id,
        request_id=row.request_id,
        row=row.row_number,
        status=row.status,
        record_class=record_class(status),
        final=counts_as(status) is not Bucket.PENDING,
        reason=row.reason,
        numbers=tuple(row.numbers) or tuple(row.written or ()),
        client_identifier=row.client_identifier,
        epoch=row.epoch,
        attempts_made=row.attempts_made,
        attempts_charged=row.attempts_charged,
        due_at=row.due_at,
        expires_at=row.expires_at,
        changed_at=row.changed_at,
        last_connection_status=row.last_call_status,
        time_zone=row.time_zone,
        priority=row.priority,
    )


def view_detail(history: RecordHistory, prepared: PreparedFlow, *, with_sip: bool = False) -> RecordDetail:
    """One record with everything below it; SIP messages only on demand."""
    history = hide_recipients(history, prepared)
    row, head = history.record, history.head
    hide = collects_secret(prepared)
    legs = legs_of(history.legs, history.traces, with_sip=with_sip, hide_keys=hide)
    first = next((event for event in history.events if event.kind == "record_created"), None)
    view = view_record(replace(row, written=texts(inner(data_of(first), "row"), "numbers")))
    return RecordDetail(
        **{field.name: getattr(view, field.name) for field in fields(RecordView)},
        request_name=head.request_name,
        flow_id=head.flow_id,
        flow_name=head.flow_name,
        flow_type=head.flow_type,
        flow_version=head.flow_version,
        testing=head.testing,
        currency=head.currency,
        variables=masked_variables(_latest_variables(history), prepared),
        attempts=tuple(_attempt(attempt, history, legs) for attempt in history.attempts),
        held_status=row.held_status,
        held_due_at=row.held_due_at,
        sms=view_messages(history.messages, "sms"),
        emails=view_messages(history.messages, "email"),
        dispositions=tuple(dict(data_of(event)) for event in history.events if event.kind == "disposition_saved"),
        struck_numbers=tuple(number for i, number in enumerate(row.numbers) if row.struck >> i & 1),
    )


def hide_recipients(history: RecordHistory, prepared: PreparedFlow) -> RecordHistory:
    """The same with the recipients masked whose number or address is a secret of the flow."""
    if not history.messages:
        return history
    secret = prepared.program.secrets
    values = [value for name, value in _latest_variables(history).items() if name in secret and value]
    return hide_secret_recipients(history, values)


def masked_variables(variables: Mapping[str, str], prepared: PreparedFlow) -> dict[str, str]:
    """The variables with those that the flow declares secret masked."""
    secrets = prepared.program.secrets
    return {name: MASK if name in secrets and value else value for name, value in sorted(variables.items())}


def collects_secret(prepared: PreparedFlow) -> bool:
    """Whether keys pressed in this flow may be a secret (a menu that collects into a secret variable)."""
    return any(step.secret for step in prepared.program.steps.values())


def end_event(events: Sequence[EventRow], number: int) -> EventRow | None:
    """The event that stored the outcome of an attempt."""
    for event in events:
        data = event.data or {}
        if event.kind in {"record_ended", "record_rescheduled"} and data.get("attempt") == number and not event.late:
            return event
    return None


def _latest_variables(history: RecordHistory) -> Mapping[str, str]:
    """As the last attempt left them; what intake stored where no attempt ended yet."""
    for attempt in reversed(history.attempts):
        if attempt.variables:
            return {**history.record.variables, **attempt.variables}
    return history.record.variables


def _attempt(row: AttemptRow, history: RecordHistory, legs: tuple[LegView, ...]) -> AttemptView:
    end = end_event(history.events, row.number)
    data = (end.data if end is not None else None) or {}
    ended = row.ended_at
    record_over = counts_as(FlowStatus(history.record.status)) is not Bucket.PENDING
    return AttemptView(
        attempt_id=row.id,
        number=row.number,
        final=record_over and row.number == history.record.attempts_made,
        epoch=row.epoch,
        node=row.node,
        started_at=row.started_at,
        ended_at=ended,
        duration_ms=None if ended is None else max(0, round((ended - row.started_at).total_seconds() * 1000)),
        outcome=row.outcome,
        result=row.result,
        charged=row.charged,
        reserved=row.reserved,
        cost=row.cost,
        policy_id=row.policy_id,
        policy_version=row.policy_version,
        dnd_version=row.dnd_version,
        blacklist_version=row.blacklist_version,
        rule=str(data.get("rule", "")),
        sentence=str(data.get("sentence", "")),
        legs=tuple(leg for leg in legs if leg.attempt == row.number),
    )
