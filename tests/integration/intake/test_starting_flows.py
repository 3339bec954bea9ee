"""Records that flows start: the checks of the API, stored once however often it is asked, and no chain without an end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from uuid import UUID

import pytest

from central.adapters.postgres.dispatch_store import PostgresDispatch
from central.adapters.postgres.intake_store import PostgresIntake
from central.adapters.postgres.library import PostgresLibrary
from central.adapters.postgres.pool import Pool
from central.adapters.postgres.reporting_store import PostgresReports
from central.adapters.system import SystemClock, SystemIds
from central.application.intake.open_request import OpenRequest
from central.application.intake.start_flow import LIMIT_CHAIN, LIMIT_DEPTH, StartFlow
from central.application.intake.submit_records import SubmitRecords
from central.application.ports.internal_functions import FlowStart, StartAnswer
from central.application.reporting.explain_record import ExplainRecord
from central.domain.ids import AccountId, RecordId, RequestId
from tests.stock import Stock, number


@dataclass(slots=True)
class Scene:
    """An account with a flow in production, and the record of another flow that starts it."""

    stock: Stock
    starting: StartFlow
    explain: ExplainRecord
    account_id: AccountId
    flow: str
    request_id: RequestId
    record_id: RecordId

    def wanted(self, **more: object) -> FlowStart:
        values = FlowStart(
            request_id=RequestId(self.stock.ids.uuid()), started_by=self.record_id, request_of_starter=self.request_id,
            testing=False, flow=self.flow, number=f"+{number(9)}", after_s=0.0, variables={"Name": "Asha"}, client_identifier="c",
        )  # fmt: skip
        return replace(values, **more)  # type: ignore[arg-type]

    async def start(self, **more: object) -> StartAnswer:
        return await self.starting(self.account_id, self.wanted(**more))

    def made(self) -> list[tuple[object, ...]]:
        """What stands in the tables beside the record that started it all."""
        query = "select q.source, r.status, r.numbers, r.client_identifier, r.variables from record r join request q on q.id = r.request_id "
        return self.stock.rows(f"{query} where r.id <> %s order by r.id", self.record_id)


def publish(stock: Stock, account_id: AccountId, flow: tuple[str, UUID]) -> None:
    stock.run("update flow_version set number = 1 where id = %s", flow[1])
    stock.run("update flow set production_version = 1 where account_id = %s and id = %s", account_id, flow[0])


@pytest.fixture
def scene(database: str, api_pool: Pool, worker_pool: Pool) -> Scene:
    stock, clock, ids = Stock(database), SystemClock(), SystemIds()
    account_id = stock.account(pending_cap=150)
    starter, target = stock.flow(account_id), stock.flow(account_id)
    publish(stock, account_id, target)
    request_id = stock.request(account_id, starter)
    (record_id,) = stock.records(account_id, request_id, [[number(1)]])
    intake, library = PostgresIntake(api_pool), PostgresLibrary(worker_pool, PostgresDispatch(worker_pool, ids), clock)
    submit = SubmitRecords(intake, OpenRequest(intake, library, clock, ids), clock, ids)
    explain = ExplainRecord(PostgresReports(api_pool), library, clock)
    return Scene(stock, StartFlow(intake, submit, clock), explain, account_id, target[0], request_id, record_id)


async def test_a_started_record_waits_for_its_turn_and_says_who_started_it(scene: Scene) -> None:
    answer = await scene.start()
    assert (answer.started, answer.status) == (True, "UNPROCESSED")
    assert answer.record_id is not None
    assert answer.detail == f"record {answer.record_id}: UNPROCESSED"
    assert scene.made() == [("internal", "UNPROCESSED", [number(9)], "c", {"Name": "Asha"})]
    told = await scene.explain(scene.account_id, answer.record_id)
    assert told.input.started_by == scene.record_id
    assert told.timeline[0].title.startswith("Row 1 was made by another flow")
    assert str(scene.record_id) in told.timeline[0].sentence
    assert (await scene.explain(scene.account_id, scene.record_id)).input.started_by is None
    scene.stock.check_counts()


async def test_asking_again_finds_what_was_stored(scene: Scene) -> None:
    wanted = scene.wanted()
    answers = [await scene.starting(scene.account_id, wanted) for _ in range(3)]
    answers += await asyncio.gather(*(scene.starting(scene.account_id, wanted) for _ in range(2)))
    assert {answer.record_id for answer in answers} == {answers[0].record_id}
    assert all(answer.started for answer in answers)
    scene.stock.run("update flow set archived_at = now() where id = %s", scene.flow)
    assert (await scene.starting(scene.account_id, wanted)).started  # the answer of the first time, whatever holds now
    assert len(scene.made()) == 1


async def test_a_start_in_the_future_is_scheduled(scene: Scene) -> None:
    answer = await scene.start(after_s=7200.0)
    assert (answer.started, answer.status) == (True, "SCHEDULED")
    assert scene.stock.value("select due_at > now() + interval '119 min' from record where id = %s", answer.record_id)


@pytest.mark.parametrize(
    ("more", "told", "stored"),
    [
        ({"flow": "nobody_knows"}, "flow_not_found", 0),
        ({"number": "12"}, "INVALID_CONTACT_NUMBER", 1),
        ({"variables": {"1x": "a"}}, "REJECTED", 1),
        ({"testing": True}, "PHONE_NOT_WHITELISTED", 1),
    ],
)
async def test_what_the_api_would_refuse_is_refused(
    scene: Scene, more: dict[str, object], told: str, stored: int
) -> None:
    wanted = scene.wanted(**more)
    for _ in range(2):
        answer = await scene.starting(scene.account_id, wanted)
        assert not answer.started
        assert told in answer.detail
    assert len(scene.made()) == stored


async def test_another_account_is_not_reached(scene: Scene) -> None:
    other = scene.stock.account()
    theirs = scene.stock.flow(other)
    publish(scene.stock, other, theirs)
    answer = await scene.start(flow=theirs[0])
    assert (answer.started, answer.detail.partition(":")[0]) == (False, "flow_not_found")


async def test_a_record_under_test_starts_the_draft_on_whitelisted_phones(scene: Scene) -> None:
    query = "insert into list_entry (account_id, list, number) values (%s, 'whitelist', %s)"
    scene.stock.run(query, scene.account_id, number(9))
    answer = await scene.start(testing=True)
    assert answer.started
    assert scene.stock.value(
        "select testing from request q join record r on r.request_id = q.id where r.id = %s", answer.record_id
    )


async def test_flows_that_start_each_other_come_to_an_end(scene: Scene) -> None:
    by, request_id, told = scene.record_id, scene.request_id, ""
    for depth in range(1, LIMIT_DEPTH + 2):
        wanted = scene.wanted(started_by=by, request_of_starter=request_id)
        answer = await scene.starting(scene.account_id, wanted)
        assert answer.started is (depth <= LIMIT_DEPTH), answer
        told = answer.detail
        if answer.record_id is not None:
            by, request_id = answer.record_id, wanted.request_id
    assert told.startswith("flow_chain_too_deep")
    depths = scene.stock.rows("select depth, chain from flow_start order by depth")
    assert depths == [(depth, scene.record_id) for depth in range(1, LIMIT_DEPTH + 1)]


async def test_a_record_cannot_start_any_number_of_others(scene: Scene) -> None:
    answers = [await scene.start() for _ in range(LIMIT_CHAIN + 1)]
    assert [answer.started for answer in answers] == [True] * LIMIT_CHAIN + [False]
    assert answers[-1].detail.startswith("flow_chain_too_long")
    assert len(scene.made()) == LIMIT_CHAIN


async def test_the_cap_on_pending_records_holds(scene: Scene) -> None:
    scene.stock.run("update account set pending_cap = 2 where id = %s", scene.account_id)
    answers = [await scene.start() for _ in range(2)]
    assert [answer.started for answer in answers] == [True, False]
    assert "MAX_CAPACITY_REACHED (pending_cap)" in answers[1].detail
