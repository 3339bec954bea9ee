"""Requests and records on their way in (port IntakeStore), as central_api under row-level security (path step 1).

COPY does not work on a table under a policy: rows are copied into a temporary table and inserted from it.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import cast
from uuid import UUID

from psycopg.types.json import Jsonb

from central.adapters.postgres.account_rows import ACCOUNT_COLUMNS, account_of
from central.adapters.postgres.dispatch_store import as_json, list_states
from central.adapters.postgres.held_prompts import hold_prompts, lock_prompts
from central.adapters.postgres.hot_statements import hot_statements
from central.adapters.postgres.pool import Connection, Pool, tenant
from central.application.ports.intake import AccountFacts, FlowTarget, NewRequest, Origin, StoredRecord, UploadState
from central.domain.errors import Conflict, NeighbourError, NotFound
from central.domain.ids import AccountId, FlowId, RecordId, RequestId
from central.domain.prompts import snapshot_hash

_SQL = hot_statements("intake")


class PostgresChunk:
    """One open transaction (port ChunkStore)."""

    def __init__(self, connection: Connection, account_id: AccountId) -> None:
        self._connection, self._account = connection, account_id

    async def hits(
        self, numbers: Sequence[str], registers: Sequence[str], now: datetime
    ) -> Sequence[tuple[str, str, str]]:
        """What the lists and these registers hold about the numbers: (number, list, entry)."""
        values = {"account_id": self._account, "numbers": ",".join(numbers), "registers": list(registers), "now": now}
        return [(number, name, entry) for number, name, entry in await _SQL["hits"].rows(self._connection, values)]

    async def prefixes(self, now: datetime) -> Sequence[tuple[str, str]]:
        """Prefix entries of the lists: (list, prefix)."""
        return [(name, prefix) for name, prefix in await _SQL["prefixes"].rows(self._connection, {"now": now})]

    async def pending(self) -> int:
        """Pending records of the account; other chunks of it wait until this transaction ends."""
        await _SQL["guard_capacity"].rows(self._connection, {"account_id": self._account})
        return int(await _SQL["pending"].value(self._connection, {"account_id": self._account}))

    async def insert(
        self,
        request_id: RequestId,
        flow_id: FlowId,
        rows: bytes,
        tallies: Sequence[Mapping[str, object]],
        now: datetime,
    ) -> None:
        """Store the rows as records with their first events, the counts, and messages about those that ended."""
        connection = self._connection
        await _SQL["make_incoming"].run(connection)
        async with connection.cursor() as cursor, cursor.copy(_SQL["copy_incoming"].sql) as copy:
            await copy.write(rows)
        values = {"account_id": self._account, "request_id": request_id, "flow_id": flow_id, "now": now}
        await _SQL["insert_records"].run(connection, values)
        await _SQL["insert_first_events"].run(connection, values)
        await _SQL["count_records"].run(connection, values | {"tallies": as_json(tallies)})
        await _SQL["publish_rejected"].run(connection, values)

    async def add_request(self, request: NewRequest, now: datetime) -> None:
        """Store the request row itself."""
        await _add_request(self._connection, self._account, request, now)

    async def rows_done(self, request_id: RequestId, before: int, after: int) -> None:
        """Note how far the file is read. Raises NeighbourError ``upload_taken_over`` when it does not stand at ``before``."""
        values = {"id": request_id, "before": before, "after": after}
        if await _SQL["rows_done"].run(self._connection, values) != 1:
            raise NeighbourError("upload_taken_over", "Another worker loads this file by now.")


class PostgresIntake:
    """IntakeStore on a pool of role central_api."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def find_flow(self, account_id: AccountId, flow: str) -> FlowTarget | None:
        """By id, else by name."""
        async with tenant(self._pool, account_id) as connection:
            rows = await _SQL["flow_for_request"].rows(connection, {"flow": flow})
        for id_, name, type_, active, archived, draft, _, number, version_id, dids in rows:
            return FlowTarget(FlowId(id_), name, type_, active, archived, bytes(draft), number, version_id, dids)
        return None

    async def freeze_draft(self, account_id: AccountId, flow_id: FlowId, version_id: UUID, actor: str) -> UUID:
        """The snapshot of the draft and its prompts as they are now; see the port."""
        values: dict[str, object] = {"flow_id": flow_id, "version_id": version_id, "actor": actor}
        async with tenant(self._pool, account_id) as connection:
            for draft, draft_hash in await _SQL["draft_to_freeze"].rows(connection, values):
                held, _ = await lock_prompts(connection, account_id, bytes(draft))
                values["hash"] = snapshot_hash(draft_hash, held)
                if await _SQL["freeze_draft"].run(connection, values):
                    await hold_prompts(connection, account_id, version_id, held)
                    return version_id
                return cast("UUID", await _SQL["frozen_draft"].value(connection, values))
        raise NotFound("flow_not_found", f"There is no flow {flow_id} in this account.", flow=flow_id)

    async def version_document(self, account_id: AccountId, version_id: UUID) -> tuple[FlowId, int | None, bytes]:
        """Flow, number and document of a frozen version. Raises NotFound ``version_not_found``."""
        async with tenant(self._pool, account_id) as connection:
            rows = await _SQL["version_document"].rows(connection, {"version_id": version_id})
        for _, flow_id, number, document in rows:
            return FlowId(flow_id), number, bytes(document)
        raise NotFound("version_not_found", f"There is no flow version {version_id} in this account.")

    async def account(self, account_id: AccountId) -> AccountFacts:
        """The account as it is now. Raises NotFound ``account_not_found``."""
        async with tenant(self._pool, account_id) as connection:
            rows = await _SQL["account"].rows(connection, {"account_id": account_id})
        for row in rows:
            return AccountFacts(account_of(row), list_states(row[ACCOUNT_COLUMNS]), int(row[ACCOUNT_COLUMNS + 1] or 0))
        raise NotFound("account_not_found", "There is no such account.")

    @contextlib.asynccontextmanager
    async def chunk(self, account_id: AccountId) -> AsyncGenerator[PostgresChunk]:
        """Open the transaction of one chunk."""
        async with tenant(self._pool, account_id) as connection:
            yield PostgresChunk(connection, account_id)

    async def open_upload(
        self,
        account_id: AccountId,
        request: NewRequest,
        file_name: str,
        media_type: str,
        options: Mapping[str, object],
        now: datetime,
    ) -> None:
        """Store the request (loading) and the upload that will fill it."""
        async with tenant(self._pool, account_id) as connection:
            await _add_request(connection, account_id, request, now)
            await _SQL["insert_upload"].run(
                connection,
                {
                    "account_id": account_id, "id": request.id, "file_name": file_name, "media_type": media_type,
                    "options": Jsonb(dict(options)),
                },
            )  # fmt: skip

    async def receive(self, account_id: AccountId, request_id: RequestId, n: int, data: bytes) -> None:
        """Store the n-th part of the file."""
        async with tenant(self._pool, account_id) as connection:
            values = {"account_id": account_id, "id": request_id, "n": n, "bytes": data}
            await _SQL["add_chunk"].run(connection, values)

    async def received(
        self, account_id: AccountId, request_id: RequestId, flow_id: FlowId, size: int, checksum: bytes, since: datetime
    ) -> RequestId | None:
        """The file is complete; answers an earlier request with the same bytes since then, if there is one."""
        values = {"id": request_id, "flow_id": flow_id, "size": size, "checksum": checksum, "since": since}
        async with tenant(self._pool, account_id) as connection:
            await _SQL["guard_file"].rows(connection, values)
            await _SQL["received"].run(connection, values)
            same = await _SQL["same_file"].value(connection, values)
        return RequestId(same) if isinstance(same, UUID) else None

    async def fail_upload(self, account_id: AccountId, request_id: RequestId, error: Mapping[str, object]) -> None:
        """The file cannot be loaded: the request ends empty, with this error."""
        async with tenant(self._pool, account_id) as connection:
            await _SQL["fail_upload"].run(connection, {"id": request_id, "error": Jsonb(dict(error))})

    async def upload_state(self, account_id: AccountId, request_id: RequestId) -> UploadState | None:
        """Where the upload stands."""
        async with tenant(self._pool, account_id) as connection:
            rows = await _SQL["upload_state"].rows(connection, {"id": request_id})
        return UploadState(*rows[0]) if rows else None

    async def begin_loading(self, account_id: AccountId, request_id: RequestId, detected: Mapping[str, object]) -> None:
        """Reading begins."""
        async with tenant(self._pool, account_id) as connection:
            await _SQL["begin_loading"].run(connection, {"id": request_id, "detected": Jsonb(dict(detected))})

    async def loaded(self, account_id: AccountId, request_id: RequestId) -> None:
        """All rows are in; the file is forgotten."""
        async with tenant(self._pool, account_id) as connection:
            await _SQL["loaded"].run(connection, {"id": request_id})

    async def file(self, account_id: AccountId, request_id: RequestId) -> AsyncIterator[bytes]:
        """The stored file, part by part."""
        n = 0
        while True:
            async with tenant(self._pool, account_id) as connection:
                part = await _SQL["chunk_bytes"].value(connection, {"id": request_id, "n": n})
            if part is None:
                return
            yield bytes(part)
            n += 1

    async def lineage(self, account_id: AccountId, request_id: RequestId) -> tuple[UUID, int] | None:
        """Chain and depth of a request that a flow started."""
        async with tenant(self._pool, account_id) as connection:
            rows = await _SQL["lineage"].rows(connection, {"account_id": account_id, "id": request_id})
        return (rows[0][0], rows[0][1]) if rows else None

    async def first_record(self, account_id: AccountId, request_id: RequestId) -> tuple[RecordId, str, str] | None:
        """The first record of a request, with the status and reason that intake gave it."""
        async with tenant(self._pool, account_id) as connection:
            rows = await _SQL["first_record"].rows(connection, {"account_id": account_id, "id": request_id})
        return (RecordId(rows[0][0]), rows[0][1], rows[0][2] or "") if rows else None

    async def origin(self, account_id: AccountId, request_id: RequestId) -> Origin | None:
        """What a reload of this request needs to know of it."""
        async with tenant(self._pool, account_id) as connection:
            rows = await _SQL["origin"].rows(connection, {"id": request_id})
        return Origin(*rows[0]) if rows else None

    async def final_records(
        self, account_id: AccountId, request_id: RequestId, after: RecordId | None, limit: int
    ) -> Sequence[StoredRecord]:
        """Records with a final status and at least one number, by id."""
        values = {"account_id": account_id, "id": request_id, "after": after or UUID(int=0), "limit": limit}
        async with tenant(self._pool, account_id) as connection:
            rows = await _SQL["final_records"].rows(connection, values)
        return [
            StoredRecord(i, tuple(numbers), client, zone, variables) for i, numbers, client, zone, variables in rows
        ]

    async def loaded_numbers(self, account_id: AccountId, request_id: RequestId) -> Sequence[str]:
        """First numbers of the records loaded so far."""
        async with tenant(self._pool, account_id) as connection:
            rows = await _SQL["loaded_numbers"].rows(connection, {"id": request_id})
        return [number for (number,) in rows]


async def _add_request(connection: Connection, account_id: AccountId, request: NewRequest, now: datetime) -> None:
    added = await _SQL["insert_request"].run(
        connection,
        {
            "account_id": account_id, "id": request.id, "flow_id": request.flow_id, "version_id": request.version_id,
            "testing": request.testing, "source": request.source, "name": request.name, "loading": request.loading,
            "checksum": request.checksum, "priority": request.priority, "end_at": request.end_at, "reload_of": request.reload_of,
            "now": now,
        },
    )  # fmt: skip
    if not added:
        message = f"This submission was stored before, as request {request.id}; its records can be read there."
        raise Conflict("request_exists", message, request_id=str(request.id))
    if request.lineage is not None:
        line = request.lineage
        values = {"account_id": account_id, "id": request.id, "started_by": line.started_by, "chain": line.chain}
        if not await _SQL["insert_flow_start"].run(connection, values | {"depth": line.depth, "most": line.most}):
            raise Conflict(
                "flow_chain_too_long", f"Flows have started each other {line.most} times from one record on."
            )
