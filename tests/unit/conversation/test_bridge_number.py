"""Somebody else is brought to the customer: rung, joined, and let go, whoever leaves first; nothing stays behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from central.adapters.simulator.callees import Callee, behaviour
from central.application.conversation.drive_calls import DriveCalls
from central.application.ports.telephony import Originate
from central.domain.ids import AccountId, RecordId
from tests.fakes.voice_rig import PRICE, VoiceRig, play

OTHER = "919812345678"
FLOW = b"""
flow: f
type: multicast
purpose: service
calls: {attempts: 1, ring_timeout: 20s, short_hangup: 1s, channel_wait: 5s}
steps:
  start: {widget: start, next: call}
  call: {widget: make_call, on: {connected: over, busy: end, no_answer: end, failed: end}}
  over:
    widget: transfer_call
    number: "919812345678"
    ring_timeout: 4s
    whisper: A customer of yours.
    on: {answered: talked, failed: alone}
  talked: {widget: store_variable, set: {How: talked}, next: bye}
  alone: {widget: store_variable, set: {How: alone}, next: bye}
  bye: {widget: play, say: Good bye., next: end}
"""


@dataclass
class Lists:
    """The account's lists: what they say about the other number."""

    on: frozenset[str] = frozenset({"whitelist"})

    async def listed(self, account_id: AccountId, number: str, at: datetime) -> frozenset[str]:
        del account_id, at
        return self.on if number == OTHER else frozenset()


@dataclass
class Desk(VoiceRig):
    """A node that may call further numbers; ``customer`` and ``other`` are behaviours of the laboratory carrier."""

    flow: bytes = FLOW
    customer: str = "answer"
    other: str = "answer"
    lists: Lists = field(default_factory=Lists)
    record: RecordId = field(init=False)

    async def open(self) -> None:
        self.plan = self._who
        await super().open()
        self.desk.lists = self.lists
        self.driver = DriveCalls(self.desk)

    def _who(self, call: Originate, trunk: str) -> Callee:
        del trunk
        return behaviour(self.other if call.to == OTHER else self.customer)


def told(desk: Desk, then: Callable[[Desk], Coroutine[Any, Any, None]] | None = None) -> Desk:
    async def story(_: VoiceRig) -> None:
        desk.record = desk.call("919800018000")
        if then is not None:
            await then(desk)
        await desk.idle()
        await asyncio.sleep(2)
        await desk.desk.writer.settled()

    play(desk, story)
    assert not desk.telephony.bridges
    assert not desk.desk.further
    assert desk.telephony.channels == 0
    assert set(desk.journal.ends) == set(desk.journal.legs)
    return desk


def seen(desk: Desk) -> tuple[str, str, list[str]]:
    result = desk.result(desk.record)
    return result.status, result.variables.get("How", ""), [leg.status for leg in desk.legs(desk.record)]


def test_they_talk_and_the_called_party_hangs_up() -> None:
    desk = told(Desk(other="mid_flow_hangup"))
    assert seen(desk) == ("COMPLETED", "talked", ["Connected", "Connected"])
    assert [leg.role for leg in desk.journal.legs.values()] == ["customer", "third_party"]
    assert [leg.hangup_by for leg in desk.legs(desk.record)] == ["AGENT", "SYSTEM"]


def test_they_talk_and_the_customer_hangs_up() -> None:
    desk = told(Desk(customer="mid_flow_hangup"))
    status, _, legs = seen(desk)
    assert desk.result(desk.record).cost == sum(leg.cost for leg in desk.legs(desk.record)) == 2 * PRICE
    assert legs == ["Connected", "Connected"]
    # a play would follow: the customer did not stay for it
    assert status == "PARTIAL_COMPLETE"


@pytest.mark.parametrize("other", ["c486", "no_answer", "c503", "c404"])
def test_whoever_is_not_reached_leaves_the_customer_on_the_line(other: str) -> None:
    desk = told(Desk(other=other))
    assert seen(desk)[:2] == ("COMPLETED", "alone")


def test_the_customer_leaves_while_it_rings() -> None:
    desk = told(Desk(customer="far_bye", other="no_answer"))
    status, _, legs = seen(desk)
    assert status == "PARTIAL_COMPLETE"
    assert sorted(legs) == ["Cancelled", "Connected"]


def test_the_whisper_is_cut_short_by_the_called_party() -> None:
    desk = told(Desk(other="short_hangup"))
    assert seen(desk)[:2] == ("COMPLETED", "alone")


@pytest.mark.parametrize("on", [frozenset({"blacklist", "whitelist"}), frozenset[str]()])
def test_a_number_that_may_not_be_called_is_not(on: frozenset[str]) -> None:
    desk = told(Desk(lists=Lists(on)))
    assert seen(desk) == ("COMPLETED", "alone", ["Connected"])


def test_an_account_that_cannot_pay_for_it_keeps_its_customer() -> None:
    async def poor(desk: Desk) -> None:
        desk.journal.free = 0

    desk = told(Desk(), poor)
    assert seen(desk)[:2] == ("COMPLETED", "alone")
    assert len(desk.journal.ends) == 1


def test_a_stop_by_force_ends_both() -> None:
    async def stop(desk: Desk) -> None:
        await asyncio.sleep(4)
        desk.driver.stop(desk.record)

    assert sorted(seen(told(Desk(), stop))[2]) == ["Connected", "Connected"]


def test_an_engine_that_dies_takes_both() -> None:
    async def kill(desk: Desk) -> None:
        await asyncio.sleep(4)
        assert desk.telephony.bridges
        desk.telephony.kill_engine()
        desk.telephony.bridges.clear()

    desk = told(Desk(), kill)
    assert desk.result(desk.record).reason == "engine_lost"


def test_a_lease_that_is_lost_ends_both() -> None:
    async def lose(desk: Desk) -> None:
        await asyncio.sleep(4)
        desk.driver.lease_lost(desk.record)

    desk = Desk()

    async def story(_: VoiceRig) -> None:
        desk.record = desk.call("919800018000")
        await lose(desk)
        await asyncio.sleep(2)

    play(desk, story)
    assert desk.telephony.channels == 0
    assert not desk.telephony.bridges
