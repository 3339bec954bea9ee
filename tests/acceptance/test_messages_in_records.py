"""SMS that flows send: they reach a real SMSC while the call runs, and what becomes of them stands in the record that sent them."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import pytest

from tests.acceptance.laboratory import Laboratory
from tests.acceptance.playing import LOOK_S, Played

FILE = "sms_from_flow"
FIRST = "told while the call runs"
_LIMIT_S = 30.0
pytestmark = pytest.mark.case_file(FILE)


def settled(played: Played, case: str) -> Mapping[str, Any]:
    """The explanation of a case once its only message is on its way no more."""
    end = time.monotonic() + _LIMIT_S
    while True:
        told: Mapping[str, Any] = played.api.get(f"/records/{played.seen[case].receipt['record_id']}/timeline")
        (message,) = told["record"]["sms"]
        if message["status"] != "SENT_TO_QUEUE" or time.monotonic() > end:
            return told
        time.sleep(LOOK_S)


def lines_of(told: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Its lines about messages."""
    return [line for line in told["timeline"] if line["kind"] == "message"]


def test_it_went_out_once_while_the_call_ran(laboratory: Laboratory) -> None:
    played = laboratory.played(FILE)
    told = settled(played, FIRST)
    (message,) = told["record"]["sms"]
    assert (message["step"], message["to"], message["status"], message["parts"]) == (
        "thanks",
        "919700000100",
        "DELIVERED",
        1,
    )
    (leg,) = played.seen[FIRST].legs
    lines = lines_of(told)
    assert [line["data"]["kind"] for line in lines] == [
        "message_accepted", "message_handed_over", "message_answered", "receipt_came",
    ]  # fmt: skip
    assert leg["connect_at"] < lines[0]["at"] < leg["end_at"]
    assert lines[-1]["title"] == "SMS of step thanks to 919700000100: DELIVERED"
    assert played.sms_center is not None
    sent = [submit for submit in played.sms_center.submits() if submit.to == "919700000100"]
    assert [(one.text, one.sender) for one in sent] == [("Thank you. Your PIN is 4711.", "CLINIC")]
    assert "4711" not in json.dumps(told)


@pytest.mark.parametrize(
    ("case", "status", "reason"),
    [
        ("the operator refuses the number", "REJECTED", ""),
        ("a number abroad, where the account may not write", "FAILED", "international_disabled"),
        ("busy, and told by SMS", "UNDELIVERED", "undeliverable"),
    ],
)
def test_each_has_its_end_in_its_record(laboratory: Laboratory, case: str, status: str, reason: str) -> None:
    played = laboratory.played(FILE)
    told = settled(played, case)
    (message,) = told["record"]["sms"]
    assert message["status"] == status, message
    assert reason in (message["reason"] or "")
    assert message["explanation"]
    assert lines_of(told)
    record = played.api.get(f"/records/{played.seen[case].receipt['record_id']}")
    assert [one["message_id"] for one in record["sms"]] == [message["message_id"]]


def test_the_webhooks_name_them(laboratory: Laboratory) -> None:
    played = laboratory.played(FILE)
    record_id = played.seen[FIRST].receipt["record_id"]
    told = settled(played, FIRST)["record"]["sms"][0]["message_id"]

    def bodies(kind: str) -> list[dict[str, Any]]:
        posts = [json.loads(post.body) for post in laboratory.receiver.posts(FILE) if post.answered == 204]
        return [body for body in posts if body["type"] == kind and body["record_id"] == record_id]

    assert played.until("both events came", lambda: bool(bodies("record.final") and bodies("sms.status")), 40)
    (final,) = bodies("record.final")
    (sent,) = final["sms"]
    assert (sent["message_id"], sent["step"], sent["to"], sent["parts"]) == (told, "thanks", "919700000100", 1)
    assert sent["status"] in {"SENT_TO_QUEUE", "DELIVERED"}
    (status,) = bodies("sms.status")
    assert (status["status"], status["step"], status["client_identifier"]) == ("DELIVERED", "thanks", FIRST)


@pytest.mark.case_file("messages_from_flow")
def test_what_no_carrier_took_stands_there_too(laboratory: Laboratory) -> None:
    played = laboratory.played("messages_from_flow")
    told = played.seen["no channel, and the flow goes on"].explanation
    record = told["record"]
    sms = [(one["step"], one["status"], one["reason"]) for one in record["sms"]]
    assert ("thanks", "FAILED", "no_gateway") in sms
    (mail,) = record["emails"]
    assert (mail["step"], mail["to"], mail["status"]) == ("write", "asha@example.com", "Invalid From Email")
    titles = [line["title"] for line in lines_of(told)]
    assert "E-mail of step write to asha@example.com: Invalid From Email" in titles
