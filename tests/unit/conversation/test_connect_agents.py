"""A customer waits for an agent and talks with him: agents are rung, joined, passed over, lost; nothing stays behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from central.adapters.simulator.callees import Act, Callee, behaviour
from central.application.conversation.drive_calls import DriveCalls
from central.application.ports.telephony import Originate, Phone, phone_user
from central.domain.ids import AccountId, RecordId
from tests.fakes.contact_center import MemoryContactCenter, MemoryQueue
from tests.fakes.flow_player import after_answer
from tests.fakes.voice_rig import VoiceRig, play

FLOW = after_answer("""  first:
    widget: agent_connect
    queue: support
    max_wait: 10s
    whisper: {say: Somebody asks.}
    on: {agent_allocated: talked, max_wait_time_reached: late, no_agent_available: nobody, queue_full: full, agent_lost: lost}
  talked: {widget: store_variable, set: {How: talked}, next: bye}
  bye: {widget: hang_up}
  late: {widget: store_variable, set: {How: late}, next: end}
  nobody: {widget: store_variable, set: {How: nobody}, next: end}
  full: {widget: store_variable, set: {How: full}, next: end}
  lost: {widget: store_variable, set: {How: lost}, next: end}
  gone: {widget: on_remote_hangup, next: left}
  left: {widget: store_variable, set: {Left: "{{ $flow.syskey.queue_outcome }}"}}
""")
AGENTS = {"Asha": "919812340001", "Binu": "919812340002", "Chand": "919812340003"}
TALKS = Callee((Act(0.01, "trying"), Act(0.01, "ring"), Act(1.0, "answer"), Act(6.0, "hang_up", q850=16)))


@dataclass
class Lists:
    async def listed(self, account_id: AccountId, number: str, at: datetime) -> frozenset[str]:
        del account_id, number, at
        return frozenset()


@dataclass
class Rig(VoiceRig):
    """A node with a door. customer: a behaviour; agents: name -> behaviour or script, of ``AGENTS``; phones: those who have SIP phones."""

    flow: bytes = FLOW
    customer: str = "answer"
    agents: Mapping[str, str | Callee] = field(default_factory=dict[str, "str | Callee"])
    phones: Mapping[str, Callee | None] = field(default_factory=dict[str, "Callee | None"])
    queue: MemoryQueue | None = None
    door: MemoryContactCenter = field(init=False)
    record: RecordId = field(init=False)

    async def open(self) -> None:
        self.plan = self._who
        await super().open()
        self.desk.lists = Lists()
        numbers = {name: AGENTS[name] for name in self.agents} | dict.fromkeys(self.phones, "")
        queue = self.queue if self.queue is not None else MemoryQueue(numbers)
        self.door = MemoryContactCenter({"support": queue})
        self.driver = DriveCalls(self.desk, door=self.door)
        await self.telephony.set_phones([Phone(queue.ids[name], "secret") for name in self.phones])
        for name, does in self.phones.items():
            assert does is None or self.telephony.register(queue.ids[name], "secret", does)

    def _who(self, call: Originate, trunk: str) -> Callee:
        del trunk
        name = next((name for name, number in AGENTS.items() if number == call.to), "")
        does = self.agents[name] if name else self.customer
        return does if isinstance(does, Callee) else behaviour(does)


def told(rig: Rig, then: Callable[[Rig], Coroutine[Any, Any, None]] | None = None) -> Rig:
    async def story(_: VoiceRig) -> None:
        rig.record = rig.call("919800018000")
        if then is not None:
            await then(rig)
        await rig.idle()
        await asyncio.sleep(2)
        await rig.desk.writer.settled()

    play(rig, story)
    assert not rig.telephony.bridges
    assert not rig.desk.further
    assert rig.telephony.channels == 0
    assert set(rig.journal.ends) == set(rig.journal.legs)
    assert not rig.door.queues["support"].waiting
    return rig


def _watched(rig: Rig) -> Mapping[str, Callable[[], None]]:
    return {name: told for place in rig.door.queues["support"].waiting for name, told in place.watched.items()}


def seen(rig: Rig) -> tuple[str, str]:
    result = rig.result(rig.record)
    return result.status, result.variables.get("How", "")


def test_they_talk_the_agent_hangs_up_and_the_customer_is_still_there() -> None:
    rig = told(Rig(agents={"Asha": TALKS}))
    assert seen(rig) == ("COMPLETED", "talked")
    assert rig.door.told == [("Asha", "taken"), ("Asha", "agent_left")]
    assert [(leg.role, leg.number_to) for leg in rig.journal.legs.values()] == [
        ("customer", "919800018000"),
        ("agent", AGENTS["Asha"]),
    ]
    assert [leg.hangup_by for leg in rig.legs(rig.record)] == ["AGENT", "SYSTEM"]
    (wish,) = rig.door.wishes
    assert (wish.queue, wish.number, wish.max_wait_s) == ("support", "919800018000", 10.0)


def test_a_customer_who_hangs_up_in_the_conversation_has_reached_the_flows_end() -> None:
    rig = told(Rig(customer="mid_flow_hangup", agents={"Asha": behaviour("answer")}))
    assert seen(rig)[0] == "COMPLETED"
    assert rig.result(rig.record).variables["Left"] == "agent_allocated"
    assert rig.door.told == [("Asha", "taken")]
    assert rig.door.queues["support"].free == ["Asha"]


def test_a_customer_who_hangs_up_while_he_waits_has_left() -> None:
    rig = told(Rig(customer="mid_flow_hangup", queue=MemoryQueue()))
    assert seen(rig)[0] == "PARTIAL_COMPLETE"
    assert rig.result(rig.record).variables["Left"] == "caller_abandoned"


def test_a_customer_who_leaves_while_an_agent_rings_lets_him_go() -> None:
    rig = told(Rig(customer="mid_flow_hangup", agents={"Asha": "no_answer"}))
    assert seen(rig)[0] == "PARTIAL_COMPLETE"
    assert sorted(leg.status for leg in rig.legs(rig.record)) == ["Cancelled", "Connected"]
    assert rig.door.queues["support"].free == ["Asha"]


@pytest.mark.parametrize(
    ("does", "how"), [("no_answer", "missed"), ("c486", "busy"), ("c603", "refused"), ("c404", "unreachable")]
)
def test_who_does_not_answer_is_told_and_the_next_is_rung(does: str, how: str) -> None:
    rig = told(Rig(agents={"Asha": does, "Binu": TALKS}))
    assert seen(rig) == ("COMPLETED", "talked")
    assert rig.door.told == [("Asha", how), ("Binu", "taken"), ("Binu", "agent_left")]


def test_of_all_who_are_rung_the_first_talks_and_the_others_stop_ringing() -> None:
    slow = Callee((Act(0.01, "ring"), Act(3.0, "answer"), Act(60.0, "hang_up", q850=16)))
    agents: dict[str, str | Callee] = {"Asha": slow, "Binu": TALKS, "Chand": "no_answer"}
    rig = told(Rig(agents=agents, queue=MemoryQueue(AGENTS, all=True)))
    assert seen(rig) == ("COMPLETED", "talked")
    assert rig.door.told == [("Binu", "taken"), ("Binu", "agent_left")]
    by_number = {leg.number_to: leg.id for leg in rig.journal.legs.values()}
    words = {number: rig.journal.ends[leg].status for number, leg in by_number.items()}
    assert words[AGENTS["Asha"]] == words[AGENTS["Chand"]] == "Cancelled"


@pytest.mark.parametrize(
    ("queue", "how"),
    [
        (MemoryQueue(), "late"),
        (MemoryQueue(places=0), "full"),
        (MemoryQueue(dict(AGENTS), logged_in=False), "nobody"),
    ],
)
def test_what_becomes_of_a_wait(queue: MemoryQueue, how: str) -> None:
    assert seen(told(Rig(queue=queue))) == ("COMPLETED", how)


def test_an_agent_whose_connection_breaks_is_lost_and_another_takes_over() -> None:
    breaks = Callee((Act(0.01, "ring"), Act(0.4, "answer"), Act(3.0, "fall_silent")))
    rig = told(Rig(agents={"Asha": breaks, "Binu": TALKS}))
    assert seen(rig) == ("COMPLETED", "talked")
    assert rig.door.told == [("Asha", "taken"), ("Asha", "agent_lost"), ("Binu", "taken"), ("Binu", "agent_left")]


@pytest.mark.parametrize(("after_s", "how"), [(5.0, "agent_lost"), (0.6, "withdrawn")])
def test_who_is_logged_out_in_mid_call_is_gone_and_another_takes_over(after_s: float, how: str) -> None:
    async def log_out(rig: Rig) -> None:
        while "Asha" not in (watched := _watched(rig)):  # noqa: ASYNC110 - virtual time
            await asyncio.sleep(0.05)
        await asyncio.sleep(after_s)
        watched["Asha"]()
        watched["Asha"]()

    slow = Callee((Act(0.01, "trying"), Act(0.01, "ring"), Act(2.0, "answer"), Act(60.0, "hang_up", q850=16)))
    rig = told(Rig(agents={"Asha": slow, "Binu": TALKS}), log_out)
    assert seen(rig) == ("COMPLETED", "talked")
    before = [("Asha", "taken")] if how == "agent_lost" else []
    assert rig.door.told == [*before, ("Asha", how), ("Binu", "taken"), ("Binu", "agent_left")]


def test_a_conversation_outlasts_the_limit_of_the_wait() -> None:
    long = Callee((Act(0.01, "ring"), Act(1.0, "answer"), Act(110.0, "hang_up", q850=16)))
    assert seen(told(Rig(agents={"Asha": long}))) == ("COMPLETED", "talked")


def test_a_forced_stop_lets_the_agent_go() -> None:
    async def stop(rig: Rig) -> None:
        await asyncio.sleep(5)
        rig.driver.stop(rig.record)

    rig = told(Rig(agents={"Asha": "answer"}), stop)
    assert seen(rig)[0] == "PARTIAL_COMPLETE"
    assert rig.door.queues["support"].free == ["Asha"]


def test_an_agents_sip_phone_is_rung_over_no_trunk_and_costs_nothing() -> None:
    rig = told(Rig(phones={"Asha": TALKS}))
    assert seen(rig) == ("COMPLETED", "talked")
    assert rig.door.told == [("Asha", "taken"), ("Asha", "agent_left")]
    asha = rig.door.queues["support"].ids["Asha"]
    customer, agent = rig.journal.legs.values()
    assert (agent.role, agent.number_to, agent.trunk_id) == ("agent", phone_user(asha), None)
    assert agent.number_from == customer.number_from == "918000000001"
    assert (customer.reserved, agent.reserved) == (0, 0)
    prices = {leg.id: leg.cost for leg in rig.legs(rig.record)}
    assert prices[agent.id] == 0 < prices[customer.id]


def test_a_sip_phone_that_is_gone_is_passed_over() -> None:
    rig = told(Rig(phones={"Asha": None, "Binu": TALKS}))
    assert seen(rig) == ("COMPLETED", "talked")
    assert rig.door.told == [("Asha", "unreachable"), ("Binu", "taken"), ("Binu", "agent_left")]
    assert next(leg.status for leg in rig.legs(rig.record)) == "Channel Unavailable"


def test_a_sip_phone_in_another_call_says_so() -> None:
    rig = told(Rig(phones={"Asha": behaviour("c486"), "Binu": TALKS}))
    assert rig.door.told[0] == ("Asha", "busy")
