"""Each row of domain 7.4 by example: what happened to the attempt, and what becomes of the record."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from central.domain.attempts import AttemptEnd, AttemptFacts, LegResult, Loss, Outcome
from central.domain.due_times import Limits, NextOpening
from central.domain.outcomes import decide
from central.domain.reattempts import Alternates, Growth, ReattemptRule
from central.domain.statuses import CallStatus, FlowStatus

T = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
RULE = ReattemptRule(attempts=3, intervals=(timedelta(minutes=10),))
BUSY = LegResult(0, CallStatus.BUSY)
ANSWERED = LegResult(0, CallStatus.CONNECTED, answered_s=30.0)


def outcome(end: AttemptEnd = AttemptEnd.NOT_REACHED, **facts: Any) -> Outcome:
    given: dict[str, Any] = {"rule": RULE, "attempts_made": 1, "attempts_charged": 0, "ended_at": T, **facts}
    return decide(AttemptFacts(end=end, **given))


def opens(moment: datetime | None) -> NextOpening:
    """A calling window that opens at this moment, whatever is asked."""

    def opening(_: datetime) -> datetime | None:
        return moment

    return opening


def shown(found: Outcome) -> tuple[str, str, str]:
    return found.status, found.reason, found.rule


def test_row_1_stopped_after_an_attempt() -> None:
    found = outcome(AttemptEnd.STOPPED, legs=(LegResult(0, CallStatus.CANCELLED, by="us"),))
    assert shown(found) == ("PARTIAL_COMPLETE", "stopped_by_user", "7.4 row 1")
    assert (found.final, found.due_at, found.result, found.charged) == (True, None, "Cancelled", True)


def test_row_1_also_takes_what_would_have_been_tried_again_while_the_request_stops() -> None:
    assert shown(outcome(legs=(BUSY,), stopping=True)) == ("PARTIAL_COMPLETE", "stopped_by_user", "7.4 row 1")
    assert outcome(AttemptEnd.END, legs=(ANSWERED,), stopping=True).status is FlowStatus.COMPLETED


def test_row_2_stopped_before_any_attempt() -> None:
    found = outcome(AttemptEnd.STOPPED, attempts_made=0)
    assert shown(found) == ("REJECTED", "stopped_by_user", "7.4 row 2")
    assert (found.charged, found.result) == (False, "none")


def test_row_3_validity_and_funds_keep_the_remaining_attempts() -> None:
    found = outcome(AttemptEnd.VALIDITY_OVER, attempts_made=1)
    assert shown(found) == ("ACCOUNT_VALIDITY_EXPIRED", "account_validity_expired", "7.4 row 3")
    assert found.charged is False
    short = outcome(AttemptEnd.FUNDS_SHORT)
    assert shown(short) == ("INSUFFICIENT_BALANCE", "insufficient_balance", "7.4 row 3")
    assert short.charged is False
    assert outcome(AttemptEnd.FUNDS_SHORT, legs=(BUSY,)).charged is True  # the first number was dialled


def test_row_4_due_after_the_expiry_or_the_request_s_end() -> None:
    found = outcome(legs=(BUSY,), limits=Limits(expires_at=T + timedelta(minutes=9)))
    assert shown(found) == ("FAILURE", "expired", "7.4 row 4")
    assert "2026-11-23T12:10:00Z" in found.sentence
    assert "2026-11-23T12:09:00Z, when it expires" in found.sentence
    ended = outcome(legs=(BUSY,), limits=Limits(T + timedelta(days=1), T + timedelta(minutes=5)))
    assert shown(ended) == ("FAILURE", "expired", "7.4 row 4")
    assert "when its request ends" in ended.sentence
    assert outcome(legs=(BUSY,), limits=Limits(T + timedelta(minutes=10))).status is FlowStatus.REATTEMPT_SCHEDULED


def test_row_4_when_the_window_opens_too_late_or_never() -> None:
    tomorrow = T + timedelta(days=1)
    late = outcome(legs=(BUSY,), limits=Limits(T + timedelta(hours=2)), next_opening=opens(tomorrow))
    assert shown(late) == ("FAILURE", "expired", "7.4 row 4")
    never = outcome(legs=(BUSY,), limits=Limits(T + timedelta(hours=2)), next_opening=opens(None))
    assert shown(never) == ("FAILURE", "expired", "7.4 row 4")
    unlimited = outcome(legs=(BUSY,), next_opening=opens(None))
    assert shown(unlimited) == ("FAILURE", "outside_business_hours", "7.4 row 4")


def test_row_5_the_threshold_is_strict() -> None:
    left = AttemptEnd.CUSTOMER_LEFT
    found = outcome(left, legs=(replace(ANSWERED, answered_s=2.999),), short_hangup_s=3.0)
    assert shown(found) == ("SHORT_HANGUP", "short_hangup", "7.4 row 5")
    assert (found.charged, found.result) == (True, "Connected")
    assert outcome(left, legs=(replace(ANSWERED, answered_s=3.0),)).status is FlowStatus.PARTIAL_COMPLETE


def test_row_5_an_end_of_ours_is_no_short_hangup() -> None:
    assert outcome(AttemptEnd.END, legs=(replace(ANSWERED, answered_s=1.0, by="us"),)).status is FlowStatus.COMPLETED


def test_row_5_is_tried_again_where_the_flow_says_so() -> None:
    rule = dataclasses.replace(RULE, retry_short_hangup=True)
    short = (replace(ANSWERED, answered_s=1.0),)
    found = outcome(AttemptEnd.CUSTOMER_LEFT, legs=short, rule=rule)
    assert shown(found) == ("REATTEMPT_SCHEDULED", "short_hangup", "7.4 row 5")
    assert found.due_at == T + timedelta(minutes=10)
    last = outcome(AttemptEnd.CUSTOMER_LEFT, legs=short, rule=rule, attempts_charged=2, attempts_made=3)
    assert shown(last) == ("SHORT_HANGUP", "short_hangup", "7.4 row 5")


@pytest.mark.parametrize("reason", ["flow_error", "step_limit", "duration_limit"])
def test_row_6_a_failed_flow_keeps_its_reason(reason: str) -> None:
    found = outcome(AttemptEnd.FAILED, reason=reason, detail="step greet: prompt missing", legs=(ANSWERED,))
    assert shown(found) == ("FAILURE", reason, "7.4 row 6")
    assert found.sentence.endswith("prompt missing.")
    told = outcome(AttemptEnd.FAILED, reason=reason, detail="There is no prompt p1.", legs=(ANSWERED,))
    assert told.sentence.endswith(": There is no prompt p1.")  # a detail that is a sentence has its own full stop


def test_row_6a_lost_after_the_answer_is_not_retried() -> None:
    found = outcome(AttemptEnd.LOST, loss=Loss.AFTER_ANSWER, legs=(ANSWERED,))
    assert shown(found) == ("FAILURE", "engine_lost", "7.4 row 6a")
    assert (found.charged, found.result) == (True, "Connected")


def test_row_6b_proven_not_sent_is_free_three_times() -> None:
    found = outcome(AttemptEnd.LOST, loss=Loss.NOT_SENT, platform_faults=2)
    assert shown(found) == ("REATTEMPT_SCHEDULED", "platform_fault", "7.4 row 6b")
    assert (found.charged, found.platform_fault, found.due_at) == (False, True, T + timedelta(seconds=60))
    assert found.result == "Channel Unavailable"
    fourth = outcome(AttemptEnd.LOST, loss=Loss.NOT_SENT, platform_faults=3)
    assert shown(fourth) == ("REATTEMPT_SCHEDULED", "not_reached", "7.4 row 12")
    assert (fourth.charged, fourth.platform_fault, fourth.due_at) == (True, False, T + timedelta(minutes=10))


def test_row_6c_possibly_sent_is_charged_and_waits_the_normal_interval() -> None:
    for loss in (Loss.POSSIBLY_SENT, None):
        found = outcome(AttemptEnd.LOST, loss=loss)
        assert shown(found) == ("REATTEMPT_SCHEDULED", "unknown", "7.4 row 6c")
        assert (found.charged, found.due_at) == (True, T + timedelta(minutes=10))
    assert outcome(AttemptEnd.LOST, loss=Loss.POSSIBLY_SENT).result == "unknown"
    last = outcome(AttemptEnd.LOST, loss=Loss.POSSIBLY_SENT, attempts_charged=2)
    assert shown(last) == ("FAILURE", "attempts_exhausted", "7.4 row 6c")


def test_rows_6a_to_6c_without_a_call() -> None:
    def lost(loss: Loss, **facts: Any) -> Outcome:
        return outcome(AttemptEnd.LOST, loss=loss, without_call=True, **facts)

    assert shown(lost(Loss.MESSAGES_SENT)) == (FlowStatus.FAILURE, "engine_lost", "7.4 row 6a")
    assert "sent twice" in lost(Loss.MESSAGES_SENT).sentence
    begun = lost(Loss.NOT_SENT)
    assert shown(begun) == (FlowStatus.REATTEMPT_SCHEDULED, "platform_fault", "7.4 row 6b")
    assert (begun.result, begun.charged) == ("none", False)
    unknown = lost(Loss.POSSIBLY_SENT)
    assert shown(unknown) == (FlowStatus.REATTEMPT_SCHEDULED, "unknown", "7.4 row 6c")
    assert not [end for end in (begun, unknown, lost(Loss.MESSAGES_SENT)) if "voice" in end.sentence]


def test_row_8_completed_with_and_without_a_call() -> None:
    called = outcome(AttemptEnd.END, legs=(BUSY, replace(ANSWERED, position=1)))
    assert shown(called) == ("COMPLETED", "completed", "7.4 row 8")
    assert called.result == "Connected"
    messages = outcome(AttemptEnd.END)
    assert (messages.status, messages.charged, messages.result) == (FlowStatus.COMPLETED, True, "none")


def test_row_8_needs_the_customer_where_the_flow_called() -> None:
    assert outcome(AttemptEnd.END, legs=(BUSY,)).status is FlowStatus.REATTEMPT_SCHEDULED


def test_row_9_the_customer_left_before_an_end() -> None:
    found = outcome(AttemptEnd.CUSTOMER_LEFT, legs=(replace(ANSWERED, answered_s=12.34),))
    assert shown(found) == ("PARTIAL_COMPLETE", "customer_left", "7.4 row 9")
    assert "after 12.3 s" in found.sentence
    inbound = outcome(AttemptEnd.CUSTOMER_LEFT, inbound=True)
    assert shown(inbound) == ("FAILURE", "not_answered", "7.4 row 9")


def test_row_12_not_reached_with_attempts_left() -> None:
    found = outcome(legs=(BUSY,))
    assert shown(found) == ("REATTEMPT_SCHEDULED", "not_reached", "7.4 row 12")
    assert (found.final, found.charged, found.due_at) == (False, True, T + timedelta(minutes=10))
    assert found.sentence == (
        "The customer was not reached (Busy) in attempt 1 of 3; the next attempt is due at 2026-11-23T12:10:00Z."
    )


def test_row_12_any_number_that_may_be_tried_again_suffices_and_the_first_gives_the_word() -> None:
    found = outcome(legs=(LegResult(0, CallStatus.UNALLOCATED_NUMBER), LegResult(1, CallStatus.BUSY)), numbers=2)
    assert shown(found) == ("REATTEMPT_SCHEDULED", "not_reached", "7.4 row 12")
    assert (found.result, found.struck) == ("Unallocated Number", frozenset({0}))


def test_row_12_moves_into_the_calling_window() -> None:
    opening = T + timedelta(hours=20)
    found = outcome(legs=(BUSY,), next_opening=opens(opening))
    assert found.due_at == opening
    assert "when the calling window opens" in found.sentence


def test_row_12_a_pause_holds_the_record_and_remembers() -> None:
    found = outcome(legs=(BUSY,), paused=True)
    assert shown(found) == ("PAUSE", "not_reached", "7.4 row 12")
    assert (found.final, found.resume_as) == (False, FlowStatus.REATTEMPT_SCHEDULED)
    assert found.due_at == T + timedelta(minutes=10)
    assert outcome(AttemptEnd.END, legs=(ANSWERED,), paused=True).status is FlowStatus.COMPLETED
    assert outcome(legs=(BUSY,), paused=True, attempts_charged=2).status is FlowStatus.FAILURE


def test_row_12_a_machine_treated_as_not_reached() -> None:
    found = outcome(legs=(replace(ANSWERED, machine=True),))
    assert shown(found) == ("REATTEMPT_SCHEDULED", "not_reached", "7.4 row 12")
    assert found.result == "machine"
    assert outcome(AttemptEnd.END, legs=(replace(ANSWERED, machine=True),)).result == "machine"


@pytest.mark.parametrize("status", [CallStatus.CHANNEL_BUSY, CallStatus.CHANNEL_UNAVAILABLE])
def test_platform_faults_are_free_three_times_and_come_again_after_a_minute(status: CallStatus) -> None:
    found = outcome(legs=(LegResult(0, status),))
    assert shown(found) == ("REATTEMPT_SCHEDULED", "platform_fault", "7.4 row 12")
    assert (found.charged, found.platform_fault, found.due_at) == (False, True, T + timedelta(seconds=60))
    fourth = outcome(legs=(LegResult(0, status),), platform_faults=3)
    assert (fourth.charged, fourth.platform_fault, fourth.reason) == (True, False, "not_reached")
    mixed = outcome(legs=(LegResult(0, status), LegResult(1, CallStatus.BUSY)), numbers=2)
    assert (mixed.charged, mixed.platform_fault) == (True, False)


def test_row_13_attempts_exhausted() -> None:
    found = outcome(legs=(BUSY,), attempts_charged=2, attempts_made=3)
    assert shown(found) == ("FAILURE", "attempts_exhausted", "7.4 row 13")
    assert "all 3 attempts are used" in found.sentence


def test_row_13_not_retryable() -> None:
    rule = dataclasses.replace(RULE, retry_on=frozenset({CallStatus.BUSY}))
    found = outcome(legs=(LegResult(0, CallStatus.RING_TIMEOUT),), rule=rule)
    assert shown(found) == ("FAILURE", "not_retryable", "7.4 row 13")


@pytest.mark.parametrize("status", [CallStatus.UNALLOCATED_NUMBER, CallStatus.INVALID_NUMBER])
def test_row_13_at_once_when_no_number_is_left(status: CallStatus) -> None:
    found = outcome(legs=(LegResult(0, status),))
    assert shown(found) == ("FAILURE", "not_retryable", "7.4 row 13")
    assert found.struck == {0}
    second = outcome(legs=(LegResult(1, status),), numbers=2, struck=frozenset({0}))
    assert shown(second) == ("FAILURE", "not_retryable", "7.4 row 13")


def test_intervals_fixed_growing_and_listed() -> None:
    minute = timedelta(minutes=1)
    waits = {
        Growth.FIXED: (1, 1, 1),
        Growth.LINEAR: (1, 2, 3),
        Growth.EXPONENTIAL: (1, 2, 4),
    }
    for growth, expected in waits.items():
        rule = ReattemptRule(attempts=4, intervals=(minute,), growth=growth)
        found = [outcome(legs=(BUSY,), rule=rule, attempts_charged=n).due_at for n in range(3)]
        assert found == [T + n * minute for n in expected]
    listed = ReattemptRule(attempts=5, intervals=(minute, 5 * minute))
    found = [outcome(legs=(BUSY,), rule=listed, attempts_charged=n).due_at for n in range(3)]
    assert found == [T + minute, T + 5 * minute, T + 5 * minute]
    assert RULE.alternates is Alternates.ALL


def test_who_hangs_up_in_a_conversation_after_which_nothing_needs_him_has_not_left_before_the_end() -> None:
    found = outcome(AttemptEnd.END, legs=(replace(ANSWERED, answered_s=60.0),), parted=True)
    assert (found.status, found.rule) == (FlowStatus.COMPLETED, "7.4 row 8")
    assert "hung up in a conversation" in found.sentence


def test_a_short_hangup_is_one_even_if_the_parties_were_bridged() -> None:
    short = (replace(ANSWERED, answered_s=2.9),)
    assert outcome(AttemptEnd.END, legs=short, parted=True).status is FlowStatus.SHORT_HANGUP
    assert outcome(AttemptEnd.END, legs=short).status is FlowStatus.COMPLETED
    failed = outcome(AttemptEnd.FAILED, legs=short, parted=True, reason="flow_error")
    assert failed.status is FlowStatus.FAILURE
