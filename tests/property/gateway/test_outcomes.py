"""Whatever a gateway answers and whoever calls: nothing crashes, and each part of a message has exactly one lawful outcome."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.adapters.gateway.config import GatewayConfig
from central.adapters.gateway.receipts import hear
from central.adapters.gateway.translate import WireAnswer, WireRequest, judge, request_of
from central.application.ports.carriers import NotTaken, Taken
from central.application.ports.receipt_calls import ReceiptCall
from central.domain.errors import Forbidden, InvalidInput
from central.domain.statuses import SmsStatus
from tests.unit.gateway.samples import SECRETS, config, message, settings

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["21211", "busy", "DELIVRD"]),
    lambda below: (
        st.lists(below, max_size=4)
        | st.dictionaries(
            st.sampled_from(["message", "id", "error", "code", "state", "results", "err", "at"]), below, max_size=4
        )
    ),
    max_leaves=12,
)
BODIES = st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode())
HEADERS = st.dictionaries(st.sampled_from(["Retry-After", "X-Id", "Location"]), st.text(max_size=20), max_size=3)
PLACES = st.sampled_from(
    [{"path": "message.id"}, {"path": "message.*.id"}, {"regex": "(?i)id.{0,4}?([a-z0-9]+)"}, {"header": "X-Id"}]
)
STATUSES = set(SmsStatus)


@given(status=st.integers(100, 999), body=BODIES, headers=HEADERS, place=PLACES, parts=st.integers(1, 10))
def test_any_answer_gives_each_part_one_lawful_outcome(
    status: int, body: bytes, headers: dict[str, str], place: dict[str, str], parts: int
) -> None:
    judged = judge(WireAnswer(status, headers, body), parts, config(answer={"id": place}), AT)
    assert len(judged.answers) == parts
    for answer in judged.answers:
        if isinstance(answer, Taken):
            assert answer.remote_id
            assert len(answer.remote_id) <= 255
            assert 200 <= status <= 299
        if isinstance(answer, NotTaken):
            assert answer.status is None or answer.status in STATUSES
            assert answer.retry or answer.status is not None
            assert answer.delay_s >= 0
            assert len(answer.detail) <= 255 + 20
        if 300 <= status <= 399:
            assert isinstance(answer, NotTaken)
            assert not answer.retry


@given(
    body=BODIES,
    query=st.text(max_size=40),
    method=st.sampled_from(["GET", "POST"]),
    form=st.booleans(),
    each=st.sampled_from(["", "results", "*"]),
)
def test_any_call_is_read_or_refused(body: bytes, query: str, method: str, form: bool, each: str) -> None:
    rules: dict[str, Any] = {
        "verify": {"kind": "token", "secret": "token"}, "id": {"path": "id"}, "state": {"path": "state"}, "error": {"path": "err"},
        "time": {"path": "at"}, "states": {"DELIVRD": {"status": "DELIVERED"}}, "each": each, "body": "form" if form else "json",
    }  # fmt: skip
    gateway = config(receipts=rules)
    try:
        news = hear(gateway, ReceiptCall(method, {}, query, body, SECRETS["token"]), AT)
    except InvalidInput:
        return
    assert news
    assert all(one.remote_id and one.state and one.status in STATUSES for one in news)


@given(
    body=BODIES,
    token=st.text(max_size=30),
    headers=st.dictionaries(st.sampled_from(["X-Sign"]), st.text(max_size=50)),
    signed=st.booleans(),
)
def test_without_the_secret_nothing_is_heard(body: bytes, token: str, headers: dict[str, str], signed: bool) -> None:
    verify = {"kind": "hmac", "secret": "token", "header": "X-Sign"} if signed else {"kind": "token", "secret": "token"}
    gateway = config(receipts={"verify": verify, "id": {"path": "id"}, "state": {"path": "state"}, "states": {}})
    with pytest.raises(Forbidden):
        hear(gateway, ReceiptCall("POST", headers, "", body, token), AT)


@given(
    text=st.text(min_size=1, max_size=200), escape=st.sampled_from(["none", "xml", "url", "json"]), form=st.booleans()
)
def test_any_text_makes_one_request(text: str, escape: str, form: bool) -> None:
    body: dict[str, Any] = (
        {"form": {"to": "{to}", "m": "{text}"}} if form else {"text": '{{"m":"{text}"}}{to}', "escape": escape}
    )
    made = request_of(message(text=text), config(request={"json": msgspec.UNSET, **body}))
    assert isinstance(made, WireRequest)
    if escape == "json" and not form:
        told, _ = json.JSONDecoder().raw_decode((made.body or b"").decode())
        assert told == {"m": text}


@given(template=st.text(alphabet="{}to?:numberxt.idsecrk ", max_size=30))
def test_any_template_is_taken_or_refused_when_saved(template: str) -> None:
    given = settings(request={"json": {"to": "{to}", "text": "{text}", "x": template}})
    try:
        made = msgspec.convert({**given, "secrets": SECRETS, "name": "gw"}, GatewayConfig)
    except msgspec.ValidationError:
        return
    assert isinstance(request_of(message(), made), WireRequest | NotTaken)
