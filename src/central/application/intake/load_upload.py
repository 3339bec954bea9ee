"""A received file becomes records: chunk by chunk, each one transaction that also notes how far reading is (path step 1).

A worker that dies is followed by another, which goes on behind the last stored chunk. Judges in processes of their own read
and judge the chunks ahead, while the store works on the one before.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import cast

from central.application.intake.ask_lists import ask_lists
from central.application.intake.judge_file import DEADLINE_HOURS
from central.application.intake.open_request import Opening, OpenRequest
from central.application.ports.intake import (
    FileBrief,
    IntakeStore,
    JudgedChunk,
    ListFile,
    ListFiles,
    ListFindings,
    ListJudge,
    ListJudges,
    UploadState,
)
from central.application.ports.telemetry import Telemetry
from central.application.ports.world import Ids
from central.domain.errors import CallerError, Conflict, DefectError
from central.domain.ids import AccountId, RequestId

_AHEAD = 2
"""Chunks that a judge may be ahead of the store: while one waits to be stored, it works on the next. It holds no more."""

_STOPPED = Conflict("stopped_by_user", "The request was stopped by force before its file was loaded.")
_DEFECT = DefectError(
    "internal_error", "The file could not be loaded because of a fault of this system; its log has the cause."
)


class LoadUpload:
    """The use case; run by the background worker."""

    def __init__(
        self,
        store: IntakeStore,
        opener: OpenRequest,
        files: ListFiles,
        judges: ListJudges,
        ids: Ids,
        telemetry: Telemetry,
        chunk_rows: int = 5_000,
    ) -> None:
        self._store, self._opener, self._files, self._judges = store, opener, files, judges
        self._ids, self._telemetry, self._chunk_rows = ids, telemetry, chunk_rows

    async def __call__(self, account_id: AccountId, request_id: RequestId) -> int:
        """Load what is not loaded yet; answers the rows in the request. A file-level fault ends the request with its error.

        Raises NeighbourError when the store is away or a judge has ended; the job is then tried again and goes on where it
        stopped. What else it raises is a defect, after which it is tried a few times more, and then ``give_up``.
        """
        state = await self._store.upload_state(account_id, request_id)
        if state is None or state.state not in ("received", "loading"):
            return 0
        with tempfile.TemporaryDirectory(prefix="central-upload-") as folder:
            path = Path(folder) / "list"
            with path.open("wb") as file:
                async for part in self._store.file(account_id, request_id):
                    file.write(part)
            try:
                return await self._load(account_id, request_id, state, path)
            except CallerError as error:
                fault: Mapping[str, object] = {"code": error.code, "message": error.message, **error.details}
                await self._store.fail_upload(account_id, request_id, fault)
                self._telemetry.event("upload_refused", request_id=str(request_id), code=error.code)
                return 0

    async def give_up(self, account_id: AccountId, request_id: RequestId, *, stopped: bool) -> None:
        """End a request whose file is not loaded: its user stopped it by force, or loading failed again and again by our fault.

        What was loaded before stays. A loader that still runs finds out at its next chunk.
        """
        fault = _STOPPED if stopped else _DEFECT
        await self._store.fail_upload(account_id, request_id, {"code": fault.code, "message": fault.message})
        if stopped:
            self._telemetry.event("upload_stopped", request_id=str(request_id))
        else:
            self._telemetry.failure("upload_given_up", fault, request_id=str(request_id))

    async def _load(self, account_id: AccountId, request_id: RequestId, state: UploadState, path: Path) -> int:
        opening = await self._opening(account_id, state)
        listed = await self._inspected(path, state, opening)
        await self._store.begin_loading(account_id, request_id, listed.describe())
        seen: set[int] | None = None
        if opening.facts.reject_duplicates:
            seen = {int(number) for number in await self._store.loaded_numbers(account_id, request_id)}
        overdue = opening.facts.now - state.created_at > timedelta(hours=DEADLINE_HOURS)
        brief = FileBrief(listed, opening.grounds, self._chunk_rows, state.rows_done, overdue)
        async with self._judges.open(brief) as judges:
            loading = _Loading(self._store, self._ids, account_id, request_id, opening, judges, seen)
            done = await loading.run(state.rows_done)
        await self._store.loaded(account_id, request_id)
        self._telemetry.event("upload_loaded", request_id=str(request_id), rows=done)
        return done

    async def _inspected(self, path: Path, state: UploadState, opening: Opening) -> ListFile:
        mapping = cast("Mapping[str, str]", state.options.get("mapping") or {})
        encoding = state.options.get("encoding")
        return await asyncio.to_thread(
            self._files.inspect,
            path,
            state.file_name,
            state.media_type,
            [declaration.name for declaration in opening.prepared.flow.variables],
            mapping,
            encoding if isinstance(encoding, str) else None,
        )

    async def _opening(self, account_id: AccountId, state: UploadState) -> Opening:
        flow_id, _, _ = await self._store.version_document(account_id, state.version_id)
        target = await self._opener.target(account_id, flow_id)
        account = await self._store.account(account_id)
        return await self._opener.opening(
            account_id, target, state.version_id, account, testing=state.testing, end_at=state.end_at
        )


@dataclass(frozen=True, slots=True)
class _Ready:
    """A chunk judged as if the account had room for all, and by what it can be judged again."""

    judge: ListJudge
    number: int
    instant: int
    findings: ListFindings
    judged: JudgedChunk


@dataclass(slots=True)
class _Loading:
    """The chunks of one upload on their way: made ready by several judges at once, stored strictly in order.

    ``seen`` holds the first numbers loaded so far, where the flow rejects repeats.
    """

    store: IntakeStore
    ids: Ids
    account_id: AccountId
    request_id: RequestId
    opening: Opening
    judges: Sequence[ListJudge]
    seen: set[int] | None

    async def run(self, done: int) -> int:
        """Store what is behind row ``done``; answers the rows of the file."""
        ahead: deque[asyncio.Task[_Ready | None]] = deque()
        for number in range(_AHEAD * len(self.judges)):
            self._begin(number, ahead)
        try:
            while (ready := await ahead.popleft()) is not None:
                done += await self._stored(ready, done)
                self._begin(ready.number + _AHEAD * len(self.judges), ahead)
        finally:
            for task in ahead:
                task.cancel()
            await asyncio.gather(*ahead, return_exceptions=True)
        return done

    def _begin(self, number: int, ahead: deque[asyncio.Task[_Ready | None]]) -> None:
        """Have a chunk made ready; the order of these calls is that of the records' ids."""
        before = ahead[-1] if ahead else None
        ahead.append(asyncio.create_task(self._made_ready(number, self.ids.instant(), before)))

    async def _made_ready(self, number: int, instant: int, before: asyncio.Task[_Ready | None] | None) -> _Ready | None:
        judge = self.judges[number % len(self.judges)]
        numbers = await judge.read(number)
        if numbers is None:
            return None
        async with self.store.chunk(self.account_id) as lists:
            findings = await ask_lists(lists, numbers, self.opening.facts)
        if self.seen is None:
            return _Ready(judge, number, instant, findings, await judge.judge(number, instant, findings))
        if before is not None:
            await before  # only then all numbers of earlier rows are known
        findings = replace(findings, loaded=[one for one in numbers if int(one) in self.seen])
        judged = await judge.judge(number, instant, findings)
        self.seen.update(judged.first_numbers)
        return _Ready(judge, number, instant, findings, judged)

    async def _stored(self, ready: _Ready, done: int) -> int:
        """Store a chunk in one transaction, judged again where the account's cap cuts it; answers its rows."""
        judged, target = ready.judged, self.opening.target
        async with self.store.chunk(self.account_id) as chunk:
            remaining = self.opening.pending_cap - await chunk.pending()
            if judged.accepted > remaining:
                judged = await ready.judge.judge(ready.number, ready.instant, ready.findings, remaining)
            await chunk.insert(self.request_id, target.flow_id, judged.text, judged.tallies, self.opening.facts.now)
            await chunk.rows_done(self.request_id, done, done + judged.rows)
        return judged.rows
