"""A second SMPP that we did not write: Jasmin 0.11.0 is our carrier, the scripted SMSC is Jasmin's, and receipts come back through both."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from central.adapters.smpp import pdu as wire
from examples.carrier.sms_center import SmsCenter, number_for
from tests.acceptance.laboratory import Laboratory
from tests.api_client import Api
from tests.far_ends.jasmin import Jasmin
from tests.far_ends.judges import Verdict, Wire

LONG = "Guten Tag, {name}: " + "ein langer Text, der in Teilen geht. " * 9
WIDE = (
    "\u0928\u092e\u0938\u094d\u0924\u0947 {name}, " + "\u0906\u092a \u0915\u0948\u0938\u0947 \u0939\u0948\u0902? " * 8
)
SENT = {
    "delivered": ("delivered", "Hello {name}.", "DELIVERED"),
    "delivered in parts": ("delivered", LONG, "DELIVERED"),
    "delivered in parts of UCS-2": ("delivered", WIDE, "DELIVERED"),
    "expired": ("expired", "Hello {name}.", "EXPIRED"),
    "deleted": ("deleted", "Hello {name}.", "UNDELIVERED"),
    "undeliverable": ("undeliverable", "Hello {name}.", "UNDELIVERED"),
    "rejected later": ("rejected_later", "Hello {name}.", "REJECTED"),
    "refused": ("refused", "Hello {name}.", "UNDELIVERED"),
}
"""Name: behaviour of the recipient, text, status. ``refused``: Jasmin takes it, its SMSC does not; Jasmin tells that only to who asks
for receipts of failures alone (``registered`` 2), so it goes by a log-in of its own.
"""
_LIMIT_S = 90


@dataclass
class Behind:
    """What was sent and what became of it by name, what the SMSC behind Jasmin saw, and what tshark read between us and Jasmin."""

    seen: dict[str, dict[str, Any]]
    center: SmsCenter
    texts: dict[str, str]
    verdict: Verdict


@pytest.fixture(scope="module")
def behind(laboratory: Laboratory, far_ends_cache: Path) -> Iterator[Behind]:
    texts = {name: text.format(name=name) for name, (_, text, _) in SENT.items()}
    numbers = {name: number_for(one[0], n) for n, (name, one) in enumerate(SENT.items(), 1)}
    with ExitStack() as open_:
        center = open_.enter_context(SmsCenter(far_ends_cache))
        jasmin = open_.enter_context(Jasmin(far_ends_cache, center.port))
        capture = open_.enter_context(Wire(far_ends_cache, jasmin.smpp_port))
        accounts: list[tuple[Api, str, dict[str, str]]] = []
        for (system_id, password), registered in zip(jasmin.logins, (1, 2), strict=True):
            api = _account(laboratory, system_id)
            open_.callback(api.close)
            settings = {
                "host": "127.0.0.1", "port": jasmin.smpp_port, "system_id": system_id, "registered": registered,
                "timers": {"enquire": 2},
            }  # fmt: skip
            body = {"name": "jasmin", "kind": "smpp", "settings": settings, "secrets": {"password": password}}
            carrier = f"/carriers/{api.post('/carriers', body)['id']}"
            names = [name for name in SENT if (name == "refused") == (registered == 2)]
            messages = [{"to": numbers[name], "text": texts[name], "sender": "CENTRAL"} for name in names]
            taken = api.post("/sms", {"messages": messages})["messages"]
            accounts.append((api, carrier, {name: one["message_id"] for name, one in zip(names, taken, strict=True)}))
        seen: dict[str, dict[str, Any]] = {}
        end = time.monotonic() + _LIMIT_S
        while time.monotonic() < end and any(seen.get(name, {}).get("status") != SENT[name][2] for name in SENT):
            seen |= {name: api.get(f"/sms/{id_}") for api, _, ids in accounts for name, id_ in ids.items()}
            time.sleep(0.3)
        for api, carrier, _ in accounts:
            api.patch(carrier, {"enabled": False})  # it unbinds, as a client should
            while time.monotonic() < end and api.get(carrier)["state"] == "up":
                time.sleep(0.3)
        yield Behind(seen, center, texts, capture.judge())


def _account(laboratory: Laboratory, name: str) -> Api:
    operator = laboratory.installation.operator
    account = operator.post("/operator/accounts", {"name": f"behind jasmin as {name}", "country": "IN"})
    key = operator.post(f"/operator/accounts/{account['id']}/keys", {"name": "acceptance", "role": "owner"})["secret"]
    operator.close()
    return laboratory.installation.api(key)


@pytest.mark.parametrize("name", SENT)
def test_each_ends_as_its_recipient_demands(behind: Behind, name: str) -> None:
    seen = behind.seen[name]
    assert seen["status"] == SENT[name][2], seen
    kinds = [line["kind"] for line in seen["history"]]
    assert kinds[:2] == ["message_accepted", "message_handed_over"]
    assert kinds.count("message_answered") == seen["parts"]
    assert "receipt_came" in kinds


def test_every_part_came_once_and_as_it_was_written(behind: Behind) -> None:
    accepted = behind.center.accepted()
    assert set(accepted.values()) == {1}
    for n, (name, (behaviour, _, _)) in enumerate(SENT.items(), 1):
        came = sorted(
            (one for one in behind.center.submits() if one.to == number_for(behaviour, n)),
            key=lambda one: one.part or (),
        )
        assert len(came) == behind.seen[name]["parts"]
        assert "".join(one.text for one in came) == behind.texts[name]


def test_no_frame_between_us_is_malformed(behind: Behind) -> None:
    assert behind.verdict.bad == ()
    seen = behind.verdict.commands
    assert {wire.BIND_TRANSCEIVER, wire.SUBMIT_SM, wire.DELIVER_SM | wire.RESPONSE, wire.ENQUIRE_LINK} <= seen.keys()
    assert (
        seen[wire.SUBMIT_SM]
        == seen[wire.SUBMIT_SM | wire.RESPONSE]
        == sum(one["parts"] for one in behind.seen.values())
    )
    assert seen[wire.DELIVER_SM] == seen[wire.DELIVER_SM | wire.RESPONSE]
