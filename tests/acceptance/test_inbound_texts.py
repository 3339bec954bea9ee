"""Somebody writes to us by a real SMSC: the flow of that short code runs, and its answer is delivered."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from examples.carrier.sms_center import SmsCenter, number_for
from tests.acceptance.laboratory import Laboratory
from tests.api_client import Api

_LIMIT_S = 60
_ACCOUNT = {"name": "is written to", "country": "IN", "policy_id": "LAB"}
CODE = "56767"
FLOW = b"""
flow: answers
type: multicast
purpose: service
calls: {attempts: 1}
variables: {sms_text: {}}
steps:
  start: {widget: start, next: answer}
  answer:
    widget: sms
    text: "Thank you for: {{ $flow.key.sms_text }}"
    sender: CENTRAL
    on: {accepted: end, failed: end}
"""


@dataclass
class Written:
    """An account that people write to, and the SMSC that they write by."""

    api: Api
    center: SmsCenter
    flow: str

    def wait(self, path: str, found: Callable[[list[dict[str, Any]]], bool], **query: object) -> list[dict[str, Any]]:
        """Read until it is as expected, or time is over; what it is then, the test judges."""
        end = time.monotonic() + _LIMIT_S
        while True:
            items: list[dict[str, Any]] = self.api.get(path, **query)["items"]
            if found(items) or time.monotonic() > end:
                return items
            time.sleep(0.2)


@pytest.fixture(scope="module")
def written(laboratory: Laboratory, far_ends_cache: Path) -> Iterator[Written]:
    operator = laboratory.installation.operator
    account = operator.post("/operator/accounts", _ACCOUNT)
    key = operator.post(f"/operator/accounts/{account['id']}/keys", {"name": "acceptance", "role": "owner"})["secret"]
    operator.close()
    with ExitStack() as open_:
        center = open_.enter_context(SmsCenter(far_ends_cache))
        api = laboratory.installation.api(key)
        open_.callback(api.close)
        settings = {"host": center.host, "port": center.port, "system_id": center.system_id}
        secrets = {"password": center.password}
        api.post("/carriers", {"name": "code", "kind": "smpp", "settings": settings, "secrets": secrets})
        flow = str(api.send("POST", "/flows", FLOW, "application/yaml")["id"])
        api.post(f"/flows/{flow}/publish", {"note": "acceptance"})
        api.post("/text-routes", {"flow": "answers", "recipient": CODE})
        yield Written(api, center, flow)


def started(items: list[dict[str, Any]]) -> bool:
    return any(one["request_id"] for one in items)


def delivered(items: list[dict[str, Any]]) -> bool:
    return any(one["status"] == "DELIVERED" for one in items)


def test_a_text_starts_its_flow_and_the_answer_is_delivered(written: Written) -> None:
    person = number_for("delivered", 71)
    written.center.say(person, CODE, "is it ready?")
    (text,) = written.wait("/inbound-texts", started, sender=person)
    assert (text["to"], text["text"], text["flow"], text["start"]) == (CODE, "is it ready?", written.flow, "started")
    (sent,) = written.wait("/sms", delivered, request_id=text["request_id"])
    assert (sent["to"], sent["text"], sent["status"]) == (person, "Thank you for: is it ready?", "DELIVERED")
    (record,) = written.wait(
        f"/requests/{text['request_id']}/records", lambda items: any(one["status"] == "COMPLETED" for one in items)
    )
    assert (record["status"], record["client_identifier"]) == ("COMPLETED", text["text_id"])
    assert written.center.accepted() == {(person, "Thank you for: is it ready?", 1): 1}


def test_who_says_stop_gets_no_answer_and_starts_nothing(written: Written) -> None:
    stops, asks = number_for("delivered", 72), number_for("delivered", 73)
    written.center.say(stops, CODE, "STOP")
    written.center.say(asks, CODE, "and mine?")
    (asked,) = written.wait("/inbound-texts", started, sender=asks)
    (answer,) = written.wait("/sms", delivered, request_id=asked["request_id"])
    assert (answer["to"], answer["status"]) == (asks, "DELIVERED")
    (text,) = written.api.get("/inbound-texts", sender=stops)["items"]
    assert (text["opted_out"], text["flow"], text["start"]) == (True, None, None)
    assert [one for one in written.center.submits() if one.to == stops] == []
