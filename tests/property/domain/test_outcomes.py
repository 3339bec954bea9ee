"""The decision of 7.4 is total and keeps its promises, whatever facts come in and however attempts follow each other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from central.domain import moves
from central.domain.attempts import AttemptEnd, AttemptFacts, LegResult, Loss, Outcome
from central.domain.dispositions import DEFAULT_RETRY_ON, permanently_bad
from central.domain.due_times import Limits, NextOpening
from central.domain.outcomes import decide
from central.domain.reattempts import Growth, ReattemptRule
from central.domain.statuses import CallStatus, FlowStatus

T = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)

rules = st.builds(
    ReattemptRule,
    attempts=st.integers(1, 6),
    intervals=st.just((timedelta(minutes=10),)),
    growth=st.sampled_from(Growth),
    retry_on=st.frozensets(st.sampled_from(sorted(DEFAULT_RETRY_ON))),
    retry_short_hangup=st.booleans(),
)


@st.composite
def some_legs(draw: st.DrawFn, numbers: int) -> tuple[LegResult, ...]:
    positions = draw(st.lists(st.integers(0, numbers - 1), unique=True, max_size=numbers))
    legs: list[LegResult] = []
    for position in positions:
        status = draw(st.sampled_from(CallStatus))
        seconds = draw(st.floats(0, 100)) if status is CallStatus.CONNECTED else None
        machine = status is CallStatus.CONNECTED and draw(st.booleans())
        legs.append(LegResult(position, status, seconds, draw(st.sampled_from(("us", "them"))), machine))
    return tuple(legs)


def window_of(hours: int | None) -> NextOpening:
    """A window that opens every so many hours on the hour, or never."""

    def opening(at: datetime) -> datetime | None:
        if hours is None:
            return None
        return T + -(-(at - T) // (hours * HOUR)) * (hours * HOUR)

    return opening


@st.composite
def some_facts(draw: st.DrawFn) -> AttemptFacts:
    numbers = draw(st.integers(1, 3))
    rule = draw(rules)
    limit = st.none() | st.integers(0, 72).map(lambda n: T + n * HOUR)
    return AttemptFacts(
        end=draw(st.sampled_from(AttemptEnd)),
        ended_at=T + timedelta(seconds=draw(st.integers(0, 3600))),
        rule=rule,
        attempts_made=draw(st.integers(0, 8)),
        attempts_charged=draw(st.integers(0, 8)),
        reason=draw(st.sampled_from(("", "flow_error", "step_limit", "duration_limit", "another"))),
        legs=draw(some_legs(numbers)),
        loss=draw(st.none() | st.sampled_from(Loss)),
        platform_faults=draw(st.integers(0, 5)),
        limits=Limits(draw(limit), draw(limit)),
        next_opening=window_of(draw(st.sampled_from((None, 1, 24)))),
        paused=draw(st.booleans()),
        stopping=draw(st.booleans()),
        numbers=numbers,
        struck=frozenset(draw(st.lists(st.integers(0, numbers - 1), max_size=2))),
        inbound=draw(st.booleans()),
    )


@settings(max_examples=600)
@given(facts=some_facts())
def test_total_lawful_and_within_all_limits(facts: AttemptFacts) -> None:
    found = decide(facts)
    before = FlowStatus.REATTEMPT_SCHEDULED if facts.end is AttemptEnd.VALIDITY_OVER else FlowStatus.IN_PROGRESS
    if found.status is FlowStatus.REJECTED:
        assert facts.attempts_made == 0
        before = FlowStatus.SCHEDULED
    assert moves.lawful("flow", before, found.status)
    assert found.final == moves.is_final("flow", found.status) == (found.due_at is None)
    assert found.reason
    assert found.rule.startswith("7.4 row ")
    assert found.sentence.endswith(".")
    assert found.charged + facts.attempts_charged <= max(facts.rule.attempts, facts.attempts_charged)
    assert not (found.charged and found.platform_fault)
    assert (found.resume_as is not None) == (found.status is FlowStatus.PAUSE)
    if found.due_at is not None:
        check_the_due_time(facts, found, found.due_at)


def check_the_due_time(facts: AttemptFacts, found: Outcome, due: datetime) -> None:
    assert due > facts.ended_at, "never an immediate redial"
    assert facts.next_opening(due) == due, "inside the window"
    latest = facts.limits.latest()
    assert latest is None or due <= latest[0]
    assert not facts.stopping
    assert (found.status is FlowStatus.PAUSE) == facts.paused
    assert facts.numbers > len(facts.struck | found.struck), "somebody is left to be dialled"
    assert facts.attempts_charged + found.charged < facts.rule.attempts


@settings(max_examples=200)
@given(facts=some_facts())
def test_permanently_bad_numbers_are_struck_and_alone_never_retried(facts: AttemptFacts) -> None:
    found = decide(facts)
    assert found.struck == {leg.position for leg in facts.legs if permanently_bad(leg.status)}
    if facts.legs and all(permanently_bad(leg.status) for leg in facts.legs) and facts.loss is None:
        assert found.final or facts.end is AttemptEnd.LOST


@settings(max_examples=200)
@given(rule=rules, results=st.lists(st.sampled_from(CallStatus), min_size=12, max_size=12))
def test_a_record_ends_within_its_attempts_and_three_free_ones(rule: ReattemptRule, results: list[CallStatus]) -> None:
    charged = faults = 0
    at = T
    for made, status in enumerate(results, start=1):
        found = decide(
            AttemptFacts(
                end=AttemptEnd.NOT_REACHED,
                ended_at=at,
                rule=rule,
                attempts_made=made,
                attempts_charged=charged,
                platform_faults=faults,
                legs=(LegResult(0, status if status is not CallStatus.CONNECTED else CallStatus.BUSY),),
            )
        )
        charged, faults = charged + found.charged, faults + found.platform_fault
        assert charged <= rule.attempts
        assert charged + faults == made, "each attempt is charged or a free platform fault"
        if found.due_at is None:
            assert found.status is FlowStatus.FAILURE
            return
        at = found.due_at
    raise AssertionError("the record never ended")
