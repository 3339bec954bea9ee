"""Runs that sleep, in the tables: given back by one node, woken by another, held, stopped and expired like what waits."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from central.adapters.simulator.channel import SimulatedTelephony
from central.adapters.simulator.speech import SimulatedPrompts, SimulatedSpeech
from central.application.conversation.drive_calls import DriveCalls
from central.application.conversation.group_commit import GroupCommit
from central.application.conversation.trunk_limits import TrunkLimits
from central.application.conversation.voice_desk import VoiceDesk
from central.application.ports.dispatch import HandedRecord
from central.application.ports.journal import JournalBatch, LegEnd, SleepRow
from central.application.ports.sleeping import KeptCall
from central.application.tracking.control_requests import ControlRequests
from central.domain.attempts import LegResult
from central.domain.ids import AccountId, LegId, RecordId, RequestId
from central.domain.statuses import CallStatus
from central.entrypoints.workers.loop_timers import LoopTimers
from central.flow.events import Begun
from central.flow.interpreter import begin, step
from central.flow.run import Delaying, RunFacts
from tests.integration.dispatch.conftest import LEASE, Desk
from tests.stock import PRICE, number

FLOW = b"""
flow: f
type: multicast
purpose: %PURPOSE%
calls: {attempts: 2, interval: 6s, ring_timeout: 4s, short_hangup: 1s, expires_after: 24h}
steps:
  start: {widget: start, next: before}
  before: {widget: counter, name: n, limit: 9, store: N, on: {below_limit: wait, limit_reached: call}}
  wait: {widget: delay, for: 1m, next: after}
  after: {widget: counter, name: n, limit: 9, store: N, on: {below_limit: end, limit_reached: end}}
  call: {widget: make_call, on: {connected: end, busy: end, no_answer: end, failed: end}}
"""
MINUTE = timedelta(seconds=60)


@dataclass(slots=True)
class Node:
    """A voice node's driver and writer on the real tables; ``owner`` is its name in leases."""

    driver: DriveCalls
    writer: GroupCommit
    voice: VoiceDesk

    async def work(self, handed: Sequence[HandedRecord]) -> None:
        """Begin, or go on, until everything is stored."""
        self.driver.begin(handed)
        await self.writer.settled()


@contextlib.asynccontextmanager
async def node(desk: Desk, name: str) -> AsyncGenerator[Node]:
    """A node; leaving the block is its death: nothing more is written."""
    timers = LoopTimers()
    writer = GroupCommit(desk.journal, f"{name}/g1", desk.clock, desk.telemetry, timedelta(0))
    voice = VoiceDesk(
        owner=f"{name}/g1", telephony=SimulatedTelephony(desk.clock, timers), speech=SimulatedSpeech(), prompts=SimulatedPrompts(),
        store=desk.journal, writer=writer, limits=TrunkLimits(desk.clock, timers), clock=desk.clock, ids=desk.ids, timers=timers,
        telemetry=desk.telemetry, lease=LEASE,
    )  # fmt: skip
    writing = asyncio.create_task(writer.run())
    try:
        yield Node(DriveCalls(voice), writer, voice)
    finally:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await timers.close()


@dataclass(slots=True)
class Asleep:
    """A record whose run sleeps for a minute from now on."""

    account_id: AccountId
    request_id: RequestId
    record_id: RecordId
    handed: HandedRecord


async def claim(desk: Desk, asleep: Asleep, name: str = "n2") -> list[HandedRecord]:
    await desk.grant(asleep.account_id, asleep.request_id, 10, name)
    return list(await desk.claim(desk.node(name)))


async def fall_asleep(desk: Desk, *, purpose: str = "service", **account: object) -> Asleep:
    """Claimed by n1, whose process is gone a moment later."""
    stock = desk.stock
    account_id = stock.account(balance=10 * PRICE, **account)
    request_id = stock.request(account_id, stock.flow(account_id, FLOW, purpose))
    (record_id,) = stock.records(account_id, request_id, [[number(1)]])
    (handed,) = await desk.claim_all(account_id, request_id)
    desk.clock.forward(timedelta(milliseconds=1))
    async with node(desk, "n1") as first:
        await first.work([handed])
        assert not first.voice.calls
    return Asleep(account_id, request_id, record_id, handed)


def row_of(desk: Desk, handed: HandedRecord, **more: object) -> SleepRow:
    """What the driver stores, with a leg that was busy where ``legs`` say so."""
    program = handed.prepared.program
    begun = begin(program, RunFacts(handed.record.numbers))
    run, _ = step(program, begun, Begun(desk.clock.now()))
    assert isinstance(run.wait, Delaying)
    due_at = desk.clock.now() + MINUTE
    kept = KeptCall(run, run.wait.timer, due_at, (LegResult(0, CallStatus.BUSY),), (0,))
    values: dict[str, object] = {
        "account_id": handed.record.account_id, "id": handed.record.id, "request_id": handed.record.request_id,
        "fence": handed.fence, "attempt_number": handed.attempt_number, "attempt_id": handed.attempt_id, "at": desk.clock.now(),
        "due_at": due_at, "kept": kept.to_json(), "result": "Busy", "charged": True, "platform_fault": False, "struck": 0,
        "last_call_status": "Busy", "cost": 0, "event_id": desk.ids.uuid(), "data": {},
    }  # fmt: skip
    return SleepRow(**(values | more))  # type: ignore[arg-type]


def record(desk: Desk) -> tuple[object, ...]:
    return desk.stock.rows("select status, reason, due_at, lease_until, owner from record")[0]


def attempt(desk: Desk) -> tuple[object, ...]:
    return desk.stock.rows("select ended_at is not null, outcome, result, charged, variables from attempt")[0]


async def test_a_node_dies_and_another_goes_on_with_the_same_attempt(desk: Desk) -> None:
    stock = desk.stock
    asleep = await fall_asleep(desk)
    due_at = desk.clock.now() + MINUTE
    assert record(desk) == ("IN_PROGRESS", None, due_at, None, None)
    assert stock.value("select count(*) from sleeping_run") == 1
    assert attempt(desk) == (False, None, None, None, None)
    assert stock.value("select reserved from balance") == PRICE
    assert await desk.reaper()() == 0
    assert not await claim(desk, asleep)
    stock.check_counts()

    desk.clock.forward(MINUTE)
    (handed,) = await claim(desk, asleep)
    first = asleep.handed
    assert (handed.attempt_id, handed.attempt_number, handed.fence) == (first.attempt_id, 1, first.fence + 1)
    assert handed.reserved == 0
    assert stock.rows("select status, due_at, owner from record") == [("IN_PROGRESS", None, "n2/g1")]
    assert stock.value("select count(*) from sleeping_run") == 0
    desk.clock.forward(timedelta(milliseconds=1))
    async with node(desk, "n2") as second:
        await second.work([handed])
    assert record(desk)[:2] == ("COMPLETED", "completed")
    assert attempt(desk) == (True, "done", "none", True, {"N": "2"})
    assert stock.value("select reserved from balance") == 0
    assert stock.tally(asleep.request_id) == {"status:COMPLETED": 1, "attempts": 1, "reason:completed": 1}
    kinds = [kind for (kind,) in stock.rows("select kind from event where kind <> 'flow_walked' order by at")]
    assert kinds == ["record_claimed", "run_put_to_sleep", "run_woken", "record_ended"]
    walked = "select n->>'step' from event, jsonb_array_elements(data->'notes') n where kind = 'flow_walked' and n->>'kind' = 'step' order by at"
    assert [name for (name,) in stock.rows(walked)] == ["start", "before", "wait", "after"]
    stock.check_counts()


async def test_a_stale_node_cannot_give_a_record_back(desk: Desk) -> None:
    stock = desk.stock
    account_id = stock.account()
    request_id = stock.request(account_id, stock.flow(account_id, FLOW))
    stock.records(account_id, request_id, [[number(1)]])
    (handed,) = await desk.claim_all(account_id, request_id)
    batch = JournalBatch(sleeps=[row_of(desk, handed)])
    stock.run("update record set lease_until = now() - interval '1 second'")
    await desk.tracking.reap("tracker", 10, MINUTE)
    before = stock.rows("select * from record")
    for owner in ("n1/g1", "tracker"):
        assert (await desk.journal.commit(owner, batch, desk.clock.now())).asleep == frozenset()
    assert stock.rows("select * from record") == before
    assert stock.value("select count(*) from sleeping_run") == 0
    assert stock.value("select count(*) from event where kind = 'run_put_to_sleep'") == 0


async def test_a_repeated_commit_stores_it_once_and_says_so_also_after_it_was_woken(desk: Desk) -> None:
    stock = desk.stock
    account_id = stock.account()
    request_id = stock.request(account_id, stock.flow(account_id, FLOW))
    (record_id,) = stock.records(account_id, request_id, [[number(1)]])
    (handed,) = await desk.claim_all(account_id, request_id)
    batch = JournalBatch(sleeps=[row_of(desk, handed)])
    for _ in range(2):
        assert (await desk.journal.commit("n1/g1", batch, desk.clock.now())).asleep == {record_id}
    assert stock.value("select count(*) from event where kind = 'run_put_to_sleep'") == 1
    desk.clock.forward(MINUTE)
    (_,) = await claim(desk, Asleep(account_id, request_id, record_id, handed))
    assert (await desk.journal.commit("n1/g1", batch, desk.clock.now())).asleep == {record_id}
    assert stock.rows("select owner, due_at from record") == [("n2/g1", None)]
    assert stock.value("select count(*) from sleeping_run") == 0


async def test_who_was_asleep_may_write_nothing_more(desk: Desk) -> None:
    asleep = await fall_asleep(desk)
    _, answer = await desk.hand_over(asleep.handed)
    assert not answer.legs
    assert await desk.finish(desk.result(asleep.handed)) == {asleep.record_id: "lost"}
    key = (asleep.account_id, asleep.record_id, asleep.handed.fence)
    assert not await desk.journal.extend("n1/g1", [key], LEASE)
    assert record(desk)[0] == "IN_PROGRESS"


async def test_a_node_that_dies_after_waking_it_is_an_engine_loss(desk: Desk) -> None:
    """Row 6b: no leg row, so nothing was sent; a new attempt, never the same steps twice within one."""
    stock = desk.stock
    asleep = await fall_asleep(desk)
    desk.clock.forward(MINUTE)
    assert len(await claim(desk, asleep)) == 1
    stock.run("update record set lease_until = now() - interval '1 second' where lease_until is not null")
    assert await desk.reaper()() == 1
    assert record(desk)[:2] == ("REATTEMPT_SCHEDULED", "platform_fault")
    desk.clock.forward(2 * MINUTE)
    (handed,) = await claim(desk, asleep)
    assert (handed.attempt_number, handed.record.sleeper) == (2, None)
    stock.check_counts()


async def test_a_pause_holds_it_and_the_same_attempt_goes_on_after_it(desk: Desk) -> None:
    stock = desk.stock
    asleep = await fall_asleep(desk)
    control = ControlRequests(desk.tracking, desk.clock)
    stock.run("update request set control = 'paused'")
    assert await control() == 1
    assert stock.rows("select status, held_status, due_at from record") == [("PAUSE", "IN_PROGRESS", None)]
    assert attempt(desk)[0] is False
    desk.clock.forward(3 * MINUTE)
    assert not await claim(desk, asleep)
    stock.run("update request set control = 'running'")
    assert await control() == 1
    assert stock.rows("select status, due_at from record") == [("RESUME", desk.clock.now())]
    (handed,) = await claim(desk, asleep)
    assert (handed.attempt_id, handed.attempt_number) == (asleep.handed.attempt_id, 1)
    async with node(desk, "n2") as second:
        await second.work([handed])
    assert record(desk)[:2] == ("COMPLETED", "completed")
    moves = stock.rows("select from_status, to_status from event where to_status <> from_status order by at, id")
    assert moves == [
        ("UNPROCESSED", "IN_PROGRESS"), ("IN_PROGRESS", "PAUSE"), ("PAUSE", "RESUME"), ("RESUME", "IN_PROGRESS"),
        ("IN_PROGRESS", "COMPLETED"),
    ]  # fmt: skip
    assert stock.tally(asleep.request_id) == {"status:COMPLETED": 1, "attempts": 1, "reason:completed": 1}
    stock.check_counts()


@pytest.mark.parametrize("paused", [False, True])
async def test_a_stop_ends_it_with_its_attempt(desk: Desk, *, paused: bool) -> None:
    stock = desk.stock
    asleep = await fall_asleep(desk)
    control = ControlRequests(desk.tracking, desk.clock)
    if paused:
        stock.run("update request set control = 'paused'")
        assert await control() == 1
    stock.run("update request set control = 'stopping'")
    assert await control() == 1
    assert record(desk) == ("PARTIAL_COMPLETE", "stopped_by_user", None, None, None)
    assert attempt(desk) == (True, "done", "none", False, {"N": "1"})
    assert stock.rows("select balance, reserved from balance") == [(10 * PRICE, 0)]
    assert stock.rows("select kind, reserved from ledger order by at, kind") == [("reserve", PRICE), ("settle", -PRICE)]
    assert stock.value("select count(*) from sleeping_run") == 0
    assert await control() == 0
    desk.clock.forward(MINUTE)
    assert not await claim(desk, asleep)
    stock.check_counts()


async def test_an_attempt_that_called_is_charged_when_it_is_stopped(desk: Desk) -> None:
    stock = desk.stock
    account_id = stock.account(balance=10 * PRICE)
    request_id = stock.request(account_id, stock.flow(account_id, FLOW))
    (record_id,) = stock.records(account_id, request_id, [[number(1)]])
    (handed,) = await desk.claim_all(account_id, request_id)
    (leg,), _ = await desk.hand_over(handed)
    ends = [busy(desk, handed, leg)]
    batch = JournalBatch(ends=ends, sleeps=[row_of(desk, handed, cost=7, struck=1)])
    assert (await desk.journal.commit("n1/g1", batch, desk.clock.now())).asleep == {record_id}
    assert await desk.tracking.end_waiting(account_id, request_id, 10, desk.clock.now(), "a user", record_id) == 1
    assert attempt(desk)[:4] == (True, "done", "Busy", True)
    assert stock.rows("select attempts_made, attempts_charged, struck, last_call_status from record") == [
        (1, 1, 1, "Busy")
    ]
    assert stock.rows("select balance, reserved from balance") == [(10 * PRICE - 7, 0)]
    stock.check_counts()


def busy(desk: Desk, handed: HandedRecord, leg: LegId) -> LegEnd:
    rec, now = handed.record, desk.clock.now()
    return LegEnd(
        account_id=rec.account_id, record_id=rec.id, request_id=rec.request_id, id=leg, ring_at=None, connect_at=None, end_at=now,
        status="Busy", code=17, q850=17, sip_code=486, local=None, phase="dialing", hangup_by="CUSTOMER", answered_ms=None,
        cost=0, sip_call_id="a", digits=[], engine={}, fence=handed.fence,
    )  # fmt: skip


@pytest.mark.parametrize("limit", ["record", "request"])
async def test_its_expiry_is_judged_when_its_turn_comes(desk: Desk, limit: str) -> None:
    stock = desk.stock
    asleep = await fall_asleep(desk)
    soon = desk.clock.now() + timedelta(seconds=30)
    column = "record set expires_at" if limit == "record" else "request set end_at"
    stock.run(f"update {column} = %s", soon)
    desk.clock.forward(MINUTE)
    assert not await claim(desk, asleep)
    assert record(desk)[:3] == ("FAILURE", "expired", None)
    assert attempt(desk)[:4] == (True, "done", "none", False)
    assert stock.value("select reserved from balance") == 0
    assert stock.value("select count(*) from sleeping_run") == 0
    stock.check_counts()


async def test_lists_are_asked_again_and_the_end_is_one_that_a_running_attempt_can_have(desk: Desk) -> None:
    stock = desk.stock
    asleep = await fall_asleep(desk)
    stock.run(
        "insert into list_entry (account_id, list, number) values (%s, 'blacklist', %s)", asleep.account_id, number(1)
    )
    desk.clock.forward(MINUTE)
    assert not await claim(desk, asleep)
    assert record(desk)[:2] == ("FAILURE", "not_retryable")
    assert stock.value("select data->>'check' from event where kind = 'record_ended'") == "blacklist"
    assert attempt(desk)[:2] == (True, "done")
    stock.check_counts()


async def test_money_is_not_asked_again_because_it_is_still_set_aside(desk: Desk) -> None:
    asleep = await fall_asleep(desk)
    desk.stock.run("update balance set balance = %s", PRICE)  # what is reserved, and not a unit more
    desk.clock.forward(MINUTE)
    assert len(await claim(desk, asleep)) == 1
    desk.stock.check_counts()


async def test_it_sleeps_on_while_the_calling_hours_are_closed(desk: Desk) -> None:
    """The delay ends in the night: the run waits for the opening, and goes on then with its attempt."""
    stock = desk.stock
    evening = datetime.combine(desk.clock.now().date(), datetime.min.time(), UTC) + timedelta(
        hours=15, minutes=29, seconds=30
    )
    desk.clock.at = stock.now = evening  # 20:59:30 in India, whose hours end at 21:00
    account_id = stock.account(balance=10 * PRICE, policy_id="IN")
    stock.run(
        "insert into list_version (account_id, list, version, fresh_at) values (%s, 'dnd', 1, %s)", account_id, evening
    )
    request_id = stock.request(account_id, stock.flow(account_id, FLOW, "marketing"))
    (record_id,) = stock.records(account_id, request_id, [[number(1)]])
    (handed,) = await desk.claim_all(account_id, request_id)
    async with node(desk, "n1") as first:
        await first.work([handed])
    asleep = Asleep(account_id, request_id, record_id, handed)
    desk.clock.forward(MINUTE)
    assert not await claim(desk, asleep)
    status, reason, due_at, *_ = record(desk)
    assert (status, reason) == ("IN_PROGRESS", "outside_hours")
    assert isinstance(due_at, datetime)
    assert due_at > desk.clock.now() + timedelta(hours=5)
    assert stock.value("select count(*) from sleeping_run") == 1
    assert attempt(desk)[0] is False
    desk.clock.at = due_at
    stock.run("update list_version set fresh_at = %s", due_at)
    (again,) = await claim(desk, asleep)
    async with node(desk, "n2") as second:
        await second.work([again])
    assert record(desk)[:2] == ("COMPLETED", "completed")  # 120 minutes of a run are not spent by a night
    stock.check_counts()


async def test_a_thousand_sleep_and_wake_in_batches(desk: Desk) -> None:
    stock = desk.stock
    account_id = stock.account()
    request_id = stock.request(account_id, stock.flow(account_id, FLOW))
    stock.records(account_id, request_id, [[number(n)] for n in range(1000)])
    handed = await desk.claim_all(account_id, request_id)
    async with node(desk, "n1") as first:
        await first.work(handed)
    assert stock.value("select count(*) from sleeping_run") == 1000
    desk.clock.forward(MINUTE)
    await desk.grant(account_id, request_id, 1000, "n2")
    async with node(desk, "n2") as second:
        await second.work(await desk.claim(desk.node("n2")))
    assert stock.statuses(request_id) == {"COMPLETED": 1000}
    assert stock.value("select count(*) from attempt") == 1000
    stock.check_counts()
