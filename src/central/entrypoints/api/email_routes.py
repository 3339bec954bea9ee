"""/emails: e-mails sent alone, and all of the account with their history. /mail-domains: from where they may come."""

from __future__ import annotations

from typing import Annotated, Any, Final
from uuid import UUID

from litestar import MediaType, Request, Response, Router, delete, get, post, route
from litestar.enums import HttpMethod
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from litestar.status_codes import HTTP_200_OK, HTTP_202_ACCEPTED, HTTP_302_FOUND, HTTP_404_NOT_FOUND
from msgspec import Meta, Struct

from central.application.messaging.judge_mail import LIMIT_FILES_BYTES
from central.application.messaging.send_emails import LIMIT_MAILS
from central.application.messaging.track_mail import Asked
from central.application.ports.mail_domains import MailDomain
from central.application.ports.message_reports import MessageWish
from central.application.ports.message_store import NewMessage
from central.application.ports.messages import Mail, MailFile
from central.domain.ids import AccountId, MessageId
from central.domain.mail_domains import JudgedRecord, WantedRecord
from central.domain.mail_tokens import TokenKind
from central.domain.policies import Purpose
from central.domain.rights import Right
from central.domain.value_shapes import wire_address
from central.entrypoints.api.gate import PER_ADDRESS, CallerHere, UseCases, needs
from central.entrypoints.api.paging import Cursor, Limit, Page, cursor_uuid, make_page
from central.entrypoints.api.presenting import Moment, moment_or_none

_BODY_BYTES: Final = LIMIT_FILES_BYTES * 4 // 3 + 2_000_000
"""The files of the largest e-mail in base64, and the rest of it."""
_NO_ID: Final = UUID(int=0)
_PIXEL: Final = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
_HEADERS: Final = {"Cache-Control": "no-store, private", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:4rem auto;padding:0 1rem}}
button{{font:inherit;padding:.5rem 1rem}}</style></head>
<body><h1>{title}</h1><p>{text}</p>{more}</body></html>
"""
_ASK: Final = '<form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click"><button>Unsubscribe</button></form>'


class NewFile(Struct, forbid_unknown_fields=True, frozen=True):
    """A file that goes along; ``content`` in base64. ``content_id``: it is a picture that the HTML names as ``cid:...``."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    content: bytes
    media_type: Annotated[str, Meta(max_length=100)] = ""
    content_id: Annotated[str, Meta(max_length=100)] = ""


class NewEmail(Struct, forbid_unknown_fields=True, frozen=True):
    """One e-mail; each recipient gets a status of his own.

    ``sender``: an address of a proved domain, with a name if wanted; empty = the account's own. ``html``, ``mjml``, ``text``: at
    least one. With ``values`` subject and bodies are Liquid templates. ``attachments``: names of the account's files (`/files`).
    """

    to: Annotated[list[str], Meta(max_length=100)]
    subject: Annotated[str, Meta(max_length=2_000)]
    text: Annotated[str, Meta(max_length=1_000_000)] = ""
    html: Annotated[str, Meta(max_length=2_000_000)] = ""
    mjml: Annotated[str, Meta(max_length=2_000_000)] = ""
    cc: Annotated[list[str], Meta(max_length=100)] = []
    bcc: Annotated[list[str], Meta(max_length=100)] = []
    sender: Annotated[str, Meta(max_length=320)] = ""
    reply_to: Annotated[str, Meta(max_length=320)] = ""
    purpose: Purpose = Purpose.TRANSACTIONAL
    values: dict[str, Any] | None = None
    files: Annotated[list[NewFile], Meta(max_length=20)] = []
    attachments: Annotated[list[Annotated[str, Meta(max_length=128)]], Meta(max_length=20)] = []
    tracking: bool = False
    client_identifier: Annotated[str, Meta(max_length=256)] = ""


class NewEmailBatch(Struct, forbid_unknown_fields=True, frozen=True):
    """1 to 1,000 e-mails with at most 10,000 recipients together; a bad one is refused by itself, with its reason."""

    emails: Annotated[list[NewEmail], Meta(min_length=1, max_length=LIMIT_MAILS)]


class EmailTaken(Struct, frozen=True):
    """What became of it for one recipient: Success, or its end with the reason."""

    message_id: UUID
    to: str
    status: str
    reason: str | None
    detail: str | None


class EmailTakenBack(Struct, frozen=True):
    """The wish is stored: it ends as Failure, reason ``taken_back``."""

    message_id: UUID
    status: str


class EmailBatchTaken(Struct, frozen=True):
    """For each e-mail, in the same order, a result for each recipient: to, then cc, then bcc."""

    emails: list[list[EmailTaken]]


class RecordView(Struct, frozen=True):
    """A DNS record that the domain's owner publishes. ``state``: right, wrong, missing, unknown; null = not looked at now."""

    kind: str
    name: str
    record_type: str
    value: str
    needed: bool
    state: str | None = None
    found: tuple[str, ...] = ()
    detail: str = ""


class MailDomainView(Struct, frozen=True):
    """A sender domain; e-mail may come from it once it is verified."""

    domain: str
    bounce_domain: str
    verified_at: Moment | None
    checked_at: Moment | None
    records: list[RecordView]


class NewMailDomain(Struct, forbid_unknown_fields=True, frozen=True):
    """A domain such as example.com."""

    domain: Annotated[str, Meta(min_length=4, max_length=253)]


@post(
    "/emails",
    guards=[needs(Right.MESSAGES_SEND)],
    summary="Send e-mails",
    tags=["E-mail"],
    status_code=HTTP_202_ACCEPTED,
)
async def send_emails(data: JSONBody[NewEmailBatch], services: UseCases, caller: CallerHere) -> EmailBatchTaken:
    """They are stored when this answers; what becomes of each is told by its status. Use `Idempotency-Key` for repeats."""
    rows = await services.messaging.send_emails(caller.account_id, [_mail(one) for one in data.emails])
    return EmailBatchTaken([[_taken(row) for row in of_mail] for of_mail in rows])


@get("/emails", guards=[needs(Right.MESSAGES_READ)], summary="E-mails", tags=["E-mail"])
async def list_emails(
    services: UseCases,
    caller: CallerHere,
    cursor: Cursor = None,
    limit: Limit = 50,
    status: Annotated[str | None, QueryParameter(description="Those with this status")] = None,
    to: Annotated[str | None, QueryParameter(description="Those to this address")] = None,
    record_id: Annotated[UUID | None, QueryParameter(description="Those of this record")] = None,
    request_id: Annotated[UUID | None, QueryParameter(description="Those of this request")] = None,
) -> Page[dict[str, Any]]:
    """Newest first, each with the sentence that explains its status."""
    recipient = None if to is None else wire_address(to) or to
    wanted = MessageWish(
        channel="email", status=status, recipient=recipient, record_id=record_id, request_id=request_id
    )
    before = cursor_uuid(cursor)
    rows = await services.messaging.read.page(
        caller.account_id, wanted, None if before is None else MessageId(before), limit + 1
    )
    return make_page(rows, limit, dict, lambda row: {"id": row["message_id"]})


@get("/emails/{message_id:uuid}", guards=[needs(Right.MESSAGES_READ)], summary="One e-mail", tags=["E-mail"])
async def get_email(message_id: FromPath[UUID], services: UseCases, caller: CallerHere) -> dict[str, Any]:
    """With its history: hand-overs, replies, reports, opens and clicks, and what each means."""
    return dict(await services.messaging.read.one(caller.account_id, "email", MessageId(message_id)))


@delete(
    "/emails/{message_id:uuid}",
    guards=[needs(Right.MESSAGES_SEND)],
    summary="Take an e-mail back",
    tags=["E-mail"],
    status_code=HTTP_202_ACCEPTED,
)
async def cancel_email(message_id: FromPath[UUID], services: UseCases, caller: CallerHere) -> EmailTakenBack:
    """What waits with us ends as Failure, reason `taken_back`. 409 when a relay has it."""
    found = await services.messaging.take_back(caller.account_id, "email", MessageId(message_id))
    return EmailTakenBack(message_id, found.status)


@get("/emails/counts", guards=[needs(Right.MESSAGES_READ)], summary="E-mails by status", tags=["E-mail"])
async def count_emails(
    services: UseCases, caller: CallerHere, request_id: FromQuery[UUID | None] = None
) -> dict[str, int]:
    """How many there are of each status."""
    return dict(await services.messaging.read.counts(caller.account_id, "email", request_id))


@get("/mail-domains", guards=[needs(Right.NUMBERS_READ)], summary="Sender domains", tags=["E-mail"])
async def list_domains(services: UseCases, caller: CallerHere) -> list[MailDomainView]:
    """With the records to publish."""
    found = await services.messaging.domains.all(caller.actor)
    return [_domain(domain, [_wanted(one) for one in wanted]) for domain, wanted in found]


@post("/mail-domains", guards=[needs(Right.NUMBERS_CHANGE)], summary="Add a sender domain", tags=["E-mail"])
async def create_domain(data: JSONBody[NewMailDomain], services: UseCases, caller: CallerHere) -> MailDomainView:
    """Its key is made here; publish the records, then check."""
    domain, wanted = await services.messaging.domains.create(caller.actor, data.domain)
    return _domain(domain, [_wanted(one) for one in wanted])


@post(
    "/mail-domains/{domain:str}/check",
    guards=[needs(Right.NUMBERS_CHANGE)],
    summary="Check a sender domain",
    tags=["E-mail"],
    status_code=HTTP_200_OK,
)
async def check_domain(domain: FromPath[str], services: UseCases, caller: CallerHere) -> MailDomainView:
    """Ask the DNS for each record; all that are needed prove the domain."""
    checked, judged = await services.messaging.domains.check(caller.actor, domain)
    return _domain(checked, [_judged(one) for one in judged])


@delete(
    "/mail-domains/{domain:str}",
    guards=[needs(Right.NUMBERS_CHANGE)],
    summary="Remove a sender domain",
    tags=["E-mail"],
)
async def remove_domain(domain: FromPath[str], services: UseCases, caller: CallerHere) -> None:
    """What waits to be sent from it fails."""
    await services.messaging.domains.remove(caller.actor, domain)


@route(
    "/m/{token:str}", http_method=[HttpMethod.GET, HttpMethod.HEAD, HttpMethod.POST], opt=PER_ADDRESS, status_code=HTTP_200_OK,
    include_in_schema=False,
)  # fmt: skip
async def follow_mail(token: FromPath[str], request: Request[Any, Any, Any], services: UseCases) -> Response[bytes]:
    """The image, a link, or the unsubscribe page of an e-mail."""
    client = request.client.host if request.client else ""
    asked = Asked(
        method=request.method,
        address=client,
        agent=request.headers.get("user-agent", ""),
        cookies=bool(request.cookies),
    )
    tracked = await services.messaging.track(token, asked)
    if tracked is None:
        return _page(HTTP_404_NOT_FOUND, "No such address", "Please check it: capitals and small letters differ.")
    if tracked.kind is TokenKind.OPEN:
        return Response(_PIXEL, media_type="image/gif", headers=_HEADERS)
    if tracked.kind is TokenKind.CLICK:
        return Response(b"", status_code=HTTP_302_FOUND, headers=_HEADERS | {"Location": tracked.target})
    if tracked.kind is TokenKind.TRAP:
        return Response(b"", headers=_HEADERS, media_type=MediaType.TEXT)
    if tracked.target:
        return _page(HTTP_200_OK, "Unsubscribed", "You will get no more of these e-mails.")
    return _page(HTTP_200_OK, "Unsubscribe", "Do you want no more of these e-mails?", _ASK)


def _page(status: int, title: str, text: str, more: str = "") -> Response[bytes]:
    content = _PAGE.format(title=title, text=text, more=more).encode()
    return Response(content, status_code=status, media_type="text/html; charset=utf-8", headers=_HEADERS)


def _mail(one: NewEmail) -> Mail:
    return Mail(
        id=MessageId(_NO_ID), account_id=AccountId(_NO_ID), purpose=one.purpose, to=tuple(one.to), subject=one.subject,
        text=one.text, html=one.html, mjml=one.mjml, cc=tuple(one.cc), bcc=tuple(one.bcc), sender=one.sender,
        reply_to=one.reply_to, values=one.values, tracking=one.tracking, client_identifier=one.client_identifier,
        attachments=tuple(one.attachments), files=tuple(MailFile(f.name, f.content, f.media_type, f.content_id) for f in one.files),
    )  # fmt: skip


def _taken(row: NewMessage) -> EmailTaken:
    return EmailTaken(row.id, row.recipient, row.status, row.reason or None, row.detail or None)


def _domain(domain: MailDomain, records: list[RecordView]) -> MailDomainView:
    return MailDomainView(
        domain.domain,
        domain.bounce_domain,
        moment_or_none(domain.verified_at),
        moment_or_none(domain.checked_at),
        records,
    )


def _wanted(one: WantedRecord) -> RecordView:
    return RecordView(one.kind, one.name, one.record_type, one.value, one.needed)


def _judged(one: JudgedRecord) -> RecordView:
    wanted = one.wanted
    return RecordView(
        wanted.kind, wanted.name, wanted.record_type, wanted.value, wanted.needed, one.state, one.found, one.detail
    )


def sending_router(body_bytes: int) -> Router:
    """The one route whose bodies hold files; ``body_bytes``: what others may have at most."""
    return Router("/", route_handlers=[send_emails], request_max_body_size=max(body_bytes, _BODY_BYTES))


email_router = Router(
    "/",
    route_handlers=[
        list_emails, get_email, cancel_email, count_emails, list_domains, create_domain, check_domain, remove_domain,
    ],
)  # fmt: skip
mail_link_router = Router("/", route_handlers=[follow_mail])
