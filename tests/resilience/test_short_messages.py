"""An SMSC and our own messenger killed with -9 under load: nothing is lost, nothing goes twice, what is unsure says so."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from examples.carrier.sms_center import SmsCenter
from tests.api_client import Api
from tests.installation import Installation

MESSAGES = int(os.environ.get("CENTRAL_TEST_MESSAGES", "4000"))
"""50,000 in a soak."""
WINDOW, BINDS = 50, 2
_BATCH = 2_000
_LIMIT_S = 240 + MESSAGES / 100


@pytest.fixture
def central(asterisk_root: Path, far_ends_cache: Path) -> Iterator[tuple[Installation, Api, SmsCenter]]:
    with ExitStack() as open_:
        installation = open_.enter_context(Installation(asterisk_root))
        center = open_.enter_context(SmsCenter(far_ends_cache))
        operator = installation.operator
        account = operator.post("/operator/accounts", {"name": "load", "country": "IN"})
        key = operator.post(f"/operator/accounts/{account['id']}/keys", {"name": "load", "role": "owner"})["secret"]
        operator.close()
        api = installation.api(key)
        settings = {
            "host": center.host, "port": center.port, "system_id": center.system_id, "window": WINDOW, "binds": BINDS,
            "timers": {"response": 5, "reconnect": [0.2, 2]},
        }  # fmt: skip
        body = {"name": "smsc", "kind": "smpp", "settings": settings, "secrets": {"password": center.password}}
        api.post("/carriers", body)
        yield installation, api, center
        api.close()


def test_nothing_is_lost_and_nothing_goes_twice(central: tuple[Installation, Api, SmsCenter]) -> None:
    installation, api, center = central
    ids: dict[str, str] = {}
    for start in range(0, MESSAGES, _BATCH):
        texts = [f"message {n}" for n in range(start, min(start + _BATCH, MESSAGES))]
        messages = [{"to": f"91980{n:05d}00", "text": text} for n, text in enumerate(texts, start)]
        taken = api.post("/sms", {"messages": messages})["messages"]
        ids |= {text: one["message_id"] for text, one in zip(texts, taken, strict=True)}
        if start == 0:
            _until_accepted(center, 300)
            center.kill()
            center.start()
            _until_accepted(center, 800)
            os.kill(installation.processes()["messenger"], signal.SIGKILL)
    seen = _settled(api)
    assert set(seen) == set(ids)
    accepted = {text: n for (_, text, _), n in center.accepted().items()}
    doubled = {text: n for text, n in accepted.items() if n > 1}
    assert not doubled
    unsure = {text for text, one in seen.items() if one["reason"] == "outcome_uncertain"}
    wrong = {text: one["status"] for text, one in seen.items() if text not in unsure and one["status"] != "DELIVERED"}
    assert not wrong
    assert not {text for text in seen if text not in unsure and text not in accepted}
    gone = len(unsure - accepted.keys())
    why = Counter(_why(api.get(f"/sms/{ids[text]}")["history"]) for text in unsure)
    print(f"messages {MESSAGES}, unsure {dict(why)}, not accepted {gone}")  # noqa: T201 - the figures of a soak
    lost = why.pop("hand_over_lost", 0)
    assert lost <= WINDOW * BINDS, lost  # of our own death
    assert why.total() <= WINDOW * BINDS, why  # of the SMSC's


def _why(history: Sequence[Mapping[str, Any]]) -> str:
    """What made it unsure; its history says so."""
    return next(str(line["reason"]) for line in history if line["kind"] == "message_uncertain")


def _until_accepted(center: SmsCenter, n: int) -> None:
    end = time.monotonic() + 60
    while sum(center.accepted().values()) < n:
        assert time.monotonic() < end, "the load did not begin"
        time.sleep(0.05)


def _settled(api: Api) -> dict[str, dict[str, Any]]:
    """All messages by text, once each is delivered or unsure, or time is over."""
    end = time.monotonic() + _LIMIT_S
    while True:
        counts = api.get("/sms/counts")
        if counts.get("DELIVERED", 0) == MESSAGES or time.monotonic() > end:
            break
        waiting = api.get("/sms", status="SENT_TO_QUEUE", limit=500)["items"]
        if waiting and all(one["reason"] == "outcome_uncertain" for one in waiting) and len(waiting) < 500:
            break
        time.sleep(1)
    return {one["text"]: one for one in api.pages("/sms", limit=500)}
