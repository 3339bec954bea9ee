"""Table 3.3 of the messaging reference, total: whatever HTTP status comes, a message has a lawful outcome."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from central.adapters.gateway.reasons import NOT_SENT, UNCERTAIN, row_of
from central.adapters.gateway.translate import Judged, WireAnswer, judge, not_begun, retry_after
from central.application.ports.carriers import NotSent, NotTaken, Taken, Uncertain
from tests.unit.gateway.samples import config

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def judged(
    status: int, body: object = "", headers: dict[str, str] | None = None, parts: int = 1, **more: Any
) -> Judged:
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return judge(WireAnswer(status, headers or {}, raw), parts, config(**more), AT)


# status: (kind, SMS status, retry, alert, rest)
TABLE: dict[int, tuple[type, str | None, bool, bool, str]] = {
    **dict.fromkeys((400, 404, 405, 415, 422), (NotTaken, "FAILED", False, True, "")),
    **dict.fromkeys((401, 402, 403), (NotTaken, None, True, True, "refused")),
    **dict.fromkeys((408, 409, 425), (NotTaken, "FAILED", True, False, "")),
    **dict.fromkeys((429, 503), (NotTaken, "FAILED", True, False, "slow")),
    **dict.fromkeys((300, 301, 302, 303, 304, 307, 308, 399), (NotTaken, "FAILED", False, True, "")),
    **dict.fromkeys((406, 410, 413, 418, 451, 499), (NotTaken, "FAILED", False, True, "")),
}


@pytest.mark.parametrize("status", range(100, 1000))
def test_every_status_has_its_row(status: int) -> None:
    answer = judged(status, "Words.").answers[0]
    kind, sms, retry, alert, rest = TABLE.get(status, (None, None, False, False, ""))
    if kind is not None:
        assert isinstance(answer, NotTaken)
        assert (answer.status, answer.retry, answer.alert, judged(status).rest) == (sms, retry, alert, rest)
        assert str(status) in answer.code
    elif 400 <= status <= 499:
        assert isinstance(answer, NotTaken)
        assert answer.status == "FAILED"
        assert answer.alert
        assert not answer.retry
    elif 300 <= status <= 399:
        assert isinstance(answer, NotTaken)
        assert answer.reason == "redirect_refused"
        assert answer.alert
        assert not answer.retry
    else:  # 2xx without an id, other 5xx, and what is no status at all
        assert isinstance(answer, Uncertain)
        assert answer.alert is not (500 <= status <= 599)
        assert answer.reason == row_of(status).reason or status // 100 == 2


def test_a_2xx_with_an_id_is_taken_each_part_by_its_own_id_where_there_are_several() -> None:
    assert judged(202, {"message": {"id": 17}}, parts=3).answers == [Taken("17")] * 3
    several: dict[str, Any] = {"answer": {"id": {"path": "messages.*.id"}}}
    body = {"messages": [{"id": "a"}, {"id": "b"}, {"note": 1}]}
    assert judged(200, body, parts=2, **several).answers == [Taken("a"), Taken("b")]
    assert judged(200, body, parts=3, **several).answers == [Taken("a"), Taken("b"), Taken("b")]
    assert judged(200, "OK: 7f-3", answer={"id": {"regex": r"^OK: (\S+)"}}).answers == [Taken("7f-3")]
    assert judged(200, headers={"X-Id": "h1"}, answer={"id": {"header": "x-id"}}).answers == [Taken("h1")]
    assert judged(200, {"message": {"id": "x"}, "error": {"code": 0}}).answers == [Taken("x")]


def test_a_2xx_whose_body_refuses_is_what_the_gateways_table_says_else_rejected() -> None:
    unknown = judged(200, {"message": {"id": "x"}, "error": {"code": 99, "text": "No way."}}).answers[0]
    assert unknown == NotTaken("200 99", "refused_by_gateway", "refused_by_gateway", "REJECTED", detail="No way.")  # type: ignore[arg-type]
    known = judged(200, {"error": {"code": "21211"}}).answers[0]
    assert isinstance(known, NotTaken)
    assert (known.status, known.reason, known.retry) == (
        "INVALID_NUMBER",
        "bad_recipient",
        False,
    )
    busy = judged(200, {"error": {"code": "busy"}}).answers[0]
    assert isinstance(busy, NotTaken)
    assert (busy.retry, busy.delay_s) == (True, 7)


def test_the_gateways_table_goes_before_ours_but_never_for_redirects() -> None:
    known = judged(400, {"error": {"code": 21211}}).answers[0]
    assert isinstance(known, NotTaken)
    assert (known.status, known.alert) == ("INVALID_NUMBER", False)
    sure = judged(500, {"error": {"code": "busy"}}).answers[0]
    assert isinstance(sure, NotTaken)
    assert sure.retry
    own = judged(420, answer={"statuses": {"420": {"retry": True, "reason": "calm_down"}}}).answers[0]
    assert isinstance(own, NotTaken)
    assert (own.reason, own.retry, own.status) == ("calm_down", True, "FAILED")
    credit = judged(402, answer={"statuses": {"402": {"status": "REJECTED"}}}).answers[0]
    assert isinstance(credit, NotTaken)
    assert (credit.status, credit.retry) == ("REJECTED", False)
    led = judged(302, {"error": {"code": "busy"}}, {"Location": "https://evil.example"}).answers[0]
    assert isinstance(led, NotTaken)
    assert not led.retry
    assert "evil.example" in led.detail


def test_a_2xx_that_nobody_can_read_is_uncertain_and_alerts() -> None:
    for body in ("", "<html>", "{", "[]", '{"message":{"id":""}}', '{"message":{"id":{"a":1}}}', "[" * 5_000):
        answer = judged(200, body).answers[0]
        assert isinstance(answer, Uncertain)
        assert answer.alert
        assert answer.reason == "answer_unreadable"


def test_no_answer_is_told_as_what_it_is() -> None:
    for reason, alert in NOT_SENT.items():
        answer = not_begun(reason, "Words.").answers[0]
        assert isinstance(answer, NotSent)
        assert answer.alert is alert
    assert "timeout" in UNCERTAIN


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7), ("0", 0), ("9" * 30, 86_400), ("", None), ("-3", None), ("soon", None), ("1.5", None),
        ((AT + timedelta(seconds=90)).strftime("%a, %d %b %Y %H:%M:%S GMT"), 90),
        ((AT - timedelta(days=1)).strftime("%a, %d %b %Y %H:%M:%S GMT"), 0),
    ],
)  # fmt: skip
def test_retry_after_in_both_forms(value: str, seconds: float | None) -> None:
    assert retry_after({"Retry-After": value}, AT) == seconds
    answer = judged(429, headers={"retry-after": value})
    assert answer.rest_s == seconds
    assert isinstance(answer.answers[0], NotTaken)
    assert answer.answers[0].delay_s == (seconds or 0)
