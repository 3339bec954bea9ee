"""Whatever order the results of a dialer's runs come in: budgets are never exceeded and only decrease, every status is lawful."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from central.domain.attempts import AGENT_SIDE, AttemptEnd, AttemptFacts, DialerFacts, DialerResult, LegResult, Loss
from central.domain.moves import lawful
from central.domain.outcomes import decide
from central.domain.reattempts import FREE_PLATFORM_FAULTS, ReattemptRule
from central.domain.status_rows import Family
from central.domain.statuses import FLOW, CallStatus, FlowStatus

T0 = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
AGENT_EVERY, CUSTOMER_EVERY = timedelta(minutes=10), timedelta(minutes=60)
RESULTS: tuple[DialerResult, ...] = get_args(DialerResult)
UNREACHED = (CallStatus.BUSY, CallStatus.RING_TIMEOUT, CallStatus.CHANNEL_BUSY, CallStatus.UNALLOCATED_NUMBER)

runs = st.lists(
    st.tuples(
        st.sampled_from(RESULTS),
        st.sampled_from(UNREACHED),
        st.sampled_from([None, None, None, *Loss]),
        st.sampled_from(list(AttemptEnd)),
    ),
    max_size=25,
)


def _facts(
    run: tuple[DialerResult, CallStatus, Loss | None, AttemptEnd],
    made: int,
    spent: tuple[int, int],
    rules: tuple[ReattemptRule, ReattemptRule],
    faults: int,
) -> AttemptFacts:
    result, status, loss, end = run
    answered = result in {"connected", "agent_lost", "abandoned"}
    legs: tuple[LegResult, ...] = ()
    if result not in {"", "agent_missing"} and loss is not Loss.NOT_SENT:
        legs = (LegResult(0, CallStatus.CONNECTED, 9.0),) if answered else (LegResult(0, status),)
    return AttemptFacts(
        end=AttemptEnd.LOST if loss is not None else end,
        ended_at=T0 + timedelta(hours=made),
        rule=rules[1],
        attempts_made=made,
        attempts_charged=spent[1],
        legs=legs,
        loss=loss,
        platform_faults=faults,
        dialer=DialerFacts(result=result, rule=rules[0], charged=spent[0]),
    )


@given(runs, st.integers(1, 5), st.integers(1, 5))
def test_budgets_are_kept_in_every_order(
    came: Sequence[tuple[DialerResult, CallStatus, Loss | None, AttemptEnd]], agent: int, customer: int
) -> None:
    rules = ReattemptRule(agent, (AGENT_EVERY,)), ReattemptRule(customer, (CUSTOMER_EVERY,))
    spent, faults = (0, 0), 0
    for made, run in enumerate(came, 1):
        facts = _facts(run, made, spent, rules, faults)
        outcome = decide(facts)
        assert lawful(Family.FLOW, FlowStatus.IN_PROGRESS, outcome.status) or facts.end is AttemptEnd.VALIDITY_OVER
        assert outcome.final == FLOW[outcome.status].final == (outcome.due_at is None)
        before = spent
        spent = (
            spent[0] + (outcome.charged and outcome.budget == "agent"),
            spent[1] + (outcome.charged and outcome.budget == "customer"),
        )
        faults += outcome.platform_fault
        assert spent[0] <= agent
        assert spent[1] <= customer
        assert sum(spent) - sum(before) in {0, 1}
        assert made <= agent + customer - 1 + FREE_PLATFORM_FAULTS
        assert outcome.status is not FlowStatus.REATTEMPT_SCHEDULED
        if outcome.final:
            return
        assert spent[0] < agent
        assert spent[1] < customer
        assert outcome.due_at is not None
        assert outcome.due_at > facts.ended_at


@given(st.sampled_from(sorted(AGENT_SIDE)), st.integers(0, 4))
def test_the_agents_interval_follows_the_agents_failures(result: DialerResult, charged: int) -> None:
    rules = ReattemptRule(5, (AGENT_EVERY,)), ReattemptRule(5, (CUSTOMER_EVERY,))
    outcome = decide(_facts((result, CallStatus.CANCELLED, None, AttemptEnd.NOT_REACHED), 1, (charged, 0), rules, 0))
    assert (outcome.budget, outcome.charged) == ("agent", True)
    if charged == 4:
        assert (outcome.status, outcome.due_at) == (FlowStatus.AGENT_FAILURE, None)
    else:
        assert outcome.status is FlowStatus.AGENT_REATTEMPT_SCHEDULED
        assert outcome.due_at == T0 + timedelta(hours=1) + AGENT_EVERY
    assert outcome.abandoned == (result == "abandoned")


@given(st.integers(0, 4))
def test_the_customers_interval_follows_the_customers_failures(charged: int) -> None:
    rules = ReattemptRule(5, (AGENT_EVERY,)), ReattemptRule(5, (CUSTOMER_EVERY,))
    outcome = decide(
        _facts(("customer_missed", CallStatus.BUSY, None, AttemptEnd.NOT_REACHED), 1, (0, charged), rules, 0)
    )
    assert (outcome.budget, outcome.charged) == ("customer", True)
    if charged == 4:
        assert outcome.status is FlowStatus.CUSTOMER_FAILURE
    else:
        assert outcome.status is FlowStatus.CUSTOMER_REATTEMPT_SCHEDULED
        assert outcome.due_at == T0 + timedelta(hours=1) + CUSTOMER_EVERY


def test_an_abandoned_customer_is_left_alone_as_long_as_the_policy_says() -> None:
    rules = ReattemptRule(5, (AGENT_EVERY,)), ReattemptRule(5, (CUSTOMER_EVERY,))
    facts = _facts(("abandoned", CallStatus.BUSY, None, AttemptEnd.NOT_REACHED), 1, (0, 0), rules, 0)
    hold = timedelta(hours=72)
    dialer = DialerFacts(result="abandoned", rule=rules[0], charged=0, hold=hold)
    held = decide(replace(facts, dialer=dialer))
    assert held.due_at == facts.ended_at + hold
