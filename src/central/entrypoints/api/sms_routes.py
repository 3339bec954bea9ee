"""/sms: short messages sent alone, and all short messages of the account with their history."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from litestar import Router, delete, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from litestar.status_codes import HTTP_200_OK, HTTP_202_ACCEPTED
from msgspec import Meta, Struct

from central.application.messaging.send_sms import LIMIT_MESSAGES, SmsWish
from central.application.ports.message_reports import MessageWish
from central.application.ports.message_store import NewMessage
from central.domain.errors import InvalidInput
from central.domain.ids import MessageId
from central.domain.policies import Purpose
from central.domain.rights import Right
from central.entrypoints.api.gate import CallerHere, UseCases, needs
from central.entrypoints.api.masking import mask_document
from central.entrypoints.api.paging import Cursor, Limit, Page, cursor_uuid, make_page
from central.entrypoints.api.presenting import Amount, Moment, amount, given_moment, moment_or_none


class NewSms(Struct, forbid_unknown_fields=True, frozen=True):
    """One short message.

    ``to``: with country code, or as the account's country writes it. ``sender``: a number, or at most 11 letters and digits;
    empty = the carrier's. ``validity_s``: how long it may take (a day unless given). ``shorten``: web addresses in the text become short
    links of 30 days, whose clicks stand in the message's history; a template may ask for it too.
    ``priority``: 0 to 3, as SMPP carriers understand it (null = the carrier's setting).
    ``data_hex`` or ``data_base64``: 8-bit data instead of a text; ``udh_hex``: its user data header, without its length.
    """

    to: Annotated[str, Meta(min_length=1, max_length=64)]
    text: Annotated[str, Meta(max_length=20_000)] = ""
    sender: Annotated[str, Meta(max_length=16)] = ""
    purpose: Purpose = Purpose.TRANSACTIONAL
    template_id: Annotated[str, Meta(max_length=64)] = ""
    entity_id: Annotated[str, Meta(max_length=64)] = ""
    client_identifier: Annotated[str, Meta(max_length=256)] = ""
    send_at: datetime | None = None
    validity_s: Annotated[int, Meta(ge=60, le=7 * 86_400)] | None = None
    shorten: bool = False
    priority: Annotated[int, Meta(ge=0, le=3)] | None = None
    data_hex: Annotated[str, Meta(max_length=3_000, pattern="^([0-9A-Fa-f]{2})*$")] = ""
    data_base64: Annotated[bytes, Meta(max_length=1_500)] = b""
    udh_hex: Annotated[str, Meta(max_length=280, pattern="^([0-9A-Fa-f]{2})*$")] = ""


class NewSmsBatch(Struct, forbid_unknown_fields=True, frozen=True):
    """1 to 10,000 messages; a bad one is refused by itself, with its reason."""

    messages: Annotated[list[NewSms], Meta(min_length=1, max_length=LIMIT_MESSAGES)]


class SmsTaken(Struct, frozen=True):
    """What became of one of them: SENT_TO_QUEUE, or its end with the reason. ``price``: taken when it is handed over."""

    message_id: UUID
    to: str
    status: str
    reason: str | None
    detail: str | None
    encoding: str
    parts: int
    price: Amount


class SmsPreview(Struct, frozen=True):
    """What would become of one of them now: ``due_at``, when it would go; null = it would not."""

    to: str
    status: str
    reason: str | None
    detail: str | None
    encoding: str
    parts: int
    price: Amount
    due_at: Moment | None


class SmsBatchPreview(Struct, frozen=True):
    """One result each, in the same order, and what all of them would cost in the currency of the account."""

    messages: list[SmsPreview]
    price: Amount
    currency: str


class SmsTakenBack(Struct, frozen=True):
    """The wish is stored. ``waits``: it was with us and is not sent; else its carrier is asked, and the status tells what it says."""

    message_id: UUID
    status: str
    waits: bool


class SmsBatchTaken(Struct, frozen=True):
    """One result each, in the same order."""

    messages: list[SmsTaken]


@post(
    "/sms",
    guards=[needs(Right.MESSAGES_SEND)],
    summary="Send short messages",
    tags=["SMS"],
    status_code=HTTP_202_ACCEPTED,
)
async def send_sms(data: JSONBody[NewSmsBatch], services: UseCases, caller: CallerHere) -> SmsBatchTaken:
    """They are stored when this answers; what becomes of each is told by its status. Use `Idempotency-Key` for repeats."""
    rows = await services.messaging.send_sms(caller.account_id, caller.account.country, _wishes(data))
    return SmsBatchTaken([_taken(row) for row in rows])


@post(
    "/sms/preview",
    guards=[needs(Right.MESSAGES_SEND)],
    summary="What short messages would cost",
    tags=["SMS"],
    status_code=HTTP_200_OK,
)
async def preview_sms(data: JSONBody[NewSmsBatch], services: UseCases, caller: CallerHere) -> SmsBatchPreview:
    """Judged as if they were sent now: alphabet, parts, price, and whether they would go. Nothing is stored or sent."""
    account = caller.account
    rows = await services.messaging.send_sms.preview(caller.account_id, account.country, _wishes(data))
    total = amount(sum(row.price for row in rows))
    return SmsBatchPreview([_previewed(row) for row in rows], total, account.currency)


def _wishes(data: NewSmsBatch) -> list[SmsWish]:
    return [
        SmsWish(
            to=one.to,
            text=one.text,
            sender=one.sender,
            purpose=one.purpose,
            template_id=one.template_id,
            entity_id=one.entity_id,
            client_identifier=one.client_identifier,
            send_at=given_moment(one.send_at, "send_at"),
            validity=None if one.validity_s is None else timedelta(seconds=one.validity_s),
            shorten=one.shorten,
            priority=one.priority,
            data=_data(one),
            header=bytes.fromhex(one.udh_hex),
        )
        for one in data.messages
    ]


def _data(one: NewSms) -> bytes:
    """Its 8-bit data. Raises InvalidInput ``bad_data``: there is a text too, nothing at all, or a header of nothing."""
    given = [bool(one.text), bool(one.data_hex), bool(one.data_base64)]
    if sum(given) != 1 or (one.udh_hex and not any(given[1:])):
        message = "A message has a text, or data_hex, or data_base64; udh_hex belongs to data."
        raise InvalidInput("bad_data", message, field="messages")
    return one.data_base64 or bytes.fromhex(one.data_hex)


@get("/sms", guards=[needs(Right.MESSAGES_READ)], summary="Short messages", tags=["SMS"])
async def list_sms(
    services: UseCases,
    caller: CallerHere,
    cursor: Cursor = None,
    limit: Limit = 50,
    status: Annotated[str | None, QueryParameter(description="Those with this status")] = None,
    to: Annotated[str | None, QueryParameter(description="Those to this number (E.164 digits)")] = None,
    record_id: Annotated[UUID | None, QueryParameter(description="Those of this record")] = None,
    request_id: Annotated[UUID | None, QueryParameter(description="Those of this request")] = None,
) -> Page[dict[str, Any]]:
    """Newest first, each with the sentence that explains its status."""
    wanted = MessageWish(channel="sms", status=status, recipient=to, record_id=record_id, request_id=request_id)
    before = cursor_uuid(cursor)
    rows = await services.messaging.read.page(
        caller.account_id, wanted, None if before is None else MessageId(before), limit + 1
    )
    unmask = Right.NUMBERS_UNMASK in caller.rights
    return make_page(rows, limit, lambda row: _shown(row, unmask=unmask), lambda row: {"id": row["message_id"]})


@get("/sms/{message_id:uuid}", guards=[needs(Right.MESSAGES_READ)], summary="One short message", tags=["SMS"])
async def get_sms(message_id: FromPath[UUID], services: UseCases, caller: CallerHere) -> dict[str, Any]:
    """With its history: every hand-over, answer and receipt, and what each means."""
    found = await services.messaging.read.one(caller.account_id, "sms", MessageId(message_id))
    return _shown(found, unmask=Right.NUMBERS_UNMASK in caller.rights)


@delete(
    "/sms/{message_id:uuid}",
    guards=[needs(Right.MESSAGES_SEND)],
    summary="Take a short message back",
    tags=["SMS"],
    status_code=HTTP_202_ACCEPTED,
)
async def cancel_sms(message_id: FromPath[UUID], services: UseCases, caller: CallerHere) -> SmsTakenBack:
    """What waits with us ends FAILED, reason `taken_back`; an SMPP carrier that has it is asked (cancel_sm). 409 when it is too late."""
    found = await services.messaging.take_back(caller.account_id, "sms", MessageId(message_id))
    return SmsTakenBack(message_id, found.status, found.waits)


@get("/sms/counts", guards=[needs(Right.MESSAGES_READ)], summary="Short messages by status", tags=["SMS"])
async def count_sms(
    services: UseCases, caller: CallerHere, request_id: FromQuery[UUID | None] = None
) -> dict[str, int]:
    """How many there are of each status."""
    return dict(await services.messaging.read.counts(caller.account_id, "sms", request_id))


def _taken(row: NewMessage) -> SmsTaken:
    reason, detail = row.reason or None, row.detail or None
    return SmsTaken(row.id, row.recipient, row.status, reason, detail, row.encoding, row.parts, amount(row.price))


def _previewed(row: NewMessage) -> SmsPreview:
    return SmsPreview(
        to=row.recipient,
        status=row.status,
        reason=row.reason or None,
        detail=row.detail or None,
        encoding=row.encoding,
        parts=row.parts,
        price=amount(row.price),
        due_at=moment_or_none(row.due_at),
    )


def _shown(document: Mapping[str, object], *, unmask: bool) -> dict[str, Any]:
    return dict(document if unmask else mask_document(document))


sms_router = Router("/", route_handlers=[send_sms, preview_sms, list_sms, get_sms, cancel_sms, count_sms])
