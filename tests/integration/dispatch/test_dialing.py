"""Records of dialer flows are granted as their queues can serve them, and paced ones as their allowance says."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

from central.adapters.postgres.dial_allowances import PostgresDialAllowances
from central.application.ports.dial_allowances import Allowance
from central.domain.ids import AccountId, FlowId, RequestId
from tests.integration.dispatch.conftest import Desk
from tests.stock import number

FLOW = b"""
flow: dial
type: dialer
purpose: service
calls: {attempts: 2, interval: 60m, agent_attempts: 3, agent_interval: 10m}
steps:
  start: {widget: start, next: dial}
  dial: {widget: make_call_for_dialer, queue: sales, SKILLS on: {connected: end, agent_failed: end, customer_failed: end}}
"""
PLAIN = FLOW.replace(b"SKILLS", b"")
SKILLED = FLOW.replace(b"SKILLS", b'skills: ["hindi:2"],').replace(b"flow: dial", b"flow: skilled")
PREDICTIVE = FLOW.replace(b"SKILLS", b"mode: predictive,").replace(b"flow: dial", b"flow: ahead")


class Floor:
    """An account with a queue; its agents are free unless it says otherwise."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.stock = desk, desk.stock
        self.account: AccountId = self.stock.account()
        self.queue: UUID = desk.ids.uuid()
        self.stock.run(
            "insert into queue (account_id, id, name, created_at) values (%s, %s, 'sales', %s)",
            self.account, self.queue, desk.clock.now(),
        )  # fmt: skip

    def agent(self, status: str = "IDLE", skills: str = "{}") -> UUID:
        agent, now = self.desk.ids.uuid(), self.desk.clock.now()
        self.stock.run(
            "insert into agent (account_id, id, key, name, status, since, created_at, skills) values (%s, %s, %s, %s, %s, %s, %s, %s)",
            self.account, agent, agent.hex[-12:], agent.hex, status, now, now, skills,
        )  # fmt: skip
        self.stock.run(
            "insert into queue_agent (account_id, queue_id, agent_id) values (%s, %s, %s)",
            self.account, self.queue, agent,
        )  # fmt: skip
        return agent

    def place(self, record: UUID, state: str = "waiting") -> None:
        now = self.desk.clock.now()
        self.stock.run(
            "insert into queue_place (account_id, id, queue_id, record_id, node, entered_at, patience_until, lease_until, state)"
            " values (%s, %s, %s, %s, 'n1', %s, %s, %s, %s)",
            self.account, self.desk.ids.uuid(), self.queue, record, now, now + timedelta(minutes=1), now + timedelta(minutes=1), state,
        )  # fmt: skip

    def request(self, flow: tuple[FlowId, UUID], records: int = 20) -> RequestId:
        request = self.stock.request(self.account, flow)
        self.stock.records(self.account, request, [[number(n)] for n in range(records)])
        return request

    async def allow(self, granted: int, mode: str = "predictive", lasts_s: float = 2) -> None:
        now = self.desk.clock.now()
        decided = Allowance(
            account_id=self.account, queue_id=self.queue, mode=mode, granted=granted, decided_at=now,  # type: ignore[arg-type]
            expires_at=now + timedelta(seconds=lasts_s),
        )  # fmt: skip
        await PostgresDialAllowances(self.desk.pool).allow([decided])


async def _round(desk: Desk) -> int:
    await desk.dispatch.heartbeat(desk.node())
    return await desk.shares()() or 0


async def test_no_more_records_are_claimed_than_agents_are_free(desk: Desk) -> None:
    floor = Floor(desk)
    agents = [floor.agent() for _ in range(3)]
    floor.agent("ON_CALL")
    floor.agent("PAUSED")
    floor.request(floor.stock.flow(floor.account, PLAIN))
    assert await _round(desk) == 3
    assert await _round(desk) == 0  # granted, not yet claimed
    claimed = await desk.claim()
    assert len(claimed) == 3
    assert await _round(desk) == 0  # claimed, on their way to the queue
    for one in claimed[:2]:
        floor.place(one.record.id)
    assert await _round(desk) == 0  # they wait for an agent
    floor.stock.run("update queue_place set state = 'talking'")
    floor.stock.run("update agent set status = 'ON_CALL' where id = any(%s)", agents[:2])
    assert await _round(desk) == 0  # one is still on his way, for the third agent
    floor.agent()
    assert await _round(desk) == 1


async def test_callers_who_wait_come_first(desk: Desk) -> None:
    floor = Floor(desk)
    for _ in range(3):
        floor.agent()
    for _ in range(2):
        floor.place(desk.ids.uuid())
    floor.request(floor.stock.flow(floor.account, PLAIN))
    assert await _round(desk) == 1


async def test_two_flows_share_the_agents_of_a_queue(desk: Desk) -> None:
    floor = Floor(desk)
    floor.agent(skills='{"hindi": 3}')
    floor.agent(skills='{"hindi": 1}')
    floor.agent()
    floor.request(floor.stock.flow(floor.account, SKILLED))
    assert await _round(desk) == 1
    floor.request(floor.stock.flow(floor.account, PLAIN))
    assert await _round(desk) == 2
    assert await _round(desk) == 0


async def test_two_dispatchers_together_grant_no_more(desk: Desk) -> None:
    floor = Floor(desk)
    for _ in range(4):
        floor.agent()
    floor.request(floor.stock.flow(floor.account, PLAIN))
    await desk.dispatch.heartbeat(desk.node())
    one, other = desk.shares("d1"), desk.shares("d2")
    for _ in range(5):
        await asyncio.gather(one(), other())
        await desk.claim()
        floor.stock.run(
            "update leader set until = now() - interval '1 second'"
        )  # the place changes hands again and again
    assert floor.stock.value("select count(*) from attempt") == 4


async def test_a_queue_that_is_not_there_serves_nobody(desk: Desk) -> None:
    floor = Floor(desk)
    floor.agent()
    floor.stock.run("update queue set name = 'other'")
    floor.request(floor.stock.flow(floor.account, PLAIN))
    assert await _round(desk) == 0


async def test_paced_dials_are_those_of_the_allowance_and_are_spent_once(desk: Desk) -> None:
    floor = Floor(desk)
    floor.agent()
    floor.request(floor.stock.flow(floor.account, PREDICTIVE))
    await floor.allow(5)
    assert await _round(desk) == 5
    assert await _round(desk) == 0
    assert len(await desk.claim()) == 5
    assert floor.stock.rows("select granted, used from dial_allowance") == [(5, 5)]
    assert await _round(desk) == 0
    await floor.allow(2)
    assert await _round(desk) == 2


async def test_what_was_granted_by_a_decision_that_is_over_is_not_dialled(desk: Desk) -> None:
    floor = Floor(desk)
    floor.request(floor.stock.flow(floor.account, PREDICTIVE))
    await floor.allow(5)
    assert await _round(desk) == 5
    desk.clock.forward(timedelta(seconds=3))
    assert not await desk.claim()


async def test_two_nodes_together_spend_what_was_allowed(desk: Desk) -> None:
    floor = Floor(desk)
    request = floor.request(floor.stock.flow(floor.account, PREDICTIVE))
    await floor.allow(7)
    for node in ("n1", "n2"):
        for _ in range(2):
            floor.stock.run(
                "insert into dispatch_grant (node, account_id, request_id, n, epoch, queue_id) values (%s, %s, %s, 3, 1, %s)",
                node, floor.account, request, floor.queue,
            )  # fmt: skip
    claimed = await asyncio.gather(desk.claim(desk.node("n1")), desk.claim(desk.node("n2")))
    assert sum(map(len, claimed)) == 7


async def test_without_a_decision_a_predictive_flow_is_served_as_a_progressive_one(desk: Desk) -> None:
    floor = Floor(desk)
    floor.agent()
    floor.request(floor.stock.flow(floor.account, PREDICTIVE))
    await floor.allow(5, mode="progressive")
    assert await _round(desk) == 1
