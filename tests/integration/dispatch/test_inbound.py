"""Calls that come in, in the tables: one request a day, true counts, and what the reaper makes of a node that died."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from central.adapters.postgres.inbound_store import PostgresInbound
from central.application.dispatch.admit_calls import AdmitCalls, Admitted, Refused
from central.application.ports.inbound import CalledNumber
from central.application.ports.journal import JournalBatch, LegHandOver
from central.application.ports.library import AccountTrunk
from central.application.ports.telephony import CallOffered, Trunk
from central.domain.ids import AccountId, LegId, TrunkId
from tests.integration.dispatch.conftest import LEASE, Desk
from tests.stock import Stock

FLOW = b"""
flow: in
type: inbound
purpose: service
steps:
  start: {widget: start, next: answer}
  answer: {widget: answer_call, next: end}
"""
DID = "918000000077"


def inbound(stock: Stock, account_id: AccountId, number: str = DID) -> UUID:
    """An inbound flow that is published on a number; its version."""
    flow_id, version_id = stock.flow(account_id, FLOW)
    stock.run("insert into did (account_id, number) values (%s, %s) on conflict do nothing", account_id, number)
    stock.run("insert into flow_did values (%s, %s, %s)", account_id, flow_id, number)
    stock.run("update flow_version set number = 1 where id = %s", version_id)
    stock.run("update flow set type = 'inbound', production_version = 1 where id = %s", flow_id)
    return version_id


async def call_in(desk: Desk, *callers: str, account_id: AccountId, called: str = DID) -> list[Admitted | Refused]:
    """Offer calls to node n1 over a trunk of the account."""
    trunk = AccountTrunk(account_id, Trunk(TrunkId(desk.ids.uuid()), "peer", "127.0.0.1"), 10, 10, ())
    admit = AdmitCalls(PostgresInbound(desk.pool), desk.library, desk.clock, desk.ids, LEASE)
    offers = [
        CallOffered(LegId(desk.ids.uuid()), desk.clock.now(), called, caller, frozenset({trunk.trunk.id}))
        for caller in callers
    ]
    return list(await admit(desk.node(), offers, {trunk.trunk.id: trunk}, _room))


def _room(number: CalledNumber, trunk: AccountTrunk) -> str:
    del number, trunk
    return ""


async def test_taken_calls_are_records_of_the_days_request_under_lease(desk: Desk) -> None:
    stock = desk.stock
    account_id = stock.account()
    version_id = inbound(stock, account_id)
    first = await call_in(desk, "919700000001", "919700000002", account_id=account_id)
    second = await call_in(desk, "", account_id=account_id)
    assert all(isinstance(answer, Admitted) for answer in [*first, *second])
    ((request_id, name, source, version),) = stock.rows("select id, name, source, flow_version_id from request")
    assert (name, source, version) == (f"Inbound {desk.clock.now().date()}", "inbound", version_id)
    assert stock.rows("select status, owner, fence, attempts_made, numbers from record order by numbers") == [
        ("IN_PROGRESS", "n1/g1", 1, 1, [number]) for number in ("919700000001", "919700000002", "anonymous")
    ]
    assert stock.rows("select distinct direction, role, number_to, status from leg") == [
        ("inbound", "customer", DID, None)
    ]
    assert isinstance(request_id, UUID)
    stock.check_counts()


async def test_a_call_under_the_account_s_limit_is_told_and_ends_at_once(desk: Desk) -> None:
    stock = desk.stock
    account_id = stock.account(balance=-1)
    inbound(stock, account_id)
    (answer,) = await call_in(desk, "919700000001", account_id=account_id)
    assert isinstance(answer, Refused)
    assert stock.rows("select status, lease_until, attempts_made from record") == [("INSUFFICIENT_BALANCE", None, 0)]
    assert stock.value("select count(*) from leg") == 0
    stock.check_counts()
    (request_id,) = stock.rows("select id from request")[0]
    assert isinstance(request_id, UUID)
    # a requeue would call the caller back by a flow that cannot call
    assert await desk.tracking.requeue_short(account_id, request_id, 10, desk.clock.now(), "u") == 0  # type: ignore[arg-type]


async def test_the_number_of_another_account_is_not_reached_through_this_peer(desk: Desk) -> None:
    stock = desk.stock
    owner, other = stock.account(), stock.account()
    inbound(stock, owner)
    (answer,) = await call_in(desk, "919700000001", account_id=other)
    assert isinstance(answer, Refused)
    assert answer.reason == "unknown_peer"
    assert stock.value("select count(*) from record") == 0


async def test_what_an_agent_s_phone_dials_is_refused_with_a_word_of_its_own(desk: Desk) -> None:
    stock = desk.stock
    account_id = stock.account()
    inbound(stock, account_id)
    admit = AdmitCalls(PostgresInbound(desk.pool), desk.library, desk.clock, desk.ids, LEASE)
    leg, agent = LegId(desk.ids.uuid()), desk.ids.uuid()
    offer = CallOffered(leg, desk.clock.now(), DID, "", frozenset(), phone=agent)
    (answer,) = await admit(desk.node(), [offer], {}, _room)
    assert isinstance(answer, Refused)
    assert (answer.reason, answer.q850) == ("phone_may_not_call", 21)
    assert stock.value("select count(*) from record") == 0


async def test_the_call_of_a_node_that_died_is_over(desk: Desk) -> None:
    stock = desk.stock
    account_id = stock.account()
    inbound(stock, account_id)
    await call_in(desk, "919700000001", account_id=account_id)
    stock.run("update record set lease_until = now() - interval '1 second'")
    assert await desk.reaper()() == 1
    assert stock.rows("select status, reason, due_at from record") == [("FAILURE", "engine_lost", None)]
    assert stock.value("select count(*) from leg where status is null") == 0
    stock.check_counts()


async def test_a_request_of_calls_is_completed_a_day_later(desk: Desk) -> None:
    stock = desk.stock
    account_id = stock.account(balance=-1)
    inbound(stock, account_id)
    await call_in(desk, "919700000001", account_id=account_id)
    await desk.tracking.close_requests(100, desk.clock.now())
    assert stock.value("select open from request") is True
    await desk.tracking.close_requests(100, _later(desk.clock.now()))
    assert stock.value("select open from request") is False


def _later(now: datetime) -> datetime:
    return now + timedelta(hours=26)


async def test_a_stop_ends_the_calls_that_are_there_and_not_those_to_come(desk: Desk) -> None:
    stock = desk.stock
    account_id = stock.account()
    inbound(stock, account_id)
    await call_in(desk, "919700000001", account_id=account_id)
    stock.run("update request set control = 'stopping', force_stop = true")
    assert await desk.journal.stopping("n1/g1")
    stock.run("update record set status = 'PARTIAL_COMPLETE', lease_until = null, owner = null")
    for caller in ("919700000002", "919700000003"):
        (answer,) = await call_in(desk, caller, account_id=account_id)
        assert isinstance(answer, Admitted)
    assert not await desk.journal.stopping("n1/g1")
    day = f"Inbound {desk.clock.now().date()}"
    assert stock.rows("select name from request order by name") == [(day,), (f"{day} (2)",)]


@pytest.mark.parametrize("caller", ["7", "12", "99999999999999999999"])
async def test_an_extension_that_calls_ends_like_any_other(desk: Desk, caller: str) -> None:
    stock = desk.stock
    account_id = stock.account()
    inbound(stock, account_id)
    (answer,) = await call_in(desk, caller, account_id=account_id)
    assert isinstance(answer, Admitted)
    stock.run("update record set lease_until = now() - interval '1 second'")
    assert await desk.reaper()() == 1
    assert stock.rows("select status, numbers from record") == [("FAILURE", [caller])]


async def test_the_leg_of_somebody_who_was_brought_in_decides_nothing_when_the_node_dies(desk: Desk) -> None:
    stock = desk.stock
    account_id = stock.account()
    inbound(stock, account_id)
    (answer,) = await call_in(desk, "919700000001", account_id=account_id)
    assert isinstance(answer, Admitted)
    record = answer.handed.record
    further = LegHandOver(
        record.account_id, record.id, 1, LegId(desk.ids.uuid()), 1, 100, DID, "919800000001", None, desk.clock.now(),
        role="third_party",
    )  # fmt: skip
    await desk.journal.commit("n1/g1", JournalBatch(legs=[further]), desk.clock.now())
    stock.run("update leg set status = 'Unallocated Number', end_at = now() where role = 'third_party'")
    stock.run("update record set lease_until = now() - interval '1 second'")
    assert await desk.reaper()() == 1
    assert stock.rows("select status, reason, struck from record") == [("FAILURE", "engine_lost", 0)]
