"""/contacts: what flows keep about numbers. /links: the short links that flows made; /l/CODE, for everybody, follows one."""

from __future__ import annotations

import re
from typing import Annotated, Final
from uuid import UUID

from litestar import MediaType, Response, Router, delete, get, put
from litestar.params import FromPath, JSONBody
from litestar.status_codes import HTTP_302_FOUND, HTTP_404_NOT_FOUND, HTTP_410_GONE
from msgspec import Meta, Struct

from central.application.ports.internal_functions import Link
from central.domain.contacts import Contact
from central.domain.rights import Right
from central.entrypoints.api.gate import PER_ADDRESS, CallerHere, UseCases, needs
from central.entrypoints.api.masking import mask_document
from central.entrypoints.api.paging import Cursor, Limit, Page, cursor_text, cursor_uuid, make_page
from central.entrypoints.api.presenting import Moment, masked, moment, moment_or_none

_CODE: Final = re.compile(r"[A-Za-z0-9]{8,32}")
_HEADERS: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:4rem auto;padding:0 1rem}}</style></head>
<body><h1>{title}</h1><p>{text}</p></body></html>
"""
_UNKNOWN: Final = _PAGE.format(
    title="No such link", text="Please check the address: capitals and small letters differ."
)
_OVER: Final = _PAGE.format(title="This link has expired", text="Please ask whoever sent it for a new one.")


class ContactBody(Struct, forbid_unknown_fields=True, frozen=True):
    """What is to be kept: values by name (`$user.key.<Name>`), and the time zone (IANA) in which the contact is called."""

    values: dict[str, str]
    time_zone: Annotated[str, Meta(max_length=64)] | None = None


class ContactView(Struct, frozen=True):
    """What is kept about a number."""

    number: str
    values: dict[str, str]
    time_zone: str | None
    updated_at: Moment


class LinkView(Struct, frozen=True):
    """A short link, of a record, a short message, or both. ``url``: where it leads, secrets masked."""

    id: UUID
    link: str
    url: str
    record_id: UUID | None
    number: str
    step: str
    created_at: Moment
    expires_at: Moment
    clicks: int
    first_click_at: Moment | None
    last_click_at: Moment | None
    message_id: UUID | None = None


@get("/contacts", guards=[needs(Right.CONTACTS_READ)], summary="Contacts", tags=["Contacts"])
async def list_contacts(
    services: UseCases, caller: CallerHere, cursor: Cursor = None, limit: Limit = 50
) -> Page[ContactView]:
    """By number; masked without the right `numbers:unmask`."""
    rows = await services.contacts.page(caller.actor, cursor_text(cursor, "number") or "", limit + 1)
    unmask = Right.NUMBERS_UNMASK in caller.rights
    return make_page(rows, limit, lambda row: _contact(row, unmask=unmask), lambda row: {"number": row.number})


@get("/contacts/{number:str}", guards=[needs(Right.CONTACTS_READ)], summary="One contact", tags=["Contacts"])
async def get_contact(number: FromPath[str], services: UseCases, caller: CallerHere) -> ContactView:
    """What flows, and those who may change contacts, keep about this number."""
    found = await services.contacts.get(caller.actor, number, caller.account.country)
    return _contact(found, unmask=Right.NUMBERS_UNMASK in caller.rights)


@put("/contacts/{number:str}", guards=[needs(Right.CONTACTS_CHANGE)], summary="Keep a contact", tags=["Contacts"])
async def put_contact(
    number: FromPath[str], data: JSONBody[ContactBody], services: UseCases, caller: CallerHere
) -> ContactView:
    """In place of all that was kept before; flows read it from their next attempt on."""
    stored = await services.contacts.put(caller.actor, number, caller.account.country, data.values, data.time_zone)
    return _contact(stored, unmask=Right.NUMBERS_UNMASK in caller.rights)


@delete("/contacts/{number:str}", guards=[needs(Right.CONTACTS_CHANGE)], summary="Forget a contact", tags=["Contacts"])
async def remove_contact(number: FromPath[str], services: UseCases, caller: CallerHere) -> None:
    """With all its values; records of the number stay."""
    await services.contacts.forget(caller.actor, number, caller.account.country)


@get("/links", guards=[needs(Right.REPORTS_READ)], summary="Short links", tags=["Links"])
async def list_links(
    services: UseCases, caller: CallerHere, cursor: Cursor = None, limit: Limit = 50
) -> Page[LinkView]:
    """Newest first, with their clicks; a link goes 30 days after it expired."""
    rows = await services.links.page(caller.account_id, cursor_uuid(cursor), limit + 1)
    unmask = Right.NUMBERS_UNMASK in caller.rights
    address = services.limits.link_address
    return make_page(rows, limit, lambda row: _link(row, address, unmask=unmask), lambda row: {"id": row.id})


@get("/l/{code:str}", opt=PER_ADDRESS, media_type=MediaType.HTML, include_in_schema=False)
async def follow_link(code: FromPath[str], services: UseCases) -> Response[str]:
    """Lead on to where a short link points; counts the click."""
    found = await services.links.open(code, services.clock.now()) if _CODE.fullmatch(code) else None
    if found is None:
        return Response(_UNKNOWN, status_code=HTTP_404_NOT_FOUND, media_type=MediaType.HTML, headers=_HEADERS)
    if found.expired or not found.target.startswith(("http://", "https://")):
        return Response(_OVER, status_code=HTTP_410_GONE, media_type=MediaType.HTML, headers=_HEADERS)
    headers = _HEADERS | {"Location": found.target}
    return Response("", status_code=HTTP_302_FOUND, media_type=MediaType.HTML, headers=headers)


def _contact(row: Contact, *, unmask: bool) -> ContactView:
    number = row.number if unmask else masked(row.number)
    return ContactView(number, dict(row.values), row.time_zone, moment(row.updated_at))


def _link(row: Link, address: str, *, unmask: bool) -> LinkView:
    told = {"number": row.number, "url": row.shown}
    shown = told if unmask else mask_document(told)
    return LinkView(
        row.id, address + row.code, str(shown["url"]), row.record_id, str(shown["number"]), row.step, moment(row.created_at),
        moment(row.expires_at), row.clicks, moment_or_none(row.first_click_at), moment_or_none(row.last_click_at),
        row.message_id,
    )  # fmt: skip


contact_router = Router("/", route_handlers=[list_contacts, get_contact, put_contact, remove_contact, list_links])
link_router = Router("/", route_handlers=[follow_link])
