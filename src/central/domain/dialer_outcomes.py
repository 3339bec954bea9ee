"""Rows 7, 10 and 11 of domain 7.4: dialer flows, which have an agent's leg beside the customer's and two budgets (path step 5)."""

from __future__ import annotations

from typing import Final

from central.domain.attempts import AGENT_SIDE, AttemptEnd, Outcome
from central.domain.outcome_view import View, again, final, retryable, used
from central.domain.reattempts import next_due
from central.domain.statuses import FlowStatus

_OVER: Final = frozenset({AttemptEnd.END, AttemptEnd.CUSTOMER_LEFT, AttemptEnd.NOT_REACHED})
_AGENT_WORDS: Final = {
    "agent_missing": "No agent took the call",
    "agent_left": "The agent left while the customer was still being called",
    "abandoned": "The customer answered, and no agent was there in time",
}


def row_7_agent_lost(view: View) -> Outcome | None:
    """The agent's leg broke, or was ended by a supervisor, in the conversation."""
    dialer = view.facts.dialer
    if dialer is None or dialer.result != "agent_lost" or view.facts.end not in _OVER:
        return None
    sentence = "The agent's connection was lost in the conversation with the customer; there is no retry."
    return final(view, FlowStatus.PARTIAL_COMPLETE, "agent_lost", "7", sentence)


def row_10_no_agent(view: View) -> Outcome | None:
    """No agent for this run: one attempt of the agent's budget is spent."""
    facts, dialer = view.facts, view.facts.dialer
    if dialer is None or dialer.result not in AGENT_SIDE or facts.end not in _OVER:
        return None
    what = (
        f"{_AGENT_WORDS[dialer.result]} (attempt {view.charged_after} of {dialer.rule.attempts} of the agent's budget)"
    )
    if view.attempts_left <= 0:
        return final(view, FlowStatus.AGENT_FAILURE, "attempts_exhausted", "10", f"{what}; {used(view)}.")
    due = next_due(dialer.rule, view.charged_after, facts.ended_at)
    if dialer.result == "abandoned":
        due = max(due, facts.ended_at + dialer.hold)
    return again(view, due, dialer.result, "10", what)


def row_11_no_customer(view: View) -> Outcome | None:
    """The agent was there, or stood ready, and the customer was not reached: one attempt of the customer's budget is spent."""
    facts, dialer = view.facts, view.facts.dialer
    if dialer is None or dialer.result != "customer_missed" or facts.end not in _OVER:
        return None
    what = f"The customer was not reached ({view.result})"
    if view.numbers_left <= 0:
        sentence = f"{what}; no usable number is left."
        return final(view, FlowStatus.CUSTOMER_FAILURE, "not_retryable", "11", sentence)
    if not retryable(view):
        sentence = f"{what}, and there is no retry after that."
        return final(view, FlowStatus.CUSTOMER_FAILURE, "not_retryable", "11", sentence)
    if view.attempts_left <= 0:
        return final(view, FlowStatus.CUSTOMER_FAILURE, "attempts_exhausted", "11", f"{what}; {used(view)}.")
    what = f"{what} in attempt {view.charged_after} of {facts.rule.attempts} of the customer's budget"
    return again(view, next_due(facts.rule, view.charged_after, facts.ended_at), "customer_missed", "11", what)
