"""A received file becomes records: chunk by chunk, each one transaction that also notes how far reading is (path step 1).

A worker that dies is followed by another, which goes on behind the last stored chunk. Reading and judging run in a thread,
while the store works on the chunk before.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import cast

from central.application.intake.open_request import Opening, OpenRequest
from central.application.intake.store_chunk import JudgedChunk, StoreChunk
from central.application.ports.intake import IntakeStore, ListFile, ListFiles, UploadState
from central.application.ports.telemetry import Telemetry
from central.application.ports.world import Ids
from central.domain.errors import CallerError
from central.domain.ids import AccountId, RequestId
from central.domain.incoming import IncomingRecord
from central.domain.intake_checks import rejected
from central.domain.intake_facts import Prepared

_DEADLINE = timedelta(hours=24)  # domain 7.2: what is still unchecked then becomes REJECTED


class LoadUpload:
    """The use case; run by the background worker."""

    def __init__(
        self,
        store: IntakeStore,
        opener: OpenRequest,
        files: ListFiles,
        ids: Ids,
        telemetry: Telemetry,
        chunk_rows: int = 10_000,
    ) -> None:
        self._store, self._opener, self._files = store, opener, files
        self._telemetry, self._chunk_rows = telemetry, chunk_rows
        self._chunk = StoreChunk(ids)

    async def __call__(self, account_id: AccountId, request_id: RequestId) -> int:
        """Load what is not loaded yet; answers the rows in the request. A file-level fault ends the request with its error.

        Raises NeighbourError when the store is away; the job is then tried again and goes on where it stopped.
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

    async def _load(self, account_id: AccountId, request_id: RequestId, state: UploadState, path: Path) -> int:
        opening = await self._opening(account_id, state)
        mapping = cast("Mapping[str, str]", state.options.get("mapping") or {})
        encoding = state.options.get("encoding")
        listed: ListFile = await asyncio.to_thread(
            self._files.inspect,
            path,
            state.file_name,
            state.media_type,
            [declaration.name for declaration in opening.prepared.flow.variables],
            mapping,
            encoding if isinstance(encoding, str) else None,
        )
        await self._store.begin_loading(account_id, request_id, listed.describe())
        seen: set[int] | None = None
        if opening.facts.reject_duplicates:
            seen = {int(number) for number in await self._store.loaded_numbers(account_id, request_id)}
        done = state.rows_done
        late = opening.facts.now - state.created_at > _DEADLINE
        batches = listed.rows(done, self._chunk_rows)

        async def judged() -> JudgedChunk | None:
            rows = await asyncio.to_thread(self._next, batches, opening, late)
            if not rows:
                return None
            async with self._store.chunk(account_id) as lists:
                return await self._chunk.judge(lists, rows, opening.facts, seen)

        ahead = asyncio.create_task(judged())
        try:
            while (ready := await ahead) is not None:
                ahead = asyncio.create_task(judged())
                async with self._store.chunk(account_id) as chunk:
                    await self._chunk.store(
                        chunk, request_id, opening.target.flow_id, ready, opening.facts, opening.pending_cap
                    )
                    await chunk.rows_done(request_id, done, done + len(ready.rows))
                done += len(ready.rows)
        finally:
            ahead.cancel()
        await self._store.loaded(account_id, request_id)
        self._telemetry.event("upload_loaded", request_id=str(request_id), rows=done)
        return done

    def _next(self, batches: Iterator[list[IncomingRecord]], opening: Opening, late: bool) -> list[Prepared]:  # noqa: FBT001 - passed through a thread
        """The next chunk, read and normalised (in a thread); empty at the end of the file, refused past the deadline."""
        rows = next(batches, None)
        if rows is None:
            return []
        if late:
            sentence = f"The record was still unchecked {_DEADLINE.days * 24} hours after its request was made."
            return [Prepared(row, rejected(row.row, "intake_deadline", sentence=sentence)) for row in rows]
        return self._chunk.normalise(rows, opening.facts)

    async def _opening(self, account_id: AccountId, state: UploadState) -> Opening:
        flow_id, _, _ = await self._store.version_document(account_id, state.version_id)
        target = await self._opener.target(account_id, flow_id)
        account = await self._store.account(account_id)
        return await self._opener.opening(
            account_id, target, state.version_id, account, testing=state.testing, end_at=state.end_at
        )
