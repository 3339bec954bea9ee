"""Uploads into a real PostgreSQL through real judge processes: the same records as without them, whatever is killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import psutil
import pytest

from central.adapters.files.list_files import DiskListFiles
from central.adapters.files.shape import FileLimits
from central.adapters.judges.processes import JudgeProcesses
from central.adapters.postgres.dispatch_store import PostgresDispatch
from central.adapters.postgres.intake_store import PostgresChunk, PostgresIntake
from central.adapters.postgres.library import PostgresLibrary
from central.adapters.postgres.pool import Pool
from central.adapters.system import SystemClock, SystemIds
from central.application.intake.load_upload import LoadUpload
from central.application.intake.open_request import OpenRequest
from central.application.ports.intake import ListFindings, ListJudges, NewRequest
from central.domain.errors import InvalidInput, NeighbourError
from central.domain.ids import AccountId, FlowId, RequestId
from tests.fakes.judges import InProcessJudges
from tests.fakes.observed import ObservedTelemetry
from tests.stock import Stock, number
from tests.unit.intake.briefs import brief, flow_document
from tests.unit.intake.lists import written, zipped
from tests.unit.intake.test_files_xlsx import workbook

JUDGE = [sys.executable, "-m", "central.bootstrap.judge"]
CHUNK, ROWS = 20, 207
FATES = "row_number, status, reason, numbers, variables, client_identifier, priority, time_zone"
HOLDING_JUDGES = """
import asyncio, sys
from pathlib import Path
from central.adapters.judges.processes import JudgeProcesses
from tests.fakes.observed import ObservedTelemetry
from tests.unit.intake.briefs import brief

async def main():
    telemetry = ObservedTelemetry()
    async with JudgeProcesses([sys.executable, "-m", "central.bootstrap.judge"], 2, telemetry) as judges:
        async with judges.open(brief(Path(sys.argv[1]))):
            print(*[keys["pid"] for _, keys in telemetry.events], flush=True)
            await asyncio.Event().wait()

asyncio.run(main())
"""


def row(n: int) -> list[str]:
    """Good rows, and some that fail a check each; row 1 repeats in row 101."""
    match n % 10:
        case 3:
            return ["12345", "short", ""]
        case 5:
            return [number(n), "late", "after lunch"]
        case 7:
            return [number(7), "listed", ""]
        case _:
            return [number(n % 100), f"name {n}", ""]


def rows(n: int = ROWS) -> list[list[str]]:
    return [["tel1", "name", "start_time"], *(row(i) for i in range(1, n + 1))]


def csv_of(lines: Sequence[Sequence[str]]) -> bytes:
    return "".join(",".join(line) + "\n" for line in lines).encode()


class InterruptedIntake(PostgresIntake):
    """Calls ``before_store`` with the number of chunks stored so far, each time before one is stored."""

    def __init__(self, pool: Pool) -> None:
        super().__init__(pool)
        self.stored = 0
        self.before_store: Callable[[int], None] = lambda _: None

    @contextlib.asynccontextmanager
    async def chunk(self, account_id: AccountId) -> AsyncGenerator[PostgresChunk]:
        async with super().chunk(account_id) as chunk:
            yield _InterruptedChunk(chunk, self)


class _InterruptedChunk(PostgresChunk):
    def __init__(self, chunk: PostgresChunk, intake: InterruptedIntake) -> None:
        super().__init__(chunk._connection, chunk._account)
        self._intake = intake

    async def pending(self) -> int:
        self._intake.before_store(self._intake.stored)
        return await super().pending()

    async def rows_done(self, request_id: RequestId, before: int, after: int) -> None:
        await super().rows_done(request_id, before, after)
        self._intake.stored += 1


@dataclass(slots=True)
class Loader:
    """An account with lists and a flow, and the use case on its store."""

    stock: Stock
    intake: InterruptedIntake
    opener: OpenRequest
    account_id: AccountId
    telemetry: ObservedTelemetry = field(default_factory=ObservedTelemetry)

    async def received(self, content: bytes, name: str = "list.csv", duplicates: str = "allow") -> RequestId:
        """A received file of a flow of its own."""
        flow_id, version_id = self.stock.flow(self.account_id, flow_document(duplicates))
        return await self.receive(flow_id, version_id, content, name)

    async def receive(self, flow_id: FlowId, version_id: UUID, content: bytes, name: str) -> RequestId:
        ids, now, account = self.stock.ids, self.stock.now, self.account_id
        request = NewRequest(RequestId(ids.uuid()), flow_id, version_id, False, "upload", name, True, 0, None)
        await self.intake.open_upload(account, request, name, "", {}, now)
        await self.intake.receive(account, request.id, 0, content)
        digest = sha256(content).digest()
        await self.intake.received(account, request.id, flow_id, len(content), digest, now - timedelta(hours=1))
        return request.id

    async def load(self, judges: ListJudges, request_id: RequestId) -> int:
        self.intake.stored = 0
        files = DiskListFiles(FileLimits())
        use_case = LoadUpload(self.intake, self.opener, files, judges, self.stock.ids, self.telemetry, CHUNK)
        return await use_case(self.account_id, request_id)

    def processes(self, count: int = 2) -> JudgeProcesses:
        return JudgeProcesses(JUDGE, count, self.telemetry)

    def fates(self, request_id: RequestId) -> list[tuple[object, ...]]:
        """What became of each row, in the order of the records' ids."""
        return self.stock.rows(f"select {FATES} from record where request_id = %s order by id", request_id)

    def events(self, request_id: RequestId) -> list[tuple[object, ...]]:
        query = (
            "select r.row_number, e.kind, e.to_status, e.reason, e.data from event e join record r on r.id = e.record_id "
            "where r.request_id = %s order by 1"
        )
        return self.stock.rows(query, request_id)

    def pids(self) -> list[int]:
        """The judge processes that were started, in their order."""
        return [int(str(keys["pid"])) for name, keys in self.telemetry.events if name == "judge_started"]

    def check_complete(self, request_id: RequestId, count: int = ROWS) -> None:
        """Every row once, counted, and the file forgotten."""
        assert [fate[0] for fate in self.fates(request_id)] == list(range(1, count + 1))
        self.stock.check_counts()
        state = "select u.state, u.rows_done, q.loading, q.error from upload u join request q on q.id = u.request_id where q.id = %s"
        assert self.stock.rows(state, request_id) == [("loaded", count, False, None)]
        assert self.stock.value("select count(*) from upload_chunk where request_id = %s", request_id) == 0


@pytest.fixture
def loader(database: str, worker_pool: Pool, api_pool: Pool) -> Loader:
    stock, clock, ids = Stock(database), SystemClock(), SystemIds()
    intake = InterruptedIntake(api_pool)
    account_id = stock.account(pending_cap=100_000)
    stock.run("insert into list_entry (account_id, list, number) values (%s, 'blacklist', %s)", account_id, number(7))
    stock.run(
        "insert into list_entry (account_id, list, number, prefix) values (%s, 'blacklist', %s, true)",
        account_id, number(90)[:11],
    )  # fmt: skip
    library = PostgresLibrary(worker_pool, PostgresDispatch(worker_pool, ids), clock)
    return Loader(stock, intake, OpenRequest(intake, library, clock, ids), account_id)


@pytest.mark.parametrize("kind", ["csv", "zip", "ndjson", "xlsx"])
async def test_a_list_of_any_kind_gives_the_same_records_through_processes(
    loader: Loader, tmp_path: Path, kind: str
) -> None:
    content, name = csv_of(rows()), f"list.{kind}"
    if kind == "zip":
        content = zipped(tmp_path, {"list.csv": content}).read_bytes()
    if kind == "xlsx":
        content = workbook(tmp_path, rows()).read_bytes()
    if kind == "ndjson":
        lines = [f'{{"tel1": "{t}", "name": "{n}", "start_time": "{s}"}}\n' for t, n, s in rows()[1:]]
        content = "".join(lines).encode()
    alone, shared = await loader.received(content, name), await loader.received(content, name)
    assert await loader.load(InProcessJudges(), alone) == ROWS
    async with loader.processes() as judges:
        assert await loader.load(judges, shared) == ROWS
    loader.check_complete(shared)
    assert loader.fates(shared) == loader.fates(alone)
    assert loader.events(shared) == loader.events(alone)
    assert loader.stock.tally(shared) == loader.stock.tally(alone)
    assert {reason for _, _, reason, *_ in loader.fates(shared)} >= {None, "blacklisted", "number_malformed"}


async def test_repeats_are_rejected_across_chunks_and_after_an_interruption(loader: Loader) -> None:
    request_id = await loader.received(csv_of(rows()), duplicates="reject")

    def interrupt(stored: int) -> None:
        if stored == 3:
            raise NeighbourError("store_away", "The test cuts the connection.")

    loader.intake.before_store = interrupt
    async with loader.processes() as judges:
        with pytest.raises(NeighbourError, match="store_away"):
            await loader.load(judges, request_id)
        assert len(loader.fates(request_id)) == 3 * CHUNK
        loader.intake.before_store = lambda _: None
        assert await loader.load(judges, request_id) == ROWS
    loader.check_complete(request_id)
    again = [fate[0] for fate in loader.fates(request_id) if fate[2] == "duplicate_number"]
    good = [n for n in range(101, ROWS + 1) if n % 10 not in {3, 5, 7} and not n % 100 >= 90]
    assert again == good
    assert len(loader.pids()) == 2


async def test_the_cap_on_pending_records_cuts_in_the_middle_of_a_chunk(loader: Loader) -> None:
    loader.stock.run("update account set pending_cap = 50 where id = %s", loader.account_id)
    request_id = await loader.received(csv_of([["tel1"], *([number(n)] for n in range(100, 100 + ROWS))]))
    loader.stock.run("delete from list_entry")
    async with loader.processes() as judges:
        await loader.load(judges, request_id)
    loader.check_complete(request_id)
    assert [fate[1] for fate in loader.fates(request_id)] == ["UNPROCESSED"] * 50 + ["MAX_CAPACITY_REACHED"] * (
        ROWS - 50
    )


@pytest.mark.parametrize("victim", [0, 1])
async def test_a_judge_killed_in_mid_load_leads_to_a_complete_undoubled_request(loader: Loader, victim: int) -> None:
    request_id = await loader.received(csv_of(rows()))

    def kill(stored: int) -> None:
        if stored == 2:
            os.kill(loader.pids()[victim], signal.SIGKILL)

    loader.intake.before_store = kill
    async with loader.processes() as judges:
        with pytest.raises(NeighbourError, match="judge_ended"):
            await loader.load(judges, request_id)
        assert 2 * CHUNK <= len(loader.fates(request_id)) < ROWS
        loader.intake.before_store = lambda _: None
        assert await loader.load(judges, request_id) == ROWS
    loader.check_complete(request_id)
    assert len(loader.pids()) == 3
    (ended,) = [keys for name, keys in loader.telemetry.events if name == "judge_ended"]
    assert ended == {"pid": loader.pids()[victim], "exit_code": -signal.SIGKILL}
    assert not [pid for pid in loader.pids() if psutil.pid_exists(pid)]


async def test_judges_are_shared_by_uploads_and_say_the_errors_of_their_work(loader: Loader, tmp_path: Path) -> None:
    path = written(tmp_path, csv_of([["tel1"], [number(1)], [number(2)]]))
    broken = brief(path)
    object.__setattr__(broken.grounds, "document", b"flow: [")
    async with loader.processes() as judges, judges.open(brief(path)) as first:
        assert await first[0].read(0) == [number(1), number(2)]
        with pytest.raises(InvalidInput) as error:
            async with judges.open(broken):
                pass
        assert error.value.code
        async with judges.open(brief(path, chunk_rows=1)) as (_, second):
            assert await second.read(1) == [number(2)]
        assert (await first[0].judge(0, 1, ListFindings())).accepted == 2
        assert await first[1].read(1) is None
    assert len(loader.pids()) == 2
    assert not [pid for pid in loader.pids() if psutil.pid_exists(pid)]


def test_judges_end_when_the_process_that_asks_them_is_killed(tmp_path: Path) -> None:
    path = written(tmp_path, csv_of([["tel1"], [number(1)]]))
    argv = [sys.executable, "-c", HOLDING_JUDGES, str(path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        children = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
        assert len(children) == 2
        assert all(child.ppid() == parent.pid for child in children)
        parent.kill()
    _, alive = psutil.wait_procs(children, timeout=20)
    assert alive == []
