from __future__ import annotations

import json
from uuid import UUID

import msgspec
import pytest

from central.application.ports.reporting import PushRow
from central.application.reporting.documents import to_document
from central.application.reporting.explain_record import explain
from central.application.reporting.explanation import CheckResult, Explanation, Kind
from central.application.reporting.rebuild_checks import ORDER
from central.domain.intake_facts import Check
from tests.unit.reporting.stories import (
    FLOW,
    MARKETING,
    SECRET_KEYS,
    Story,
    at,
    finished_call,
    policy,
    prepared,
)


def told(story: Story, document: bytes = FLOW, rules: str = "LAB") -> Explanation:
    return explain(story.history(), prepared(document), policy(rules))


def results(explanation: Explanation, stage: str = "intake") -> dict[str, CheckResult]:
    return {check.check: check.result for check in explanation.checks if check.stage == stage}


def test_an_accepted_record_shows_every_check_in_the_published_order() -> None:
    explanation = told(Story().created())
    checks = [check.check for check in explanation.checks]
    assert checks == [check for _, check in ORDER if check not in {Check.RECORD_SHAPE, Check.EXPIRY}]
    assert set(results(explanation).values()) == {CheckResult.PASSED, CheckResult.NOT_APPLIED}
    assert all(check.rebuilt and check.sentence for check in explanation.checks)


@pytest.mark.parametrize("decided", [check for _, check in ORDER if check is not Check.ACCEPT])
def test_the_check_that_decided_stands_between_passes_and_those_not_reached(decided: Check) -> None:
    story = Story(status="REJECTED").created(
        "REJECTED", check=decided.value, value="v", sentence="Because.", list_version="9"
    )
    explanation = told(story)
    names = [check.check for check in explanation.checks]
    place = names.index(decided)
    line = explanation.checks[place]
    assert (line.result, line.value, line.sentence, line.version, line.rebuilt) == (
        CheckResult.FAILED, "v", "Because.", "9", False,
    )  # fmt: skip
    assert all(c.result is not CheckResult.NOT_REACHED for c in explanation.checks[:place])
    assert all(c.result is CheckResult.NOT_REACHED for c in explanation.checks[place + 1 :])
    assert explanation.sentence == "Because."
    assert explanation.rule == f"7.2 {decided}"


def test_checks_that_do_not_apply_say_why() -> None:
    production = results(told(Story().created()))
    assert production["testing_whitelist"] is CheckResult.NOT_APPLIED
    assert production["dnd_scrub"] is CheckResult.NOT_APPLIED
    testing = results(told(Story(testing=True).created(), MARKETING, "IN"))
    assert testing["testing_whitelist"] is CheckResult.PASSED
    assert testing["dnd_scrub"] is CheckResult.PASSED


def test_versions_of_lists_and_policy_stand_beside_the_checks() -> None:
    explanation = told(Story(status="IN_PROGRESS").created().claimed(1), MARKETING, "IN")
    found = {(check.stage, check.check): check.version for check in explanation.checks}
    assert found["intake", "phone_blacklist"] == found["claim 1", "blacklist"] == "version 4"
    assert found["intake", "dnd_scrub"] == found["claim 1", "dnd"] == "version 7"
    assert found["claim 1", "window"] == "LAB version 1"


def test_variable_rules_are_shown_with_their_values_and_secrets_masked() -> None:
    check = next(c for c in told(Story().created()).checks if c.check == "variables")
    assert check.details == ("Name = Asha: mandatory, length 2..40", "Pin = ***: no rule")


def test_a_dropped_number_is_told_at_the_check_that_dropped_it() -> None:
    drop = {
        "position": 2,
        "number": "0",
        "status": "INVALID_CONTACT_NUMBER",
        "reason": "r",
        "sentence": "tel2 is no number.",
    }
    explanation = told(Story().created(dropped=[drop]))
    check = next(c for c in explanation.checks if c.check == "number_pattern")
    assert check.details == ("tel2 is no number.",)
    assert explanation.input.dropped == (drop,)
    assert any(e.kind is Kind.WARNING and e.sentence == "tel2 is no number." for e in explanation.timeline)


@pytest.mark.parametrize("decided", ["blacklist", "international", "dnd", "validity", "balance", "window"])
def test_a_claim_that_ends_the_record_shows_the_check_that_decided(decided: str) -> None:
    story = Story(status="FAILURE", reason="expired").created()
    data = {"rule": "claim", "check": decided, "value": "v", "sentence": "No more."}
    story.event(3, "record_ended", "UNPROCESSED", "FAILURE", reason="expired", data=data)
    explanation = told(story, MARKETING, "IN")
    claim = [check for check in explanation.checks if check.stage == "claim"]
    assert (claim[-1].check, claim[-1].result, claim[-1].sentence) == (decided, CheckResult.FAILED, "No more.")
    assert all(check.result is CheckResult.PASSED for check in claim[:-1])
    assert explanation.rule == f"7.3 claim, {decided}"


def test_a_record_that_was_put_back_shows_when_and_why() -> None:
    story = Story(status="SCHEDULED", due_at=at(3600)).created()
    data = {"check": "window", "rule": "policy IN version 1", "sentence": "It is night."}
    story.event(2, "record_put_back", "UNPROCESSED", "SCHEDULED", reason="outside_hours", data=data)
    explanation = told(story)
    line = explanation.schedule[-1]
    assert (line.decision, line.due_at, line.sentence) == ("put back", at(3600), "It is night.")
    assert explanation.sentence == "It is night."
    assert results(explanation, "claim")["window"] is CheckResult.FAILED


def test_the_first_due_time_is_known_after_it_has_passed() -> None:
    story = Story(status="IN_PROGRESS").event(
        0, "record_created", "UNPROCESSED", "SCHEDULED", data={"start_time": "+10s"}
    )
    story.claimed(10, expires_at=at(86_400 + 10).isoformat())
    line = told(story).schedule[0]
    assert (line.decision, line.due_at) == ("first due", at(10))
    assert "+10s" in line.sentence


def test_a_run_that_sleeps_tells_until_when_and_that_it_went_on() -> None:
    story = Story(status="IN_PROGRESS").created().claimed(1)
    asleep = {"attempt": 1, "step": "pause", "due_at": at(61).isoformat()}
    story.event(1, "run_put_to_sleep", data=asleep)
    story.event(61, "run_woken", "IN_PROGRESS", "IN_PROGRESS", data={"attempt": 1})
    explanation = told(story)
    waits, goes_on = explanation.schedule[-2:]
    assert (waits.decision, waits.due_at, waits.sentence) == (
        "waits until",
        at(61),
        "Step pause waits; nobody is on the line.",
    )
    assert goes_on.sentence == "The wait is over: attempt 1 goes on."
    titles = [entry.title for entry in explanation.timeline if entry.kind is Kind.SCHEDULE]
    assert titles[-2:] == ["Waits until 2026-03-01T12:01:01Z", "Goes on"]
    assert [line.to_status for line in explanation.statuses] == ["UNPROCESSED", "IN_PROGRESS"]


def test_pause_resume_and_requeue_are_told_with_their_actor() -> None:
    story = Story(status="RESUME").created()
    story.event(1, "record_paused", "UNPROCESSED", "PAUSE", reason="paused_by_user", actor="key demo")
    story.event(2, "record_resumed", "PAUSE", "RESUME", reason="resumed_by_user", actor="key demo")
    explanation = told(story)
    assert [line.to_status for line in explanation.statuses] == ["UNPROCESSED", "PAUSE", "RESUME"]
    assert all("key demo" in line.sentence for line in explanation.statuses[1:])
    assert [line.decision for line in explanation.schedule] == ["first due", "paused", "resumed"]


def test_the_answer_is_the_change_that_gave_the_present_status() -> None:
    explanation = told(finished_call())
    assert (explanation.rule, explanation.sentence) == ("7.4 row 8", "The flow reached its end.")
    assert [line.to_status for line in explanation.statuses] == ["UNPROCESSED", "IN_PROGRESS", "COMPLETED"]
    attempt = explanation.record.attempts[0]
    assert (attempt.final, attempt.rule, attempt.duration_ms) == (True, "7.4 row 8", 3800)


def test_of_two_changes_to_the_same_status_the_last_one_explains_it() -> None:
    story = Story(status="REATTEMPT_SCHEDULED").created().claimed(1)
    for seconds, sentence in ((2, "First."), (9, "Second.")):
        data = {"rule": "7.4 row 12", "sentence": sentence, "attempt": 1}
        story.event(seconds, "record_rescheduled", "IN_PROGRESS", "REATTEMPT_SCHEDULED", data=data)
    assert told(story).sentence == "Second."


def test_the_path_shows_branches_keys_variables_and_warnings() -> None:
    path = told(finished_call()).path
    assert [(step.step, step.came_from, step.came_by, step.left_by) for step in path] == [
        ("start", "", "", "next"),
        ("call", "start", "next", "connected"),
        ("bye", "call", "connected", ""),
    ]
    assert path[1].did == ("dialled 919800000001", "answered")
    assert path[2].did == (
        "pressed 1",
        "Answer = yes",
        "warning: a variable has no value and was left empty (X)",
        "the flow reached its end",
    )


@pytest.mark.parametrize(
    ("by", "title"), [("them", "The customer hung up (Connected)"), ("us", "Our side ended the call (Connected)")]
)
def test_a_customer_who_leaves_is_not_told_as_the_end_of_the_flow(by: str, title: str) -> None:
    story = Story(status="PARTIAL_COMPLETE", reason="customer_left").created().claimed(1)
    notes = [
        {"kind": "step", "at": at(2).isoformat(), "step": "ask", "widget": "menu"},
        {"kind": "end", "at": at(3).isoformat(), "step": "ask", "leg": "Connected", "by": by},
        {"kind": "customer_left", "at": at(3).isoformat(), "step": "ask", "reason": ""},
    ]
    explanation = told(story.event(3.1, "flow_walked", data={"attempt": 1, "notes": notes}))
    titles = [entry.title for entry in explanation.timeline]
    assert titles[-3:] == ["Step ask (menu)", title, "The main path ends: the customer left"]
    (step,) = explanation.path
    assert step.did == (
        title[:1].lower() + title[1:].removesuffix(" (Connected)"),
        "the main path ends: the customer left",
    )


def test_the_timeline_is_in_order_and_puts_causes_before_effects() -> None:
    timeline = told(finished_call()).timeline
    assert [entry.at for entry in timeline] == sorted(entry.at for entry in timeline)
    assert timeline[0].kind is Kind.INPUT
    titles = [entry.title for entry in timeline]
    for before, after in (
        ("Row 5 came in: 919800000001, client identifier c-5", "UNPROCESSED"),
        ("Attempt 1 begins", "Step start (start)"),
        ("→ INVITE", "← 180 Ringing"),
        ("Answered", "The call step hears: answered"),
        ("Call ended: Connected (code 16)", "The flow reached its end"),
        ("Attempt 1 ended: Connected", "IN_PROGRESS → COMPLETED (completed)"),
        ("IN_PROGRESS → COMPLETED (completed)", "Webhook record.final"),
    ):
        assert titles.index(before) < titles.index(after), (before, after)


def test_every_sip_message_and_the_gap_stand_in_the_timeline() -> None:
    explanation = told(finished_call())
    kinds = [entry.kind for entry in explanation.timeline]
    assert kinds.count(Kind.SIP) == 6
    assert kinds.count(Kind.GAP) == 1
    gap = next(entry for entry in explanation.timeline if entry.kind is Kind.GAP)
    assert gap.data["missing"] == 2
    assert all(
        e.leg_id == explanation.record.attempts[0].legs[0].leg_id for e in explanation.timeline if e.kind is Kind.SIP
    )


def test_late_news_is_shown_and_not_obeyed() -> None:
    story = finished_call()
    data = {"status": "FAILURE", "reason": "engine_lost", "refused": "lost", "sentence": "The engine was lost."}
    story.event(9, "late_news", late=True, data=data)
    story.event(9, "record_ended", "IN_PROGRESS", "COMPLETED", late=True, data={"rule": "late", "sentence": "Late."})
    explanation = told(story)
    assert explanation.rule == "7.4 row 8"
    assert [line.to_status for line in explanation.statuses] == ["UNPROCESSED", "IN_PROGRESS", "COMPLETED"]
    assert len(explanation.late) == 2
    assert "FAILURE arrived too late: the lease had passed" in explanation.late[0].sentence
    assert explanation.timeline[-1].kind is Kind.LATE


def test_pushes_tell_tries_waits_and_dead_letters() -> None:
    story = finished_call()
    story.pushes += [
        PushRow(UUID(int=81), "crm", "record.final", at(6), None, "retry", 1, 500, 12, None, None),
        PushRow(UUID(int=82), "crm", "record.final", at(7), None, "endpoint_gone", 3, 410, 9, None, None),
        PushRow(UUID(int=83), "crm", "record.final", at(8), "waiting", None, 1, None, None, "timeout", at(60)),
        PushRow(UUID(int=84), "crm", "record.final", at(9), "parked", None, 9, None, None, "timeout", at(60)),
        PushRow(UUID(int=85), "crm", "record.final", at(10), None, "retry", 1, None, None, "No route.", None),
        PushRow(UUID(int=86), "crm", "record.final", at(11), "parked", None, 9, None, None, "No route.", at(60)),
    ]
    sentences = [push.sentence for push in told(story).pushes]
    assert sentences == [
        "Delivered to crm at try 2: HTTP 200 in 31 ms.",
        "Try 1 to crm failed: HTTP 500 in 12 ms.",
        "crm answered 410 Gone: the endpoint is switched off.",
        "Waits to be delivered to crm, next try 12:01:00Z.",
        "Parked on the dead-letter list of crm: timeout.",
        "Try 1 to crm failed: No route.",
        "Parked on the dead-letter list of crm: No route.",
    ]


def test_secrets_never_leave() -> None:
    story = finished_call()
    assert "4711" not in json.dumps(to_document(told(story)))
    hidden = told(story, SECRET_KEYS).record.attempts[0].legs[0]
    assert [digit.digit for digit in hidden.digits] == ["x"]


def test_an_explanation_survives_the_way_over_the_wire() -> None:
    explanation = told(finished_call())
    again = msgspec.convert(json.loads(json.dumps(to_document(explanation))), Explanation)
    assert again == explanation


def test_times_are_told_with_offset_and_milliseconds() -> None:
    assert to_document(told(finished_call()).timeline[0])["at"] == "2026-03-01T12:00:00.000+00:00"


def test_a_history_whose_events_are_gone_is_still_explained() -> None:
    """Old events may have been dropped by retention: the status column is the truth."""
    explanation = told(Story(status="FAILURE", reason="attempts_exhausted"))
    assert explanation.sentence == ""
    assert explanation.meaning
    assert explanation.timeline == ()


@pytest.mark.parametrize(
    ("note", "title"),
    [
        ({"kind": "message", "channel": "sms", "to": "919800000001", "encoding": "ucs2", "parts": 2, "text": "धन्यवाद"},
         'SMS to 919800000001 (2 parts, UCS-2): "धन्यवाद"'),
        ({"kind": "message", "channel": "sms", "to": "***", "encoding": "gsm7", "parts": 1, "text": "PIN ***"},
         'SMS to *** (1 part, GSM alphabet): "PIN ***"'),
        ({"kind": "message", "channel": "email", "to": "a@example.com", "subject": "Hello"}, 'E-mail to a@example.com: "Hello"'),
        ({"kind": "bridge", "number": "919800000009"}, "Rings 919800000009 for the customer"),
        ({"kind": "whisper", "say": "A customer."}, 'The called party alone hears "A customer."'),
        ({"kind": "whisper", "file": "hello"}, "The called party alone hears hello"),
        ({"kind": "errand", "stage": "conversation"}, "The conversation begins"),
        ({"kind": "errand", "stage": "waiting"}, "The customer waits again"),
        ({"kind": "errand", "outcome": "customer_left", "detail": ""}, "Came back: customer left"),
        ({"kind": "warning", "code": "address_invalid", "detail": "nobody"},
         "Warning: an e-mail address is none and was left out (nobody)"),
    ],
)  # fmt: skip
def test_messages_and_conversations_are_told(note: dict[str, object], title: str) -> None:
    story = Story()
    notes = [{"kind": "step", "at": at(2).isoformat(), "step": "tell", "widget": "sms"}, {"step": "tell", **note}]
    told_of = told(story.event(3.1, "flow_walked", data={"attempt": 1, "notes": notes}))
    assert told_of.timeline[-1].title == title
    assert len(told_of.path[0].did) == 1
