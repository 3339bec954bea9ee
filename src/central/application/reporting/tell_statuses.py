"""Each change of a record's status with its rule, each decision about when, late news and pushes (path step 7). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from central.application.ports.reporting import EventRow, PushRow, RecordHistory
from central.application.reporting.event_data import data_of, moment, text, whole
from central.application.reporting.explanation import LateLine, PushLine, ScheduleLine, StatusLine
from central.application.reporting.tell_first_due import tell_first_due
from central.domain.intake_facts import Check
from central.domain.policies import Policy
from central.flow.prepared import PreparedFlow

_RULES: Final = {
    "record_created": "7.2",
    "call_arrived": "7.1",
    "record_claimed": "7.3",
    "record_put_back": "8.3",
    "record_paused": "7.6",
    "record_resumed": "7.6",
    "record_requeued": "7.6",
}
_ACTIONS: Final = {
    "record_paused": "held by a pause; what it was and when it was due is remembered",
    "record_resumed": "let go again; it is due as remembered, or now",
    "record_requeued": "brought back by a requeue; a new epoch begins",
}


def tell_statuses(history: RecordHistory) -> tuple[StatusLine, ...]:
    """Every change of the status in order, beginning with the one that intake gave."""
    lines: list[StatusLine] = []
    for event in history.events:
        if event.late or event.to_status is None:
            continue
        if event.to_status == event.from_status and event.kind != "record_created":
            continue
        rule, sentence = rule_of(event, history)
        attempt = whole(data_of(event), "attempt")
        lines.append(
            StatusLine(event.at, event.from_status, event.to_status, event.reason, rule, sentence, event.actor, attempt)
        )
    return tuple(lines)


def rule_of(event: EventRow, history: RecordHistory) -> tuple[str, str]:
    """The rule of the domain specification that set a status, and its sentence."""
    data = data_of(event)
    rule, sentence = text(data, "rule"), text(data, "sentence")
    if event.kind == "record_created":
        check = text(data, "check")
        said = sentence or _accepted(event, history)
        return f"7.2 {check or 'accept'}", said
    if event.kind == "record_claimed":
        number = whole(data, "attempt") or 1
        node = next((a.node.partition("/")[0] for a in history.attempts if a.number == number), "")
        by = f" by {node}" if node else ""
        return (
            "7.3 claim",
            f"Its turn came: claimed{by} for attempt {number} under {text(data, 'policy') or 'its policy'}.",
        )
    if event.kind == "run_woken":
        return "7.3 claim", f"Its turn came: attempt {whole(data, 'attempt') or 1} goes on."
    if rule == "claim":
        return f"7.3 claim, {text(data, 'check')}", sentence
    if event.kind in _ACTIONS:
        who = "a user" if event.actor in {"", "central"} else event.actor
        return _RULES[event.kind], f"{_ACTIONS[event.kind][:1].upper()}{_ACTIONS[event.kind][1:]} ({who})."
    if data.get("reconciled") is True:
        sentence = f"{sentence} The node fell silent; this was worked out from the rows that it left."
    return rule or _RULES.get(event.kind, ""), sentence


def _accepted(event: EventRow, history: RecordHistory) -> str:
    if event.to_status == "SCHEDULED":
        asked = text(data_of(event), "start_time")
        start = f"its start time ({asked})" if asked else "the calling hours"
        return f"All checks passed; the record waits for {start}."
    loading = " It was loaded while the request was paused." if history.record.status == "PAUSE" else ""
    return f"All checks passed; the record is due and waits for its turn.{loading}"


def tell_schedule(history: RecordHistory, prepared: PreparedFlow, policy: Policy) -> tuple[ScheduleLine, ...]:
    """Every decision about when the record is to be worked on."""
    lines: list[ScheduleLine] = []
    for event in history.events:
        if event.late:
            continue
        data = data_of(event)
        due = moment(data, "due_at")
        match event.kind:
            case "record_created" if (
                event.to_status in {"SCHEDULED", "UNPROCESSED"} or text(data, "check") == Check.EXPIRY
            ):
                lines.append(tell_first_due(event, history, prepared, policy))
            case "record_rescheduled":
                held = event.to_status == "PAUSE"
                lines.append(
                    ScheduleLine(
                        event.at, "held" if held else "next attempt", due, text(data, "rule"), text(data, "sentence")
                    )
                )
            case "record_put_back":
                due = due or (history.record.due_at if event is history.events[-1] else None)
                rule = f"8.3, {text(data, 'rule')}".removesuffix(", ")
                lines.append(ScheduleLine(event.at, "put back", due, rule, text(data, "sentence")))
            case "run_put_to_sleep":
                sentence = f"Step {text(data, 'step')} waits; nobody is on the line."
                lines.append(ScheduleLine(event.at, "waits until", due, "5.3 Delay", sentence))
            case "run_woken":
                sentence = f"The wait is over: attempt {whole(data, 'attempt') or 1} goes on."
                lines.append(ScheduleLine(event.at, "goes on", None, "7.3 claim", sentence))
            case "record_paused" | "record_resumed" | "record_requeued":
                _, sentence = rule_of(event, history)
                word = event.kind.removeprefix("record_")
                lines.append(ScheduleLine(event.at, word, None, "7.6", sentence))
            case _:
                pass
    return tuple(lines)


def tell_late(history: RecordHistory) -> tuple[LateLine, ...]:
    """News that came too late: kept and shown, not obeyed."""
    lines: list[LateLine] = []
    for event in history.events:
        if not event.late and event.kind != "late_news":
            continue
        data = data_of(event)
        refused = {"lost": "the lease had passed to another worker", "unlawful": "the status had no such next status"}
        word = refused.get(text(data, "refused"), "the record was final")
        status = text(data, "status")
        what = f"A result {status} arrived" if status else event.kind.replace("_", " ").capitalize()
        lines.append(
            LateLine(event.at, event.kind, f"{what} too late: {word}. {text(data, 'sentence')}".strip(), dict(data))
        )
    return tuple(lines)


def tell_pushes(rows: Sequence[PushRow]) -> tuple[PushLine, ...]:
    """Webhook events of the record: tries that were made, and what still waits or was given up."""
    return tuple(
        PushLine(
            row.at, row.event_id, row.endpoint, row.event_type, row.outcome or row.state or "", row.tries, row.status_code,
            row.duration_ms, row.due_at, _pushed(row),
        )
        for row in rows
    )  # fmt: skip


def _pushed(row: PushRow) -> str:
    took = f" in {row.duration_ms} ms" if row.duration_ms is not None else ""
    error = (row.error or "").removesuffix(".")
    answer = f"HTTP {row.status_code}" if row.status_code is not None else error or "no answer"
    match row.outcome or row.state:
        case "delivered":
            return f"Delivered to {row.endpoint} at try {row.tries}: {answer}{took}."
        case "retry":
            return f"Try {row.tries} to {row.endpoint} failed: {answer}{took}."
        case "parked" if row.outcome:
            return f"Given up after try {row.tries} to {row.endpoint}: {answer}{took}."
        case "endpoint_gone":
            return f"{row.endpoint} answered 410 Gone: the endpoint is switched off."
        case "parked":
            return f"Parked on the dead-letter list of {row.endpoint}: {error or 'given up'}."
        case _:
            again = f", next try {row.due_at:%H:%M:%SZ}" if row.tries and row.due_at is not None else ""
            return f"Waits to be delivered to {row.endpoint}{again}."
