"""/carriers: who takes SMS and e-mail over for the account."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from litestar import Router, delete, get, patch, post
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, Meta, Struct, UnsetType

from central.application.ports.carrier_setup import CarrierKind, CarrierRouteRow, CarrierRow
from central.application.ports.carriers import CarrierId
from central.domain.rights import Right
from central.entrypoints.api.account_routes import Name, given
from central.entrypoints.api.gate import CallerHere, UseCases, needs
from central.entrypoints.api.paging import Cursor, Limit, Page, cursor_uuid, make_page
from central.entrypoints.api.presenting import Moment, moment, moment_or_none


class CarrierRouteBody(Struct, forbid_unknown_fields=True, frozen=True):
    """Recipients whose number begins with ``prefix`` (digits, empty = all) may go by the carrier.

    The longest prefix goes first, then the lower ``priority``, then the lower ``cost`` (millionths of the currency a part);
    what is equal is divided by ``share``.
    """

    prefix: Annotated[str, Meta(max_length=16)] = ""
    priority: Annotated[int, Meta(ge=1, le=100)] = 1
    share: Annotated[int, Meta(ge=1, le=1000)] = 1
    cost: Annotated[int, Meta(ge=0, le=10**12)] = 0


class CarrierView(Struct, frozen=True):
    """A carrier; of its secrets only the names are shown. ``state``: what it told last, and since when.

    ``mailbox_state``: how the mailbox is that its reports come back to, where it has one.
    """

    id: UUID
    name: str
    kind: str
    enabled: bool
    settings: dict[str, Any]
    secrets: list[str]
    routes: list[CarrierRouteBody]
    state: str
    state_detail: str
    state_at: Moment | None
    created_at: Moment
    mailbox_state: str = ""


class NewCarrier(Struct, forbid_unknown_fields=True, frozen=True):
    """A carrier: ``smpp`` or ``http`` for SMS, ``smtp`` for e-mail. Settings and secrets: see "Connect a carrier" and "Add an SMS gateway"."""

    name: Name
    kind: CarrierKind
    settings: dict[str, Any]
    secrets: dict[str, str] = {}
    enabled: bool = True
    routes: tuple[CarrierRouteBody, ...] = (CarrierRouteBody(),)


class CarrierChange(Struct, forbid_unknown_fields=True, frozen=True):
    """Absent fields stay; ``routes`` replaces all routes; of settings and secrets the named ones change, null takes one away."""

    name: Name | UnsetType = UNSET
    settings: dict[str, Any] | UnsetType = UNSET
    secrets: dict[str, str | None] | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    routes: tuple[CarrierRouteBody, ...] | UnsetType = UNSET


@get("/carriers", guards=[needs(Right.NUMBERS_READ)], summary="Carriers", tags=["Carriers"])
async def list_carriers(
    services: UseCases, caller: CallerHere, cursor: Cursor = None, limit: Limit = 50
) -> Page[CarrierView]:
    """Carriers in the order they were made."""
    after = cursor_uuid(cursor)
    rows = await services.messaging.carriers.page(caller.actor, None if after is None else CarrierId(after), limit + 1)
    return make_page(rows, limit, _view, lambda row: {"id": row.id})


@post("/carriers", guards=[needs(Right.NUMBERS_CHANGE)], summary="Make a carrier", tags=["Carriers"])
async def create_carrier(data: JSONBody[NewCarrier], services: UseCases, caller: CallerHere) -> CarrierView:
    """It is opened within seconds; its state tells how that went."""
    made = await services.messaging.carriers.create(
        caller.actor,
        data.name,
        data.kind,
        data.settings,
        data.secrets,
        _routes(data.routes),
        enabled=data.enabled,
        plain_http=caller.account.plain_http_webhooks,
    )
    return _view(made)


@get("/carriers/{carrier_id:uuid}", guards=[needs(Right.NUMBERS_READ)], summary="One carrier", tags=["Carriers"])
async def get_carrier(carrier_id: FromPath[UUID], services: UseCases, caller: CallerHere) -> CarrierView:
    """One carrier with its routes and state."""
    return _view(await services.messaging.carriers.get(caller.actor, CarrierId(carrier_id)))


@patch(
    "/carriers/{carrier_id:uuid}", guards=[needs(Right.NUMBERS_CHANGE)], summary="Change a carrier", tags=["Carriers"]
)
async def change_carrier(
    carrier_id: FromPath[UUID], data: JSONBody[CarrierChange], services: UseCases, caller: CallerHere
) -> CarrierView:
    """Its connections are opened anew; what was handed over is answered first."""
    changes = given(data)
    if data.routes is not UNSET:
        changes["routes"] = _routes(data.routes)
    plain = caller.account.plain_http_webhooks
    return _view(
        await services.messaging.carriers.change(caller.actor, CarrierId(carrier_id), changes, plain_http=plain)
    )


@delete(
    "/carriers/{carrier_id:uuid}", guards=[needs(Right.NUMBERS_CHANGE)], summary="Remove a carrier", tags=["Carriers"]
)
async def remove_carrier(carrier_id: FromPath[UUID], services: UseCases, caller: CallerHere) -> None:
    """What waits for it ends at its deadline unless another carrier is made under the same prefix in time."""
    await services.messaging.carriers.remove(caller.actor, CarrierId(carrier_id))


def _routes(bodies: tuple[CarrierRouteBody, ...]) -> tuple[CarrierRouteRow, ...]:
    return tuple(CarrierRouteRow(body.prefix, body.priority, body.share, body.cost) for body in bodies)


def _view(row: CarrierRow) -> CarrierView:
    return CarrierView(
        id=row.id,
        name=row.name,
        kind=row.kind,
        enabled=row.enabled,
        settings=dict(row.settings),
        secrets=sorted(row.secrets),
        routes=[CarrierRouteBody(r.prefix, r.priority, r.share, r.cost) for r in row.routes],
        state=row.state,
        state_detail=row.state_detail,
        state_at=moment_or_none(row.state_at),
        created_at=moment(row.created_at),
        mailbox_state=row.mailbox_state,
    )


carrier_router = Router(
    "/", route_handlers=[list_carriers, create_carrier, get_carrier, change_carrier, remove_carrier]
)
