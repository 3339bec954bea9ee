"""A request's control state and its arithmetic (domain 7.5): loaded, valid, invalid, scrubbed, pending, completed.

Everything follows from one mapping, status -> number of records, and *added*, the records that ever passed intake.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from central.domain.status_rows import Bucket
from central.domain.statuses import FLOW, FlowStatus


class Control(StrEnum):
    """What the account's user has asked of the request."""

    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    STOPPED = "stopped"


CONTROL_MOVES: Final[Mapping[Control, frozenset[Control]]] = {
    Control.RUNNING: frozenset({Control.PAUSED, Control.STOPPING}),
    Control.PAUSED: frozenset({Control.RUNNING, Control.STOPPING}),
    Control.STOPPING: frozenset({Control.STOPPED}),
    Control.STOPPED: frozenset({Control.RUNNING}),  # only by a requeue, which reopens the request
}


class RequestStatus(StrEnum):
    """What a request is shown as."""

    SCHEDULED = "Scheduled"
    IN_PROCESS = "In process"
    COMPLETED = "Completed"


@dataclass(frozen=True, slots=True)
class Counts:
    """The figures of one request. ``completion_percent`` is None while nothing was added."""

    loaded: int
    added: int
    valid: int
    invalid: int
    ncpr: int
    pending: int
    completed: int
    completion_percent: float | None


_BUCKET: Final = {status: row.counts_as for status, row in FLOW.items()}


def count(by_status: Mapping[FlowStatus, int], added: int) -> Counts:
    """Work out the figures from the number of records in each status; statuses of masking count nowhere."""
    buckets = dict.fromkeys(Bucket, 0)
    for status, n in by_status.items():
        buckets[_BUCKET[status]] += n
    completed = by_status.get(FlowStatus.COMPLETED, 0)
    return Counts(
        loaded=sum(buckets.values()) - buckets[Bucket.NONE],
        added=added,
        valid=buckets[Bucket.VALID],
        invalid=buckets[Bucket.INVALID],
        ncpr=buckets[Bucket.NCPR],
        pending=buckets[Bucket.PENDING],
        completed=completed,
        completion_percent=None if added == 0 else 100.0 * completed / added,
    )


def passed_intake(first_status: FlowStatus) -> bool:
    """Tell whether a record whose checks gave this status counts as added: scheduled, or waiting to be claimed."""
    return first_status in (FlowStatus.SCHEDULED, FlowStatus.UNPROCESSED)


def request_status(
    counts: Counts, *, loading_done: bool, attempt_made: bool, earliest_due: datetime | None, now: datetime
) -> RequestStatus:
    """The shown status, first match: nothing pending, nothing begun and all due later, otherwise in process."""
    if loading_done and counts.pending == 0:
        return RequestStatus.COMPLETED
    if not attempt_made and earliest_due is not None and earliest_due > now:
        return RequestStatus.SCHEDULED
    return RequestStatus.IN_PROCESS
