"""The first decision about when a record may be called: the start asked for, moved into the calling hours (path step 7). Pure.

Intake stores the due time with the record, not the rule that gave it; the rule follows from the flow version, the policy and
the callee's zones, asked again for the moment of intake.
"""

from __future__ import annotations

from datetime import datetime

from central.application.ports.reporting import EventRow, RecordHistory, RecordRow
from central.application.reporting.event_data import data_of, inner, moment, text
from central.application.reporting.explanation import ScheduleLine
from central.domain.calling_hours import Verdict, judge
from central.domain.policies import Policy
from central.domain.start_time import StartTime, read_start
from central.domain.zones import zones_of
from central.flow.prepared import PreparedFlow, calling_window


def tell_first_due(event: EventRow, history: RecordHistory, prepared: PreparedFlow, policy: Policy) -> ScheduleLine:
    """The line of the record's first event, whether it was accepted or expires before it may be called."""
    asked = text(data_of(event), "start_time")
    wanted = _wanted(asked, event.at, prepared)
    kept = text(inner(data_of(event), "row"), "time_zone")
    hours = _hours(wanted, history.record, kept, prepared, policy)
    claim = next((e for e in history.events if e.kind == "record_claimed"), None)
    expires = moment(data_of(claim), "expires_at") if claim is not None else history.record.expires_at
    closed = f", {hours.rule}" if hours.rule is not None else ""
    if event.to_status not in {"SCHEDULED", "UNPROCESSED"}:
        return ScheduleLine(event.at, "never due", None, f"8.3{closed}", hours.sentence)
    due: datetime | None = event.at
    if event.to_status == "UNPROCESSED":
        said = (
            f"The start asked for ({asked}) is now: due at once."
            if asked
            else "No start time was asked for: due at once."
        )
    else:
        # what is stored is the truth as long as nothing moved it since
        untouched = event is history.events[-1] and history.record.due_at is not None
        due = history.record.due_at if untouched else hours.opens_at
        start = f"Waits for the start asked for ({asked})" if asked else "Waits for the calling hours to open"
        said = f"{start}: {hours.sentence}" if closed else f"{start}."
    # a resume or requeue moves the expiry: what stands in the record then is not what intake decided
    moved = claim is None and any(e.kind in {"record_resumed", "record_requeued"} for e in history.events)
    if expires is not None and not moved:
        said += f" Expires {expires:%Y-%m-%dT%H:%M:%SZ}."
    return ScheduleLine(event.at, "first due", due, f"8.3{closed}", said)


def _wanted(asked: str, now: datetime, prepared: PreparedFlow) -> datetime:
    start = read_start(asked, now=now, zone=prepared.zone)
    return max(start.at, now) if isinstance(start, StartTime) else now


def _hours(wanted: datetime, record: RecordRow, kept_zone: str, prepared: PreparedFlow, policy: Policy) -> Verdict:
    zone = record.time_zone or kept_zone
    zones = [zone] if zone else list(zones_of(record.numbers[0])) if record.numbers else []
    rules, _ = calling_window(prepared, policy, zones)
    return judge(rules, wanted)
