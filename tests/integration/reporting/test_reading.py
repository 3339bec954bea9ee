"""Requests, records and reports read from PostgreSQL as one account: filters, pages, counts, isolation, bounded cost."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from central.adapters.postgres.dispatch_store import PostgresDispatch
from central.adapters.postgres.library import PostgresLibrary
from central.adapters.postgres.pool import Pool, tenant
from central.adapters.postgres.reporting_store import PostgresReports
from central.adapters.postgres.statements import load_statements
from central.adapters.system import SystemClock
from central.application.ports.reporting import RecordSearch
from central.application.reporting.read_records import ReadRecords
from central.application.reporting.reporting import Reporting
from central.domain.errors import NotFound
from central.domain.ids import AccountId, FlowId, RecordId, RequestId
from central.domain.statuses import FlowStatus
from tests.stock import Stock, number


@dataclass
class Wish:
    status: str | None = None
    flow: str | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None
    reason: str | None = None
    record_class: str | None = None
    number: str | None = None
    client_identifier: str | None = None


ANY = Wish()


@dataclass
class Stage:
    stock: Stock
    reporting: Reporting
    store: PostgresReports
    library: PostgresLibrary
    account: AccountId
    flow: tuple[FlowId, UUID]

    def request(self, records: int = 0, status: FlowStatus = FlowStatus.UNPROCESSED, **columns: object) -> RequestId:
        request_id = self.stock.request(self.account, self.flow, **columns)
        if records:
            numbers = [[number(n)] for n in range(records)]
            self.stock.records(self.account, request_id, numbers, status=status, due_s=3600.0)
        return request_id

    def tally(self, request_id: RequestId, counter: str, n: int) -> None:
        self.stock.run(
            "insert into request_tally (account_id, request_id, counter, n) values (%s, %s, %s, %s)",
            self.account, request_id, counter, n,
        )  # fmt: skip

    async def ids(self, wanted: Wish = ANY, before: RequestId | None = None, limit: int = 50) -> list[str]:
        found = await self.reporting.requests(self.account, wanted, before, limit)
        return [str(document["request_id"]) for document in found]


@pytest.fixture
async def stage(database: str, api_pool: Pool, worker_pool: Pool) -> Stage:
    stock = Stock(database)
    account = stock.account()
    store = PostgresReports(api_pool)
    library = PostgresLibrary(worker_pool, PostgresDispatch(worker_pool, stock.ids), SystemClock())
    reporting = Reporting(store, library, SystemClock())
    return Stage(stock, reporting, store, library, account, stock.flow(account))


async def test_requests_come_newest_first_in_pages(stage: Stage) -> None:
    made = [str(stage.request()) for _ in range(5)][::-1]
    assert await stage.ids() == made
    assert await stage.ids(limit=2) == made[:2]
    assert await stage.ids(before=RequestId(UUID(made[1])), limit=2) == made[2:4]


async def test_requests_are_filtered_by_status_flow_and_time(stage: Stage) -> None:
    scheduled = stage.request(3, FlowStatus.SCHEDULED)
    begun = stage.request(2, FlowStatus.REATTEMPT_SCHEDULED)
    stage.tally(begun, "attempts", 2)
    done = stage.request(created_at=stage.stock.now - timedelta(days=9))
    stage.tally(done, "status:COMPLETED", 1)
    loading = stage.request(loading=True)
    assert await stage.ids(Wish(status="Scheduled")) == [str(scheduled)]
    assert await stage.ids(Wish(status="In process")) == [str(loading), str(begun)]
    assert await stage.ids(Wish(status="Completed")) == [str(done)]
    for status in ("Scheduled", "In process", "Completed"):
        for document in await stage.reporting.requests(stage.account, Wish(status=status), None, 9):
            assert document["status"] == status, "the filter and the shown status agree"
    other = stage.stock.request(stage.account, stage.stock.flow(stage.account))
    flow_id = stage.flow[0]
    assert str(other) not in await stage.ids(Wish(flow=flow_id))
    assert await stage.ids(Wish(flow=f"f_{flow_id}")) == await stage.ids(Wish(flow=flow_id))
    long_ago = Wish(created_to=stage.stock.now - timedelta(days=8))
    assert await stage.ids(long_ago) == [str(done)]
    assert str(done) not in await stage.ids(Wish(created_from=stage.stock.now - timedelta(days=8)))


async def test_a_request_shows_counts_that_add_up(stage: Stage) -> None:
    request_id = stage.request(4, FlowStatus.SCHEDULED)
    for counter, n in {
        "status:COMPLETED": 5,
        "added": 9,
        "attempts": 3,
        "call:Busy": 2,
        "reason:completed": 5,
    }.items():
        stage.tally(request_id, counter, n)
    stage.tally(request_id, "call:Busy", 1)
    document = await stage.reporting.request(stage.account, request_id)
    assert document["counts"] == {
        "loaded": 9, "added": 9, "valid": 5, "invalid": 0, "ncpr": 0, "pending": 4, "completed": 5,
        "completion_percent": pytest.approx(55.6, abs=0.1),
    }  # fmt: skip
    assert document["calls"] == {"Busy": 3}
    assert document["statuses"] == {"COMPLETED": 5, "SCHEDULED": 4}
    assert document["status"] == "In process"
    assert json.dumps(document), "JSON-ready"


async def test_another_account_sees_nothing(stage: Stage) -> None:
    request_id = stage.request(1)
    (record_id,) = [row["record_id"] for row in await stage.reporting.records(stage.account, request_id, ANY, None, 9)]
    stranger = stage.stock.account()
    assert await stage.reporting.requests(stranger, ANY, None, 9) == []
    for question in (
        stage.reporting.request(stranger, request_id),
        stage.reporting.records(stranger, request_id, ANY, None, 9),
        stage.reporting.report(stranger, request_id),
        stage.reporting.record(stranger, RecordId(UUID(str(record_id)))),
        stage.reporting.timeline(stranger, RecordId(UUID(str(record_id)))),
    ):
        with pytest.raises(NotFound):
            await question


async def test_records_come_in_pages_by_id(stage: Stage) -> None:
    request_id = stage.request(7)
    seen: list[Any] = []
    after: RecordId | None = None
    while page := await stage.reporting.records(stage.account, request_id, ANY, after, 3):
        assert len(page) <= 3
        seen += [row["row"] for row in page]
        after = RecordId(UUID(str(page[-1]["record_id"])))
    assert seen == list(range(1, 8))


async def test_a_filter_finds_its_records_in_bites(stage: Stage) -> None:
    request_id = stage.request(25)
    stage.stock.run(
        "update record set status = 'COMPLETED', reason = 'completed', due_at = null, client_identifier = 'c' || row_number"
        " where row_number in (3, 14, 25)"
    )
    stage.tally(request_id, "status:COMPLETED", 3)
    stage.tally(request_id, "status:UNPROCESSED", -3)
    read = ReadRecords(stage.store, stage.library, bite=5)

    async def rows(wanted: Wish, after: RecordId | None = None, limit: int = 50) -> list[int]:
        return [view.row for view in await read.page(stage.account, request_id, wanted, after, limit)]

    assert await rows(Wish(status="COMPLETED")) == [3, 14, 25]
    assert await rows(Wish(status="COMPLETED"), limit=2) == [3, 14]
    assert await rows(Wish(reason="completed", number=f"+{number(13)}")) == [14]
    assert await rows(Wish(client_identifier="c25")) == [25]
    assert await rows(Wish(record_class="valid")) == [3, 14, 25]
    assert len(await rows(Wish(record_class="pending"))) == 22
    assert await rows(Wish(status="FAILURE")) == []
    assert await rows(Wish(status="COMPLETED", record_class="ncpr")) == []
    second = (await read.page(stage.account, request_id, Wish(status="COMPLETED"), None, 2))[1]
    assert await rows(Wish(status="COMPLETED"), RecordId(second.record_id)) == [25]


async def test_rejected_rows_are_listed_with_what_was_written(stage: Stage) -> None:
    request_id = stage.request(6)
    stage.stock.run(
        "update record set status = 'INVALID_CONTACT_NUMBER', reason = 'number_malformed', numbers = '{}', due_at = null"
        " where row_number in (2, 5)"
    )
    stage.stock.run("update record set status = 'FAILURE', due_at = null, attempts_made = 1 where row_number = 3")
    stage.stock.run(
        "update record set status = 'NCPR_CHECK_FAILED', due_at = null where row_number = 4"
    )  # at its claim
    stage.stock.run(
        "insert into event (account_id, record_id, id, at, kind, from_status, to_status, reason, data)"
        " select account_id, id, id, now(), 'record_created', 'UNPROCESSED', case when status = 'INVALID_CONTACT_NUMBER' then status else 'UNPROCESSED' end,"
        " reason, case when status = 'INVALID_CONTACT_NUMBER'"
        ' then \'{"check": "number_pattern", "sentence": "No number.", "row": {"numbers": ["12"]}}\'::jsonb end from record'
    )
    batches = [batch async for batch in stage.reporting.rejects(stage.account, request_id)]
    rows = [row for batch in batches for row in batch]
    assert [row["row"] for row in rows] == [2, 5]
    assert {**rows[0], "record_id": ""} == {
        "row": 2, "record_id": "", "status": "INVALID_CONTACT_NUMBER", "reason": "number_malformed", "sentence": "No number.",
        "client_identifier": None, "numbers": ["12"],
    }  # fmt: skip
    page = await stage.reporting.records(stage.account, request_id, Wish(status="INVALID_CONTACT_NUMBER"), None, 9)
    assert page == [], "the counts know of no such record, so none is looked for"
    stage.tally(request_id, "status:INVALID_CONTACT_NUMBER", 2)
    page = await stage.reporting.records(stage.account, request_id, Wish(status="INVALID_CONTACT_NUMBER"), None, 9)
    assert [row["numbers"] for row in page] == [["12"], ["12"]]


async def test_the_cost_of_a_request_and_a_page_does_not_grow_with_its_list(stage: Stage, api_pool: Pool) -> None:
    request_id = stage.request(20_000)
    stage.stock.run("vacuum analyze record")
    one: dict[str, object] = {"account_id": stage.account, "id": request_id, "limit": 1}
    one.update(dict.fromkeys(("before", "now", "status", "flow", "created_from", "created_to")))
    page: dict[str, object] = {
        "account_id": stage.account,
        "request_id": request_id,
        "after": UUID(int=0),
        "limit": 51,
        "scan": 51,
    }
    page.update(dict.fromkeys(("reason", "number", "client_identifier")), statuses=[])
    questions: dict[str, dict[str, object]] = {"requests": one, "scan_records": page}
    for name, parameters in questions.items():
        explain = b"explain (analyze, format json) " + load_statements("reporting")[name]
        async with tenant(api_pool, stage.account) as connection:
            plan = (await (await connection.execute(explain, parameters)).fetchall())[0][0][0]["Plan"]
        touched = sum(
            (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
            for node in nodes(plan)
            if node.get("Relation Name") == "record"
        )
        assert touched <= 51, name


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", []) for node in nodes(child))]


async def test_a_scan_looks_no_further_than_it_may(stage: Stage) -> None:
    request_id = stage.request(30)
    seen = await stage.store.scan_records(stage.account, request_id, RecordSearch(reason="nobody has this"), 5, 10)
    assert seen.found == []
    assert seen.last is not None
    rest = await stage.store.scan_records(stage.account, request_id, RecordSearch(after=seen.last), 50, 50)
    assert len(rest.found) == 20
    assert rest.last is None
