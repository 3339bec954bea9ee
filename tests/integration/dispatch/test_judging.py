"""What a claim makes of due records: ended, put back or handed over, each with its reason, on the real tables."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from central.application.ports.dispatch import NodeState
from central.domain.errors import NeighbourError
from central.domain.statuses import FlowStatus
from central.flow.prepared import PreparedFlow
from tests.integration.dispatch.conftest import Desk
from tests.stock import PRICE, Stock, number


def ended(stock: Stock) -> dict[str, tuple[str, str | None]]:
    rows = stock.rows("select numbers[1], status, reason from record")
    return {str(tel): (str(status), None if reason is None else str(reason)) for tel, status, reason in rows}


async def test_a_handed_over_record_has_an_attempt_an_event_a_lease_and_a_reservation(desk: Desk) -> None:
    stock = desk.stock
    account_id = stock.account()
    request_id = stock.request(account_id, stock.flow(account_id))
    (record_id,) = stock.records(account_id, request_id, [[number(1)]])
    (handed,) = await desk.claim_all(account_id, request_id)
    assert (handed.record.id, handed.fence, handed.attempt_number, handed.reserved) == (record_id, 1, 1, PRICE)
    assert stock.rows("select status, owner, fence, due_at, lease_until > now() from record") == [
        ("IN_PROGRESS", "n1/g1", 1, None, True)
    ]
    assert stock.rows("select number, fence, node, reserved, policy_id, ended_at from attempt") == [
        (1, 1, "n1/g1", PRICE, "LAB", None)
    ]
    assert stock.rows("select kind, from_status, to_status from event") == [
        ("record_claimed", "UNPROCESSED", "IN_PROGRESS")
    ]
    assert stock.rows("select kind, reserved, records from ledger") == [("reserve", PRICE, 1)]
    assert stock.tally(request_id) == {"status:IN_PROGRESS": 1, "attempts": 1}
    stock.check_counts()


async def test_lists_are_asked_again_at_the_claim(desk: Desk) -> None:
    stock = desk.stock
    account_id = stock.account()
    request_id = stock.request(account_id, stock.flow(account_id, purpose="marketing"))
    stock.run("insert into list_entry (account_id, list, number) values (%s, 'blacklist', %s)", account_id, number(1))
    stock.run(
        "insert into list_entry (account_id, list, number, prefix) values (%s, 'blacklist', %s, true)",
        account_id,
        number(2000)[:10],
    )
    expired = "insert into list_entry (account_id, list, number, expires_at) values (%s, 'blacklist', %s, now() - interval '1 s')"
    stock.run(expired, account_id, number(3))
    for n in (4, 5):
        stock.run("insert into dnd_entry (account_id, number) values (%s, %s)", account_id, number(n))
    stock.run("insert into list_entry (account_id, list, number) values (%s, 'whitelist', %s)", account_id, number(5))
    stock.run(
        "insert into list_version (account_id, list, version, entries, fresh_at) values (%s, 'dnd', 7, 2, now()), "
        "(%s, 'blacklist', 3, 2, null)",
        account_id,
        account_id,
    )
    stock.records(account_id, request_id, [[number(n)] for n in (1, 2001, 3, 4, 5, 6)])
    stock.records(account_id, request_id, [["14155550100"]])
    handed = await desk.claim_all(account_id, request_id)
    assert {item.record.numbers[0] for item in handed} == {number(3), number(5), number(6)}
    assert {tel: found for tel, found in ended(stock).items() if found[1]} == {
        number(1): ("PHONE_BLACKLISTED", "phone_blacklisted"),
        number(2001): ("PHONE_BLACKLISTED", "phone_blacklisted"),
        number(4): ("NCPR_CHECK_FAILED", "ncpr_check_failed"),
        "14155550100": ("INTERNATIONAL_CALLS_DISABLED", "international_calls_disabled"),
    }
    assert stock.rows("select distinct dnd_version, blacklist_version from attempt") == [(7, 3)]
    assert stock.value("select data->>'value' from event where to_status = 'NCPR_CHECK_FAILED'") == "NCPR version 7"
    stock.check_counts()


async def test_a_stale_register_blocks_marketing_and_nothing_else(desk: Desk) -> None:
    stock = desk.stock
    account_id = stock.account()
    stock.run(
        "insert into list_version (account_id, list, version, fresh_at) values (%s, 'dnd', 1, now() - interval '2 days')",
        account_id,
    )
    for n, purpose in enumerate(("marketing", "service"), 1):
        request_id = stock.request(account_id, stock.flow(account_id, purpose=purpose))
        stock.records(account_id, request_id, [[number(n)]])
        await desk.claim_all(account_id, request_id)
    assert ended(stock)[number(1)] == ("NCPR_CHECK_FAILED", "stale_register")
    assert ended(stock)[number(2)][0] == "IN_PROGRESS"


async def test_bad_numbers_are_struck_and_the_next_good_one_is_called(desk: Desk) -> None:
    stock = desk.stock
    account_id = stock.account()
    request_id = stock.request(account_id, stock.flow(account_id))
    stock.run("insert into list_entry (account_id, list, number) values (%s, 'blacklist', %s)", account_id, number(1))
    stock.records(account_id, request_id, [[number(1), number(2)]])
    (handed,) = await desk.claim_all(account_id, request_id)
    assert handed.struck == 0b1
    assert stock.value("select struck from record") == 1
    assert stock.value("select data->'dropped'->0->>'check' from event") == "blacklist"


async def test_validity_goes_before_balance(desk: Desk) -> None:
    stock = desk.stock
    account_id = stock.account(valid_until=desk.clock.now().date() - timedelta(days=2), balance=0)
    request_id = stock.request(account_id, stock.flow(account_id))
    stock.records(account_id, request_id, [[number(1)]])
    assert not await desk.claim_all(account_id, request_id)
    assert ended(stock)[number(1)] == ("ACCOUNT_VALIDITY_EXPIRED", "account_validity_expired")
    stock.check_counts()


async def test_money_is_reserved_for_as_many_records_as_it_covers(desk: Desk) -> None:
    stock = desk.stock
    account_id = stock.account(balance=2 * PRICE, credit_limit=PRICE + PRICE // 2)
    request_id = stock.request(account_id, stock.flow(account_id))
    stock.records(account_id, request_id, [[number(n)] for n in range(5)])
    assert len(await desk.claim_all(account_id, request_id)) == 3
    assert stock.statuses(request_id) == {"IN_PROGRESS": 3, "INSUFFICIENT_BALANCE": 2}
    assert stock.value("select reserved from balance") == 3 * PRICE
    stock.records(account_id, request_id, [[number(9)]])
    assert not await desk.claim_all(account_id, request_id)
    stock.check_counts()


async def test_claimers_side_by_side_never_reserve_more_than_there_is(desk: Desk) -> None:
    stock = desk.stock
    account_id = stock.account(balance=150 * PRICE)
    request_id = stock.request(account_id, stock.flow(account_id))
    stock.records(account_id, request_id, [[number(n)] for n in range(200)])
    nodes = [desk.node("n1"), desk.node("n2")]
    for node in nodes:
        await desk.grant(account_id, request_id, 100, node.name)

    async def claim(node: NodeState) -> int:
        while True:
            try:
                return len(await desk.claim(node))
            except NeighbourError as error:
                if error.code != "balance_moved":
                    raise

    assert sum(await asyncio.gather(*(claim(node) for node in nodes))) == 150
    assert stock.statuses(request_id) == {"IN_PROGRESS": 150, "INSUFFICIENT_BALANCE": 50}
    assert stock.value("select reserved from balance") == 150 * PRICE
    stock.check_counts()


async def test_money_spent_while_a_batch_is_judged_undoes_the_claim(desk: Desk) -> None:
    stock = desk.stock
    account_id = stock.account(balance=PRICE)
    request_id = stock.request(account_id, stock.flow(account_id))
    stock.records(account_id, request_id, [[number(1)]])
    spend = desk.library.flows

    async def spending(ids: Iterable[UUID]) -> Mapping[UUID, PreparedFlow]:
        stock.run("update balance set balance = 0")
        return await spend(ids)

    desk.library.flows = spending  # type: ignore[method-assign]
    with pytest.raises(NeighbourError, match="balance_moved"):
        await desk.claim_all(account_id, request_id)
    assert stock.rows("select status, fence, attempts_made from record") == [("UNPROCESSED", 0, 0)]
    assert stock.value("select count(*) from attempt") == 0
    assert not await desk.claim()
    assert stock.statuses(request_id) == {"INSUFFICIENT_BALANCE": 1}


async def test_a_record_whose_callee_sleeps_is_put_back_to_the_opening(desk: Desk) -> None:
    desk.clock.at = at_night = datetime.combine(desk.clock.now().date(), datetime.min.time(), UTC) + timedelta(hours=19)
    desk.stock.now = at_night
    stock = desk.stock
    account_id = stock.account(policy_id="IN")
    stock.run(
        "insert into list_version (account_id, list, version, fresh_at) values (%s, 'dnd', 1, %s)", account_id, at_night
    )
    request_id = stock.request(account_id, stock.flow(account_id, purpose="marketing"))
    stock.records(account_id, request_id, [[number(1)]])
    stock.records(account_id, request_id, [[number(2)]], time_zone="Europe/London")
    stock.records(account_id, request_id, [[number(3)]], expires_s=3600)
    handed = await desk.claim_all(account_id, request_id)
    assert [item.record.numbers[0] for item in handed] == [number(2)]
    rows = {str(tel): (status, due) for tel, status, due in stock.rows("select numbers[1], status, due_at from record")}
    assert rows[number(1)] == ("SCHEDULED", at_night.replace(hour=3, minute=30) + timedelta(days=1))
    assert rows[number(3)] == ("FAILURE", None)
    assert stock.value("select reason from event where to_status = 'SCHEDULED'") == "outside_hours"
    assert (
        stock.value(
            "select count(*) from attempt where record_id = (select id from record where numbers[1] = %s)", number(1)
        )
        == 0
    )
    stock.check_counts()


async def test_only_due_records_of_running_requests_and_flows_are_picked(desk: Desk) -> None:
    stock = desk.stock
    account_id = stock.account()
    flow, paused_flow = stock.flow(account_id), stock.flow(account_id)
    stock.run("update flow set control = 'paused' where id = %s", paused_flow[0])
    running = stock.request(account_id, flow)
    paused, stopping = (stock.request(account_id, flow, control=word) for word in ("paused", "stopping"))
    of_paused_flow = stock.request(account_id, paused_flow)
    for n, request_id in enumerate((running, paused, stopping, of_paused_flow)):
        stock.records(account_id, request_id, [[number(n)]])
    stock.records(account_id, running, [[number(9)]], due_s=60, status=FlowStatus.SCHEDULED)
    for request_id in (running, paused, stopping, of_paused_flow):
        await desk.grant(account_id, request_id, 10)
    assert [item.record.numbers[0] for item in await desk.claim()] == [number(0)]
    assert [due.request_id for due in await desk.dispatch.demands(desk.clock.now(), 10)] == []
    assert not await desk.claim()


async def test_an_account_whose_policy_is_gone_does_not_stop_the_others(desk: Desk) -> None:
    stock = desk.stock
    broken, sound = stock.account(), stock.account()
    stock.run("update account set policy_id = 'ATLANTIS' where id = %s", broken)
    waiting = stock.request(broken, stock.flow(broken))
    going = stock.request(sound, stock.flow(sound))
    stock.records(broken, waiting, [[number(1)]])
    stock.records(sound, going, [[number(2)]])
    assert not await desk.claim_all(broken, waiting)
    assert len(await desk.claim_all(sound, going)) == 1
    assert stock.rows("select status, reason, due_at > now() from record where request_id = %s", waiting) == [
        ("SCHEDULED", "set_up_broken", True)
    ]
    stock.check_counts()


async def test_of_records_due_at_once_the_higher_priority_comes_first(desk: Desk) -> None:
    stock = desk.stock
    account_id = stock.account()
    request_id = stock.request(account_id, stock.flow(account_id))
    ids = stock.records(account_id, request_id, [[number(n)] for n in range(1, 5)])
    stock.run("update record set due_at = now() - interval '1 minute'")
    stock.run("update record set priority = 9 where id = %s", ids[2])
    (first,) = await desk.claim_all(account_id, request_id, 1)
    assert first.record.id == ids[2]
