"""The port ReportStore on PostgreSQL: reads of one account as ``central_api`` under row-level security (path step 7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import msgspec
import zstandard
from psycopg.rows import class_row, dict_row

from central.adapters.postgres.administration_rows import fetch
from central.adapters.postgres.pool import Connection, Pool, tenant
from central.adapters.postgres.statements import load_statements
from central.application.ports.message_reports import EventRow as MessageEventRow
from central.application.ports.message_reports import MessageRow
from central.application.ports.reporting import (
    AttemptRow,
    CallFigures,
    EventRow,
    LegRow,
    LegTrace,
    PushRow,
    RecordHead,
    RecordHistory,
    RecordRow,
    RecordSearch,
    RejectRow,
    RequestRow,
    RequestWish,
    ScannedRecords,
)
from central.application.ports.telephony import SipMessage
from central.domain.ids import AccountId, RecordId, RequestId

_SQL = load_statements("reporting")
_MESSAGES = load_statements("message_report")
_FIRST = UUID(int=0)
_MOST_TRACE_BYTES = 64_000_000  # one leg's messages unpacked; a blob that claims more is damaged
_messages = msgspec.msgpack.Decoder(tuple[SipMessage, ...])
Row = TypeVar("Row")
Parameters = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class _Stored:
    """The columns of ``history``; what else the rows hold is passed over."""

    record: RecordRow
    head: RecordHead
    events: Sequence[EventRow]
    attempts: Sequence[AttemptRow]
    legs: Sequence[LegRow]
    messages: Sequence[MessageRow]


class PostgresReports:
    """ReportStore on a pool of role central_api."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._unpack = zstandard.ZstdDecompressor()

    async def requests(
        self, account_id: AccountId, wanted: RequestWish, before: RequestId | None, limit: int, now: datetime
    ) -> Sequence[RequestRow]:
        """A page of requests, newest first; see the port."""
        asked = {
            "account_id": account_id, "id": None, "before": before, "limit": limit, "now": now, "status": wanted.status, "flow": wanted.flow,
            "created_from": wanted.created_from, "created_to": wanted.created_to,
        }  # fmt: skip
        async with tenant(self._pool, account_id) as connection:
            return await _fetch(connection, "requests", RequestRow, asked)

    async def request(self, account_id: AccountId, request_id: RequestId) -> RequestRow | None:
        """One request, None when the account has no such one."""
        anything = dict.fromkeys(("before", "now", "status", "flow", "created_from", "created_to"))
        asked = {"account_id": account_id, "id": request_id, "limit": 1, **anything}
        async with tenant(self._pool, account_id) as connection:
            found = await _fetch(connection, "requests", RequestRow, asked)
        return found[0] if found else None

    async def scan_records(
        self, account_id: AccountId, request_id: RequestId, search: RecordSearch, limit: int, scan: int
    ) -> ScannedRecords:
        """The first matches among the next records; see the port."""
        asked = {
            "account_id": account_id, "request_id": request_id, "after": search.after or _FIRST, "limit": limit, "scan": scan,
            "statuses": list(search.statuses), "reason": search.reason, "number": search.number,
            "client_identifier": search.client_identifier,
        }  # fmt: skip
        async with tenant(self._pool, account_id) as connection:
            rows = await _dicts(connection, "scan_records", asked)
        last, n = rows[0]["last"], rows[0]["n"]
        found = [RecordRow(**_without(row, "last", "n")) for row in rows if row["id"] is not None]
        return ScannedRecords(found, last if n == scan else None)

    async def scan_rejects(
        self, account_id: AccountId, request_id: RequestId, after: RecordId | None, scan: int
    ) -> tuple[Sequence[RejectRow], RecordId | None]:
        """Records refused at intake among the next ones; see the port."""
        asked = {"account_id": account_id, "request_id": request_id, "after": after or _FIRST, "scan": scan}
        async with tenant(self._pool, account_id) as connection:
            rows = await _dicts(connection, "scan_rejects", asked)
        found = [RejectRow(**_without(row, "last", "n")) for row in rows if row["record_id"] is not None]
        return found, rows[0]["last"] if rows[0]["n"] == scan else None

    async def history(self, account_id: AccountId, record_id: RecordId, *, traces: bool) -> RecordHistory | None:
        """Everything about one record, in one snapshot."""
        asked: dict[str, object] = {"account_id": account_id, "record_id": record_id}
        async with tenant(self._pool, account_id) as connection:
            rows = await _dicts(connection, "history", asked)
            if not rows:
                return None
            blobs = await _dicts(connection, "traces", asked) if traces and rows[0]["legs"] else []
            pushes = await _fetch(connection, "pushes", PushRow, asked) if traces else []
            stored = msgspec.convert(rows[0], _Stored)
            lines: Sequence[MessageEventRow] = ()
            if traces and stored.messages:
                of = {"account_id": account_id, "ids": [message.id for message in stored.messages]}
                lines = await fetch(connection, _MESSAGES["message_history"], MessageEventRow, of)
        return RecordHistory(
            record=stored.record,
            head=stored.head,
            events=stored.events,
            attempts=stored.attempts,
            legs=stored.legs,
            traces=[self._trace(row) for row in blobs],
            pushes=pushes,
            messages=stored.messages,
            message_lines=lines,
        )

    async def call_figures(self, account_id: AccountId, request_id: RequestId) -> CallFigures:
        """Sums over all attempts and legs of a request."""
        asked: dict[str, object] = {"account_id": account_id, "request_id": request_id}
        async with tenant(self._pool, account_id) as connection:
            span = (await _dicts(connection, "record_span", asked))[0]
            asked |= {"first": span["first"], "last": span["last"]}
            attempts = (await _dicts(connection, "attempt_figures", asked))[0]
            legs = (await _dicts(connection, "leg_figures", asked))[0]
        return CallFigures(**attempts, **legs, currency=span["currency"])

    def _trace(self, row: Mapping[str, Any]) -> LegTrace:
        packed = self._unpack.decompress(row["blob"], max_output_size=_MOST_TRACE_BYTES)
        return LegTrace(row["leg_id"], row["sip_call_id"], _messages.decode(packed), row["dropped"])


async def _fetch(connection: Connection, statement: str, into: type[Row], asked: Parameters) -> list[Row]:
    async with connection.cursor(row_factory=class_row(into)) as cursor:
        await cursor.execute(_SQL[statement], asked)
        return await cursor.fetchall()


async def _dicts(connection: Connection, statement: str, asked: Parameters) -> list[dict[str, Any]]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_SQL[statement], asked)
        return await cursor.fetchall()


def _without(row: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}
