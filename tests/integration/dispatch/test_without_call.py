"""Flows without a call, in the tables: who gets their records, how they are judged, run, and given up truthfully."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from central.application.conversation.run_errands import Runners
from central.application.ports.dispatch import MESSAGES, HandedRecord, NodeState
from central.application.ports.journal import JournalBatch, RecordEvent
from central.domain.ids import AccountId, EventId, RequestId
from central.entrypoints.workers.flow_runner import FlowRunner, RunnerParts
from tests.integration.dispatch.conftest import LEASE, Desk
from tests.stock import Stock, number

SMS = b"""
flow: f
type: multicast
purpose: %PURPOSE%
calls: {attempts: 2, interval: 6s, expires_after: 24h}
steps:
  start: {widget: start, next: tell}
  tell: {widget: sms, text: Hello., on: {accepted: note, failed: end}}
  note: {widget: store_variable, set: {Told: "yes"}, next: end}
"""
QUICK = b"""
flow: f
type: multicast
purpose: service
calls: {attempts: 1, expires_after: 24h}
steps:
  start: {widget: start, next: note}
  note: {widget: store_variable, set: {Done: "yes"}, next: end}
  late: {widget: on_flow_complete, next: after}
  after: {widget: store_variable, set: {After: "yes"}, next: end}
"""
SLOW = QUICK.replace(b"next: note}\n  note", b"next: wait}\n  wait: {widget: delay, for: 4s, next: note}\n  note")


def runner_node(channels: int = 1000) -> NodeState:
    return NodeState("m1", "g1", MESSAGES, channels, 10_000)


def waiting(desk: Desk, document: bytes | None, n: int = 20, **account: int) -> tuple[AccountId, RequestId]:
    stock = desk.stock
    account_id = stock.account(**account)
    flow = stock.flow(account_id) if document is None else stock.flow(account_id, document)
    request_id = stock.request(account_id, flow)
    stock.records(account_id, request_id, [[number(i)] for i in range(n)])
    return account_id, request_id


def of_requests(handed: list[HandedRecord]) -> Counter[RequestId]:
    return Counter(item.record.request_id for item in handed)


async def test_each_kind_of_node_gets_its_own_kind_of_records_only(desk: Desk) -> None:
    _, calls = waiting(desk, None, channel_cap=3)
    _, messages = waiting(desk, SMS, channel_cap=3)
    voice, runner = desk.node("v1", channels=5), runner_node(7)
    for node in (voice, runner):
        await desk.dispatch.heartbeat(node)
    assert await desk.shares()() == 3 + 7
    assert of_requests(list(await desk.claim(voice))) == {calls: 3}
    assert of_requests(list(await desk.claim(runner))) == {messages: 7}
    assert await desk.shares()() == 0


async def test_records_wait_while_no_node_of_their_kind_is_there(desk: Desk) -> None:
    waiting(desk, SMS)
    await desk.dispatch.heartbeat(desk.node("v1"))
    shares = desk.shares()
    assert await shares() == 0
    await desk.dispatch.heartbeat(runner_node())
    assert await shares() == 20
    assert not await desk.claim(desk.node("v1"))
    assert len(await desk.claim(runner_node())) == 20


async def test_runs_without_a_call_take_no_channel_of_their_account(desk: Desk) -> None:
    stock = desk.stock
    account_id, _ = waiting(desk, SMS, channel_cap=10)
    await desk.dispatch.heartbeat(runner_node())
    await desk.shares()()
    assert len(await desk.claim(runner_node())) == 20
    calls = stock.request(account_id, stock.flow(account_id))
    stock.records(account_id, calls, [[number(i)] for i in range(20)])
    await desk.dispatch.heartbeat(desk.node("v1"))
    assert await desk.shares()() == 10


async def test_a_claim_sets_no_money_aside_and_still_asks_for_debts(desk: Desk) -> None:
    account_id, request_id = waiting(desk, SMS, n=2, balance=0)
    assert [item.reserved for item in await desk.claim_all(account_id, request_id)] == [0, 0]
    owing, request_id = waiting(desk, SMS, n=2, balance=-1)
    assert not await desk.claim_all(owing, request_id)
    assert desk.stock.tally(request_id) == {"status:INSUFFICIENT_BALANCE": 2, "reason:insufficient_balance": 2}


async def test_lists_and_hours_are_asked_as_for_calls(desk: Desk) -> None:
    stock = desk.stock
    account_id, request_id = waiting(desk, SMS, n=2)
    stock.run("insert into list_entry (account_id, list, number) values (%s, 'blacklist', %s)", account_id, number(1))
    stock.run("insert into list_version (account_id, list, version) values (%s, 'blacklist', 1)", account_id)
    assert [item.record.numbers for item in await desk.claim_all(account_id, request_id)] == [(number(0),)]
    assert stock.tally(request_id)["status:PHONE_BLACKLISTED"] == 1


async def claimed(desk: Desk) -> HandedRecord:
    account_id, request_id = waiting(desk, SMS, n=1)
    (handed,) = await desk.claim_all(account_id, request_id)
    return handed


async def reaped(desk: Desk) -> tuple[object, ...]:
    stock = desk.stock
    stock.run("update record set lease_until = now() - interval '1 second' where lease_until is not null")
    assert await desk.reaper()() == 1
    stock.check_counts()
    rule = stock.value("select data->>'rule' from event where kind in ('record_rescheduled', 'record_ended')")
    return (*stock.rows("select status, reason, attempts_charged from record")[0], rule)


async def test_a_node_that_dies_before_it_began_costs_nothing(desk: Desk) -> None:
    await claimed(desk)
    assert await reaped(desk) == ("REATTEMPT_SCHEDULED", "platform_fault", 0, "7.4 row 6b")
    assert desk.stock.rows("select result from attempt") == [("none",)]


async def test_a_node_that_dies_in_an_errand_leaves_it_unknown(desk: Desk) -> None:
    handed = await claimed(desk)
    line = RecordEvent(
        handed.record.account_id, handed.record.id, EventId(desk.ids.uuid()), desk.clock.now(), "errand_begun", {"errand": "SendSms"}
    )  # fmt: skip
    await desk.journal.commit("n1/g1", JournalBatch(events=[line]), desk.clock.now())
    assert await reaped(desk) == ("REATTEMPT_SCHEDULED", "unknown", 1, "7.4 row 6c")


@pytest.mark.parametrize(
    ("status", "since", "ends"),
    [("SENT_TO_QUEUE", "due_at", True), ("DELIVERED", "handed_at", True), ("FAILED", "changed_at", False)],
)
async def test_what_was_handed_over_is_never_sent_again(desk: Desk, status: str, since: str, *, ends: bool) -> None:
    handed = await claimed(desk)
    message_id, now = desk.ids.uuid(), desk.clock.now()
    desk.stock.run(
        "insert into message (account_id, id, record_id, created_at, changed_at, deadline, channel, status, recipient, purpose)"
        " values (%s, %s, %s, %s, %s, %s, 'sms', %s, '1', 'service')",
        handed.record.account_id, message_id, handed.record.id, now, now, now, status,
    )  # fmt: skip
    desk.stock.run(f"update message set {since} = %s where id = %s", now, message_id)
    found = await reaped(desk)
    assert found == (
        ("FAILURE", "engine_lost", 1, "7.4 row 6a")
        if ends
        else ("REATTEMPT_SCHEDULED", "platform_fault", 0, "7.4 row 6b")
    )


# -- the runner itself -------------------------------------------------------------------------------------------------
def runner(desk: Desk, drain_s: float = 5.0, runners: Runners | None = None) -> FlowRunner:
    return FlowRunner(
        RunnerParts(
            state=runner_node(), dispatch=desk.dispatch, journal=desk.journal, library=desk.library, clock=desk.clock,
            ids=desk.ids, telemetry=desk.telemetry, lease=LEASE, gather=timedelta(milliseconds=5),
            drain=timedelta(seconds=drain_s), runners=runners or {},
        )
    )  # fmt: skip


async def until(stock: Stock, query: str, wanted: int) -> None:
    async with asyncio.timeout(30):
        while stock.value(query) != wanted:  # noqa: ASYNC110 - another process's rows
            await asyncio.sleep(0.05)


async def test_records_run_to_their_end_and_add_up(desk: Desk) -> None:
    account_id, request_id = waiting(desk, QUICK, n=300)
    stop = asyncio.Event()
    running = asyncio.create_task(runner(desk).run(stop))
    await desk.grant(account_id, request_id, 300, "m1")
    await until(desk.stock, "select count(*) from record where status = 'COMPLETED'", 300)
    stop.set()
    await running
    stock = desk.stock
    assert stock.tally(request_id) == {"status:COMPLETED": 300, "attempts": 300, "reason:completed": 300}
    assert stock.rows("select distinct result, outcome, variables->>'Done', variables->>'After' from attempt") == [
        ("none", "done", "yes", "yes")
    ]
    assert stock.rows("select kind from node") == [("messages",)]
    stock.check_counts()


async def test_what_a_stopping_runner_cannot_finish_goes_to_whoever_reads_the_rows(desk: Desk) -> None:
    account_id, request_id = waiting(desk, SLOW, n=3)
    stop = asyncio.Event()
    running = asyncio.create_task(runner(desk, drain_s=0).run(stop))
    await desk.grant(account_id, request_id, 3, "m1")
    await until(desk.stock, "select count(*) from record where lease_until is not null", 3)
    stop.set()
    await running
    assert await desk.reaper()() == 3
    assert desk.stock.tally(request_id)["status:REATTEMPT_SCHEDULED"] == 3
    desk.stock.check_counts()
