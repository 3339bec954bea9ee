"""Calls that come in to a node: judged in batches, refused with the right cause, driven like any other call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace

from central.adapters.simulator.callees import Act, Callee
from central.adapters.simulator.virtual_time import run_virtually
from central.application.dispatch.admit_calls import CONGESTED, REJECTED, UNALLOCATED, AdmitCalls
from central.application.ports.dispatch import NodeState, Purse
from central.application.ports.inbound import ArrivedCall, CalledNumber
from central.application.ports.journal import LegHandOver
from central.application.ports.telephony import CallOffered
from central.domain.contacts import Contact
from central.domain.ids import AccountId, LegId
from central.entrypoints.workers.inbound_calls import InboundCalls
from tests.fakes.inbound import MemoryInbound
from tests.fakes.journal import HeldRecord
from tests.fakes.voice_rig import OWNER, POLICY, VoiceRig

DID, CALLER = "918000000001", "919700000001"
FLOW = b"""
flow: f
type: inbound
purpose: service
calls: {short_hangup: 1s}
steps:
  start: {widget: start, next: answer}
  answer: {widget: answer_call, ring: 2s, next: greet}
  greet: {widget: play, say: Hello dear customer., next: bye}
  bye: {widget: hang_up}
"""
STAYS = Callee((Act(120.0, "hang_up", q850=16),))
LEAVES = Callee((Act(0.5, "hang_up", q850=16),))


class OneFlow:
    """The library of a node with one flow."""

    def __init__(self, rig: VoiceRig) -> None:
        self._rig = rig

    async def flows(self, ids: object) -> object:
        del ids
        return {self._rig.prepared.version_id: self._rig.prepared}

    async def policy(self, *_: object) -> object:
        return POLICY

    async def dids(self, *_: object) -> tuple[str, ...]:
        return (DID,)


@dataclass
class Desk(VoiceRig):
    """A node that is called; ``refusals`` are the Q.850 causes that it gave."""

    flow: bytes = FLOW
    store: MemoryInbound = field(default_factory=MemoryInbound)
    refusals: list[int] = field(default_factory=list[int])
    channels: int = 10
    inbound: InboundCalls = field(init=False)

    async def open(self) -> None:
        await super().open()
        trunk = self.desk.trunks[0].trunk.id
        number = CalledNumber(DID, self.account.id, None, None, self.prepared.flow_id, self.prepared.version_id, True)
        self.store.numbers = {DID: number}
        self.store.account = self.account
        self.trunk = trunk
        admit = AdmitCalls(self.store, cast("Any", OneFlow(self)), self.clock, self.ids, timedelta(seconds=60))
        state = NodeState("n1", "g1", "voice", self.channels, 10)
        self.inbound = InboundCalls(self.desk, self.driver, admit, state, lambda cap: cap, lambda: True, asyncio.Lock())
        hang_up = self.telephony.hang_up

        async def watched(leg: LegId, local: str, q850: int = 16) -> None:
            self.refusals.append(q850)
            await hang_up(leg, local, q850)

        self.telephony.hang_up = watched  # type: ignore[method-assign]
        self.store.keep = self._keep
        self._tasks.append(asyncio.create_task(self.inbound.run()))

    def _keep(self, call: ArrivedCall) -> None:
        """What the store's statement writes: the record under its lease, and the leg."""
        if call.leg_id is not None:
            self.journal.hold(HeldRecord(call.account_id, call.id, 1, OWNER))
            self.journal.legs[call.leg_id] = LegHandOver(
                call.account_id, call.id, 1, call.leg_id, 1, 0, call.caller, call.called, call.trunk_id, call.arrived_at
            )

    def ring_in(self, callee: Callee = STAYS, called: str = DID, caller: str = CALLER) -> LegId:
        leg = LegId(self.ids.uuid())
        self.telephony.call_in(leg, called, caller, self.trunk, callee)
        return leg

    async def _hear(self) -> None:
        while True:
            events = await self.telephony.next_events()
            self.driver.hear(events)
            for event in events:
                if isinstance(event, CallOffered):
                    self.inbound.offered(event)


def told(story: Callable[[Desk], Coroutine[Any, Any, None]], desk: Desk | None = None) -> Desk:
    made = desk or Desk()

    async def main() -> None:
        await made.open()
        await story(made)
        await asyncio.sleep(1)
        await made.idle()
        await made.close()
        assert not made.desk.calls
        assert not made.desk.by_leg
        assert made.desk.limits.used(made.trunk) == 0
        assert not made.journal.doubled
        assert made.telephony.channels == 0

    run_virtually(main())
    return made


async def _called(desk: Desk) -> None:
    desk.ring_in()


async def _left(desk: Desk) -> None:
    desk.ring_in(LEAVES)


def test_a_call_is_answered_played_to_and_completed() -> None:
    desk = told(_called)
    (result,) = desk.journal.results
    assert (result.status, result.reason) == ("COMPLETED", "completed")
    (end,) = desk.journal.ends.values()
    assert (end.status, end.hangup_by, end.cost) == ("Connected", "SYSTEM", 0)


def test_a_caller_who_gives_up_was_not_answered() -> None:
    desk = told(_left)
    (result,) = desk.journal.results
    assert (result.status, result.reason) == ("FAILURE", "not_answered")
    (end,) = desk.journal.ends.values()
    assert (end.status, end.hangup_by, end.local) == ("Cancelled", "CUSTOMER", "cancelled_by_first_party")


def test_a_caller_who_leaves_before_anybody_decided_has_a_true_record_too() -> None:
    desk = Desk()

    async def story(made: Desk) -> None:
        made.ring_in(Callee((Act(0.0, "hang_up"),)))

    told(story, desk)
    assert [result.reason for result in desk.journal.results] == ["not_answered"]


def test_calls_that_come_together_are_one_batch() -> None:
    async def story(desk: Desk) -> None:
        for n in range(5):
            desk.ring_in(caller=f"9197000000{n:02d}")

    assert told(story).store.batches == [5]


def test_what_is_kept_about_a_caller_is_known_when_he_calls() -> None:
    greets = FLOW.replace(
        b"say: Hello dear customer.", b"say: 'Hello {{ $user.key.Name }} at {{ $user.syskey.number }}.'"
    )

    async def story(desk: Desk) -> None:
        kept = Contact(CALLER, {"Name": "Asha"}, None, desk.clock.now())
        desk.store.kept = {(desk.account.id, CALLER): kept}
        desk.ring_in()
        desk.ring_in(caller="919700000002")

    desk = told(story, Desk(flow=greets))
    notes = [
        note
        for event in desk.journal.events
        for note in msgspec.convert(event.data.get("notes", []), list[dict[str, Any]])
    ]
    said = sorted(note["say"] for note in notes if note["kind"] == "play")
    assert said == ["Hello  at 919700000002.", f"Hello Asha at {CALLER}."]


def _without_number(desk: Desk) -> None:
    desk.store.numbers = {}


def _of_another_account(desk: Desk) -> None:
    number = desk.store.numbers[DID]
    desk.store.numbers = {DID: replace(number, account_id=AccountId(UUID(int=7)))}


def _without_flow(desk: Desk) -> None:
    desk.store.numbers = {DID: replace(desk.store.numbers[DID], flow_id=None, version_id=None, running=False)}


def _paused(desk: Desk) -> None:
    desk.store.numbers = {DID: replace(desk.store.numbers[DID], running=False)}


def _blocked(desk: Desk) -> None:
    desk.store.blocked = frozenset({(desk.account.id, CALLER)})


def _full_number(desk: Desk) -> None:
    desk.store.numbers = {DID: replace(desk.store.numbers[DID], channel_cap=0)}


def _away(desk: Desk) -> None:
    desk.store.away = True


@pytest.mark.parametrize(
    ("spoil", "q850"),
    [
        (_without_number, UNALLOCATED),
        (_of_another_account, REJECTED),
        (_without_flow, UNALLOCATED),
        (_paused, CONGESTED),
        (_blocked, REJECTED),
        (_full_number, CONGESTED),
        (_away, CONGESTED),
    ],
)
def test_what_nobody_should_take_is_refused_and_leaves_no_record(spoil: Callable[[Desk], None], q850: int) -> None:
    async def story(desk: Desk) -> None:
        spoil(desk)
        desk.ring_in()

    desk = told(story)
    assert desk.refusals == [q850]
    assert not desk.journal.results
    assert not desk.store.stored


def test_a_full_node_lets_the_carrier_go_elsewhere() -> None:
    async def story(desk: Desk) -> None:
        for n in range(4):
            desk.ring_in(caller=f"9197000000{n:02d}")

    desk = told(story, Desk(channels=3))
    assert desk.refusals.count(CONGESTED) == 1
    assert len(desk.journal.results) == 3


def test_an_account_below_its_limit_gets_a_record_that_says_so() -> None:
    async def story(desk: Desk) -> None:
        desk.store.purse = Purse(-1, 0)
        desk.ring_in()

    desk = told(story)
    assert desk.refusals == [REJECTED]
    (stored,) = desk.store.stored
    assert (stored.status, stored.leg_id) == ("INSUFFICIENT_BALANCE", None)


def test_an_engine_that_dies_leaves_nothing_to_try_again() -> None:
    async def story(desk: Desk) -> None:
        desk.ring_in()
        await asyncio.sleep(3)
        desk.telephony.kill_engine()

    desk = told(story)
    assert [(r.status, r.reason, r.due_at) for r in desk.journal.results] == [("FAILURE", "engine_lost", None)]
