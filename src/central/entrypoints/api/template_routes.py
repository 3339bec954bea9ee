"""/sms/templates: texts that a registry knows (in India: DLT); what is sent by one must match it."""

from __future__ import annotations

from typing import Annotated

from litestar import Router, delete, get, post, put
from litestar.params import FromPath, JSONBody
from litestar.status_codes import HTTP_200_OK
from msgspec import Meta, Struct

from central.application.administration.maintain_templates import LIMIT_TEXT_CHARS
from central.application.ports.sms_templates import SmsTemplate
from central.domain.rights import Right
from central.entrypoints.api.gate import CallerHere, UseCases, needs
from central.entrypoints.api.paging import Cursor, Limit, Page, cursor_text, make_page


class TemplateBody(Struct, forbid_unknown_fields=True, frozen=True):
    """A template as it is registered; ``{#var#}`` stands for at most 30 characters.

    ``entity_id``, ``sender``: with which it is registered, taken where a message names none. ``shorten``: web addresses in its
    texts become short links.
    """

    text: Annotated[str, Meta(min_length=1, max_length=LIMIT_TEXT_CHARS)]
    entity_id: Annotated[str, Meta(max_length=64)] = ""
    sender: Annotated[str, Meta(max_length=16)] = ""
    shorten: bool = False


class TemplateView(Struct, frozen=True):
    """A template; ``id``: as the registry gave it."""

    id: str
    text: str
    entity_id: str
    sender: str
    shorten: bool


class TryBody(Struct, forbid_unknown_fields=True, frozen=True):
    """A text that may be sent by the template."""

    text: Annotated[str, Meta(min_length=1, max_length=20_000)]


class TriedView(Struct, frozen=True):
    """Whether it matches, and how it would go out. ``reason``: template_mismatch or text_too_long; null = it would go."""

    matches: bool
    encoding: str
    parts: int
    reason: str | None


@get("/sms/templates", guards=[needs(Right.NUMBERS_READ)], summary="Registered texts", tags=["SMS"])
async def list_templates(
    services: UseCases, caller: CallerHere, cursor: Cursor = None, limit: Limit = 50
) -> Page[TemplateView]:
    """By id."""
    rows = await services.messaging.templates.page(caller.actor, cursor_text(cursor, "id"), limit + 1)
    return make_page(rows, limit, _view, lambda row: {"id": row.id})


@put(
    "/sms/templates/{template_id:str}",
    guards=[needs(Right.NUMBERS_CHANGE)],
    summary="Add or change a registered text",
    tags=["SMS"],
)
async def put_template(
    template_id: FromPath[str], data: JSONBody[TemplateBody], services: UseCases, caller: CallerHere
) -> TemplateView:
    """In force with the next message that is accepted."""
    template = SmsTemplate(template_id, data.text.strip(), data.entity_id, data.sender, data.shorten)
    await services.messaging.templates.put(caller.actor, template)
    return _view(template)


@get(
    "/sms/templates/{template_id:str}", guards=[needs(Right.NUMBERS_READ)], summary="One registered text", tags=["SMS"]
)
async def get_template(template_id: FromPath[str], services: UseCases, caller: CallerHere) -> TemplateView:
    """As it is kept."""
    return _view(await services.messaging.templates.get(caller.actor, template_id))


@post(
    "/sms/templates/{template_id:str}/try",
    guards=[needs(Right.NUMBERS_READ)],
    summary="Compare a text with a registered one",
    tags=["SMS"],
    status_code=HTTP_200_OK,
)
async def try_template(
    template_id: FromPath[str], data: JSONBody[TryBody], services: UseCases, caller: CallerHere
) -> TriedView:
    """As sending it would; nothing is sent."""
    tried = await services.messaging.templates.attempt(caller.actor, template_id, data.text)
    return TriedView(tried.matches, tried.size.encoding, tried.size.parts, tried.reason or None)


@delete(
    "/sms/templates/{template_id:str}",
    guards=[needs(Right.NUMBERS_CHANGE)],
    summary="Remove a registered text",
    tags=["SMS"],
)
async def remove_template(template_id: FromPath[str], services: UseCases, caller: CallerHere) -> None:
    """Messages that name it are refused from now on, `template_unknown`, as long as the account keeps any other."""
    await services.messaging.templates.remove(caller.actor, template_id)


def _view(row: SmsTemplate) -> TemplateView:
    return TemplateView(row.id, row.text, row.entity_id, row.sender, row.shorten)


template_router = Router(
    "/", route_handlers=[list_templates, put_template, get_template, try_template, remove_template]
)
