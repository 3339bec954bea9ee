"""Orders to agents, held against the published table of moves: each leads where its rule says, and only along lawful edges."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from central.domain.agent_orders import BUSY, RULES, Order
from central.domain.moves import lawful
from central.domain.statuses import AgentStatus

orders, statuses = st.sampled_from(Order), st.sampled_from(AgentStatus)
wishes = st.sampled_from(["", AgentStatus.PAUSED, AgentStatus.LOGGED_OUT])


@given(orders, statuses)
def test_an_order_does_one_thing_in_each_status(order: Order, status: AgentStatus) -> None:
    rule = RULES[order]
    assert sum([status in rule.at_once, status in rule.later, status in rule.refused]) <= 1
    assert (
        status in rule.at_once | rule.later | rule.refused.keys()
        or order is Order.END_WRAP_UP
        or (status == rule.goal or rule.goal in {AgentStatus.IDLE, AgentStatus.PAUSED})
    )


@given(orders, statuses, wishes)
def test_every_move_that_a_rule_allows_is_an_edge(order: Order, status: AgentStatus, wanted: str) -> None:
    rule = RULES[order]
    if status in rule.at_once:
        assert lawful("agent", status, wanted if rule.next_wanted and wanted else rule.goal)


@given(statuses)
def test_a_call_is_not_cut_off_but_by_force(status: AgentStatus) -> None:
    cut = {order for order in Order if status in BUSY and status in RULES[order].at_once}
    assert cut <= {Order.LOG_OUT_AT_ONCE, Order.END_WRAP_UP}
    assert status is AgentStatus.WRAPPING_UP or Order.END_WRAP_UP not in cut
