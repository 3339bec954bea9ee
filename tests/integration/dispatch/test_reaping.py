"""Records whose worker fell silent: what the rows prove decides (domain 7.4 rows 6a to 6c), and nobody redials at once."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import cast

from central.application.ports.dispatch import HandedRecord
from central.application.ports.journal import JournalBatch, LegAnswer, LegEnd
from central.application.tracking.control_requests import ControlRequests, KeepCounts
from central.domain.ids import LegId
from tests.integration.dispatch.conftest import Desk
from tests.stock import PRICE, Stock, number


def let_expire(stock: Stock) -> None:
    stock.run("update record set lease_until = now() - interval '1 second' where lease_until is not null")


async def claimed(desk: Desk, n: int = 1, **request: object) -> list[HandedRecord]:
    stock = desk.stock
    account_id = stock.account(balance=10**9)
    request_id = stock.request(account_id, stock.flow(account_id), **request)
    stock.records(account_id, request_id, [[number(i)] for i in range(n)])
    return await desk.claim_all(account_id, request_id)


def record(stock: Stock) -> tuple[object, ...]:
    return stock.rows("select status, reason, attempts_charged, platform_faults, lease_until, owner from record")[0]


async def test_6b_without_a_leg_row_nothing_was_sent_and_the_attempt_is_free(desk: Desk) -> None:
    await claimed(desk)
    let_expire(desk.stock)
    assert await desk.reaper()() == 1
    assert record(desk.stock) == ("REATTEMPT_SCHEDULED", "platform_fault", 0, 1, None, None)
    due = cast("datetime", desk.stock.value("select due_at from record"))
    assert due >= desk.clock.now() + timedelta(seconds=60)
    assert desk.stock.rows("select outcome, charged from attempt") == [("done", False)]
    assert desk.stock.value("select data->>'rule' from event where kind = 'record_rescheduled'") == "7.4 row 6b"
    desk.stock.check_counts()


async def test_6c_with_an_open_leg_the_call_may_have_been_sent_and_counts(desk: Desk) -> None:
    (handed,) = await claimed(desk)
    await desk.hand_over(handed)
    let_expire(desk.stock)
    assert await desk.reaper()() == 1
    assert record(desk.stock) == ("REATTEMPT_SCHEDULED", "unknown", 1, 0, None, None)
    assert desk.stock.rows("select status, local, end_at is not null from leg") == [
        ("Channel Unavailable", "engine_lost", True)
    ]
    assert desk.stock.rows("select outcome, result, charged from attempt") == [("unknown", "unknown", True)]
    desk.stock.check_counts()


async def test_6a_after_an_answer_the_record_fails_and_is_not_called_again(desk: Desk) -> None:
    (handed,) = await claimed(desk)
    (leg,), _ = await desk.hand_over(handed)
    answer = LegAnswer(handed.record.account_id, handed.record.id, leg, desk.clock.now(), "a", handed.fence)
    await desk.journal.commit("n1/g1", JournalBatch(answers=[answer]), desk.clock.now())
    let_expire(desk.stock)
    assert await desk.reaper()() == 1
    assert record(desk.stock)[:2] == ("FAILURE", "engine_lost")
    assert desk.stock.rows("select status, connect_at is not null from leg") == [("Connected", True)]
    desk.stock.check_counts()


async def test_a_leg_that_ended_is_charged_as_it_ended(desk: Desk) -> None:
    (handed,) = await claimed(desk)
    (leg,), _ = await desk.hand_over(handed)
    now, rec = desk.clock.now(), handed.record
    end = LegEnd(
        account_id=rec.account_id, record_id=rec.id, request_id=rec.request_id, id=leg, ring_at=now, connect_at=now, end_at=now,
        status="Connected", code=16, q850=16, sip_code=None, local="hangup_by_them", phase="answered", hangup_by="CUSTOMER",
        answered_ms=9000, cost=PRICE, sip_call_id="a", digits=[], engine={}, fence=handed.fence,
    )  # fmt: skip
    await desk.journal.commit("n1/g1", JournalBatch(ends=[end]), now)
    let_expire(desk.stock)
    await desk.reaper()()
    assert desk.stock.rows("select cost from attempt") == [(PRICE,)]
    assert desk.stock.rows("select balance, reserved from balance") == [(10**9 - PRICE, 0)]


async def test_the_late_worker_is_refused_and_may_not_dial(desk: Desk) -> None:
    (handed,) = await claimed(desk)
    let_expire(desk.stock)
    await desk.reaper()()
    _, answer = await desk.hand_over(handed)
    assert not answer.legs
    assert await desk.finish(desk.result(handed)) == {handed.record.id: "lost"}
    assert not await desk.journal.extend(
        "n1/g1", [(handed.record.account_id, handed.record.id, handed.fence)], timedelta(seconds=60)
    )
    assert record(desk.stock)[0] == "REATTEMPT_SCHEDULED"


async def test_a_lease_that_is_extended_is_not_reaped(desk: Desk) -> None:
    (handed,) = await claimed(desk)
    desk.stock.run("update record set lease_until = now() + interval '1 second'")
    key = (handed.record.account_id, handed.record.id, handed.fence)
    assert await desk.journal.extend("n1/g1", [key], timedelta(seconds=60)) == {handed.record.id}
    assert await desk.reaper()() == 0
    assert desk.stock.value("select lease_until > now() + interval '50 seconds' from record")


async def test_reapers_side_by_side_close_each_record_once(desk: Desk) -> None:
    await claimed(desk, 300)
    let_expire(desk.stock)
    reaped = await asyncio.gather(desk.reaper()(), desk.reaper()())
    assert sum(reaped) == 300
    assert desk.stock.rows("select status, count(*) from record group by 1") == [("REATTEMPT_SCHEDULED", 300)]
    assert desk.stock.value("select count(*) from event where kind = 'record_rescheduled'") == 300
    desk.stock.check_counts()


async def test_a_reaper_and_a_result_at_the_same_moment_agree_on_one_end(desk: Desk) -> None:
    handed = await claimed(desk, 200)
    let_expire(desk.stock)
    results = [desk.result(item) for item in handed]
    answers, reaped = await asyncio.gather(desk.finish(*results), desk.reaper()())
    accepted = sum(answer == "accepted" for answer in answers.values())
    assert accepted + reaped == 200
    assert desk.stock.value("select count(*) from event where kind in ('record_ended', 'record_rescheduled')") == 200
    desk.stock.check_counts()


async def test_a_reaped_record_of_a_paused_request_is_held_and_of_a_stopped_one_ends(desk: Desk) -> None:
    await claimed(desk)
    desk.stock.run("update request set control = 'paused'")
    let_expire(desk.stock)
    await desk.reaper()()
    assert desk.stock.rows("select status, held_status, due_at from record") == [("PAUSE", "REATTEMPT_SCHEDULED", None)]
    desk.stock.check_counts()


async def test_an_earlier_life_of_a_node_and_its_strays_are_reaped_at_once(desk: Desk) -> None:
    first, second = await claimed(desk, 2)
    assert await desk.journal.disown("n1", "n1/g1") == 0
    assert await desk.journal.disown("n1", "n1/g2") == 2
    assert await desk.reaper()() == 2
    await claimed(desk)
    assert await desk.journal.release_strays("n1/g1", [(first.record.account_id, first.record.id)]) == 1
    assert await desk.reaper()() == 1
    assert second.fence == 1


async def test_a_tracker_that_dies_after_taking_a_record_is_followed_by_another(desk: Desk) -> None:
    await claimed(desk)
    let_expire(desk.stock)
    assert len(await desk.tracking.reap("tracker", 10, timedelta(seconds=60))) == 1
    assert desk.stock.rows("select outcome from attempt") == [("uncertain",)]
    let_expire(desk.stock)
    assert await desk.reaper()() == 1
    assert record(desk.stock)[0] == "REATTEMPT_SCHEDULED"
    desk.stock.check_counts()


async def test_pause_resume_stop_move_the_waiting_and_count_right(desk: Desk) -> None:
    stock = desk.stock
    account_id = stock.account()
    flow = stock.flow(account_id)
    request_id = stock.request(account_id, flow)
    stock.records(account_id, request_id, [[number(n)] for n in range(30)])
    stock.records(account_id, request_id, [[number(n)] for n in range(30, 40)], attempts_made=1)
    control, counts = ControlRequests(desk.tracking, desk.clock), KeepCounts(desk.tracking, desk.clock)
    stock.run("update request set control = 'paused'")
    assert await control() == 40
    assert stock.tally(request_id) == {"status:PAUSE": 40}
    stock.run("update request set control = 'running'")
    assert await desk.tracking.resume_held(account_id, request_id, 25, desk.clock.now(), "user") == 25
    assert stock.tally(request_id) == {"status:PAUSE": 15, "status:RESUME": 25}
    assert len(await desk.claim_all(account_id, request_id, 5)) == 5
    stock.run("update request set control = 'stopping'")
    assert await control() == 35
    await counts()
    assert stock.value("select open from request") is True
    assert {key: n for key, n in stock.tally(request_id).items() if key.startswith("status:")} == stock_counts(stock)
    let_expire(stock)
    await desk.reaper()()
    await counts()
    assert stock.rows("select open, control from request") == [(False, "stopped")]
    stock.check_counts()


def stock_counts(stock: Stock) -> dict[str, int]:
    rows = stock.rows("select status, count(*) from record group by 1")
    return {f"status:{status}": int(str(n)) for status, n in rows}


async def test_folding_keeps_every_sum(desk: Desk) -> None:
    stock = desk.stock
    handed = await claimed(desk, 20)
    for item in handed:
        await desk.finish(desk.result(item))
    request_id = handed[0].record.request_id
    before = stock.tally(request_id)
    rows = stock.value("select count(*) from request_tally")
    await desk.tracking.fold_tallies(10_000)
    assert stock.tally(request_id) == before
    assert cast("int", stock.value("select count(*) from request_tally")) < cast("int", rows)
    assert stock.value("select sum(n) from request_tally where pending") in {0, None}


async def test_records_short_of_money_are_requeued_in_a_new_epoch(desk: Desk) -> None:
    stock = desk.stock
    account_id = stock.account(balance=0)
    request_id = stock.request(account_id, stock.flow(account_id))
    stock.records(account_id, request_id, [[number(1)]])
    assert not await desk.claim_all(account_id, request_id)
    await KeepCounts(desk.tracking, desk.clock)()
    assert stock.value("select open from request") is False
    stock.run("update balance set balance = %s", PRICE)
    assert await desk.tracking.requeue_short(account_id, request_id, 10, desk.clock.now(), "user") == 1
    (handed,) = await desk.claim_all(account_id, request_id)
    assert (handed.record.epoch, handed.attempt_number) == (2, 1)
    assert LegId(handed.attempt_id) != handed.record.id
    stock.check_counts()
