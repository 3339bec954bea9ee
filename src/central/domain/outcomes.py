"""What becomes of a record when an attempt ends: the rows of domain 7.4, first match, as one total function.

Rows 10 and 11 (dialer flows with two budgets) are not part of customer-first flows and stand free in ``ROWS``'s order.
Each row is a function that answers with an Outcome or passes; ``decide`` asks them in order (path step 5).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

import msgspec

from central.domain.attempts import FAILED_REASONS, AttemptEnd, AttemptFacts, LegResult, Loss, Outcome
from central.domain.dispositions import consumes_attempt, permanently_bad
from central.domain.due_times import place_due
from central.domain.reattempts import FREE_PLATFORM_FAULTS, PLATFORM_FAULT_PAUSE, next_due
from central.domain.statuses import CALL, FLOW, CallStatus, FlowStatus

_CONSUMING: Final = frozenset(status for status in CALL if consumes_attempt(status))
_BAD: Final = frozenset(status for status in CALL if permanently_bad(status))
_NO_STRUCK: Final[frozenset[int]] = frozenset()
_UNTRIED_ENDS: Final = frozenset({AttemptEnd.FUNDS_SHORT, AttemptEnd.STOPPED, AttemptEnd.VALIDITY_OVER})


class _View(msgspec.Struct, frozen=True):
    """The facts with what several rows need of them, worked out once."""

    facts: AttemptFacts
    connected: LegResult | None
    machine: bool
    platform_only: bool
    free: bool
    charged: bool
    struck: frozenset[int]
    result: str
    numbers_left: int

    @property
    def charged_after(self) -> int:
        return self.facts.attempts_charged + self.charged

    @property
    def attempts_left(self) -> int:
        return self.facts.rule.attempts - self.charged_after


def decide(facts: AttemptFacts) -> Outcome:
    """Decide the record's status after an attempt (or, with no attempt made, of a waiting record); never raises.

    Charged attempts never exceed the rule's count and a final outcome has no due time. Every status is a lawful move
    from IN_PROGRESS, or for ``validity_over`` (judged at the claim) from the waiting statuses.
    """
    view = _look(facts)
    for row in ROWS:
        outcome = row(view)
        if outcome is not None:
            return outcome
    return _exhausted(view)


def _look(facts: AttemptFacts) -> _View:
    connected: LegResult | None = None
    human: LegResult | None = None
    consuming = False
    struck: list[int] = []
    for leg in facts.legs:
        if leg.status is CallStatus.CONNECTED:
            connected = leg
            human = human if leg.machine else leg
        elif leg.status in _BAD:
            struck.append(leg.position)
        consuming = consuming or leg.status in _CONSUMING
    lost = facts.loss
    platform_only = lost is not Loss.AFTER_ANSWER and lost is not Loss.POSSIBLY_SENT and not consuming
    platform_only = platform_only and (bool(facts.legs) or lost is Loss.NOT_SENT)
    free = platform_only and not facts.inbound and facts.platform_faults < FREE_PLATFORM_FAULTS
    untried = not facts.legs and lost is None and facts.end in _UNTRIED_ENDS
    room = facts.attempts_charged < facts.rule.attempts
    gone = frozenset(struck) if struck else _NO_STRUCK
    return _View(
        facts=facts,
        connected=human or connected,
        machine=human is None and connected is not None,
        platform_only=platform_only,
        free=free,
        charged=facts.attempts_made > 0 and room and not free and not untried,
        struck=gone,
        result=_result(facts, connected, human),
        numbers_left=facts.numbers - len(gone | facts.struck) if gone or facts.struck else facts.numbers,
    )


def _result(facts: AttemptFacts, connected: LegResult | None, human: LegResult | None) -> str:
    if human is not None:
        return CallStatus.CONNECTED
    if connected is not None:
        return "machine"
    if facts.loss is Loss.POSSIBLY_SENT:
        return "unknown"
    if facts.loss is Loss.AFTER_ANSWER:
        return CallStatus.CONNECTED
    if facts.legs:
        return facts.legs[0].status
    if facts.without_call:
        return "none"
    return CallStatus.CHANNEL_UNAVAILABLE if facts.loss is Loss.NOT_SENT else "none"


# -- the rows, in the order of domain 7.4 --------------------------------------------------------------------------------
def _row_1_2_stopped(view: _View) -> Outcome | None:
    if view.facts.end is not AttemptEnd.STOPPED:
        return None
    return _stopped(view)


def _row_3_account(view: _View) -> Outcome | None:
    match view.facts.end:
        case AttemptEnd.VALIDITY_OVER:
            sentence = "The account's validity was over when the record's turn came; its remaining attempts are kept."
            return _final(view, FlowStatus.ACCOUNT_VALIDITY_EXPIRED, "account_validity_expired", "3", sentence)
        case AttemptEnd.FUNDS_SHORT:
            sentence = "The account could not pay for the next unit; the record's remaining attempts are kept."
            return _final(view, FlowStatus.INSUFFICIENT_BALANCE, "insufficient_balance", "3", sentence)
        case _:
            return None


def _row_5_short_hangup(view: _View) -> Outcome | None:
    facts, leg = view.facts, view.connected
    left = facts.end is AttemptEnd.CUSTOMER_LEFT or (facts.end is AttemptEnd.END and facts.parted)  # even if bridged
    if not left or leg is None or leg.machine or facts.loss is not None:
        return None
    if leg.answered_s is None or leg.answered_s >= facts.short_hangup_s:
        return None
    what = f"The customer left {leg.answered_s:.1f} s after answering, within the limit of {facts.short_hangup_s:g} s"
    if facts.rule.retry_short_hangup and not facts.inbound and view.attempts_left > 0 and view.numbers_left > 0:
        due = next_due(facts.rule, view.charged_after, facts.ended_at)
        return _again(view, due, "short_hangup", "5", f"{what}, and the flow retries short hang-ups")
    return _final(view, FlowStatus.SHORT_HANGUP, "short_hangup", "5", f"{what}.")


def _row_6_failed(view: _View) -> Outcome | None:
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
    return _final(view, FlowStatus.FAILURE, reason, "6", f"{what}{tail}.")


def _row_6a_lost_after_answer(view: _View) -> Outcome | None:
    facts = view.facts
    if facts.inbound and (facts.loss is not None or facts.end is AttemptEnd.LOST):
        sentence = "The voice engine or its node was lost with the caller on the line."
        return _final(view, FlowStatus.FAILURE, "engine_lost", "6a", sentence)
    if facts.loss is Loss.MESSAGES_SENT:
        sentence = (
            "The node that ran the flow was lost after a message had been handed over; nothing is sent twice, so there is no"
            " retry."
        )
        return _final(view, FlowStatus.FAILURE, "engine_lost", "6a", sentence)
    lost = facts.loss is Loss.AFTER_ANSWER or (facts.end is AttemptEnd.LOST and view.connected is not None)
    if not lost:
        return None
    sentence = "The voice engine or its node was lost after the customer had answered; there is no retry."
    return _final(view, FlowStatus.FAILURE, "engine_lost", "6a", sentence)


def _row_6b_free_platform_fault(view: _View) -> Outcome | None:
    facts = view.facts
    if not view.free or not _not_reached(view) or view.attempts_left <= 0 or view.numbers_left <= 0:
        return None
    lost = facts.loss is Loss.NOT_SENT
    what = "The voice engine was lost before anything was sent" if lost else f"No channel could be had ({view.result})"
    if facts.without_call:
        what = "The node that ran the flow was lost before it had begun anything"
    count = f"platform fault {facts.platform_faults + 1} of {FREE_PLATFORM_FAULTS} that cost no attempt"
    due = facts.ended_at + PLATFORM_FAULT_PAUSE
    return _again(view, due, "platform_fault", "6b" if lost else "12", f"{what}: {count}")


def _row_6c_unknown(view: _View) -> Outcome | None:
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
        return _final(view, FlowStatus.FAILURE, "attempts_exhausted", "6c", f"{what}; {_used(view)}.")
    due = next_due(facts.rule, view.charged_after, facts.ended_at)
    return _again(view, due, "unknown", "6c", f"{what}; the attempt counts and the normal interval applies")


def _row_8_completed(view: _View) -> Outcome | None:
    if view.facts.end is not AttemptEnd.END or ((view.facts.legs or view.facts.inbound) and view.connected is None):
        return None
    sentence = (
        "The flow reached its end with the customer connected." if view.facts.legs else "The flow reached its end."
    )
    if view.facts.parted:
        sentence = (
            "The flow reached its end: the customer hung up in a conversation, and nothing that needs him followed."
        )
    return _final(view, FlowStatus.COMPLETED, "completed", "8", sentence)


def _row_9_customer_left(view: _View) -> Outcome | None:
    facts, leg = view.facts, view.connected
    if facts.inbound and leg is None:
        left = facts.end is AttemptEnd.CUSTOMER_LEFT
        sentence = (
            "The caller left before the call was answered." if left else "The flow ended without answering the call."
        )
        return _final(view, FlowStatus.FAILURE, "not_answered", "9", sentence)
    if facts.end is not AttemptEnd.CUSTOMER_LEFT or leg is None:
        return None
    after = "" if leg.answered_s is None else f" after {leg.answered_s:.1f} s"
    sentence = f"The customer left{after}, before the flow had reached an end."
    return _final(view, FlowStatus.PARTIAL_COMPLETE, "customer_left", "9", sentence)


def _row_12_reattempt(view: _View) -> Outcome | None:
    facts, rule = view.facts, view.facts.rule
    if facts.inbound or view.numbers_left <= 0 or view.attempts_left <= 0 or not _retryable(view):
        return None
    due = next_due(rule, view.charged_after, facts.ended_at)
    what = f"The customer was not reached ({view.result}) in attempt {view.charged_after} of {rule.attempts}"
    return _again(view, due, "not_reached", "12", what)


def _exhausted(view: _View) -> Outcome:
    """Row 13: not reached, and nothing more to try; also the last word for whatever no other row took."""
    what = f"The customer was not reached ({view.result})"
    if view.numbers_left <= 0:
        return _final(view, FlowStatus.FAILURE, "not_retryable", "13", f"{what}; no usable number is left.")
    if not _retryable(view):
        return _final(view, FlowStatus.FAILURE, "not_retryable", "13", f"{what}, and there is no retry after that.")
    return _final(view, FlowStatus.FAILURE, "attempts_exhausted", "13", f"{what}; {_used(view)}.")


ROWS: Final[tuple[Callable[[_View], Outcome | None], ...]] = (
    _row_1_2_stopped,
    _row_3_account,
    _row_5_short_hangup,  # row 4 is judged wherever a due time is set: see _again
    _row_6_failed,
    _row_6a_lost_after_answer,
    _row_6b_free_platform_fault,
    _row_6c_unknown,
    _row_8_completed,
    _row_9_customer_left,
    _row_12_reattempt,
)


# -- what the rows share -------------------------------------------------------------------------------------------------
def _not_reached(view: _View) -> bool:
    return view.connected is None or view.facts.end is AttemptEnd.NOT_REACHED


def _retryable(view: _View) -> bool:
    """Any number's result allows a retry; a machine treated as not reached does, because the flow asked for that."""
    if view.machine:
        return True
    retry_on = view.facts.rule.retry_on
    if not view.facts.legs:
        return view.facts.loss is Loss.NOT_SENT and CallStatus.CHANNEL_UNAVAILABLE in retry_on
    return any(leg.status in retry_on for leg in view.facts.legs)


def _used(view: _View) -> str:
    return (
        f"all {view.facts.rule.attempts} attempts are used" if view.attempts_left <= 0 else "no usable number is left"
    )


def _stopped(view: _View) -> Outcome:
    """Rows 1 and 2."""
    if view.facts.attempts_made > 0:
        sentence = f"Stopped by the account's user after {_times(view.facts.attempts_made)}."
        return _final(view, FlowStatus.PARTIAL_COMPLETE, "stopped_by_user", "1", sentence)
    sentence = "Stopped by the account's user before the first attempt."
    return _final(view, FlowStatus.REJECTED, "stopped_by_user", "2", sentence)


def _again(view: _View, wanted: datetime, reason: str, row: str, what: str) -> Outcome:
    """A further attempt is wanted: give way to a stop (row 1), the expiry (row 4) and a pause, in this order."""
    facts = view.facts
    if facts.stopping:
        return _stopped(view)
    placed = place_due(wanted, facts.limits, facts.next_opening)
    if placed.due_at is None:
        return _final(view, FlowStatus.FAILURE, placed.reason, "4", f"{what}; {placed.sentence}.")
    status = FlowStatus.PAUSE if facts.paused else FlowStatus.REATTEMPT_SCHEDULED
    pause = ", held back while paused" if facts.paused else ""
    return Outcome(
        status=status,
        reason=reason,
        final=False,
        due_at=placed.due_at,
        charged=view.charged,
        platform_fault=view.free,
        struck=view.struck,
        result=view.result,
        rule=f"7.4 row {row}",
        sentence=f"{what}; the next attempt is {placed.sentence}{pause}.",
        resume_as=FlowStatus.REATTEMPT_SCHEDULED if facts.paused else None,
    )


def _final(view: _View, status: FlowStatus, reason: str, row: str, sentence: str) -> Outcome:
    return Outcome(
        status=status,
        reason=reason,
        final=FLOW[status].final,
        due_at=None,
        charged=view.charged,
        platform_fault=view.free,
        struck=view.struck,
        result=view.result,
        rule=f"7.4 row {row}",
        sentence=sentence,
    )


def _times(n: int) -> str:
    return "1 attempt" if n == 1 else f"{n} attempts"
