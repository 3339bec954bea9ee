"""Messages by the command line: sent, looked at, and priced before."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from central.adapters.smpp import pdu as wire
from tests.acceptance.laboratory import Laboratory
from tests.acceptance.played_carriers import FarSide
from tests.integration.smpp.peer import polite

NUMBER = "919700000001"


@pytest.fixture(scope="module")
def far() -> Iterator[FarSide]:
    with FarSide({"polite": polite}) as far:
        yield far


def test_a_short_message_is_priced_sent_and_shown(laboratory: Laboratory, far: FarSide) -> None:
    def run(*arguments: str) -> dict[str, Any]:
        shown: dict[str, Any] = json.loads(laboratory.installation.central(*arguments, "--json"))
        return shown

    port = far.peers["polite"].port
    made = run(
        "carrier", "add", "commanded", "smpp", "--set", "host=127.0.0.1", "--set", f"port={port}", "--set", "system_id=x",
        "--prefix", NUMBER,
    )  # fmt: skip
    told = run("sms", "send", NUMBER, "Grüße 😀", "--preview")
    assert (told["status"], told["encoding"], told["parts"], told["price"]) == ("SENT_TO_QUEUE", "ucs2", 1, "0.00")
    assert not far.submits("polite")
    sent = run("sms", "send", NUMBER, "Grüße 😀")
    end = time.monotonic() + 30
    while not far.submits("polite") and time.monotonic() < end:
        time.sleep(0.1)
    assert far.submits("polite") == {NUMBER: 1}
    shown = run("sms", "show", sent["message_id"])
    assert (shown["status"], shown["text"]) == ("SENT_TO_QUEUE", "Grüße 😀")
    assert [line["kind"] for line in shown["history"]][:2] == ["message_accepted", "message_handed_over"]
    laboratory.installation.central("carrier", "remove", made["id"])


def test_a_short_message_is_taken_back(laboratory: Laboratory) -> None:
    def shown(id_: str, wanted: str) -> dict[str, Any]:
        end = time.monotonic() + 30
        while True:
            found: dict[str, Any] = json.loads(laboratory.installation.central("sms", "show", id_, "--json"))
            if found["status"] == wanted or time.monotonic() > end:
                return found
            time.sleep(0.2)

    api = laboratory.installation.api()
    with FarSide({"polite": polite}) as far:
        settings = {"host": "127.0.0.1", "port": far.peers["polite"].port, "system_id": "x"}
        body = {"name": "gives back", "kind": "smpp", "settings": settings, "routes": [{"prefix": "9195"}]}
        carrier = api.post("/carriers", body)["id"]
        later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        messages = [{"to": "919500000001", "text": "later", "send_at": later}, {"to": "919500000002", "text": "now"}]
        waits, goes = (one["message_id"] for one in api.post("/sms", {"messages": messages})["messages"])
        laboratory.installation.central("sms", "cancel", waits)
        found = shown(waits, "FAILED")
        assert (found["status"], found["reason"]) == ("FAILED", "taken_back")
        end = time.monotonic() + 30
        while not far.submits("polite") and time.monotonic() < end:
            time.sleep(0.1)
        assert far.submits("polite") == {"919500000002": 1}
        laboratory.installation.central("sms", "cancel", goes)
        found = shown(goes, "UNDELIVERED")
        assert (found["status"], found["reason"]) == ("UNDELIVERED", "taken_back")
        (asked,) = (pdu for pdu in far.peers["polite"].heard(wire.CANCEL_SM) if isinstance(pdu, wire.Cancel))
        assert (asked.message_id, asked.dest) == ("00000001", "919500000002")
        api.call("DELETE", f"/carriers/{carrier}")
    api.close()


def test_an_e_mail_that_cannot_go_says_why(laboratory: Laboratory) -> None:
    told = json.loads(laboratory.installation.central("email", "send", "zoe@home.example", "Hello", "x", "--json"))
    assert (told["status"], told["reason"]) == ("Invalid From Email", "sender_unproved")


def test_times_and_flags_that_are_asked_for_stand_on_the_wire(laboratory: Laboratory) -> None:
    api = laboratory.installation.api()
    with FarSide({"polite": polite}) as far:
        settings = {
            "host": "127.0.0.1",
            "port": far.peers["polite"].port,
            "system_id": "x",
            "priority": 2,
            "registered": 17,
        }
        body = {"name": "timed", "kind": "smpp", "settings": settings, "routes": [{"prefix": "9196"}]}
        carrier = api.post("/carriers", body)["id"]
        later = datetime.now(UTC) + timedelta(seconds=6)
        messages = [
            {"to": "919600000001", "text": "now", "validity_s": 120},
            {"to": "919600000002", "text": "later", "send_at": later.isoformat(), "validity_s": 3600, "priority": 3},
        ]
        api.post("/sms", {"messages": messages})
        end = time.monotonic() + 30
        while len(far.submits("polite")) < 2 and time.monotonic() < end:
            time.sleep(0.05)
        came = {pdu.dest: pdu for pdu in far.peers["polite"].heard(wire.SUBMIT_SM) if isinstance(pdu, wire.Message)}
        assert datetime.now(UTC) >= later
        assert {(pdu.priority, pdu.registered, pdu.schedule) for pdu in came.values()} == {(2, 17, ""), (3, 17, "")}
        periods = {
            to: int(pdu.validity[6:8]) * 3600 + int(pdu.validity[8:10]) * 60 + int(pdu.validity[10:12])
            for to, pdu in came.items()
        }
        assert 60 <= periods["919600000001"] <= 120  # what is left of it
        assert 3500 <= periods["919600000002"] <= 3600
        api.call("DELETE", f"/carriers/{carrier}")
    api.close()
