"""The background job of a received file: a defect ends the request after a few tries, a force stop at once, rescue repeats nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

import pytest

from central.adapters.files.list_files import DiskListFiles
from central.adapters.files.shape import FileLimits
from central.adapters.postgres.dispatch_store import PostgresDispatch
from central.adapters.postgres.intake_store import PostgresIntake
from central.adapters.postgres.jobs import JobDeeds, JobPace, JobQueue, open_jobs, run_jobs
from central.adapters.postgres.library import PostgresLibrary
from central.adapters.postgres.pool import Pool
from central.adapters.postgres.reporting_store import PostgresReports
from central.adapters.postgres.tracking_store import PostgresTracking
from central.adapters.system import SystemClock, SystemIds
from central.application.intake.load_upload import LoadUpload
from central.application.intake.open_request import OpenRequest
from central.application.intake.receive_upload import ReceiveUpload, Upload
from central.application.ports.intake import NewRequest
from central.application.reporting.view_request import view_request
from central.domain.errors import InvalidInput, NeighbourError
from central.domain.ids import AccountId, RequestId
from tests.fakes.judges import InProcessJudges
from tests.fakes.observed import ObservedTelemetry
from tests.stock import Stock, number

PACE = JobPace(tries=3, wait_s=0.05, recover_s=0.2)


@dataclass
class Yard:
    """One received file, and the worker that is to load it; ``fault`` is what each try raises."""

    stock: Stock
    intake: PostgresIntake
    load: LoadUpload
    opener: OpenRequest
    stranded: PostgresTracking
    telemetry: ObservedTelemetry
    account_id: AccountId
    fault: Callable[[int], BaseException | None] = lambda _: None
    tries: int = 0

    async def received(self, age: timedelta = timedelta(0)) -> RequestId:
        flow_id, version_id = self.stock.flow(self.account_id)
        request_id, content = RequestId(self.stock.ids.uuid()), f"tel1\n{number(1)}\n".encode()
        request = NewRequest(request_id, flow_id, version_id, False, "upload", "list.csv", True, 0, None)
        await self.intake.open_upload(self.account_id, request, "list.csv", "", {}, self.stock.now)
        await self.intake.receive(self.account_id, request_id, 0, content)
        await self.intake.received(self.account_id, request_id, flow_id, len(content), b"", self.stock.now)
        self.stock.run("update upload set created_at = created_at - %s where request_id = %s", age, request_id)
        return request_id

    async def try_load(self, account_id: AccountId, request_id: RequestId) -> int:
        self.tries += 1
        error = self.fault(self.tries)
        if error is not None:
            raise error
        return await self.load(account_id, request_id)

    @contextlib.asynccontextmanager
    async def working(self) -> AsyncGenerator[JobQueue]:
        async def nothing() -> None: ...

        stop = asyncio.Event()
        deeds = JobDeeds(self.try_load, nothing, self.stranded.stranded_uploads, self.load.give_up)
        async with open_jobs(self.stock.dsn, "central_worker").open_async() as app:
            worker = asyncio.create_task(run_jobs(app, deeds, stop, self.telemetry, PACE))
            yield JobQueue(app)
            stop.set()
            await worker

    async def ended(self, request_id: RequestId) -> object:
        """The error of the request once it loads no more."""
        for _ in range(300):
            ((loading, error),) = self.stock.rows("select loading, error from request where id = %s", request_id)
            if not loading:
                return None if error is None else cast("dict[str, object]", error)["code"]
            await asyncio.sleep(0.1)
        raise AssertionError(self.telemetry.events)


@pytest.fixture
def yard(database: str, worker_pool: Pool, api_pool: Pool) -> Yard:
    stock, clock, ids, telemetry = Stock(database), SystemClock(), SystemIds(), ObservedTelemetry()
    intake = PostgresIntake(api_pool)
    opener = OpenRequest(intake, PostgresLibrary(worker_pool, PostgresDispatch(worker_pool, ids), clock), clock, ids)
    load = LoadUpload(intake, opener, DiskListFiles(FileLimits()), InProcessJudges(), ids, telemetry)
    return Yard(stock, intake, load, opener, PostgresTracking(worker_pool), telemetry, stock.account())


async def test_a_load_that_always_fails_ends_with_the_error_said(yard: Yard) -> None:
    yard.fault = lambda _: UnicodeError("unforeseen")
    request_id = await yard.received(timedelta(hours=1))
    async with yard.working() as queue:
        await queue.enqueue_load(yard.account_id, request_id)
        assert await yard.ended(request_id) == "internal_error"
        await asyncio.sleep(3 * PACE.recover_s)
    assert yard.tries == PACE.tries
    failures = [keys["error"] for name, keys in yard.telemetry.events if name == "upload_load_failed"]
    assert [type(error) for error in failures] == [UnicodeError] * PACE.tries
    assert "upload_given_up" in [name for name, _ in yard.telemetry.events]
    assert yard.stock.value("select state from upload where request_id = %s", request_id) == "failed"


async def test_a_judge_that_always_ends_is_a_defect_too(yard: Yard) -> None:
    yard.fault = lambda _: NeighbourError("judge_ended", "It ended.")
    request_id = await yard.received()
    async with yard.working() as queue:
        await queue.enqueue_load(yard.account_id, request_id)
        assert await yard.ended(request_id) == "internal_error"


async def test_a_neighbour_that_comes_back_costs_no_request(yard: Yard, api_pool: Pool) -> None:
    yard.fault = lambda tries: NeighbourError("database_unavailable", "away") if tries <= PACE.tries + 1 else None
    request_id = await yard.received()
    async with yard.working() as queue:
        await queue.enqueue_load(yard.account_id, request_id)
        assert await yard.ended(request_id) is None
    assert yard.stock.value("select count(*) from record where request_id = %s", request_id) == 1
    row = await PostgresReports(api_pool).request(yard.account_id, request_id)
    assert row is not None
    shown = view_request(row, yard.stock.now).upload
    assert shown is not None
    assert (shown.kind, shown.encoding, shown.delimiter) == ("csv", "utf-8", ",")


async def test_a_file_that_no_job_knows_is_loaded_and_a_known_one_is_left_alone(yard: Yard) -> None:
    forgotten, young = await yard.received(timedelta(minutes=1)), await yard.received()
    assert [(u.request_id, u.fate) for u in await yard.stranded.stranded_uploads()] == [(forgotten, "unknown")]
    async with open_jobs(yard.stock.dsn, "central_worker").open_async() as app:
        for request_id in (forgotten, young):
            await JobQueue(app).enqueue_load(yard.account_id, request_id)
    assert await yard.stranded.stranded_uploads() == []
    async with yard.working():
        assert await yard.ended(forgotten) is None


async def test_an_encoding_that_is_not_offered_is_refused_before_anything_is_stored(yard: Yard) -> None:
    async def body() -> AsyncGenerator[bytes]:
        yield b"tel1\n"

    clock, ids = SystemClock(), SystemIds()
    flow_id, _ = yard.stock.flow(yard.account_id)
    upload = Upload(flow_id, "testing", "list.csv", "text/csv", encoding="utf-7")
    async with open_jobs(yard.stock.dsn, "central_worker").open_async() as app:
        receive = ReceiveUpload(yard.intake, yard.opener, JobQueue(app), clock, ids, 1000)
        with pytest.raises(InvalidInput) as refused:
            await receive(yard.account_id, upload, body(), "user")
    assert refused.value.code == "unknown_encoding"
    assert "utf-16-le" in cast("list[str]", refused.value.details["accepted"])
    assert yard.stock.value("select count(*) from request") == 0


async def test_a_forced_stop_ends_a_request_that_still_loads(yard: Yard) -> None:
    yard.fault = lambda _: NeighbourError("database_unavailable", "away")
    request_id = await yard.received()
    async with yard.working() as queue:
        await queue.enqueue_load(yard.account_id, request_id)
        yard.stock.run("update request set control = 'stopping', force_stop = true where id = %s", request_id)
        assert await yard.ended(request_id) == "stopped_by_user"
