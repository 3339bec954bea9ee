"""From a stored request and its tallies to what is shown: counts, status, progress, forecast (path step 7). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from central.application.ports.reporting import RequestRow
from central.application.reporting.measure_rate import Rates
from central.application.reporting.request_values import Progress, RequestView, Upload
from central.domain.requests import Control, Counts, RequestStatus, count, request_status
from central.domain.statuses import FlowStatus

_LONGEST = timedelta(days=366)  # a forecast beyond this is no forecast


def view_request(row: RequestRow, now: datetime, rates: Rates | None = None) -> RequestView:
    """Work out everything that lists and progress show of one request."""
    statuses = split(row.tallies, "status:")
    attempts = row.tallies.get("attempts", 0)
    counts = count({FlowStatus(word): n for word, n in statuses.items()}, row.tallies.get("added", 0))
    status = request_status(
        counts, loading_done=not row.loading, attempt_made=attempts > 0, earliest_due=row.earliest_due, now=now
    )
    return RequestView(
        request_id=row.id,
        name=row.name,
        status=status,
        control=Control(row.control),
        flow_control=row.flow_control,
        flow_id=row.flow_id,
        flow_name=row.flow_name,
        flow_type=row.flow_type,
        flow_version=row.flow_version,
        testing=row.testing,
        source=row.source,
        priority=row.priority,
        created_at=row.created_at,
        end_at=row.end_at,
        loading=row.loading,
        earliest_due=row.earliest_due,
        reload_of=row.reload_of,
        error=row.error,
        upload=_upload(row),
        counts=counts,
        attempts=attempts,
        progress=_progress(row, counts, status, now, rates or Rates()),
        statuses=statuses,
        calls=split(row.tallies, "call:"),
        reasons=split(row.tallies, "reason:"),
    )


def split(tallies: Mapping[str, int], prefix: str) -> dict[str, int]:
    """The counters behind a prefix, largest first, without those that fell back to 0."""
    found = {name.removeprefix(prefix): n for name, n in tallies.items() if name.startswith(prefix) and n}
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _upload(row: RequestRow) -> Upload | None:
    if row.upload_state is None:
        return None
    found = {name: str(value) for name, value in (row.detected or {}).items() if value}
    return Upload(
        row.file_name or "",
        row.upload_state,
        row.rows_done or 0,
        kind=found.get("kind"),
        encoding=found.get("encoding"),
        delimiter=found.get("delimiter"),
    )


def _progress(row: RequestRow, counts: Counts, status: RequestStatus, now: datetime, rates: Rates) -> Progress:
    finished = counts.loaded - counts.pending
    return Progress(
        finished=finished,
        percent=round(100.0 * finished / counts.loaded, 1) if counts.loaded else 0.0,
        finished_per_s_10=rates.finished_10,
        finished_per_s_60=rates.finished_60,
        attempts_per_s_10=rates.attempts_10,
        forecast_end=None if status is RequestStatus.COMPLETED else _forecast(row, counts, now, rates),
    )


def _forecast(row: RequestRow, counts: Counts, now: datetime, rates: Rates) -> datetime | None:
    """When the pending records will be done at the present rate, not before the next one is due. None: nothing moves."""
    rate = rates.finished_60 or rates.finished_10
    if not rate or not counts.pending or (row.control, row.flow_control) != ("running", "running"):
        return None
    left = timedelta(seconds=counts.pending / rate)
    if left > _LONGEST:
        return None
    start = max(now, row.earliest_due) if row.earliest_due is not None else now
    return (start + left).replace(microsecond=0)
