"""Messages by the command line: sent, looked at, and priced before."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

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


def test_an_e_mail_that_cannot_go_says_why(laboratory: Laboratory) -> None:
    told = json.loads(laboratory.installation.central("email", "send", "zoe@home.example", "Hello", "x", "--json"))
    assert (told["status"], told["reason"]) == ("Invalid From Email", "sender_unproved")
