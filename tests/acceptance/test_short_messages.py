"""Short messages over a real SMSC: each recipient's behaviour gives the status that it demands, and nothing goes twice."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from examples.carrier.sms_center import SmsCenter, number_for
from tests.acceptance.atlas import add_messages
from tests.acceptance.laboratory import Laboratory, catalogue
from tests.api_client import Api

CALM = {
    "delivered": ("DELIVERED", "delivered"),
    "expired": ("EXPIRED", "expired"),
    "deleted": ("UNDELIVERED", "deleted"),
    "undeliverable": ("UNDELIVERED", "undeliverable"),
    "accepted_only": ("SENT_TO_QUEUE", ""),
    "unknown": ("OTHER", "unknown"),
    "rejected_later": ("REJECTED", "rejected"),
    "unknown_subscriber": ("UNDELIVERED", ""),
    "failed_later": ("FAILED", ""),
    "new_word": ("OTHER", ""),
    "invalid_number": ("INVALID_NUMBER", ""),
    "refused": ("REJECTED", ""),
    "throttled_once": ("DELIVERED", ""),
    "queue_full": ("SENT_TO_QUEUE", ""),
    "receipt_first": ("DELIVERED", ""),
    "corrected": ("DELIVERED", ""),
    "receipt_twice": ("DELIVERED", ""),
    "no_receipt": ("SENT_TO_QUEUE", ""),
    "slow_answer": ("DELIVERED", ""),
    "vendor_refusal": ("REJECTED", ""),
    "on_its_way": ("DELIVERED", ""),
    "foreign_receipt": ("DELIVERED", ""),
    "broken_receipt": ("DELIVERED", ""),
    "late_intermediate": ("DELIVERED", ""),
    "no_id": ("SENT_TO_QUEUE", ""),
    "fails_once": ("DELIVERED", ""),
}
ROUGH = {
    "accepted_without_answer": ("SENT_TO_QUEUE", "outcome_uncertain"),
    "nack": ("FAILED", ""),
    "no_answer": ("SENT_TO_QUEUE", "outcome_uncertain"),
    "cut": ("SENT_TO_QUEUE", "outcome_uncertain"),
    "accepted_then_cut": ("SENT_TO_QUEUE", "outcome_uncertain"),
    "unbinds": ("DELIVERED", ""),
    "malformed": ("DELIVERED", ""),
}
NEVER_TAKEN = {"invalid_number", "refused", "queue_full", "no_answer", "vendor_refusal", "nack", "cut"}
_LIMIT_S = 60


@dataclass
class Posted:
    """What was sent, and what became of it; ``by`` behaviour the message with its history."""

    api: Api
    centers: dict[str, SmsCenter]
    by: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])

    def carrier(self, name: str, center: SmsCenter, priority: int = 1, **settings: object) -> str:
        body = {
            "name": name, "kind": "smpp", "secrets": {"password": center.password},
            "settings": {"host": center.host, "port": center.port, "system_id": center.system_id, "timers": {"response": 6}} | settings,
            "routes": [{"priority": priority}],
        }  # fmt: skip
        return str(self.api.post("/carriers", body)["id"])

    def send(self, numbers: dict[str, str]) -> dict[str, str]:
        messages = [{"to": number, "text": f"Hello {name}.", "sender": "CENTRAL"} for name, number in numbers.items()]
        taken = self.api.post("/sms", {"messages": messages})["messages"]
        assert all(one["status"] == "SENT_TO_QUEUE" for one in taken), taken
        return {name: one["message_id"] for name, one in zip(numbers, taken, strict=True)}

    def wait(self, ids: dict[str, str], expected: dict[str, tuple[str, str]]) -> None:
        """Read until each is as expected, or time is over; what it is then, the test judges."""
        end = time.monotonic() + _LIMIT_S
        open_ = dict(ids)
        while open_ and time.monotonic() < end:
            for name, id_ in list(open_.items()):
                seen = self.by[name] = self.api.get(f"/sms/{id_}")
                waits = expected[name][0] == "SENT_TO_QUEUE" and len(seen["history"]) < 3
                if seen["status"] == expected[name][0] and expected[name][1] in (seen["reason"] or "") and not waits:
                    del open_[name]
            time.sleep(0.3)


@pytest.fixture(scope="module")
def posted(laboratory: Laboratory, far_ends_cache: Path) -> Iterator[Posted]:
    operator = laboratory.installation.operator
    account = operator.post("/operator/accounts", {"name": "short messages", "country": "IN"})
    key = operator.post(f"/operator/accounts/{account['id']}/keys", {"name": "acceptance", "role": "owner"})["secret"]
    operator.close()
    with ExitStack() as open_:
        calm = open_.enter_context(SmsCenter(far_ends_cache, ids="mixed"))
        rough = open_.enter_context(SmsCenter(far_ends_cache))
        posted = Posted(laboratory.installation.api(key), {"calm": calm, "rough": rough})
        first = posted.carrier("calm", calm, window=50)
        posted.wait(posted.send({name: number_for(name, 1) for name in CALM}), CALM)
        posted.api.patch(f"/carriers/{first}", {"enabled": False})
        posted.carrier("rough", rough)
        for name in ROUGH:  # one at a time: each of them breaks the link for all that are under way
            posted.wait(posted.send({name: number_for(name, 1)}), ROUGH)
        yield posted
        posted.api.close()


@pytest.mark.parametrize(("behaviour", "status", "reason"), [(name, *ends) for name, ends in (CALM | ROUGH).items()])
def test_a_recipient_gives_the_status_that_it_demands(posted: Posted, behaviour: str, status: str, reason: str) -> None:
    seen = posted.by[behaviour]
    assert seen["status"] == status, seen
    if reason:
        assert reason in (seen["reason"] or ""), seen
    assert seen["explanation"]
    assert [line["kind"] for line in seen["history"][:2]] == ["message_accepted", "message_handed_over"]


def test_every_message_was_taken_once_by_the_smsc(posted: Posted) -> None:
    taken = posted.centers["calm"].accepted() + posted.centers["rough"].accepted()
    assert all(n == 1 for n in taken.values()), taken
    names = {text.removeprefix("Hello ").removesuffix(".") for _, text, _ in taken}
    assert names == set(CALM | ROUGH) - NEVER_TAKEN


def test_a_correction_and_a_late_notice_stand_in_the_history(posted: Posted) -> None:
    corrected = [line for line in posted.by["corrected"]["history"] if line["kind"] == "receipt_came"]
    assert [(line["from"], line["to"]) for line in corrected] == [
        ("SENT_TO_QUEUE", "UNDELIVERED"), ("UNDELIVERED", "DELIVERED"),
    ]  # fmt: skip
    twice = [line for line in posted.by["receipt_twice"]["history"] if line["kind"] == "receipt_came"]
    assert len(twice) == 1


def test_every_status_has_a_case(posted: Posted) -> None:
    names = [str(row["name"]) for row in catalogue()["sms"]]
    assert add_messages("sms", names, {f"short_messages/{name}": one for name, one in posted.by.items()}) == []
