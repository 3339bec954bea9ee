"""A receipt counts when it is proved; then the gateway's tables say what it means."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from central.adapters.gateway.receipts import hear
from central.application.ports.receipt_calls import ReceiptCall
from central.domain.errors import Forbidden, InvalidInput, NotFound
from tests.unit.gateway.samples import SECRETS, config

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECRET = SECRETS["token"]
TOKEN = {"kind": "token", "secret": "token"}
STATES = {
    "DELIVRD": {"status": "DELIVERED"},
    "undeliv": {"status": "UNDELIVERED", "reason": "no_way"},
    "sent": {"status": "SENT_TO_QUEUE"},
}


def rules(**more: Any) -> dict[str, Any]:
    return {
        "verify": TOKEN, "id": {"path": "id"}, "state": {"path": "state"}, "error": {"path": "err"}, "time": {"path": "at"},
        "number": {"path": "to"}, "states": STATES,
        "errors": {"1": {"status": "INVALID_NUMBER", "reason": "unknown_subscriber"}},
    } | more  # fmt: skip


def call(
    body: object = None, token: str = SECRET, query: str = "", method: str = "POST", **headers: str
) -> ReceiptCall:
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return ReceiptCall(method, {k.replace("_", "-"): v for k, v in headers.items()}, query, raw, token)


def test_words_codes_and_times_are_read_by_the_gateways_tables() -> None:
    given = config(receipts=rules())
    (one,) = hear(
        given, call({"id": 17, "state": "delivrd", "err": "1", "at": 1_772_366_400, "to": "+919800000001"}), AT
    )
    assert (one.remote_id, one.same_ids, one.status, one.state, one.reason) == (
        "17",
        ("17",),
        "DELIVERED",
        "delivrd",
        "delivrd",
    )
    assert one.done_at == AT
    assert one.about == ("+919800000001",)
    assert one.link == "gw"
    (two,) = hear(given, call({"id": "a", "state": "UNDELIV", "at": "2026-03-01T12:00:00"}), AT)
    assert (two.status, two.reason, two.done_at) == ("UNDELIVERED", "no_way", AT)
    (three,) = hear(given, call({"id": "a", "state": "UNDELIV", "err": 1, "at": "1772366400000"}), AT)
    assert (three.status, three.reason, three.done_at) == ("INVALID_NUMBER", "unknown_subscriber", AT)
    (four,) = hear(given, call({"id": "a", "state": "Lost in space", "at": "yesterday"}), AT)
    assert (four.status, four.reason, four.done_at) == ("OTHER", "unknown_state", None)


def test_lists_forms_and_queries() -> None:
    many = config(receipts=rules(each="results"))
    body = {"results": [{"id": "a", "state": "sent"}, {"id": "b", "state": "DELIVRD"}]}
    assert [(one.remote_id, one.status) for one in hear(many, call(body), AT)] == [
        ("a", "SENT_TO_QUEUE"),
        ("b", "DELIVERED"),
    ]
    form = config(receipts=rules(body="form"))
    assert hear(form, call(b"id=a+b&state=DELIVRD&id=second"), AT)[0].remote_id == "a b"
    assert hear(form, call(query="id=q1&state=UNDELIV", method="GET"), AT)[0].status == "UNDELIVERED"
    top = config(receipts=rules(each="*"))
    assert len(hear(top, call([{"id": "a", "state": "sent"}] * 3), AT)) == 3


@pytest.mark.parametrize("body", [{}, {"id": "a"}, {"state": "sent"}, [], b"no json", b"", {"id": "", "state": "x"}])
def test_what_names_no_message_or_state_is_refused(body: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        hear(config(receipts=rules()), call(body), AT)
    assert caught.value.code == "receipt_unreadable"


@pytest.mark.parametrize("token", ["", "wrong", SECRET + "x", SECRET[:-1], "é\ud800", SECRET.upper()])
def test_a_wrong_token_is_refused(token: str) -> None:
    with pytest.raises(Forbidden):
        hear(config(receipts=rules()), call({"id": "a", "state": "sent"}, token), AT)


def test_a_token_in_header_or_query() -> None:
    body = {"id": "a", "state": "sent"}
    header = config(receipts=rules(verify=TOKEN | {"at": "header", "name": "X-Token"}))
    assert hear(header, call(body, "", x_token=SECRET), AT)
    query = config(receipts=rules(verify=TOKEN | {"at": "query", "name": "t"}))
    assert hear(query, call(body, "", query=f"t={SECRET}"), AT)
    (got,) = hear(query, call(query=f"t={SECRET}&id=a&state=sent", method="GET"), AT)
    assert got.raw == "t=***&id=a&state=sent"
    for given in (header, query):
        with pytest.raises(Forbidden):
            hear(given, call(body, SECRET), AT)  # it does not belong into the path here


def test_a_signature_covers_the_body_and_its_time() -> None:
    verify = {
        "kind": "hmac", "secret": "token", "header": "X-Sign", "prefix": "v1=", "encoding": "base64", "signed": "{timestamp}.{body}",
        "timestamp_header": "X-Time",
    }  # fmt: skip
    given = config(receipts=rules(verify=verify))
    body = json.dumps({"id": "a", "state": "DELIVRD"}).encode()

    def signed(what: bytes, stamp: int) -> ReceiptCall:
        digest = hmac.new(SECRET.encode(), f"{stamp}.".encode() + what, hashlib.sha256).digest()
        return call(body, "", x_sign="v1=" + base64.b64encode(digest).decode(), x_time=str(stamp))

    now = int(AT.timestamp())
    assert hear(given, signed(body, now - 200), AT)[0].status == "DELIVERED"
    for forged in (
        signed(body + b" ", now), signed(body, now - 400), signed(body, now + 400), call(body, ""),
        call(body, "", x_sign="v1=%%", x_time=str(now)), call(body, "", x_sign="", x_time="soon"),
    ):  # fmt: skip
        with pytest.raises(Forbidden):
            hear(given, forged, AT)
    plain = config(receipts=rules(verify={"kind": "hmac", "secret": "token", "header": "X-Sign", "algorithm": "sha1"}))
    assert hear(plain, call(body, "", x_sign=hmac.new(SECRET.encode(), body, "sha1").hexdigest()), AT)


def test_a_gateway_that_brings_no_receipts_has_no_door() -> None:
    with pytest.raises(NotFound):
        hear(config(), call({"id": "a", "state": "sent"}), AT)
