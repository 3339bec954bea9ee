"""Retries grow, end after a day, and are the same for the same event."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.domain.delivery import (
    STANDARD_RULE,
    Answer,
    Delivered,
    Gone,
    HttpAnswer,
    NoAnswer,
    Parked,
    RetryAt,
    describe,
    judge,
    pause_after,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
EVENT = UUID(int=7)


def verdict(answer: Answer, tries: int = 1, after: timedelta = timedelta(0)) -> object:
    return judge(answer, event=EVENT, tries=tries, first_tried_at=START, now=START + after)


@given(st.integers(200, 299))
def test_every_2xx_is_success_even_after_the_day(status: int) -> None:
    assert verdict(HttpAnswer(status, 1)) == Delivered()
    assert verdict(HttpAnswer(status, 1), after=timedelta(days=9)) == Delivered()


def test_410_takes_the_endpoint_out_of_use() -> None:
    assert verdict(HttpAnswer(410, 1)) == Gone()


@given(st.integers(100, 599).filter(lambda status: status // 100 != 2 and status != 410))
def test_every_other_answer_is_retried(status: int) -> None:
    assert isinstance(verdict(HttpAnswer(status, 1)), RetryAt)


@given(st.uuids(), st.integers(1, 10_000))
def test_pauses_stay_between_their_bounds(event: UUID, tries: int) -> None:
    pause = pause_after(event, tries)
    full = min(timedelta(seconds=5) * 2 ** min(tries - 1, 20), timedelta(hours=1))
    assert full * 0.8 <= pause <= full
    assert pause == pause_after(event, tries)


@given(st.uuids())
def test_pauses_grow_until_the_longest(event: UUID) -> None:
    pauses = [pause_after(event, tries) for tries in range(1, 10)]
    assert pauses == sorted(pauses)


def test_events_that_failed_together_come_back_apart() -> None:
    assert len({pause_after(UUID(int=n), 5) for n in range(100)}) == 100


@given(st.uuids(), st.integers(0, 3600))
def test_a_dead_endpoint_is_tried_to_the_end_of_the_day_then_parked(event: UUID, late_s: int) -> None:
    """Walks virtual time: each try happens a little after it is due, as with a busy worker."""
    now, tries = START, 1
    moments = [now]
    while True:
        match judge(NoAnswer("timeout", 10_000), event=event, tries=tries, first_tried_at=START, now=now):
            case RetryAt(due_at=due_at):
                assert now < due_at <= START + timedelta(hours=24)
                now, tries = due_at + timedelta(seconds=late_s), tries + 1
                moments.append(now)
            case other:
                assert other == Parked()
                break
    assert moments[-1] >= START + timedelta(hours=24)
    assert moments[-1] <= START + timedelta(hours=24, seconds=late_s)
    assert tries <= 50


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_lengthens_the_pause(status: int) -> None:
    asked = HttpAnswer(status, 1, retry_after=timedelta(minutes=10))
    assert verdict(asked) == RetryAt(START + timedelta(minutes=10))


def test_retry_after_neither_shortens_nor_goes_beyond_the_longest_pause() -> None:
    short = verdict(HttpAnswer(503, 1, retry_after=timedelta(seconds=1)), tries=8)
    assert isinstance(short, RetryAt)
    assert short.due_at == START + pause_after(EVENT, 8)
    assert verdict(HttpAnswer(503, 1, retry_after=timedelta(days=400))) == RetryAt(START + STANDARD_RULE.longest)


def test_a_failure_is_described_in_a_line() -> None:
    assert describe(HttpAnswer(500, 3, detail="oops")) == "HTTP 500: oops"
    assert describe(HttpAnswer(500, 3)) == "HTTP 500"
    assert describe(NoAnswer("timeout", 3)) == "timeout"
    assert describe(NoAnswer("address_refused", 3, "not public")) == "address_refused: not public"
