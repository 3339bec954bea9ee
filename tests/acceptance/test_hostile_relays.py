"""Relays that drop what they took, talk nonsense or nothing: each message ends or waits as it should, and none goes twice."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from examples.carrier.name_server import NameServer
from tests.acceptance.played_carriers import PlayedFarEnds
from tests.api_client import Api
from tests.installation import Installation
from tests.integration.smtp.relays import Bend, ScriptedRelay, scripted

_LIMIT_S = 40
DROPPED: Counter[str] = Counter()


def _dropping(verb: str, argument: str, _number: int) -> str | None:
    if verb != "dot":
        return None
    DROPPED[argument] += 1
    return "cut"


BEHAVIOURS: dict[str, Bend] = {
    "drops behind the dot": _dropping,
    "drops before the dot": lambda verb, _a, _n: "cut" if verb == "data" else None,
    "refuses one": lambda verb, argument, _n: "550 5.1.1 no such user" if verb == "rcpt" and "b." in argument else None,
    "closes at once": lambda verb, _a, _n: "cut" if verb == "greet" else None,
    "says nothing": lambda verb, _a, _n: "" if verb == "greet" else None,
    "talks nonsense": lambda verb, _a, _n: "\x00\xff hello\r\n\r\n999" if verb == "greet" else None,
    "talks without end": lambda verb, _a, _n: "220 " + "x" * 4_000_000 if verb == "greet" else None,
    "is busy for ever": lambda verb, _a, _n: "421 4.3.2 busy" if verb == "mail" else None,
}  # fmt: skip


def recipient(name: str, behaviour: str) -> str:
    return f"{name}.{behaviour.replace(' ', '.')}@home.example"


@dataclass
class Scene:
    """An installation with a proved domain; one relay after another."""

    installation: Installation
    api: Api
    played: PlayedFarEnds

    def messenger(self) -> int:
        return self.installation.processes()["messenger"]

    def write(self, behaviour: str) -> tuple[ScriptedRelay, str, list[str]]:
        """Three messages by a relay of this behaviour: the relay, its carrier, the ids."""
        relay = self.played.open(scripted(ScriptedRelay(BEHAVIOURS[behaviour])))
        settings = {
            "host": "127.0.0.1", "port": relay.port, "tls": "none", "hello": "central.example", "reply_timeout_s": 2,
            "dot_timeout_s": 2, "connect_timeout_s": 2, "retry_first_s": 0.2, "retry_most_s": 1,
        }  # fmt: skip
        carrier = str(self.api.post("/carriers", {"name": behaviour, "kind": "smtp", "settings": settings})["id"])
        mails = [
            {"to": [recipient(name, behaviour)], "subject": "Hello", "text": "x", "sender": "news@shop.example"}
            for name in "abc"
        ]
        taken = self.api.post("/emails", {"emails": mails})["emails"]
        return relay, carrier, [one[0]["message_id"] for one in taken]

    def until(self, ids: list[str], test: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        end = time.monotonic() + _LIMIT_S
        while not test(seen := [self.api.get(f"/emails/{id_}") for id_ in ids]) and time.monotonic() < end:
            time.sleep(0.2)
        return seen


@pytest.fixture(scope="module")
def scene(asterisk_root: Path) -> Iterator[Scene]:
    with ExitStack() as open_:
        names = open_.enter_context(NameServer())
        played = open_.enter_context(PlayedFarEnds())
        settings = {
            "CENTRAL_DNS_SERVERS": f"127.0.0.1:{names.port}",
            "CENTRAL_BOUNCE_DOMAIN": "bounces.central.example",
            "CENTRAL_BOUNCE_PORT": "0",
        }
        installation = open_.enter_context(Installation(asterisk_root, settings))
        api = installation.api()
        for record in api.post("/mail-domains", {"domain": "shop.example"})["records"]:
            names.publish(record["name"], record["record_type"], record["value"])
        assert api.post("/mail-domains/shop.example/check")["verified_at"]
        yield Scene(installation, api, played)
        api.close()


@pytest.fixture(params=BEHAVIOURS)
def played(request: pytest.FixtureRequest, scene: Scene) -> Iterator[tuple[str, ScriptedRelay, list[str]]]:
    relay, carrier, ids = scene.write(request.param)
    yield request.param, relay, ids
    scene.api.patch(f"/carriers/{carrier}", {"enabled": False})


def test_each_message_ends_or_waits_as_the_relay_demands(
    scene: Scene, played: tuple[str, ScriptedRelay, list[str]]
) -> None:
    behaviour, relay, ids = played
    begun = scene.messenger()
    match behaviour:
        case "drops behind the dot":
            seen = scene.until(ids, lambda seen: all(one["reason"] for one in seen))
            unsure = {one["to"] for one in seen if (one["status"], one["reason"]) == ("Sent", "outcome_uncertain")}
            assert unsure
            assert dict.fromkeys(unsure, 1) == DROPPED  # what rode along behind did not leave us, and waits
            assert {(one["status"], one["reason"]) for one in seen if one["to"] not in unsure} <= {
                ("Success", "link_lost")
            }
        case "refuses one":
            seen = scene.until(ids, lambda seen: all(one["status"] != "Success" for one in seen))
            assert [one["status"] for one in seen] == ["Sent", "Bounced", "Sent"]
            assert Counter(recipient for recipient, _ in relay.taken) == {
                recipient("a", behaviour): 1, recipient("c", behaviour): 1
            }  # fmt: skip
        case _:
            seen = scene.until(ids, lambda _seen: relay.connections >= 2)
            assert relay.connections >= 2
            assert {one["status"] for one in seen} == {"Success"}
            assert not relay.taken
            assert relay.connections < 60
    assert scene.messenger() == begun
    process = psutil.Process(begun)
    used = sum(process.cpu_times()[:2])
    time.sleep(1)
    assert sum(process.cpu_times()[:2]) - used < 0.8
