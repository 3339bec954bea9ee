"""A relay and our own messenger killed with -9 under a load of e-mail: nothing is lost, nothing goes twice, what is unsure says so."""

from __future__ import annotations

import os
import re
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from examples.carrier.mail_house import MailHouse
from examples.carrier.name_server import NameServer
from tests.api_client import Api
from tests.installation import Installation

MAILS = int(os.environ.get("CENTRAL_TEST_MAILS", "2000"))
"""50,000 in a soak."""
CONNECTIONS = 5
OPEN = 2 * CONNECTIONS
"""With pipelining a connection has two transactions open."""
_BATCH = 500
_LIMIT_S = 300 + MAILS / 50
_TAKEN = re.compile(r" ([0-9A-Za-z]+): from=<b\+([^@>]+)@[^>]*>, size=\d+, nrcpt=1 \(queue active\)")


@pytest.fixture
def central(asterisk_root: Path, far_ends_cache: Path) -> Iterator[tuple[Installation, Api, MailHouse]]:
    with ExitStack() as open_:
        names = open_.enter_context(NameServer())
        settings = {
            "CENTRAL_BOUNCE_DOMAIN": "bounces.central.example", "CENTRAL_DNS_SERVERS": f"127.0.0.1:{names.port}",
            "CENTRAL_SPF_TERMS": "ip4:127.0.0.1",
        }  # fmt: skip
        installation = open_.enter_context(Installation(asterisk_root, settings))
        house = open_.enter_context(MailHouse(far_ends_cache, keep=False, lifetime_s=600))
        operator = installation.operator
        account = operator.post("/operator/accounts", {"name": "load", "country": "IN"})
        key = operator.post(f"/operator/accounts/{account['id']}/keys", {"name": "load", "role": "owner"})["secret"]
        operator.close()
        api = installation.api(key)
        for record in api.post("/mail-domains", {"domain": "shop.example"})["records"]:
            names.publish(record["name"], record["record_type"], record["value"])
        assert api.post("/mail-domains/shop.example/check")["verified_at"]
        relay = {
            "host": "127.0.0.1", "port": house.ports.smtp, "tls": "none", "hello": "central.example", "notices": False,
            "connections": CONNECTIONS, "retry_first_s": 0.2, "retry_most_s": 2,
        }  # fmt: skip
        api.post("/carriers", {"name": "relay", "kind": "smtp", "settings": relay})
        yield installation, api, house
        api.close()


def test_nothing_is_lost_and_nothing_goes_twice(central: tuple[Installation, Api, MailHouse]) -> None:
    installation, api, house = central
    ids = _send(api, 0, _BATCH)
    _until("the load has begun", lambda: len(_taken(house)) >= _BATCH // 5, 60)
    house.kill_relay()
    house.start_relay()
    ids |= _send(api, _BATCH, 2 * _BATCH)
    _until("the relay takes mail again", lambda: len(_taken(house)) >= _BATCH, 90)
    os.kill(installation.processes()["messenger"], signal.SIGKILL)
    for start in range(2 * _BATCH, MAILS, _BATCH):
        ids |= _send(api, start, min(start + _BATCH, MAILS))
    _until("all are sent", lambda: api.get("/emails/counts").get("Sent", 0) == MAILS, _LIMIT_S)
    _until("the relay has delivered", lambda: not house.queue(), 120)
    seen_mails: dict[str, dict[str, Any]] = {one["message_id"]: one for one in api.pages("/emails", limit=500)}
    assert set(seen_mails) == ids
    unsure = {id_ for id_, one in seen_mails.items() if one["reason"] == "outcome_uncertain"}
    taken = _taken(house)
    assert not {id_: queued for id_, queued in taken.items() if len(queued) > 1}  # the relay's own ids of one mail
    reached = {message_id[1:33] for _, message_id in house.received()}
    hexes = {id_.replace("-", ""): id_ for id_ in ids}
    assert reached <= hexes.keys()
    missing = {hexes[one] for one in hexes.keys() - reached}
    assert missing <= unsure
    why = Counter(_why(api.get(f"/emails/{id_}")["history"]) for id_ in unsure)
    print(f"mails {MAILS}, unsure {dict(why)}, not arrived {len(missing)}")  # noqa: T201 - the figures of a soak
    lost = why.pop("hand_over_lost", 0)
    assert lost <= OPEN, lost  # of our own death
    assert why.total() <= CONNECTIONS, why  # of the relay's: what follows a content is not sent before its reply


def _why(history: Sequence[Mapping[str, Any]]) -> str:
    """What made it unsure; its history says so."""
    return next(str(line["reason"]) for line in history if line["kind"] == "message_uncertain")


def _send(api: Api, first: int, end: int) -> set[str]:
    wishes = [
        {"to": [f"kept.{n}@far.example"], "sender": "news@shop.example", "subject": f"mail {n}", "text": "A text."}
        for n in range(first, end)
    ]
    return {one[0]["message_id"] for one in api.post("/emails", {"emails": wishes})["emails"]}


def _taken(house: MailHouse) -> dict[str, set[str]]:
    """By message the queue ids that the relay gave it, each once however often it looks at its queue."""
    found: dict[str, set[str]] = defaultdict(set)
    for queue_id, token in _TAKEN.findall(house.log()):
        found[token].add(queue_id)
    return found


def _until(what: str, holds: Callable[[], bool], limit_s: float) -> None:
    end = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < end, f"{what}: not within {limit_s:.0f} s"
        time.sleep(0.2)
