"""What a request is shown as."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from central.domain.requests import RequestStatus, count, passed_intake, request_status
from central.domain.statuses import FlowStatus

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)


def test_the_figures_of_a_mixed_request() -> None:
    counts = count(
        {
            FlowStatus.COMPLETED: 3,
            FlowStatus.PARTIAL_COMPLETE: 1,
            FlowStatus.FAILURE: 2,
            FlowStatus.NCPR_CHECK_FAILED: 1,
            FlowStatus.REATTEMPT_SCHEDULED: 2,
            FlowStatus.MASK_ALLOCATED: 9,
        },
        added=8,
    )
    assert (counts.loaded, counts.valid, counts.invalid, counts.ncpr, counts.pending) == (9, 4, 2, 1, 2)
    assert (counts.completed, counts.completion_percent) == (3, 37.5)
    assert count({FlowStatus.REJECTED: 2}, added=0).completion_percent is None


@pytest.mark.parametrize(
    ("pending", "loading_done", "attempt_made", "earliest_due", "expected"),
    [
        (0, True, True, None, RequestStatus.COMPLETED),
        (0, True, False, None, RequestStatus.COMPLETED),
        (0, False, False, None, RequestStatus.IN_PROCESS),
        (1, True, False, LATER, RequestStatus.SCHEDULED),
        (1, False, False, LATER, RequestStatus.SCHEDULED),
        (1, True, False, NOW, RequestStatus.IN_PROCESS),
        (1, True, True, LATER, RequestStatus.IN_PROCESS),
    ],
)
def test_the_shown_status(
    pending: int, loading_done: bool, attempt_made: bool, earliest_due: datetime | None, expected: RequestStatus
) -> None:
    counts = count({FlowStatus.SCHEDULED: pending, FlowStatus.COMPLETED: 1}, added=pending + 1)
    shown = request_status(
        counts, loading_done=loading_done, attempt_made=attempt_made, earliest_due=earliest_due, now=NOW
    )
    assert shown is expected


def test_added_are_those_that_passed_their_checks() -> None:
    assert {status for status in FlowStatus if passed_intake(status)} == {FlowStatus.SCHEDULED, FlowStatus.UNPROCESSED}
