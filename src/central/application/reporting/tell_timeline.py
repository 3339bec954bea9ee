"""All that is known of a record as one line of entries in the order of time (path step 7). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from central.application.reporting.explanation import (
    CheckLine,
    CheckResult,
    Entry,
    InputRow,
    Kind,
    LateLine,
    PushLine,
    ScheduleLine,
    StatusLine,
)
from central.application.reporting.record_values import AttemptView, LegView, RecordDetail, SipLine
from central.domain.statuses import FlowStatus

# What stands first where the clock shows the same moment: cause before effect. An attempt ends after its flow.
_RANK: Final = {
    Kind.INPUT: 0, Kind.CHECK: 1, Kind.STATUS: 3, Kind.SCHEDULE: 4, Kind.ATTEMPT: 5, Kind.LEG: 6, Kind.DIGITS: 7, Kind.FLOW: 7,
    Kind.WARNING: 7, Kind.SIP: 8, Kind.GAP: 8, Kind.MESSAGE: 8, Kind.PUSH: 12, Kind.LATE: 13,
}  # fmt: skip
_DROPPED: Final = 2
_MADE: Final = {"callback": "was made for a call back", "retry": "was made for another try"}
_ENDING: Final = {Kind.ATTEMPT: 9, Kind.STATUS: 10, Kind.SCHEDULE: 11}


def tell_timeline(
    detail: RecordDetail,
    row: InputRow,
    *,
    checks: Sequence[CheckLine],
    statuses: Sequence[StatusLine],
    schedule: Sequence[ScheduleLine],
    flow: Sequence[Entry],
    pushes: Sequence[PushLine],
    late: Sequence[LateLine],
) -> tuple[Entry, ...]:
    """Merge the parts; entries of the same moment stand cause before effect."""
    entries: list[Entry] = [*_input(statuses, row), *_checks(checks), *_statuses(statuses), *_schedule(schedule), *flow]
    for attempt in detail.attempts:
        entries += _attempt(attempt)
        for leg in attempt.legs:
            entries += _leg(leg)
    entries += [
        Entry(p.at, Kind.PUSH, f"Webhook {p.event_type}", p.sentence, data={"state": p.state, "tries": p.tries})
        for p in pushes
    ]
    entries += [Entry(n.at, Kind.LATE, "Late news", n.sentence, data=dict(n.data)) for n in late]
    order = sorted(enumerate(entries), key=lambda item: (item[1].at, _ranked(item[1]), item[0]))
    return tuple(entry for _, entry in order)


def _ranked(entry: Entry) -> int:
    if entry.data.get("end") is True:
        return _ENDING[entry.kind]
    if "dropped" in entry.data:
        return _DROPPED
    return _RANK[Kind.LEG] if entry.leg_id is not None and entry.kind is Kind.DIGITS else _RANK[entry.kind]


def _input(statuses: Sequence[StatusLine], row: InputRow) -> Iterator[Entry]:
    if statuses:
        numbers = ", ".join(row.written_numbers or row.numbers)
        named = f", client identifier {row.client_identifier}" if row.client_identifier else ""
        title = f"Row {row.row} came in: {numbers or 'no number'}{named}"
        start = f"start time {row.start_time}" if row.start_time else ""
        if row.started_by is not None:
            made = _MADE.get(row.started_why, "was made by another flow")
            title = title.replace("came in", made, 1)
            start = f"started by record {row.started_by}{', ' if start else ''}{start}"
        yield Entry(statuses[0].at, Kind.INPUT, title, start)
        for warning in row.warnings:
            yield Entry(statuses[0].at, Kind.WARNING, "The row was taken with a warning", warning)


def _checks(checks: Sequence[CheckLine]) -> Iterator[Entry]:
    """One line for the passes of a stage, one for the check that decided, one for each number that was dropped."""
    for stage in dict.fromkeys(check.stage for check in checks):
        own = [check for check in checks if check.stage == stage]
        failed = next((check for check in own if check.result is CheckResult.FAILED), None)
        passed = [check.check for check in own if check.result is CheckResult.PASSED and check.check != "accept"]
        if passed:
            title = f"{len(passed)} {'check' if len(passed) == 1 else 'checks'} at {stage} passed"
            yield Entry(own[0].at, Kind.CHECK, title, ", ".join(passed))
        for check in own:
            if check.check != "variables" and check.result is CheckResult.PASSED:
                for told in check.details:
                    yield Entry(
                        check.at,
                        Kind.WARNING,
                        "A number was dropped",
                        told,
                        data={"dropped": True, "check": check.check},
                    )
        if failed is not None:
            data = {"value": failed.value, "version": failed.version, "step": failed.step}
            yield Entry(failed.at, Kind.CHECK, f"Check {failed.check} at {stage} decided", failed.sentence, data=data)


def _statuses(statuses: Sequence[StatusLine]) -> Iterator[Entry]:
    for number, line in enumerate(statuses):
        arrow = f"{line.from_status} → {line.to_status}" if number and line.from_status else line.to_status
        reason = f" ({line.reason})" if line.reason else ""
        data = {
            "rule": line.rule,
            "actor": line.actor,
            "end": line.attempt is not None and line.to_status != FlowStatus.IN_PROGRESS,
        }
        yield Entry(
            line.at, Kind.STATUS, f"{arrow}{reason}", f"{line.sentence} [{line.rule}]".strip(), line.attempt, data=data
        )


def _schedule(schedule: Sequence[ScheduleLine]) -> Iterator[Entry]:
    for line in schedule:
        if line.decision in {"paused", "resumed", "requeued"}:
            continue  # the change of status says so already
        due = f" {line.due_at:%Y-%m-%dT%H:%M:%SZ}" if line.due_at is not None else ""
        # what a reattempt decides is told by its status already
        told = "" if line.decision == "next attempt" else line.sentence
        end = {"end": True} if line.decision in {"next attempt", "held"} else {}
        yield Entry(line.at, Kind.SCHEDULE, f"{line.decision.capitalize()}{due}", told, data={"rule": line.rule, **end})


def _attempt(attempt: AttemptView) -> Iterator[Entry]:
    number, final = attempt.number, ", the last" if attempt.final else ""
    policy = f"policy {attempt.policy_id} version {attempt.policy_version}"
    yield Entry(attempt.started_at, Kind.ATTEMPT, f"Attempt {number} begins", f"on {attempt.node}, {policy}", number)
    if attempt.ended_at is not None:
        charged = {True: "charged", False: "not charged", None: ""}[attempt.charged]
        took = f"{(attempt.duration_ms or 0) / 1000:.1f} s"
        title = f"Attempt {number} ended: {attempt.result or attempt.outcome or 'unknown'}"
        sentence = ", ".join(part for part in (took, charged) if part) + final
        yield Entry(attempt.ended_at, Kind.ATTEMPT, title, sentence, number, data={"end": True})


def _leg(leg: LegView) -> Iterator[Entry]:
    number, id_ = leg.attempt, leg.leg_id
    over = f" over {leg.trunk}" if leg.trunk else ""
    shown = f", showing {leg.number_from}" if leg.number_from else ", anonymous"
    yield Entry(
        leg.handed_at,
        Kind.LEG,
        f"Calls {leg.number_to}{over}",
        f"number {leg.position + 1} of the record{shown}",
        number,
        id_,
    )
    if leg.ring_at is not None:
        yield Entry(leg.ring_at, Kind.LEG, "It rings", "", number, id_)
    if leg.connect_at is not None:
        after = f"after {leg.ring_ms / 1000:.1f} s of ringing" if leg.ring_ms is not None else ""
        yield Entry(leg.connect_at, Kind.LEG, "Answered", after, number, id_)
    for digit in leg.digits:
        yield Entry(digit.at, Kind.DIGITS, f"Key {digit.digit}", f"{digit.duration_ms} ms", number, id_)
    if leg.end_at is not None:
        codes = (
            f" (code {leg.code}" + (f", SIP {leg.sip_code}" if leg.sip_code else "") + ")"
            if leg.code is not None
            else ""
        )
        sentence = f"{leg.why} {leg.carrier}".strip()
        yield Entry(leg.end_at, Kind.LEG, f"Call ended: {leg.status}{codes}", sentence, number, id_)
    if leg.sip is not None:
        for message in leg.sip.messages:
            yield _sip(message, leg)
        if leg.sip.missing:
            last = leg.sip.messages[-1].at if leg.sip.messages else leg.end_at or leg.handed_at
            yield Entry(
                last, Kind.GAP, "SIP messages are missing", leg.sip.note, number, id_, {"missing": leg.sip.missing}
            )


def _sip(message: SipLine, leg: LegView) -> Entry:
    arrow = "→" if message.sent else "←"
    answer = f" ({message.method})" if message.code is not None and message.method != "INVITE" else ""
    extra = [message.media, *(f"Reason {r.protocol} {r.cause} {r.name}".strip() for r in message.reasons)]
    extra += ["sent again"] if message.repeated else []
    data = {"source": message.source, "target": message.target, "sent": message.sent}
    told = " · ".join(part for part in extra if part)
    return Entry(message.at, Kind.SIP, f"{arrow} {message.label}{answer}", told, leg.attempt, leg.leg_id, data)
