"""The Outbox and DeadLetters ports on PostgreSQL: step 6 claims, finishes and parks events here (``queries/outbox.sql``).

The outbox works as ``central_worker`` over all accounts of the shard, the dead letters as ``central_api`` inside one account.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar, cast
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from central.adapters.postgres.pool import Connection, Pool, tenant, transaction
from central.adapters.postgres.record_bodies import render_record_final
from central.adapters.postgres.statements import load_statements
from central.application.ports.outbox import (
    Delivery,
    DeliveryResult,
    DisableReason,
    ParkedEvent,
    QueueDepth,
)
from central.domain.delivery import Delivered, Gone, HttpAnswer, Parked, RetryAt, Verdict, describe
from central.domain.endpoints import parse_auth
from central.domain.errors import Conflict, NotFound
from central.domain.event_bodies import render_body
from central.domain.ids import AccountId, EndpointId, EventId, RecordId
from central.domain.recording_links import RecordingLinks

_SQL = load_statements("outbox")
RECORD_FINAL = "record.final"
Row = TypeVar("Row")
_OUTCOMES: Mapping[type[Verdict], tuple[str, str]] = {
    Delivered: ("delivered", "delivered"),
    RetryAt: ("retry", "retry"),
    Parked: ("parked", "parked"),
    Gone: ("parked", "endpoint_gone"),
}
"""What a verdict does to the row, and what the delivery log calls it."""


@dataclass(slots=True)
class _ClaimedRow:
    """The columns of ``claim_deliveries``; ``body`` is None until ``record.final`` has been rendered once."""

    account_id: AccountId
    id: EventId
    endpoint_id: EndpointId
    record_id: RecordId | None
    request_id: UUID | None
    event_type: str
    occurred_at: datetime
    body: Mapping[str, object] | None
    tries: int
    first_tried_at: datetime
    url: str
    secrets: list[str]
    auth: Mapping[str, object] | None
    plain_http: bool

    def to_delivery(self) -> Delivery:
        return Delivery(
            account_id=self.account_id,
            id=self.id,
            endpoint_id=self.endpoint_id,
            record_id=self.record_id,
            event_type=self.event_type,
            occurred_at=self.occurred_at,
            body=render_body(self.id, self.occurred_at, self.event_type, self.body or {}),
            tries=self.tries,
            first_tried_at=self.first_tried_at,
            url=self.url,
            secrets=tuple(self.secrets),
            auth=parse_auth(self.auth),
            plain_http=self.plain_http,
        )


@dataclass(frozen=True, slots=True)
class _Finished:
    finished: int


@dataclass(frozen=True, slots=True)
class _EndpointState:
    disabled_at: datetime | None


class PostgresOutbox:
    """The queue of one shard; ``pool`` is one of ``central_worker``. ``links`` makes the links to recordings."""

    def __init__(self, pool: Pool, links: RecordingLinks | None = None) -> None:
        self._pool = pool
        self._links = links

    async def claim_deliveries(
        self, owner: str, limit: int, lease_s: float, *, per_endpoint: int, at: datetime
    ) -> Sequence[Delivery]:
        """Take due events under a lease, oldest first; see the port."""
        asked = {
            "owner": owner,
            "limit": limit,
            "lease": timedelta(seconds=lease_s),
            "per_endpoint": per_endpoint,
            "at": at,
        }
        async with transaction(self._pool) as connection:
            await connection.execute(_SQL["walk_in_order"])
            rows = await _fetch(connection, "claim_deliveries", _ClaimedRow, asked)
            unrendered = [row for row in rows if row.body is None]
            if unrendered:
                await _fill_bodies(connection, unrendered, self._links, at)
        return [row.to_delivery() for row in rows]

    async def finish_deliveries(self, owner: str, results: Sequence[DeliveryResult]) -> int:
        """Store the ends of claimed deliveries; see the port."""
        gone = {(r.delivery.account_id, r.delivery.endpoint_id): r.at for r in results if isinstance(r.verdict, Gone)}
        told = [_result_row(result) for result in results]
        async with transaction(self._pool) as connection:
            asked = {"owner": owner, "results": Jsonb(told)}
            finished = await _fetch(connection, "finish_deliveries", _Finished, asked)
            if gone:
                await _disable(connection, list(gone), "gone", max(gone.values()))
        return finished[0].finished

    async def disable_endpoint(
        self, account_id: AccountId, endpoint_id: EndpointId, reason: DisableReason, at: datetime
    ) -> None:
        """Send nothing more there, park what waits; see the port."""
        async with transaction(self._pool) as connection:
            await _disable(connection, [(account_id, endpoint_id)], reason, at)

    async def queue_depth(self, at: datetime) -> QueueDepth:
        """Count the queue."""
        async with transaction(self._pool) as connection:
            found = await _fetch(connection, "queue_depth", QueueDepth, {"at": at})
        return found[0]


class PostgresDeadLetters:
    """The parked events of an account; ``pool`` is one of ``central_api``."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def list_parked(
        self, account_id: AccountId, endpoint_id: EndpointId | None, after: EventId | None, limit: int
    ) -> Sequence[ParkedEvent]:
        """A page of parked events; see the port."""
        asked = {"account_id": account_id, "endpoint_id": endpoint_id, "after": after, "limit": limit}
        async with tenant(self._pool, account_id) as connection:
            return await _fetch(connection, "list_parked", ParkedEvent, asked)

    async def replay_parked(
        self, account_id: AccountId, endpoint_id: EndpointId, ids: Sequence[EventId] | None, at: datetime
    ) -> int:
        """Make parked events wait again; NotFound or Conflict as the port says."""
        endpoint = {"account_id": account_id, "endpoint_id": endpoint_id}
        async with tenant(self._pool, account_id) as connection:
            found = await _fetch(connection, "endpoint_state", _EndpointState, endpoint)
            if not found:
                raise NotFound("webhook_endpoint_not_found", "This account has no such webhook endpoint.")
            if found[0].disabled_at is not None:
                raise Conflict("webhook_endpoint_disabled", "Enable the endpoint before its events are sent again.")
            wanted = None if ids is None else list(ids)
            done = await connection.execute(_SQL["replay_parked"], {**endpoint, "ids": wanted, "at": at})
            return done.rowcount


async def _fetch(connection: Connection, statement: str, into: type[Row], asked: Mapping[str, object]) -> Sequence[Row]:
    async with connection.cursor(row_factory=class_row(into)) as cursor:
        await cursor.execute(_SQL[statement], asked)
        return await cursor.fetchall()


async def _fill_bodies(
    connection: Connection, rows: Sequence[_ClaimedRow], links: RecordingLinks | None, at: datetime
) -> None:
    """Render what the writer left to us, and store it, so that later tries tell the same."""
    targets = [(r.account_id, r.record_id) for r in rows if r.event_type == RECORD_FINAL and r.record_id is not None]
    facts = await render_record_final(connection, targets)
    for row in rows:
        told = facts.get((row.account_id, row.record_id)) if row.record_id is not None else None
        row.body = _linked(row.account_id, told, links, at) if told is not None else _ids_only(row)
    bodies = [{"account_id": r.account_id, "endpoint_id": r.endpoint_id, "id": r.id, "body": r.body} for r in rows]
    await connection.execute(_SQL["store_bodies"], {"bodies": Jsonb(bodies)})


def _linked(
    account_id: AccountId, told: Mapping[str, object], links: RecordingLinks | None, at: datetime
) -> Mapping[str, object]:
    """The body with a link to each recording, which holds from now on."""
    if links is None or "recordings" not in told:
        return told
    linked: list[Mapping[str, object]] = []
    for recording in cast("Sequence[Mapping[str, object]]", told["recordings"]):
        url, until = links.link(account_id, UUID(str(recording["recording_id"])), at)
        linked.append({**recording, "url": url, "url_expires_at": until.isoformat(timespec="milliseconds")})
    return {**told, "recordings": linked}


def _ids_only(row: _ClaimedRow) -> Mapping[str, object]:
    ids = {"record_id": row.record_id, "request_id": row.request_id}
    return {name: str(value) for name, value in ids.items() if value is not None}


async def _disable(
    connection: Connection,
    endpoints: Sequence[tuple[AccountId, EndpointId]],
    reason: DisableReason,
    at: datetime,
) -> None:
    rows = [{"account_id": account, "id": endpoint} for account, endpoint in endpoints]
    await connection.execute(_SQL["disable_endpoints"], {"endpoints": Jsonb(rows), "reason": reason, "at": at})


def _result_row(result: DeliveryResult) -> Mapping[str, object]:
    kind, outcome = _OUTCOMES[type(result.verdict)]
    due_at = result.verdict.due_at if isinstance(result.verdict, RetryAt) else None
    delivery, answer = result.delivery, result.answer
    return {
        "account_id": delivery.account_id,
        "endpoint_id": delivery.endpoint_id,
        "id": delivery.id,
        "tries": delivery.tries,
        "kind": kind,
        "due_at": due_at,
        "error": None if kind == "delivered" else describe(answer).replace("\x00", " "),
        "at": result.at,
        "record_id": delivery.record_id,
        "event_type": delivery.event_type,
        "status_code": answer.status if isinstance(answer, HttpAnswer) else None,
        "duration_ms": answer.duration_ms,
        "outcome": outcome,
    }
