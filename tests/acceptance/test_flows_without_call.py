"""A list is written to without a call: every record ends as its flow says, every message goes once, the sums are right."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from examples.carrier.sms_center import SmsCenter, number_for
from tests.acceptance.counting import Counting, final_events
from tests.acceptance.laboratory import Laboratory, catalogue
from tests.api_client import Api, ApiRefused

RECORDS = 200
_LIMIT_S = 90
_ACCOUNT = {"country": "IN", "policy_id": "LAB"}
FLOW = """
flow: {name}
type: multicast
purpose: service
calls: {{attempts: 1}}
variables: {{Name: {{}}}}
steps:
  start: {{widget: start, next: tell}}
  tell: {{widget: sms, text: "Hello {{{{ $flow.key.Name }}}}.", sender: CENTRAL, {more}}}
  note: {{widget: store_variable, set: {{How: not told}}, next: end}}
  done: {{widget: on_flow_complete, next: after}}
  after: {{widget: store_variable, set: {{Became: "{{{{ $flow.syskey.status }}}}"}}, next: end}}
"""
BRANCH = "on: {accepted: end, failed: note}"
FAIL = "on_failure: fail, on: {accepted: note}"
TALKS = FLOW.replace("next: tell}}", "next: greet}}\n  greet: {{widget: play, say: Hello., next: tell}}")


@dataclass
class Sender:
    """An account of its own, with what was asked of it."""

    api: Api
    counting: Counting

    def flow(self, name: str, more: str = BRANCH, document: str = FLOW) -> str:
        """Save and publish a flow that has no DID."""
        text = document.format(name=name, more=more)
        if more == FAIL:
            text = text.replace("set: {How: not told}", "set: {How: told}")
        flow = str(self.api.send("POST", "/flows", text.encode(), "application/yaml")["id"])
        self.api.post(f"/flows/{flow}/publish", {"note": "acceptance"})
        return flow

    def submit(self, flow: str, numbers: list[str]) -> dict[str, Any]:
        records = [{"numbers": [f"+{number}"], "variables": {"Name": f"n{i}"}} for i, number in enumerate(numbers)]
        return dict(self.api.post("/requests", {"flow": flow, "records": records}))

    def ended(self, request_id: str) -> dict[str, Any]:
        """The request once nothing of it is pending; each look is counted."""
        end = time.monotonic() + _LIMIT_S
        while True:
            seen: dict[str, Any] = self.api.get(f"/requests/{request_id}")
            self.counting.look(seen)
            if seen["status"] == "Completed" or time.monotonic() > end:
                return seen
            time.sleep(0.1)


@pytest.fixture(scope="module")
def sender(laboratory: Laboratory) -> Iterator[Sender]:
    operator = laboratory.installation.operator
    account = operator.post("/operator/accounts", {"name": "writes to lists"} | _ACCOUNT)
    key = operator.post(f"/operator/accounts/{account['id']}/keys", {"name": "acceptance", "role": "owner"})["secret"]
    operator.close()
    sender = Sender(laboratory.installation.api(key), Counting())
    yield sender
    assert not sender.counting.wrong
    sender.api.close()


def test_without_a_carrier_the_flow_says_what_becomes_of_the_record(sender: Sender) -> None:
    for name, more, status, reason, how in (
        ("branches", BRANCH, "COMPLETED", "completed", {"How": "not told"}),
        ("fails", FAIL, "FAILURE", "flow_error", {}),
    ):
        taken = sender.submit(sender.flow(name, more), [number_for("delivered", 1)])
        assert sender.ended(taken["request_id"])["statuses"] == {status: 1}
        (record,) = sender.api.get(f"/requests/{taken['request_id']}/records")["items"]
        told = sender.api.get(f"/records/{record['record_id']}/timeline")
        assert (told["record"]["status"], told["record"]["reason"]) == (status, reason)
        assert told["record"]["variables"] == {"Name": "n0", "Became": status} | how
        assert told["sentence"]
        assert [attempt["legs"] for attempt in told["record"]["attempts"]] == [[]]
        assert "no_gateway" in str(told["path"]) or "No carrier" in str(told["path"])


def test_a_list_is_written_to_and_each_of_it_once(sender: Sender, far_ends_cache: Path) -> None:
    numbers = [number_for("delivered", 100 + n) for n in range(RECORDS)]
    with SmsCenter(far_ends_cache) as center:
        body = {
            "name": "lists", "kind": "smpp", "secrets": {"password": center.password},
            "settings": {"host": center.host, "port": center.port, "system_id": center.system_id},
            "routes": [{"priority": 1}],
        }  # fmt: skip
        sender.api.post("/carriers", body)
        blocked = number_for("delivered", 9)
        sender.api.put("/lists/blacklist/entries", {"entries": [{"number": f"+{blocked}"}]})
        begun = time.monotonic()
        taken = sender.submit(sender.flow("writes"), [*numbers, blocked])
        request = sender.ended(taken["request_id"])
        took = time.monotonic() - begun
        assert request["statuses"] == {"COMPLETED": RECORDS, "PHONE_BLACKLISTED": 1}, (request, took)
        sent = _settled(sender.api, RECORDS)
        assert {message["status"] for message in sent} == {"DELIVERED"}
        assert {message["to"] for message in sent} == set(numbers)
        assert center.accepted() == {(number, f"Hello n{i}.", 1): 1 for i, number in enumerate(numbers)}
    (record,) = sender.api.get(f"/requests/{taken['request_id']}/records", number=numbers[7])["items"]
    told = sender.api.get(f"/records/{record['record_id']}/timeline")
    assert told["record"]["variables"] == {"Name": "n7", "Became": "COMPLETED"}
    assert [(a["number"], a["result"], a["legs"]) for a in told["record"]["attempts"]] == [(1, "none", [])]
    finals = frozenset(str(row["name"]) for row in catalogue()["flow"] if row["final"])
    assert final_events(told["statuses"], finals) == [1]
    assert took < _LIMIT_S / 2


def _settled(api: Api, n: int) -> list[dict[str, Any]]:
    """All messages of the account that were taken, once their receipts are there."""
    end = time.monotonic() + _LIMIT_S
    while True:
        sent = [message for message in api.pages("/sms", limit=200) if message["status"] != "FAILED"]
        if (len(sent) == n and all(m["status"] == "DELIVERED" for m in sent)) or time.monotonic() > end:
            return sent
        time.sleep(0.3)


def test_a_flow_that_talks_needs_its_call(sender: Sender) -> None:
    with pytest.raises(ApiRefused) as refused:
        sender.flow("talks", BRANCH, TALKS)
    assert refused.value.code == "flow_has_errors"
