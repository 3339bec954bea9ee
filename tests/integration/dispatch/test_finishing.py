"""The end of an attempt in the tables: accepted once, guarded by fence and table of moves, money and counts settled."""

from __future__ import annotations

from uuid import uuid4

import psycopg
import pytest

from central.application.ports.dispatch import HandedRecord
from central.application.ports.journal import JournalAnswer, JournalBatch, LegAnswer, LegEnd, RecordEvent
from central.domain.ids import LegId
from tests.integration.dispatch.conftest import Desk
from tests.stock import PRICE, number


def leg_end(desk: Desk, handed: HandedRecord, leg: LegId, status: str = "Connected") -> LegEnd:
    now, record = desk.clock.now(), handed.record
    return LegEnd(
        account_id=record.account_id, record_id=record.id, request_id=record.request_id, id=leg, ring_at=now, connect_at=now,
        end_at=now, status=status, code=16, q850=16, sip_code=200, local="hangup_by_us", phase="answered", hangup_by="SYSTEM",
        answered_ms=1000, cost=PRICE, sip_call_id="a", digits=[{"digit": "1", "at": now}], engine={},
        fence=handed.fence,
    )  # fmt: skip


async def test_a_result_is_accepted_once_and_its_repetition_changes_nothing(desk: Desk) -> None:
    stock = desk.stock
    account_id = stock.account(balance=10_000)
    request_id = stock.request(account_id, stock.flow(account_id))
    stock.records(account_id, request_id, [[number(1)]])
    (handed,) = await desk.claim_all(account_id, request_id)
    (leg,), answer = await desk.hand_over(handed)
    assert answer.legs == {leg}
    result = desk.result(handed, cost=PRICE, data={"sentence": "well"})
    end = leg_end(desk, handed, leg)
    batch = JournalBatch(
        answers=[LegAnswer(handed.record.account_id, handed.record.id, leg, desk.clock.now(), "a", handed.fence)],
        ends=[end],
        events=[RecordEvent(handed.record.account_id, handed.record.id, uuid4(), desk.clock.now(), "flow_walked", {})],
        results=[result],
    )
    for _ in range(2):
        answer = await desk.journal.commit("n1/g1", batch, desk.clock.now())
        assert answer.results == {handed.record.id: "accepted"}
    assert stock.rows("select status, reason, owner, lease_until, last_call_status, attempts_charged from record") == [
        ("COMPLETED", "completed", None, None, "Connected", 1)
    ]
    assert stock.rows("select kind, from_status, to_status from event order by at, id") != []
    assert stock.value("select count(*) from event where kind = 'record_ended'") == 1
    assert stock.rows("select outcome, result, cost, charged from attempt") == [("done", "Connected", PRICE, True)]
    assert stock.rows("select balance, reserved from balance") == [(10_000 - PRICE, 0)]
    assert stock.rows("select kind, amount, reserved, records from ledger order by kind") == [
        ("reserve", 0, PRICE, 1),
        ("settle", -PRICE, -PRICE, 1),
    ]
    assert stock.tally(request_id) == {
        "status:COMPLETED": 1, "attempts": 1, "call:Connected": 1, "reason:completed": 1,
    }  # fmt: skip
    stock.check_counts()


async def test_a_result_under_an_old_fence_is_lost(desk: Desk) -> None:
    stock = desk.stock
    account_id = stock.account()
    request_id = stock.request(account_id, stock.flow(account_id))
    stock.records(account_id, request_id, [[number(1)]])
    (handed,) = await desk.claim_all(account_id, request_id)
    stock.run("update record set fence = fence + 1")
    before = stock.rows("select * from record")
    assert await desk.finish(desk.result(handed)) == {handed.record.id: "lost"}
    assert stock.rows("select * from record") == before
    assert stock.value("select count(*) from event where kind = 'record_ended'") == 0
    _, answer = await desk.hand_over(handed)
    assert not answer.legs
    assert stock.value("select count(*) from leg") == 0


async def test_a_leg_is_handed_over_only_to_the_owner_of_the_lease(desk: Desk) -> None:
    stock = desk.stock
    account_id = stock.account()
    request_id = stock.request(account_id, stock.flow(account_id))
    stock.records(account_id, request_id, [[number(1)]])
    (handed,) = await desk.claim_all(account_id, request_id)
    _, answer = await desk.hand_over(handed, owner="n1/g2")
    assert not answer.legs


@pytest.mark.parametrize("status", ["UNPROCESSED", "SCHEDULED", "MASK_ALLOCATED"])
async def test_an_unlawful_move_changes_nothing(desk: Desk, status: str) -> None:
    stock = desk.stock
    account_id = stock.account()
    request_id = stock.request(account_id, stock.flow(account_id))
    stock.records(account_id, request_id, [[number(1)]])
    (handed,) = await desk.claim_all(account_id, request_id)
    before = stock.rows("select * from record")
    assert await desk.finish(desk.result(handed, status)) == {handed.record.id: "unlawful"}
    assert stock.rows("select * from record") == before
    stock.check_counts()


async def test_a_claim_of_a_record_that_moved_meanwhile_hands_nothing_over(desk: Desk) -> None:
    """The row is locked while it is judged, so only a defect could do this; the guard holds all the same."""
    stock = desk.stock
    account_id = stock.account()
    request_id = stock.request(account_id, stock.flow(account_id))
    stock.records(account_id, request_id, [[number(1)]])
    await desk.grant(account_id, request_id, 1)
    async with desk.dispatch.claim(desk.node(), desk.clock.now()) as batch:
        (record,) = batch.records
        with stock.connect() as connection:
            connection.execute("set lock_timeout = '50ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                connection.execute("update record set status = 'SCHEDULED'")
        assert record.status == "UNPROCESSED"


@pytest.mark.parametrize(
    ("column", "word", "answer"),
    [
        ("q", "paused", "paused"),
        ("f", "paused", "paused"),
        ("q", "stopping", "stopping"),
        ("f", "stopping", "stopping"),
    ],
)
async def test_a_further_attempt_gives_way_to_pause_and_stop(desk: Desk, column: str, word: str, answer: str) -> None:
    stock = desk.stock
    account_id = stock.account()
    request_id = stock.request(account_id, stock.flow(account_id))
    stock.records(account_id, request_id, [[number(1)], [number(2)]])
    again, over = await desk.claim_all(account_id, request_id)
    stock.run(f"update {'request' if column == 'q' else 'flow'} set control = %s", word)
    waits = desk.result(again, "REATTEMPT_SCHEDULED", "not_reached", due_at=desk.again_at(60))
    assert await desk.finish(waits, desk.result(over)) == {again.record.id: answer, over.record.id: "accepted"}
    held = desk.result(again, "PAUSE", "not_reached", held_status="REATTEMPT_SCHEDULED", held_due_at=desk.again_at(60))
    assert await desk.finish(held) == {again.record.id: "accepted"}
    assert stock.rows("select held_status, due_at from record where status = 'PAUSE'") == [
        ("REATTEMPT_SCHEDULED", None)
    ]
    stock.check_counts()


async def test_a_further_leg_is_paid_or_refused_and_the_first_is_free(desk: Desk) -> None:
    stock = desk.stock
    account_id = stock.account(balance=2 * PRICE)
    request_id = stock.request(account_id, stock.flow(account_id))
    stock.records(account_id, request_id, [[number(1)]])
    (handed,) = await desk.claim_all(account_id, request_id)
    answers: list[JournalAnswer] = []
    for position in range(3):
        leg = LegId(desk.ids.uuid())
        wanted = desk.leg(handed, leg, position, PRICE if position else 0)
        answers.append(await desk.journal.commit("n1/g1", JournalBatch(legs=[wanted]), desk.clock.now()))
    assert [(len(answer.legs), len(answer.short)) for answer in answers] == [(1, 0), (1, 0), (0, 1)]
    assert stock.value("select reserved from balance") == 2 * PRICE
    assert stock.value("select reserved from attempt") == 2 * PRICE
    await desk.finish(desk.result(handed, "INSUFFICIENT_BALANCE", "insufficient_balance"))
    assert stock.value("select reserved from balance") == 0


async def test_a_repeated_hand_over_reserves_once(desk: Desk) -> None:
    """A commit whose answer was lost is written again."""
    stock = desk.stock
    account_id = stock.account(balance=10 * PRICE)
    request_id = stock.request(account_id, stock.flow(account_id))
    stock.records(account_id, request_id, [[number(1)]])
    (handed,) = await desk.claim_all(account_id, request_id)
    batch = JournalBatch(legs=[desk.leg(handed, LegId(desk.ids.uuid()), 1, PRICE)])
    for _ in range(2):
        assert len((await desk.journal.commit("n1/g1", batch, desk.clock.now())).legs) == 1
    assert stock.value("select count(*) from leg") == 1
    assert stock.value("select reserved from balance") == stock.value("select reserved from attempt") == 2 * PRICE
    stock.check_counts()


async def test_a_further_leg_under_a_lost_lease_reserves_nothing(desk: Desk) -> None:
    stock = desk.stock
    account_id = stock.account(balance=10 * PRICE)
    request_id = stock.request(account_id, stock.flow(account_id))
    stock.records(account_id, request_id, [[number(1)]])
    (handed,) = await desk.claim_all(account_id, request_id)
    stock.run("update record set fence = fence + 1")
    batch = JournalBatch(legs=[desk.leg(handed, LegId(desk.ids.uuid()), 1, PRICE)])
    answer = await desk.journal.commit("n1/g1", batch, desk.clock.now())
    assert (answer.legs, answer.short) == (frozenset(), frozenset())
    assert stock.value("select reserved from balance") == PRICE


async def test_a_second_end_of_a_leg_changes_neither_row_nor_count(desk: Desk) -> None:
    stock = desk.stock
    account_id = stock.account()
    request_id = stock.request(account_id, stock.flow(account_id))
    stock.records(account_id, request_id, [[number(1)]])
    (handed,) = await desk.claim_all(account_id, request_id)
    (leg,), _ = await desk.hand_over(handed)
    for status in ("Connected", "Busy"):
        batch = JournalBatch(ends=[leg_end(desk, handed, leg, status)])
        await desk.journal.commit("n1/g1", batch, desk.clock.now())
    assert stock.rows("select status, digits->0->>'digit' from leg") == [("Connected", "1")]
    assert stock.tally(request_id)["call:Connected"] == 1
    assert "call:Busy" not in stock.tally(request_id)


async def test_endpoints_hear_of_final_records_in_the_same_transaction(desk: Desk) -> None:
    stock = desk.stock
    account_id = stock.account()
    flow = stock.flow(account_id)
    request_id = stock.request(account_id, flow)
    for name, events, columns in (("all", "{record.final,record.status}", ""), ("none", "{request.status}", "")):
        del columns
        stock.run(
            "insert into webhook_endpoint (account_id, id, name, url, events, secrets) values (%s, %s, %s, 'https://x', %s, '{}')",
            account_id, uuid4(), name, events,
        )  # fmt: skip
    stock.records(account_id, request_id, [[number(1)], [number(2)]])
    first, second = await desk.claim_all(account_id, request_id)
    await desk.finish(
        desk.result(first),
        desk.result(second, "REATTEMPT_SCHEDULED", "not_reached", due_at=desk.again_at(60)),
    )
    rows = stock.rows("select record_id, event_type, body->>'status' from outbox order by occurred_at, event_type, 3")
    assert sorted((str(kind), str(status)) for _, kind, status in rows) == [
        ("record.final", "None"),
        ("record.status", "COMPLETED"),
        ("record.status", "IN_PROGRESS"),
        ("record.status", "IN_PROGRESS"),
        ("record.status", "REATTEMPT_SCHEDULED"),
    ]


async def test_each_change_of_a_status_is_told_after_the_one_before_it(desk: Desk) -> None:
    """Whoever looked at the clock first may get the row last: a pause beside the end of an attempt."""
    stock, tracking = desk.stock, desk.tracking
    account_id = stock.account()
    request_id = stock.request(account_id, stock.flow(account_id))
    stock.records(account_id, request_id, [[number(1)]])
    early = desk.again_at(-1)
    (handed,) = await desk.claim_all(account_id, request_id)
    again = desk.result(handed, status="REATTEMPT_SCHEDULED", reason="not_reached", due_at=desk.again_at(60))
    assert await desk.finish(again) == {handed.record.id: "accepted"}
    assert await tracking.hold_waiting(account_id, request_id, 10, early, "a user") == 1
    assert await tracking.resume_held(account_id, request_id, 10, early, "a user") == 1
    moves = stock.rows(
        "select from_status, to_status from event where to_status is distinct from from_status order by at, id"
    )
    assert moves[-4:] == [
        ("UNPROCESSED", "IN_PROGRESS"), ("IN_PROGRESS", "REATTEMPT_SCHEDULED"), ("REATTEMPT_SCHEDULED", "PAUSE"), ("PAUSE", "RESUME"),
    ]  # fmt: skip
