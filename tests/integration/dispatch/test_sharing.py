"""Grants and claims side by side: nobody shares a record, nobody starves, a leader that lost its place changes nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from datetime import timedelta

from central.adapters.postgres.pool import open_pool
from central.application.ports.dispatch import Grant, NodeState
from central.domain.ids import AccountId, RequestId
from tests.integration.dispatch.conftest import Desk
from tests.stock import number


async def test_claimers_side_by_side_never_share_a_record(desk: Desk) -> None:
    stock = desk.stock
    account_id = stock.account()
    request_id = stock.request(account_id, stock.flow(account_id))
    stock.records(account_id, request_id, [[number(n)] for n in range(2000)])
    nodes = [desk.node(f"n{i}") for i in range(4)]
    async with contextlib.AsyncExitStack() as pools:  # of a process each
        desks = [
            Desk(stock, await pools.enter_async_context(await open_pool(stock.dsn, "central_worker", 2)), desk.clock)
            for _ in nodes
        ]
        await _claim_side_by_side(desks, nodes, account_id, request_id)
    seen = Counter(stock.rows("select record_id from attempt"))
    assert set(seen.values()) == {1}
    assert stock.value("select sum(reserved) from ledger") == stock.value("select reserved from balance")
    stock.check_counts()


async def _claim_side_by_side(
    desks: list[Desk], nodes: list[NodeState], account_id: AccountId, request_id: RequestId
) -> None:
    stock = desks[0].stock
    for _ in range(5):
        for node in nodes:
            await desks[0].grant(account_id, request_id, 100, node.name)
        rounds = await asyncio.gather(*(desk.claim(node) for desk, node in zip(desks, nodes, strict=True)))
        for node, handed in zip(nodes, rounds, strict=True):
            ids = [item.record.id for item in handed]
            held = stock.rows("select count(*) from record where id = any(%s) and owner = %s", ids, node.owner)
            assert held == [(len(ids),)]
            assert 0 < len(ids) <= 100


async def test_several_grants_of_one_request_are_one_quota(desk: Desk) -> None:
    stock = desk.stock
    account_id = stock.account()
    request_id = stock.request(account_id, stock.flow(account_id))
    stock.records(account_id, request_id, [[number(n)] for n in range(10)])
    for n in (2, 3):
        await desk.grant(account_id, request_id, n)
    assert len(await desk.claim()) == 5
    assert not await desk.claim()


async def test_a_giant_request_and_two_hundred_small_ones_all_begin_in_the_first_round(desk: Desk) -> None:
    stock = desk.stock
    account_id = stock.account()
    flow = stock.flow(account_id)
    giant = stock.request(account_id, flow)
    stock.records(account_id, giant, [[number(n)] for n in range(3000)], due_s=-60)
    small = [stock.request(account_id, flow) for _ in range(200)]
    for i, request_id in enumerate(small):
        stock.records(account_id, request_id, [[number(10_000 + i)]])
    shares = desk.shares()
    node = desk.node(channels=400)
    await desk.dispatch.heartbeat(node)
    assert await shares() == 400
    served = Counter(item.record.request_id for item in await desk.claim(node))
    assert len(served) == 201
    assert served[giant] == 200


async def test_grants_respect_caps_of_account_node_and_what_is_already_running(desk: Desk) -> None:
    stock = desk.stock
    account_id = stock.account(channel_cap=30)
    request_id = stock.request(account_id, stock.flow(account_id))
    stock.records(account_id, request_id, [[number(n)] for n in range(100)])
    nodes = [desk.node("n1", channels=20), desk.node("n2", channels=100)]
    for node in nodes:
        await desk.dispatch.heartbeat(node)
    shares = desk.shares()
    assert await shares() == 30
    handed = [len(await desk.claim(node)) for node in nodes]
    assert sum(handed) == 30
    assert handed[0] <= 20
    assert await shares() == 0


async def test_a_flow_of_its_own_calls_per_second_is_granted_no_faster(desk: Desk) -> None:
    stock = desk.stock
    account_id = stock.account()
    document = b"""
flow: f
type: multicast
purpose: service
calls: {cps: 10}
steps:
  start: {widget: start, next: call}
  call: {widget: make_call, on: {connected: end, busy: end, no_answer: end, failed: end}}
"""
    request_id = stock.request(account_id, stock.flow(account_id, document))
    stock.records(account_id, request_id, [[number(n)] for n in range(100)])
    node = desk.node()
    await desk.dispatch.heartbeat(node)
    shares = desk.shares()
    granted: list[int | None] = []
    for _ in range(6):
        granted.append(await shares())
        await desk.claim(node)
        desk.clock.forward(timedelta(seconds=0.5))
    assert granted == [5] * 6


async def test_nodes_that_are_silent_draining_or_ill_get_nothing(desk: Desk) -> None:
    stock = desk.stock
    account_id = stock.account()
    request_id = stock.request(account_id, stock.flow(account_id))
    stock.records(account_id, request_id, [[number(1)]])
    for column, word in (("heartbeat_at", "now() - interval '1 minute'"), ("draining", "true"), ("healthy", "false")):
        await desk.dispatch.heartbeat(desk.node())
        stock.run(f"update node set {column} = {word}")
        assert await desk.shares()() == 0
        stock.run("delete from node")


async def test_only_the_leader_grants_and_a_lost_epoch_writes_nothing(desk: Desk) -> None:
    stock = desk.stock
    account_id = stock.account()
    request_id = stock.request(account_id, stock.flow(account_id))
    stock.records(account_id, request_id, [[number(1)]])
    await desk.dispatch.heartbeat(desk.node())
    epoch = await desk.dispatch.lead("dispatcher", "d1", timedelta(seconds=10))
    assert epoch == await desk.dispatch.lead("dispatcher", "d1", timedelta(seconds=10)) == 1
    assert epoch is not None
    assert await desk.shares("d2")() is None
    stock.run("update leader set until = now() - interval '1 s'")
    assert await desk.shares("d2")() == 1
    stock.run("delete from dispatch_grant")
    await desk.dispatch.grant([Grant("n1", account_id, request_id, 1)], epoch, "d1")
    assert await desk.dispatch.open_grants() == {}


async def test_grants_that_nobody_took_are_dropped_and_granted_again(desk: Desk) -> None:
    stock = desk.stock
    account_id = stock.account()
    request_id = stock.request(account_id, stock.flow(account_id))
    stock.records(account_id, request_id, [[number(1)]])
    await desk.dispatch.heartbeat(desk.node())
    shares = desk.shares()
    assert await shares() == 1
    assert await shares() == 0
    stock.run("update dispatch_grant set granted_at = now() - interval '1 minute'")
    await shares()
    desk.clock.forward(timedelta(seconds=1))
    assert await shares() == 1
