"""Control actions on PostgreSQL (port ControlStore): the wish is stored first, waiting records follow in batches.

The batches are the tracker's own statements (``queries/tracking.sql``), run here inside the account. Pause and stop are
worked on for a short budget; where it ends, the tracker goes on. Resume and requeue run to their end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from psycopg.types.json import Jsonb

from central.adapters.postgres.administration_rows import changing, fetch, scalar, write_audit
from central.adapters.postgres.pool import Connection, Pool, tenant
from central.adapters.postgres.statements import load_statements
from central.application.ports.administration import AuditEntry
from central.application.ports.flow_store import ControlAction, ControlEffect
from central.application.ports.world import Clock
from central.domain.errors import Conflict
from central.domain.ids import AccountId, FlowId, RecordId, RequestId
from central.domain.statuses import FLOW, FlowStatus

_SQL = load_statements("flows")
_TRACKING = load_statements("tracking")
_BATCH = 2000
_BUDGET_S = 3.0
_CONTROL: Final[Mapping[ControlAction, str]] = {"pause": "paused", "resume": "running", "stop": "stopping"}
_MOVE: Final[Mapping[str, str]] = {
    "pause": "hold_waiting",
    "resume": "resume_held",
    "stop": "end_waiting",
    "requeue": "requeue_short",
}
_REQUEUED = (FlowStatus.INSUFFICIENT_BALANCE, FlowStatus.ACCOUNT_VALIDITY_EXPIRED)
_STOPPED = ("stopping", "stopped")


@dataclass(frozen=True, slots=True)
class _Request:
    control: str
    open: bool
    loading: bool
    flow_id: str
    flow_control: str


@dataclass(frozen=True, slots=True)
class _Count:
    status: str
    n: int


class PostgresControl:
    """ControlStore."""

    def __init__(self, pool: Pool, clock: Clock) -> None:
        self._pool, self._clock = pool, clock

    async def preview(
        self, account_id: AccountId, request_id: RequestId, action: str, *, force: bool = False
    ) -> ControlEffect | None:
        """How many records the action would touch now."""
        async with tenant(self._pool, account_id) as connection:
            if await _request(connection, account_id, request_id) is None:
                return None
            return ControlEffect(await _affected(connection, account_id, request_id, action, force=force))

    async def control_request(
        self,
        account_id: AccountId,
        request_id: RequestId,
        action: ControlAction,
        *,
        force: bool,
        at: datetime,
        audit: AuditEntry,
    ) -> ControlEffect | None:
        """Pause, resume or stop. Raises Conflict ``request_stopped``, ``flow_paused``, ``request_finished``."""
        values = {"account_id": account_id, "id": request_id, "control": _CONTROL[action], "at": at}
        affected = -1  # stays when there is no such request: the block is left and undone
        async with changing(self._pool, account_id, audit) as change:
            request = await _request(change.connection, account_id, request_id)
            if request is None:
                change.nothing()
            if action == "resume" and request.flow_control == "paused":
                raise Conflict("flow_paused", "The flow is paused; resume the flow.")
            forced = {"force": force and action == "stop"}
            if not _already(request, action):
                _check(request)
                await change.connection.execute(_SQL["set_request_control"], values | forced)
            elif forced["force"] and request.control == "stopping":  # the stop is now to cut running calls too
                await change.connection.execute(_SQL["set_request_control"], values | forced)
            affected = await _affected(change.connection, account_id, request_id, action, force=force)
        if affected <= 0:
            return None if affected < 0 else ControlEffect(0)
        done = await self._move(account_id, request_id, action, at, audit.actor)
        return ControlEffect(done, max(0, affected - done))

    async def requeue(
        self, account_id: AccountId, request_id: RequestId, at: datetime, audit: AuditEntry
    ) -> ControlEffect | None:
        """Bring back records that ended for want of money or validity, in a new epoch."""
        async with tenant(self._pool, account_id) as connection:
            if await _request(connection, account_id, request_id) is None:
                return None
            await write_audit(connection, account_id, audit)
        return ControlEffect(await self._move(account_id, request_id, "requeue", at, audit.actor))

    async def stop_record(
        self, account_id: AccountId, record_id: RecordId, at: datetime, audit: AuditEntry
    ) -> ControlEffect | None:
        """End one waiting record."""
        async with changing(self._pool, account_id, audit) as change:
            key = {"account_id": account_id, "id": record_id}
            request_id = await scalar(change.connection, _SQL["record_request"], key)
            if request_id is None:
                change.nothing()
            values = {"account_id": account_id, "request_id": request_id, "record_id": record_id, "n": 1}
            return ControlEffect(await _end_waiting(change.connection, values | {"now": at, "actor": audit.actor}))
        return None

    async def preview_flow(
        self, account_id: AccountId, flow_id: FlowId, action: ControlAction, *, force: bool = False
    ) -> ControlEffect | None:
        """How many records of all open requests of the flow an action would touch now."""
        async with tenant(self._pool, account_id) as connection:
            if not await scalar(connection, _SQL["flow_exists"], {"account_id": account_id, "id": flow_id}):
                return None
            requests = await _requests_of(connection, account_id, flow_id, "open_requests_of_flow")
            counts = [await _affected(connection, account_id, each, action, force=force) for each in requests]
            return ControlEffect(sum(counts))

    async def control_flow(
        self,
        account_id: AccountId,
        flow_id: FlowId,
        action: ControlAction,
        *,
        force: bool,
        at: datetime,
        audit: AuditEntry,
    ) -> ControlEffect | None:
        """Pause or resume the flow with its open requests, or stop all its open requests."""
        key: dict[str, object] = {"account_id": account_id, "id": flow_id, "at": at, "force": force}
        found = False
        async with changing(self._pool, account_id, audit) as change:
            if not await scalar(change.connection, _SQL["flow_exists"], key):
                change.nothing()
            found = True
            if action == "stop":
                await change.connection.execute(_SQL["stop_flow_requests"], key)
            else:
                await change.connection.execute(_SQL["set_flow_control"], key | {"control": _CONTROL[action]})
            which = "running_requests_of_flow" if action == "resume" else "open_requests_of_flow"
            requests = await _requests_of(change.connection, account_id, flow_id, which)
            counts = [await _affected(change.connection, account_id, each, action, force=force) for each in requests]
        if not found:
            return None
        done = 0
        until = self._clock.monotonic() + _BUDGET_S
        for request_id in requests:
            done += await self._move(account_id, request_id, action, at, audit.actor, until)
        return ControlEffect(done, max(0, sum(counts) - done))

    async def _move(
        self,
        account_id: AccountId,
        request_id: RequestId,
        action: str,
        at: datetime,
        actor: str,
        until: float | None = None,
    ) -> int:
        """Batch after batch, each a transaction of its own, until nothing is left or (pause, stop) the budget is spent."""
        values = {"account_id": account_id, "request_id": request_id, "record_id": None, "n": _BATCH, "now": at}
        end = until if until is not None else self._clock.monotonic() + _BUDGET_S
        total = 0
        while True:
            async with tenant(self._pool, account_id) as connection:
                done = await _move_batch(connection, action, values | {"actor": actor})
            total += done
            spent = action in ("pause", "stop") and self._clock.monotonic() >= end
            if done == 0 or spent:
                return total


async def _request(connection: Connection, account_id: AccountId, request_id: RequestId) -> _Request | None:
    values = {"account_id": account_id, "id": request_id}
    found = await fetch(connection, _SQL["request_control"], _Request, values)
    return found[0] if found else None


async def _move_batch(connection: Connection, action: str, values: Mapping[str, object]) -> int:
    if action == "stop":
        return await _end_waiting(connection, values)
    return int(await scalar(connection, _TRACKING[_MOVE[action]], values) or 0)


async def _end_waiting(connection: Connection, values: Mapping[str, object]) -> int:
    """End a batch of waiting records, and with them the attempts whose runs slept."""
    cursor = await connection.execute(_TRACKING["end_waiting"], values)
    ended, records = await cursor.fetchone() or (0, [])
    if ended:
        closing = {"records": Jsonb(records), "now": values["now"]}
        await connection.execute(_TRACKING["close_sleepers"], closing)
    return int(ended)


async def _requests_of(
    connection: Connection, account_id: AccountId, flow_id: FlowId, statement: str
) -> Sequence[RequestId]:
    cursor = await connection.execute(_SQL[statement], {"account_id": account_id, "id": flow_id})
    return [RequestId(row[0]) for row in await cursor.fetchall()]


async def _affected(
    connection: Connection, account_id: AccountId, request_id: RequestId, action: str, *, force: bool
) -> int:
    counts = await fetch(connection, _SQL["status_counts"], _Count, {"account_id": account_id, "id": request_id})
    touched = sum(count.n for count in counts if _touches(action, count.status, force=force))
    if action == "pause" or (action == "stop" and not force):
        key = {"account_id": account_id, "id": request_id}
        touched += int(await scalar(connection, _SQL["sleeping_records"], key) or 0)
    return touched


def _touches(action: str, status: str, *, force: bool) -> bool:
    """``force``: a stop also cuts the calls of records that are being worked on."""
    row = FLOW[FlowStatus(status)]
    waiting = not row.final and status != FlowStatus.IN_PROGRESS
    match action:
        case "pause":
            return waiting and status != FlowStatus.PAUSE
        case "resume":
            return status == FlowStatus.PAUSE
        case "stop":
            return waiting or (force and not row.final)
        case "requeue":
            return status in _REQUEUED
        case _:
            return row.final


def _already(request: _Request, action: ControlAction) -> bool:
    """Repeating an action changes nothing and is no error."""
    return (action == "stop" and request.control in _STOPPED) or (
        action != "stop" and request.control == _CONTROL[action]
    )


def _check(request: _Request) -> None:
    if request.control in _STOPPED:
        raise Conflict("request_stopped", "A stopped request cannot be paused or resumed.")
    if not request.open:
        raise Conflict("request_finished", "The request has ended; there is nothing left to control.")
