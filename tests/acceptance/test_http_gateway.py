"""Short messages over a gateway by HTTP that brings its receipts by calling back: each gets the status that the gateway told."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.http_gateway import KEY, REQUEST, SETTINGS, TOKEN, HttpGateway
from tests.acceptance.laboratory import Laboratory
from tests.api_client import Api, ApiRefused

EXPECTED = {
    "delivered": ("DELIVERED", "delivered", 4),
    "rejected": ("REJECTED", "rejected", 4),
    "new word": ("OTHER", "unknown_state", 4),
    "bad number": ("INVALID_NUMBER", "bad_recipient", 3),
    "busy once": ("DELIVERED", "delivered", 6),
    "broken": ("SENT_TO_QUEUE", "outcome_uncertain", 3),
    "forged": ("SENT_TO_QUEUE", "", 3),
}
_LIMIT_S = 40

Posted = tuple[Api, HttpGateway, dict[str, dict[str, Any]]]


@pytest.fixture(scope="module")
def posted(laboratory: Laboratory) -> Iterator[Posted]:
    operator = laboratory.installation.operator
    account = operator.post(
        "/operator/accounts", {"name": "http gateway", "country": "IN", "plain_http_webhooks": True}
    )
    key = operator.post(f"/operator/accounts/{account['id']}/keys", {"name": "acceptance", "role": "owner"})["secret"]
    operator.close()
    api = laboratory.installation.api(key)
    with HttpGateway() as gateway:
        body = {
            "name": "gateway", "kind": "http", "secrets": {"key": KEY, "receipts": TOKEN},
            "settings": SETTINGS | {"request": REQUEST | {"url": gateway.url}},
        }  # fmt: skip
        carrier = api.post("/carriers", body)
        assert carrier["secrets"] == ["key", "receipts"]
        gateway.receipts_url = f"{laboratory.installation.url}/gateways/{carrier['id']}/receipts"
        wishes = [{"to": f"+9198000007{n:02}", "text": text, "sender": "CENTRAL"} for n, text in enumerate(EXPECTED)]
        taken = api.post("/sms", {"messages": wishes})["messages"]
        ids = {text: one["message_id"] for text, one in zip(EXPECTED, taken, strict=True)}
        seen: dict[str, dict[str, Any]] = {}
        end = time.monotonic() + _LIMIT_S
        while time.monotonic() < end and not all(_is_done(text, seen) for text in EXPECTED):
            for text, id_ in ids.items():
                seen[text] = api.get(f"/sms/{id_}")
            time.sleep(0.3)
        yield api, gateway, seen
    api.close()


def _is_done(text: str, seen: dict[str, dict[str, Any]]) -> bool:
    status, _, lines = EXPECTED[text]
    return text in seen and seen[text]["status"] == status and len(seen[text]["history"]) >= lines


@pytest.mark.parametrize("text", EXPECTED)
def test_a_message_has_the_status_that_its_gateway_told(posted: Posted, text: str) -> None:
    status, reason, _ = EXPECTED[text]
    seen = posted[2][text]
    assert seen["status"] == status, seen
    assert reason in (seen["reason"] or ""), seen


def test_the_gateway_got_each_message_once_but_where_it_asked_for_more(posted: Posted) -> None:
    taken = posted[1].taken
    assert {text: taken.count(text) for text in EXPECTED} == dict.fromkeys(EXPECTED, 1) | {"busy once": 2}


def test_receipts_are_acknowledged_and_forged_ones_refused(posted: Posted) -> None:
    _, gateway, seen = posted
    assert gateway.called["delivered"] == [200, 200]
    assert gateway.called["forged"] == [403]
    assert not [line for line in seen["forged"]["history"] if line["kind"] == "receipt_came"]
    assert gateway.call("nobody's", TOKEN, {"id": "never-heard-of", "state": "delivered"}) == 200
    assert gateway.call("empty", TOKEN, {"state": "delivered"}) == 422
    gateway.receipts_url = gateway.receipts_url.replace("/gateways/", "/gateways/0")[:-1]
    assert gateway.call("elsewhere", TOKEN, {"id": "x", "state": "delivered"}) == 404


def test_a_gateway_that_cannot_work_is_refused_when_it_is_saved(posted: Posted) -> None:
    body = {"name": "bad", "kind": "http", "settings": SETTINGS | {"request": REQUEST | {"url": "https://gw.example/"}}}
    with pytest.raises(ApiRefused) as caught:
        posted[0].post("/carriers", body)
    assert caught.value.code == "invalid_carrier"
