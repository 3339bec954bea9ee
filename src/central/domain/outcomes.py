"""What becomes of a record when an attempt ends: the rows of domain 7.4, first match, as one total function.

Rows 7, 10 and 11 (dialer flows with two budgets) stand in ``dialer_outcomes``. Each row is a function that answers with an
Outcome or passes; ``decide`` asks them in order (path step 5).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from central.domain.attempts import AGENT_SIDE, FAILED_REASONS, AttemptEnd, AttemptFacts, Loss, Outcome
from central.domain.dialer_outcomes import row_7_agent_lost, row_10_no_agent, row_11_no_customer
from central.domain.outcome_view import View, again, final, look, not_reached, retryable, stopped, used
from central.domain.reattempts import FREE_PLATFORM_FAULTS, PLATFORM_FAULT_PAUSE, next_due
from central.domain.statuses import FlowStatus


def decide(facts: AttemptFacts) -> Outcome:
    """Decide the record's status after an attempt (or, with no attempt made, of a waiting record); never raises.

    Charged attempts never exceed the rule's count and a final outcome has no due time. Every status is a lawful move
    from IN_PROGRESS, or for ``validity_over`` (judged at the claim) from the waiting statuses.
    """
    view = look(facts)
    for row in ROWS:
        outcome = row(view)
        if outcome is not None:
            return outcome
    return _exhausted(view)


# -- the rows, in the order of domain 7.4 --------------------------------------------------------------------------------
def _row_1_2_stopped(view: View) -> Outcome | None:
    if view.facts.end is not AttemptEnd.STOPPED:
        return None
    return stopped(view)


def _row_3_account(view: View) -> Outcome | None:
    match view.facts.end:
        case AttemptEnd.VALIDITY_OVER:
            sentence = "The account's validity was over when the record's turn came; its remaining attempts are kept."
            return final(view, FlowStatus.ACCOUNT_VALIDITY_EXPIRED, "account_validity_expired", "3", sentence)
        case AttemptEnd.FUNDS_SHORT:
            sentence = "The account could not pay for the next unit; the record's remaining attempts are kept."
            return final(view, FlowStatus.INSUFFICIENT_BALANCE, "insufficient_balance", "3", sentence)
        case _:
            return None


def _row_5_short_hangup(view: View) -> Outcome | None:
    facts, leg = view.facts, view.connected
    left = facts.end is AttemptEnd.CUSTOMER_LEFT or (facts.end is AttemptEnd.END and facts.parted)  # even if bridged
    if not left or leg is None or leg.machine or facts.loss is not None:
        return None
    if facts.dialer is not None and facts.dialer.result == "abandoned":
        return None  # he did not leave a conversation: row 10
    if leg.answered_s is None or leg.answered_s >= facts.short_hangup_s:
        return None
    what = f"The customer left {leg.answered_s:.1f} s after answering, within the limit of {facts.short_hangup_s:g} s"
    if facts.rule.retry_short_hangup and not facts.inbound and view.attempts_left > 0 and view.numbers_left > 0:
        due = next_due(facts.rule, view.charged_after, facts.ended_at)
        return again(view, due, "short_hangup", "5", f"{what}, and the flow retries short hang-ups")
    return final(view, FlowStatus.SHORT_HANGUP, "short_hangup", "5", f"{what}.")


def _row_6_failed(view: View) -> Outcome | None:
    facts = view.facts
    if facts.end is not AttemptEnd.FAILED:
        return None
    reason = facts.reason if facts.reason in FAILED_REASONS else "flow_error"
    what = {
        "flow_error": "A step of the flow failed and its policy is to fail the record",
        "step_limit": "The run made more step visits than a flow may",
        "duration_limit": "The run lasted longer than a flow may",
    }[reason]
    tail = f": {facts.detail.removesuffix('.')}" if facts.detail else ""
    return final(view, FlowStatus.FAILURE, reason, "6", f"{what}{tail}.")


def _row_6a_lost_after_answer(view: View) -> Outcome | None:
    facts = view.facts
    if facts.inbound and (facts.loss is not None or facts.end is AttemptEnd.LOST):
        sentence = "The voice engine or its node was lost with the caller on the line."
        return final(view, FlowStatus.FAILURE, "engine_lost", "6a", sentence)
    if facts.loss is Loss.MESSAGES_SENT:
        sentence = (
            "The node that ran the flow was lost after a message had been handed over; nothing is sent twice, so there is no"
            " retry."
        )
        return final(view, FlowStatus.FAILURE, "engine_lost", "6a", sentence)
    lost = facts.loss is Loss.AFTER_ANSWER or (facts.end is AttemptEnd.LOST and view.connected is not None)
    if not lost:
        return None
    sentence = "The voice engine or its node was lost after the customer had answered; there is no retry."
    return final(view, FlowStatus.FAILURE, "engine_lost", "6a", sentence)


def _row_6b_free_platform_fault(view: View) -> Outcome | None:
    facts = view.facts
    if not view.free or not not_reached(view) or view.attempts_left <= 0 or view.numbers_left <= 0:
        return None
    lost = facts.loss is Loss.NOT_SENT
    what = "The voice engine was lost before anything was sent" if lost else f"No channel could be had ({view.result})"
    if facts.without_call:
        what = "The node that ran the flow was lost before it had begun anything"
    count = f"platform fault {facts.platform_faults + 1} of {FREE_PLATFORM_FAULTS} that cost no attempt"
    due = facts.ended_at + PLATFORM_FAULT_PAUSE
    return again(view, due, "platform_fault", "6b" if lost else "12", f"{what}: {count}")


def _row_6c_unknown(view: View) -> Outcome | None:
    facts = view.facts
    unknown = facts.loss is Loss.POSSIBLY_SENT or (facts.end is AttemptEnd.LOST and facts.loss is None)
    if not unknown:
        return None
    what = (
        "The node that ran the flow was lost when steps of it had begun, so what they did is unknown"
        if facts.without_call
        else "The voice engine or its node was lost when the call may already have been sent, so its result is unknown"
    )
    if view.attempts_left <= 0 or view.numbers_left <= 0:
        return final(view, view.fails_as, "attempts_exhausted", "6c", f"{what}; {used(view)}.")
    due = next_due(view.rule, view.charged_after, facts.ended_at)
    return again(view, due, "unknown", "6c", f"{what}; the attempt counts and the normal interval applies")


def _row_8_completed(view: View) -> Outcome | None:
    if view.facts.end is not AttemptEnd.END or ((view.facts.legs or view.facts.inbound) and view.connected is None):
        return None
    if view.facts.dialer is not None and view.facts.dialer.result not in {"", "connected"}:
        return None
    sentence = (
        "The flow reached its end with the customer connected." if view.facts.legs else "The flow reached its end."
    )
    if view.facts.parted:
        sentence = (
            "The flow reached its end: the customer hung up in a conversation, and nothing that needs him followed."
        )
    return final(view, FlowStatus.COMPLETED, "completed", "8", sentence)


def _row_9_customer_left(view: View) -> Outcome | None:
    facts, leg = view.facts, view.connected
    if facts.inbound and leg is None:
        left = facts.end is AttemptEnd.CUSTOMER_LEFT
        sentence = (
            "The caller left before the call was answered." if left else "The flow ended without answering the call."
        )
        return final(view, FlowStatus.FAILURE, "not_answered", "9", sentence)
    if facts.end is not AttemptEnd.CUSTOMER_LEFT or leg is None or (facts.dialer and facts.dialer.result in AGENT_SIDE):
        return None
    after = "" if leg.answered_s is None else f" after {leg.answered_s:.1f} s"
    sentence = f"The customer left{after}, before the flow had reached an end."
    return final(view, FlowStatus.PARTIAL_COMPLETE, "customer_left", "9", sentence)


def _row_12_reattempt(view: View) -> Outcome | None:
    facts, rule = view.facts, view.rule
    if facts.inbound or view.numbers_left <= 0 or view.attempts_left <= 0 or not retryable(view):
        return None
    due = next_due(rule, view.charged_after, facts.ended_at)
    what = f"The customer was not reached ({view.result}) in attempt {view.charged_after} of {rule.attempts}"
    return again(view, due, "not_reached", "12", what)


def _exhausted(view: View) -> Outcome:
    """Row 13: not reached, and nothing more to try; also the last word for whatever no other row took."""
    what = f"The customer was not reached ({view.result})"
    if view.numbers_left <= 0:
        return final(view, view.fails_as, "not_retryable", "13", f"{what}; no usable number is left.")
    if not retryable(view):
        return final(view, view.fails_as, "not_retryable", "13", f"{what}, and there is no retry after that.")
    return final(view, view.fails_as, "attempts_exhausted", "13", f"{what}; {used(view)}.")


ROWS: Final[tuple[Callable[[View], Outcome | None], ...]] = (
    _row_1_2_stopped,
    _row_3_account,
    _row_5_short_hangup,  # row 4 is judged wherever a due time is set: see again
    _row_6_failed,
    _row_6a_lost_after_answer,
    _row_6b_free_platform_fault,
    _row_6c_unknown,
    row_7_agent_lost,
    _row_8_completed,
    _row_9_customer_left,
    row_10_no_agent,
    row_11_no_customer,
    _row_12_reattempt,
)
