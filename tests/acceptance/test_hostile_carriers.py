"""Carriers that answer nothing, close at once, throttle for ever or send garbage: the messenger lives on, and nothing goes twice."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import psutil
import pytest

from central.adapters.smpp import pdu as wire
from central.adapters.smpp.pdu import Pdu
from tests.acceptance.laboratory import Laboratory
from tests.acceptance.played_carriers import FarSide
from tests.api_client import Api
from tests.integration.smpp.peer import Answering, Link, polite

_LIMIT_S = 40
_GARBAGE = 300
_SEED = 7


async def mute(link: Link, pdu: Pdu) -> None:
    """Takes the connection, and never says a word."""
    del link, pdu


async def closes(link: Link, pdu: Pdu) -> None:
    """Ends each connection at its first word."""
    del pdu
    link.cut()


async def throttles(link: Link, pdu: Pdu) -> None:
    """ESME_RTHROTTLED for ever."""
    if pdu.command == wire.SUBMIT_SM:
        link.answer(pdu, wire.RTHROTTLED)
    else:
        await polite(link, pdu)


async def swallows(link: Link, pdu: Pdu) -> None:
    """Takes messages and answers none."""
    if pdu.command != wire.SUBMIT_SM:
        await polite(link, pdu)


async def babbles(link: Link, pdu: Pdu) -> None:
    """Takes a message, then sends all that can be wrong, and its receipt behind it."""
    await polite(link, pdu)
    if pdu.command != wire.SUBMIT_SM:
        return
    chance = random.Random(_SEED)
    name = f"{link.smsc.taken:08x}".encode()
    link.send(*(_garbage(chance, number) for number in range(_GARBAGE)))
    for text in (
        b"id:9999 stat:DELIVRD", b"", b"\xff" * 254, b"id: stat: err:", b"stat:DELIVRD id:%s\x00\x00" % (b"f" * 200),
        b"id:%s stat:ENROUTE" % name, b"id:%s stat:NOVELTY err:x\x00y" % name,
    ):  # fmt: skip
        link.deliver(text)
        link.deliver(text)
    link.deliver(b"id:%s stat:DELIVRD err:000" % name)
    link.deliver(b"id:%s stat:ACCEPTD err:000" % name)  # out of order
    link.deliver(b"id:%s stat:DELIVRD err:000" % name)


def _garbage(chance: random.Random, number: int) -> bytes:
    """A frame of a right length: a known or unknown command, any status, any octets behind."""
    commands = (
        wire.DELIVER_SM,
        wire.DATA_SM,
        wire.ALERT_NOTIFICATION,
        0x7FFF,
        0x0F,
        wire.SUBMIT_SM,
        wire.BIND_TRANSCEIVER,
    )
    command = commands[number % len(commands)]
    body = chance.randbytes(chance.choice((0, 1, 5, 40, 300, 4000)))
    return wire.HEAD.pack(wire.HEAD_OCTETS + len(body), command, chance.getrandbits(8), 1000 + number) + body


BEHAVIOURS: dict[str, Answering] = {
    "mute": mute, "closes": closes, "throttles": throttles, "swallows": swallows, "babbles": babbles,
}  # fmt: skip


@dataclass
class Scene:
    """What stands when all carriers have had their messages for some time."""

    api: Api
    far: FarSide
    messenger: Callable[[], int]
    begun: int
    ids: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def seen(self, name: str) -> list[dict[str, Any]]:
        return [self.api.get(f"/sms/{id_}") for id_ in self.ids[name]]

    def until(self, name: str, test: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        end = time.monotonic() + _LIMIT_S
        while not test(seen := self.seen(name)) and time.monotonic() < end:
            time.sleep(0.2)
        return seen


@pytest.fixture(scope="module")
def scene(laboratory: Laboratory) -> Iterator[Scene]:
    installation = laboratory.installation
    operator = installation.operator
    account = operator.post("/operator/accounts", {"name": "hostile carriers", "country": "IN"})
    key = operator.post(f"/operator/accounts/{account['id']}/keys", {"name": "acceptance", "role": "owner"})["secret"]
    operator.close()
    with ExitStack() as open_:
        far = open_.enter_context(FarSide(BEHAVIOURS))
        scene = Scene(
            installation.api(key),
            far,
            lambda: installation.processes()["messenger"],
            installation.processes()["messenger"],
        )
        for place, name in enumerate(BEHAVIOURS):
            settings = {
                "host": "127.0.0.1", "port": far.peers[name].port, "system_id": "central",
                "timers": {"response": 2, "connect": 2, "reconnect": [0.2, 1]}, "throttling": {"pause": [0.5, 1]},
            }  # fmt: skip
            body = {"name": name, "kind": "smpp", "settings": settings, "routes": [{"prefix": f"91980{place}"}]}
            scene.api.post("/carriers", body)
            messages = [{"to": f"91980{place}{number:06d}", "text": f"{name} {number}"} for number in range(5)]
            taken = scene.api.post("/sms", {"messages": messages})["messages"]
            scene.ids[name] = [one["message_id"] for one in taken]
        yield scene
        scene.api.close()


def test_a_carrier_that_babbles_is_answered_and_its_receipts_count(scene: Scene) -> None:
    seen = scene.until("babbles", lambda seen: all(one["status"] == "DELIVERED" for one in seen))
    assert [one["status"] for one in seen] == ["DELIVERED"] * 5
    assert set(scene.far.submits("babbles").values()) == {1}
    for one in seen:
        receipts = [line["data"].get("state") for line in one["history"] if line["kind"] == "receipt_came"]
        assert len(receipts) == len(set(receipts))  # each state once


def test_what_was_swallowed_is_unsure_and_never_sent_again(scene: Scene) -> None:
    seen = scene.until("swallows", lambda seen: all(one["reason"] == "outcome_uncertain" for one in seen))
    assert {(one["status"], one["reason"]) for one in seen} == {("SENT_TO_QUEUE", "outcome_uncertain")}
    assert set(scene.far.submits("swallows").values()) == {1}


def test_a_carrier_that_throttles_for_ever_is_asked_seldom_and_the_message_waits(scene: Scene) -> None:
    seen = scene.until("throttles", lambda seen: all(len(one["history"]) > 2 for one in seen))
    assert {one["status"] for one in seen} == {"SENT_TO_QUEUE"}
    assert sum(scene.far.submits("throttles").values()) < 60


@pytest.mark.parametrize("name", ["mute", "closes"])
def test_a_carrier_that_cannot_be_bound_to_gets_nothing_and_says_so(scene: Scene, name: str) -> None:
    def state() -> str:
        return next(str(one["state"]) for one in scene.api.get("/carriers")["items"] if one["name"] == name)

    end = time.monotonic() + _LIMIT_S
    while state() != "down" and time.monotonic() < end:
        time.sleep(0.2)
    assert state() == "down"
    assert not scene.far.submits(name)
    assert {one["status"] for one in scene.seen(name)} == {"SENT_TO_QUEUE"}
    assert len(scene.far.peers[name].links) < 200


def test_the_messenger_lives_and_rests(scene: Scene) -> None:
    assert scene.messenger() == scene.begun
    process = psutil.Process(scene.begun)
    used = sum(process.cpu_times()[:2])
    time.sleep(3)
    assert sum(process.cpu_times()[:2]) - used < 1.5
