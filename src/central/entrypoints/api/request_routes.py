"""/requests: submit records, follow the counts, control what runs, read records and reports. Files: ``upload_routes.py``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Request, Response, Router, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from litestar.response import ServerSentEvent, ServerSentEventMessage, Stream
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED
from msgspec import Meta, Struct

from central.application.administration.authenticate_key import Caller
from central.application.intake.submit_records import Receipt, RecordReceipt, Submission
from central.application.ports.flow_store import ControlAction
from central.domain.ids import RecordId, RequestId
from central.domain.incoming import IncomingRecord, record_of_fields
from central.domain.rights import Right
from central.entrypoints.api.flow_routes import Effect, Force, Preview, effect_view
from central.entrypoints.api.gate import CallerHere, UseCases, needs
from central.entrypoints.api.json_reading import OWN_RESULTS
from central.entrypoints.api.masking import mask_document
from central.entrypoints.api.paging import Cursor, Limit, Page, cursor_uuid, make_page
from central.entrypoints.api.presenting import Moment, given_moment, moment_or_none
from central.entrypoints.api.reject_file import REJECT_HEAD, reject_lines
from central.entrypoints.api.services import Document, RecordFilter, RequestFilter, Services

_FINISHED = "Completed"
Mode = Literal["production", "testing"]
RecordClass = Literal["valid", "invalid", "ncpr", "pending"]


class RecordBody(Struct, forbid_unknown_fields=True, frozen=True):
    """One contact. ``numbers``: primary first, then alternates (at most 10 are used). Values may be text or numbers."""

    numbers: Annotated[list[Any], Meta(examples=[["+91 98765 43210"]])]
    variables: dict[str, Any] = {}
    client_identifier: Any = None
    start_time: Any = None
    time_zone: Any = None
    priority: Any = None


class NewRequest(Struct, forbid_unknown_fields=True, frozen=True):
    """A request of 1 to 500 records for a flow (id or name). ``testing`` runs the draft, for listed numbers only."""

    flow: Annotated[str, Meta(min_length=1, max_length=64)]
    records: list[RecordBody]
    mode: Mode = "production"
    name: Annotated[str, Meta(max_length=200)] = ""
    priority: Annotated[int, Meta(ge=0, le=9)] = 0
    end_at: Annotated[datetime, Meta(tz=True)] | None = None


class RecordResult(Struct, frozen=True, omit_defaults=True):
    """What intake decided about one record; ``accepted`` false: it has ended with this status and reason."""

    row: int
    record_id: str
    client_identifier: str
    accepted: bool
    status: str
    reason: str
    sentence: str
    rule: str
    numbers: tuple[str, ...]
    dropped: list[Mapping[str, Any]] = []
    due_at: Moment | None = None
    warnings: tuple[str, ...] = ()


class SubmittedRequest(Struct, frozen=True):
    """A stored request with a result for every record, in their order."""

    request_id: UUID
    accepted: int
    refused: int
    records: list[RecordResult]


class NewRequestId(Struct, frozen=True):
    """The id of a request that was made from another one."""

    request_id: UUID


@post(
    "/requests",
    guards=[needs(Right.REQUESTS_READ)],
    summary="Submit records",
    tags=["Requests"],
    opt={OWN_RESULTS: "records"},
)
async def submit_request(
    request: Request[Any, Any, Any], data: JSONBody[NewRequest], services: UseCases, caller: CallerHere
) -> Response[SubmittedRequest]:
    """All records are checked and stored in one transaction. Repeat safely with an `Idempotency-Key`."""
    require_load(caller, data.mode)
    records = [_incoming(row, record) for row, record in enumerate(data.records, 1)]
    subject: UUID | None = request.scope["state"].get("subject")  # the same for every try under one Idempotency-Key
    submission = Submission(
        data.flow, data.mode, records, data.name, data.priority, given_moment(data.end_at, "end_at"),
        request_id=None if subject is None else RequestId(subject),
    )  # fmt: skip
    receipt = await services.submit(caller.account_id, submission, caller.actor.name)
    answer = _submitted(receipt, [record.numbers for record in records], unmask=Right.NUMBERS_UNMASK in caller.rights)
    return Response(
        answer, status_code=HTTP_201_CREATED, headers={"Location": f"/api/v1/requests/{receipt.request_id}"}
    )


@get("/requests", guards=[needs(Right.REQUESTS_READ)], summary="Requests", tags=["Requests"])
async def list_requests(
    services: UseCases,
    caller: CallerHere,
    status: FromQuery[Literal["Scheduled", "In process", "Completed"] | None] = None,
    flow: Annotated[str | None, QueryParameter(description="Id or name of a flow.")] = None,
    created_from: FromQuery[datetime | None] = None,
    created_to: FromQuery[datetime | None] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[dict[str, Any]]:
    """Newest first, with their counts."""
    since, until = given_moment(created_from, "created_from"), given_moment(created_to, "created_to")
    wanted = RequestFilter(status, flow, since, until)
    before = cursor_uuid(cursor)
    rows = await services.reporting.requests(
        caller.account_id, wanted, None if before is None else RequestId(before), limit + 1
    )
    return make_page(rows, limit, dict, lambda row: {"id": row["request_id"]})


@get("/requests/{request_id:uuid}", guards=[needs(Right.REQUESTS_READ)], summary="One request", tags=["Requests"])
async def get_request(request_id: FromPath[UUID], services: UseCases, caller: CallerHere) -> dict[str, Any]:
    """Counts that always add up: loaded = valid + invalid + ncpr + pending."""
    return dict(await services.reporting.request(caller.account_id, RequestId(request_id)))


@get("/requests/{request_id:uuid}/records", guards=[needs(Right.REQUESTS_READ)], summary="Records", tags=["Requests"])
async def list_records(  # noqa: PLR0913, PLR0917 - filters of the query
    request_id: FromPath[UUID],
    services: UseCases,
    caller: CallerHere,
    status: FromQuery[str | None] = None,
    reason: FromQuery[str | None] = None,
    record_class: Annotated[RecordClass | None, QueryParameter(name="class")] = None,
    number: FromQuery[str | None] = None,
    client_identifier: FromQuery[str | None] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[dict[str, Any]]:
    """In the order they were loaded. Without the right `numbers:unmask` numbers are masked, and `number` is refused."""
    if number is not None:
        caller.require(Right.NUMBERS_UNMASK)  # else hidden digits could be tried out
    wanted = RecordFilter(status, reason, record_class, number, client_identifier)
    after = cursor_uuid(cursor)
    rows = await services.reporting.records(
        caller.account_id, RequestId(request_id), wanted, None if after is None else RecordId(after), limit + 1
    )
    return make_page(rows, limit, lambda row: dict(shown(caller, row)), lambda row: {"id": row["record_id"]})


@get("/requests/{request_id:uuid}/report", guards=[needs(Right.REPORTS_READ)], summary="Report", tags=["Requests"])
async def get_report(request_id: FromPath[UUID], services: UseCases, caller: CallerHere) -> dict[str, Any]:
    """Records by status and class, legs by connection status, attempts, calls per second, duration."""
    return dict(await services.reporting.report(caller.account_id, RequestId(request_id)))


@get(
    "/requests/{request_id:uuid}/rejects.csv",
    guards=[needs(Right.REPORTS_READ)],
    summary="Reject file",
    tags=["Requests"],
)
async def get_rejects(request_id: FromPath[UUID], services: UseCases, caller: CallerHere) -> Stream:
    """Rows that intake refused, with status and reason; cells that a spreadsheet would run are made harmless."""
    await services.reporting.request(caller.account_id, RequestId(request_id))
    headers = {"Content-Disposition": f'attachment; filename="rejects-{request_id}.csv"'}
    return Stream(_reject_file(services, caller, RequestId(request_id)), media_type="text/csv", headers=headers)


@get(
    "/requests/{request_id:uuid}/events", guards=[needs(Right.REQUESTS_READ)], summary="Live counts", tags=["Requests"]
)
async def watch_request(request_id: FromPath[UUID], services: UseCases, caller: CallerHere) -> ServerSentEvent:
    """Server-sent events: `counts` at each change, `end` when the request is completed. Reconnect at will."""
    first = await services.reporting.request(caller.account_id, RequestId(request_id))
    return ServerSentEvent(_live(services, caller, RequestId(request_id), first))


@post(
    "/requests/{request_id:uuid}/reload",
    guards=[needs(Right.REQUESTS_LOAD)],
    summary="Reload final records",
    tags=["Requests"],
    opt={"media_types": ()},
)
async def reload_request(
    request_id: FromPath[UUID], services: UseCases, caller: CallerHere, *, preview: Preview = False
) -> Response[NewRequestId | Effect]:
    """A new request from the final records of this one, which do not change."""
    old = RequestId(request_id)
    if preview:
        effect = await services.control.preview(caller.actor, old, "reload")
        return Response(effect_view(effect, preview=True), status_code=HTTP_200_OK)
    made = await services.reload(caller.account_id, old, caller.actor.name)
    return Response(NewRequestId(made), headers={"Location": f"/api/v1/requests/{made}"})


@post(
    "/requests/{request_id:uuid}/requeue",
    guards=[needs(Right.REQUESTS_CONTROL)],
    summary="Requeue for money or validity",
    tags=["Requests"],
    status_code=HTTP_200_OK,
    opt={"media_types": ()},
)
async def requeue_request(
    request_id: FromPath[UUID], services: UseCases, caller: CallerHere, *, preview: Preview = False
) -> Effect:
    """Records that ended INSUFFICIENT_BALANCE or ACCOUNT_VALIDITY_EXPIRED wait again, in a new epoch."""
    if preview:
        effect = await services.control.preview(caller.actor, RequestId(request_id), "requeue")
        return effect_view(effect, preview=True)
    return effect_view(await services.control.requeue(caller.actor, RequestId(request_id)))


@post(
    "/requests/{request_id:uuid}/{action:str}",
    guards=[needs(Right.REQUESTS_CONTROL)],
    summary="Pause, resume or stop",
    tags=["Requests"],
    status_code=HTTP_200_OK,
    opt={"media_types": ()},
)
async def control_request(
    request_id: FromPath[UUID],
    action: FromPath[Literal["pause", "resume", "stop"]],
    services: UseCases,
    caller: CallerHere,
    *,
    preview: Preview = False,
    force: Force = False,
) -> Effect:
    """Idempotent. Running attempts finish, or are cut by `stop` with `force`."""
    chosen: ControlAction = action
    if preview:
        effect = await services.control.preview(caller.actor, RequestId(request_id), chosen, force=force)
        return effect_view(effect, preview=True)
    return effect_view(await services.control.control(caller.actor, RequestId(request_id), chosen, force=force))


@get("/records/{record_id:uuid}", guards=[needs(Right.REQUESTS_READ)], summary="One record", tags=["Records"])
async def get_record(record_id: FromPath[UUID], services: UseCases, caller: CallerHere) -> dict[str, Any]:
    """With its attempts, legs and recordings; these with links for callers with the right `recordings:download`."""
    document = dict(shown(caller, await services.reporting.record(caller.account_id, RecordId(record_id))))
    if services.recordings is not None:
        linked = Right.RECORDINGS_DOWNLOAD in caller.rights
        found = await services.recordings.of_record(caller.account_id, RecordId(record_id), linked=linked)
        document["recordings"] = found
    return document


@get(
    "/records/{record_id:uuid}/timeline",
    guards=[needs(Right.REQUESTS_READ)],
    summary="Explain a record",
    tags=["Records"],
)
async def get_timeline(record_id: FromPath[UUID], services: UseCases, caller: CallerHere) -> dict[str, Any]:
    """Input row, checks with rule and value, schedule decisions, attempts, legs, SIP messages, path, rule of each status."""
    return dict(shown(caller, await services.reporting.timeline(caller.account_id, RecordId(record_id))))


@post(
    "/records/{record_id:uuid}/stop",
    guards=[needs(Right.REQUESTS_CONTROL)],
    summary="Stop a record",
    tags=["Records"],
    status_code=HTTP_200_OK,
    opt={"media_types": ()},
)
async def stop_record(record_id: FromPath[UUID], services: UseCases, caller: CallerHere) -> Effect:
    """Ends it if it waits; one that is being worked on finishes."""
    return effect_view(await services.control.stop_record(caller.actor, RecordId(record_id)))


def require_load(caller: Caller, mode: Mode) -> None:
    """Loading needs `requests:load`; a testing request `flows:test` or that. Raises Forbidden ``missing_right``."""
    if mode == "testing" and Right.FLOWS_TEST in caller.rights:
        return
    caller.require(Right.REQUESTS_LOAD)


def shown(caller: Caller, document: Document) -> Document:
    """The document as this caller may see it."""
    return document if Right.NUMBERS_UNMASK in caller.rights else mask_document(document)


def _incoming(row: int, record: RecordBody) -> IncomingRecord:
    return record_of_fields(
        row,
        record.numbers,
        record.variables,
        start_time=record.start_time,
        client_identifier=record.client_identifier,
        time_zone=record.time_zone,
        priority=record.priority,
    )


def _submitted(receipt: Receipt, written: Sequence[Sequence[str]], *, unmask: bool) -> SubmittedRequest:
    """``written``: the numbers of each record as they came, which its sentences may quote."""
    results = [_result(told, numbers, unmask=unmask) for told, numbers in zip(receipt.records, written, strict=True)]
    accepted = sum(result.accepted for result in results)
    return SubmittedRequest(receipt.request_id, accepted, len(results) - accepted, results)


def _result(receipt: RecordReceipt, written: Sequence[str], *, unmask: bool) -> RecordResult:
    verdict = receipt.verdict
    told: Mapping[str, Any] = {
        "sentence": verdict.sentence,
        "numbers": verdict.numbers,
        "dropped": [drop._asdict() for drop in verdict.dropped],
        "warnings": verdict.warnings,
    }
    if not unmask:
        told = mask_document({**told, "written_numbers": written})
    return RecordResult(
        row=verdict.row,
        record_id=receipt.record_id,
        client_identifier=receipt.client_identifier,
        accepted=verdict.accepted,
        status=verdict.status.value,
        reason=verdict.reason,
        sentence=told["sentence"],
        rule=str(verdict.rule),
        numbers=tuple(told["numbers"]),
        dropped=told["dropped"],
        due_at=moment_or_none(verdict.due_at),
        warnings=tuple(told["warnings"]),
    )


async def _reject_file(services: Services, caller: Caller, request_id: RequestId) -> AsyncIterator[str]:
    yield REJECT_HEAD
    async for batch in services.reporting.rejects(caller.account_id, request_id):
        yield reject_lines(shown(caller, row) for row in batch)


async def _live(
    services: Services, caller: Caller, request_id: RequestId, first: Document
) -> AsyncIterator[ServerSentEventMessage]:
    state, told = first, b""
    while True:
        data = msgspec.json.encode(state)
        if data != told:
            told = data
            yield ServerSentEventMessage(data=data.decode(), event="counts")
        if state.get("status") == _FINISHED:
            yield ServerSentEventMessage(data=data.decode(), event="end")
            return
        await asyncio.sleep(services.limits.live_interval_s)
        state = await services.reporting.request(caller.account_id, request_id)


request_router = Router(
    "/",
    route_handlers=[
        submit_request,
        list_requests,
        get_request,
        list_records,
        get_report,
        get_rejects,
        watch_request,
        reload_request,
        requeue_request,
        control_request,
        get_record,
        get_timeline,
        stop_record,
    ],
)
