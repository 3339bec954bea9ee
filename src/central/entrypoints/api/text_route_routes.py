"""/text-routes: which flow the texts that people write start."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from litestar import Router, delete, get, post
from litestar.params import FromPath, JSONBody
from litestar.status_codes import HTTP_200_OK
from msgspec import Meta, Struct

from central.application.ports.carriers import CarrierId
from central.application.ports.text_routes import TextRoute
from central.domain.rights import Right
from central.entrypoints.api.gate import CallerHere, UseCases, needs
from central.entrypoints.api.paging import Cursor, Limit, Page, cursor_uuid, make_page
from central.entrypoints.api.presenting import Moment, moment


class TextRouteBody(Struct, forbid_unknown_fields=True, frozen=True):
    """Texts to ``recipient`` that begin with ``keyword`` start the flow (id or name); what is left out holds for all.

    ``recipient``: the number or short code as it stands in `GET /inbound-texts`. Of several routes the one with the recipient
    goes first, then the one with a keyword, then the one with a carrier.
    """

    flow: Annotated[str, Meta(min_length=1, max_length=128)]
    recipient: Annotated[str, Meta(max_length=32)] = ""
    keyword: Annotated[str, Meta(max_length=64)] = ""
    carrier_id: UUID | None = None


class TextRouteView(Struct, frozen=True):
    """A route; ``flow``: its id. ``recipient`` or ``keyword`` "", ``carrier_id`` null = any."""

    id: UUID
    flow: str
    recipient: str
    keyword: str
    carrier_id: UUID | None
    created_at: Moment


@get("/text-routes", guards=[needs(Right.NUMBERS_READ)], summary="Flows that texts start", tags=["SMS"])
async def list_text_routes(
    services: UseCases, caller: CallerHere, cursor: Cursor = None, limit: Limit = 50
) -> Page[TextRouteView]:
    """Routes in the order they were made."""
    rows = await services.messaging.text_routes.page(caller.actor, cursor_uuid(cursor), limit + 1)
    return make_page(rows, limit, _view, lambda row: {"id": row.id})


@post(
    "/text-routes",
    guards=[needs(Right.NUMBERS_CHANGE)],
    summary="Let texts start a flow",
    tags=["SMS"],
    status_code=HTTP_200_OK,
)
async def put_text_route(data: JSONBody[TextRouteBody], services: UseCases, caller: CallerHere) -> TextRouteView:
    """The flow is one without a call. A route with the same recipient, keyword and carrier gets this flow."""
    carrier = None if data.carrier_id is None else CarrierId(data.carrier_id)
    routes = services.messaging.text_routes
    made = await routes.put(caller.actor, data.flow, recipient=data.recipient, keyword=data.keyword, carrier_id=carrier)
    return _view(made)


@delete(
    "/text-routes/{route_id:uuid}",
    guards=[needs(Right.NUMBERS_CHANGE)],
    summary="Let texts start a flow no more",
    tags=["SMS"],
)
async def remove_text_route(route_id: FromPath[UUID], services: UseCases, caller: CallerHere) -> None:
    """Texts that came before start it all the same."""
    await services.messaging.text_routes.remove(caller.actor, route_id)


def _view(row: TextRoute) -> TextRouteView:
    return TextRouteView(row.id, row.flow_id, row.recipient, row.keyword, row.carrier_id, moment(row.created_at))


text_route_router = Router("/", route_handlers=[list_text_routes, put_text_route, remove_text_route])
