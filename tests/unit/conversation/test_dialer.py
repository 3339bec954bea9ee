"""A dialer's run: agent and customer are rung in the order of the mode, joined, and two budgets pay for what fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from central.adapters.simulator.callees import Act, Callee, behaviour
from central.application.conversation.drive_calls import DriveCalls
from central.application.ports.journal import RecordResult
from central.application.ports.telephony import Originate
from central.domain.ids import AccountId, RecordId
from tests.fakes.contact_center import MemoryContactCenter, MemoryQueue
from tests.fakes.voice_rig import VoiceRig, play

FLOW = """
flow: dial
type: dialer
purpose: service
calls: {attempts: 2, interval: 60m, agent_attempts: 3, agent_interval: 10m, ring_timeout: 4s, short_hangup: 1s}
steps:
  start: {widget: start, next: dial}
  dial:
    widget: make_call_for_dialer
    queue: sales
    max_wait: 10s
    MORE
    on: {connected: talked, agent_failed: no_agent, customer_failed: no_customer}
  talked: {widget: store_variable, set: {How: talked}, next: end}
  no_agent: {widget: store_variable, set: {How: no_agent}, next: end}
  no_customer: {widget: store_variable, set: {How: no_customer}, next: end}
"""
AGENT_FIRST = FLOW.replace("MORE", "whisper: {say: Somebody asks.}").encode()
RESERVED = FLOW.replace("MORE", "mode: progressive\n    sorry: {say: Nobody is free.}").encode()
AHEAD = FLOW.replace("MORE", "mode: predictive\n    sorry: {say: Nobody is free.}").encode()
AGENTS = {"Asha": "919812340001", "Binu": "919812340002"}
CUSTOMERS = ("919800018000", "919800018001")
TALKS = Callee((Act(0.01, "trying"), Act(0.01, "ring"), Act(1.0, "answer"), Act(9.0, "hang_up", q850=16)))
STAYS = Callee((Act(0.01, "ring"), Act(1.0, "answer"), Act(500.0, "hang_up", q850=16)))
GOES_SOON = Callee((Act(0.01, "ring"), Act(1.0, "answer"), Act(2.0, "hang_up", q850=16)))


@dataclass
class Lists:
    async def listed(self, account_id: AccountId, number: str, at: datetime) -> frozenset[str]:
        del account_id, number, at
        return frozenset()


@dataclass
class Rig(VoiceRig):
    """A node with a door. customers: behaviours of the record's numbers; agents: name -> behaviour or script."""

    flow: bytes = AGENT_FIRST
    customers: tuple[str | Callee, ...] = ("answer",)
    agents: Mapping[str, str | Callee] = field(default_factory=dict[str, "str | Callee"])
    queue: MemoryQueue | None = None
    door: MemoryContactCenter = field(init=False)
    record: RecordId = field(init=False)

    async def open(self) -> None:
        self.plan = self._who
        await super().open()
        self.desk.lists = Lists()
        queue = self.queue if self.queue is not None else MemoryQueue({name: AGENTS[name] for name in self.agents})
        self.door = MemoryContactCenter({"sales": queue})
        self.driver = DriveCalls(self.desk, door=self.door)

    def _who(self, call: Originate, trunk: str) -> Callee:
        del trunk
        name = next((name for name, number in AGENTS.items() if number == call.to), "")
        does = self.agents[name] if name else self.customers[CUSTOMERS.index(call.to)]
        return does if isinstance(does, Callee) else behaviour(does)

    @property
    def dialled(self) -> list[tuple[str, str]]:
        """Role and connection status of the legs, in the order in which they were handed over."""
        return [(leg.role, self.journal.ends[key].status) for key, leg in self.journal.legs.items()]


def told(rig: Rig, then: Callable[[Rig], Coroutine[Any, Any, None]] | None = None) -> RecordResult:
    async def story(_: VoiceRig) -> None:
        rig.record = rig.call(*CUSTOMERS[: len(rig.customers)])
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
    assert not rig.door.queues["sales"].waiting
    return rig.result(rig.record)


def spent(result: RecordResult) -> tuple[int, int]:
    return result.agent_charged, result.attempts_charged


def test_the_agent_is_rung_first_and_then_they_talk() -> None:
    rig = Rig(agents={"Asha": TALKS})
    result = told(rig)
    assert (result.status, result.reason, spent(result)) == ("COMPLETED", "completed", (0, 0))
    assert rig.dialled == [("agent", "Connected"), ("customer", "Connected")]
    assert rig.door.told == [("Asha", "taken"), ("Asha", "agent_left")]
    (wish,) = rig.door.wishes
    assert (wish.leg, wish.queue, wish.max_wait_s) == (None, "sales", 10.0)
    agent, customer = rig.legs(rig.record)
    assert agent.hangup_by == "AGENT"
    assert customer.connect_at is not None
    assert agent.connect_at is not None
    assert customer.connect_at > agent.connect_at


def test_a_customer_who_hangs_up_in_the_conversation_has_reached_the_flows_end() -> None:
    rig = Rig(customers=("mid_flow_hangup",), agents={"Asha": STAYS})
    result = told(rig)
    assert (result.status, spent(result)) == ("COMPLETED", (0, 0))
    assert rig.door.told == [("Asha", "taken"), ("Asha", "customer_left")]


def test_nobody_takes_the_call_and_the_agents_budget_pays() -> None:
    rig = Rig(agents={"Asha": "no_answer"})
    result = told(rig)
    assert (result.status, result.reason) == ("AGENT_REATTEMPT_SCHEDULED", "agent_missing")
    assert (spent(result), result.budget, result.charged) == ((1, 0), "agent", True)
    assert result.due_at == result.at + timedelta(minutes=10)
    assert {role for role, _ in rig.dialled} == {"agent"}


def test_the_agents_budget_ends_in_agent_failure_and_its_branch_runs() -> None:
    rig = Rig(queue=MemoryQueue())

    async def then(rig: Rig) -> None:
        for _ in range(2):
            await rig.idle()
            await rig.desk.writer.settled()
            rig.again(rig.result(rig.record))

    result = told(rig, then)
    assert (result.status, result.reason, spent(result)) == ("AGENT_FAILURE", "attempts_exhausted", (3, 0))
    assert result.variables["How"] == "no_agent"
    assert result.due_at is None
    assert rig.dialled == []


def test_all_numbers_are_called_while_the_agent_waits_and_the_customers_budget_pays() -> None:
    rig = Rig(customers=("c486", "no_answer"), agents={"Asha": STAYS})
    result = told(rig)
    assert (result.status, result.reason) == ("CUSTOMER_REATTEMPT_SCHEDULED", "customer_missed")
    assert (spent(result), result.budget, result.result) == ((0, 1), "customer", "Busy")
    assert result.due_at == result.at + timedelta(minutes=60)
    assert rig.dialled == [("agent", "Connected"), ("customer", "Busy"), ("customer", "Ring Timeout")]
    assert rig.door.told == [("Asha", "taken"), ("Asha", "not_reached")]
    assert rig.door.queues["sales"].free == ["Asha"]


def test_the_customers_budget_ends_in_customer_failure() -> None:
    rig = Rig(customers=("c486",), agents={"Asha": STAYS})

    async def then(rig: Rig) -> None:
        await rig.idle()
        await rig.desk.writer.settled()
        rig.again(rig.result(rig.record))

    result = told(rig, then)
    assert (result.status, result.reason, spent(result)) == ("CUSTOMER_FAILURE", "attempts_exhausted", (0, 2))
    assert result.variables["How"] == "no_customer"


def test_an_alternate_who_answers_talks() -> None:
    rig = Rig(customers=("c486", "answer"), agents={"Asha": TALKS})
    assert told(rig).status == "COMPLETED"
    assert rig.dialled == [("agent", "Connected"), ("customer", "Busy"), ("customer", "Connected")]


def test_an_agent_who_leaves_while_the_customer_rings_costs_an_agent_attempt() -> None:
    rig = Rig(customers=("no_answer",), agents={"Asha": GOES_SOON})
    result = told(rig)
    assert (result.status, result.reason) == ("AGENT_REATTEMPT_SCHEDULED", "agent_left")
    assert spent(result) == (1, 0)
    assert rig.dialled == [("agent", "Connected"), ("customer", "Cancelled")]
    assert rig.door.told == [("Asha", "taken"), ("Asha", "not_reached")]


def test_an_agent_lost_in_the_conversation_leaves_a_partial_record() -> None:
    breaks = Callee((Act(0.01, "ring"), Act(0.4, "answer"), Act(6.0, "fall_silent")))
    rig = Rig(agents={"Asha": breaks})
    result = told(rig)
    assert (result.status, result.reason, spent(result)) == ("PARTIAL_COMPLETE", "agent_lost", (0, 0))


def test_a_busy_agent_is_passed_over() -> None:
    rig = Rig(agents={"Asha": "c486", "Binu": TALKS})
    assert told(rig).status == "COMPLETED"
    assert [word for _, word in rig.dialled] == ["Busy", "Connected", "Connected"]
    assert rig.door.told[0] == ("Asha", "busy")


def test_the_users_stop_ends_both_legs() -> None:
    rig = Rig(customers=("no_answer",), agents={"Asha": STAYS})

    async def then(rig: Rig) -> None:
        await asyncio.sleep(2.5)
        rig.driver.stop(rig.record)

    result = told(rig, then)
    assert (result.status, result.reason) == ("PARTIAL_COMPLETE", "stopped_by_user")
    assert [role for role, _ in rig.dialled] == ["agent", "customer"]


def test_an_engine_that_is_lost_before_the_customer_was_called_costs_nothing() -> None:
    rig = Rig(agents={"Asha": "no_answer"})

    async def then(rig: Rig) -> None:
        await asyncio.sleep(1)
        rig.telephony.kill_engine()

    result = told(rig, then)
    assert (result.status, result.reason) == ("AGENT_REATTEMPT_SCHEDULED", "platform_fault")
    assert (spent(result), result.platform_faults) == ((0, 0), 1)
    assert result.due_at == result.at + timedelta(seconds=60)


@pytest.mark.parametrize("flow", [RESERVED, AHEAD])
def test_a_customer_who_is_called_first_is_joined_with_an_agent_who_answers_at_once(flow: bytes) -> None:
    quick = Callee((Act(0.01, "ring"), Act(0.3, "answer"), Act(9.0, "hang_up", q850=16)))
    rig = Rig(flow=flow, agents={"Asha": quick})
    result = told(rig)
    assert (result.status, spent(result), result.abandoned) == ("COMPLETED", (0, 0), False)
    assert rig.dialled == [("customer", "Connected"), ("agent", "Connected")]


@pytest.mark.parametrize("flow", [RESERVED, AHEAD])
def test_a_customer_who_is_called_first_and_not_reached_pays_himself(flow: bytes) -> None:
    rig = Rig(flow=flow, customers=("c486",), agents={"Asha": TALKS})
    result = told(rig)
    assert (result.status, spent(result)) == ("CUSTOMER_REATTEMPT_SCHEDULED", (0, 1))
    assert rig.dialled == [("customer", "Busy")]
    assert rig.door.queues["sales"].free == ["Asha"]


def test_a_customer_for_whom_nobody_is_there_is_abandoned_and_hears_why() -> None:
    rig = Rig(flow=AHEAD, queue=MemoryQueue())
    result = told(rig)
    assert (result.status, result.reason, result.abandoned) == ("AGENT_REATTEMPT_SCHEDULED", "abandoned", True)
    assert spent(result) == (1, 0)
    assert rig.dialled == [("customer", "Connected")]


def test_nobody_is_called_for_whom_no_agent_could_be_reserved() -> None:
    rig = Rig(flow=RESERVED, queue=MemoryQueue())
    result = told(rig)
    assert (result.status, result.reason, rig.dialled) == ("AGENT_REATTEMPT_SCHEDULED", "agent_missing", [])
