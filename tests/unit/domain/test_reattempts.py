"""Reattempt rules that cannot be meant are refused when they are made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from central.domain.errors import InvalidInput
from central.domain.reattempts import Growth, ReattemptRule, next_due
from central.domain.statuses import CallStatus

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    "rule",
    [
        {"attempts": 0},
        {"attempts": 101},
        {"intervals": ()},
        {"intervals": (timedelta(0),)},
        {"intervals": (timedelta(days=31),)},
        {"attempts": 20, "intervals": (timedelta(hours=1),), "growth": Growth.EXPONENTIAL},
        {"intervals": (MINUTE, MINUTE), "growth": Growth.LINEAR},
        {"intervals": (MINUTE, timedelta(days=31))},
        {"retry_on": frozenset({CallStatus.INVALID_NUMBER})},
        {"retry_on": frozenset({CallStatus.UNALLOCATED_NUMBER})},
        {"retry_on": frozenset({CallStatus.CONNECTED})},
    ],
)
def test_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="invalid_reattempt_rule"):
        ReattemptRule(**rule)


def test_the_interval_runs_from_the_end_of_the_attempt() -> None:
    ended = datetime(2026, 11, 23, 12, tzinfo=UTC)
    rule = ReattemptRule(attempts=3, intervals=(timedelta(seconds=20),), growth=Growth.LINEAR)
    assert [next_due(rule, n, ended) - ended for n in (0, 1, 2, 3)] == [timedelta(seconds=s) for s in (20, 20, 40, 60)]
