"""/trunks and /dids: where calls leave, and what they show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from litestar import Router, delete, get, patch, post
from litestar.params import FromPath, JSONBody
from litestar.status_codes import HTTP_200_OK
from msgspec import UNSET, Meta, Struct, UnsetType

from central.application.ports.numbering import Did, Route, TrunkRow
from central.application.ports.telephony import InboundPeer, digest_user
from central.domain.ids import TrunkId
from central.domain.rights import Right
from central.entrypoints.api.account_routes import Name, given
from central.entrypoints.api.gate import CallerHere, UseCases, needs
from central.entrypoints.api.paging import Cursor, Limit, Page, cursor_text, cursor_uuid, make_page
from central.entrypoints.api.presenting import Count, Moment, moment


class RouteBody(Struct, forbid_unknown_fields=True, frozen=True):
    """Numbers that begin with ``prefix`` (digits, empty = all) use the trunk; lower ``priority`` first, then failover."""

    prefix: Annotated[str, Meta(max_length=16)] = ""
    priority: Annotated[int, Meta(ge=1, le=100)] = 1


class TrunkView(Struct, frozen=True):
    """A SIP trunk; its password is never shown. ``digest_user`` is the user name of a peer with ``inbound: digest``."""

    id: UUID
    name: str
    host: str
    port: int
    transport: str
    username: str
    has_password: bool
    codecs: tuple[str, ...]
    channel_cap: int
    cps_cap: int
    enabled: bool
    tag_calls: bool
    inbound: str
    digest_user: str | None
    routes: list[RouteBody]
    created_at: Moment


class NewTrunk(Struct, forbid_unknown_fields=True, frozen=True):
    """A SIP trunk. ``tag_calls`` adds a header with the attempt to each INVITE (test trunks only).

    ``inbound``: calls of this peer are known by the ``address`` of its host, by ``digest`` (user ``digest_user``, the trunk's
    password), or it sends ``none``.
    """

    name: Name
    host: Annotated[str, Meta(min_length=1, max_length=253)]
    port: Annotated[int, Meta(ge=1, le=65535)] = 5060
    transport: str = "udp"
    username: str = ""
    password: str = ""
    codecs: tuple[str, ...] = ("ulaw", "alaw")
    channel_cap: Count = 100
    cps_cap: Count = 20
    enabled: bool = True
    tag_calls: bool = False
    inbound: InboundPeer = "address"
    routes: tuple[RouteBody, ...] = (RouteBody(),)


class TrunkChange(Struct, forbid_unknown_fields=True, frozen=True):
    """Absent fields stay; ``routes`` replaces all routes."""

    name: Name | UnsetType = UNSET
    host: str | UnsetType = UNSET
    port: Count | UnsetType = UNSET
    transport: str | UnsetType = UNSET
    username: str | UnsetType = UNSET
    password: str | UnsetType = UNSET
    codecs: list[str] | UnsetType = UNSET
    channel_cap: Count | UnsetType = UNSET
    cps_cap: Count | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    tag_calls: bool | UnsetType = UNSET
    inbound: InboundPeer | UnsetType = UNSET
    routes: list[RouteBody] | UnsetType = UNSET


@get("/trunks", guards=[needs(Right.NUMBERS_READ)], summary="SIP trunks", tags=["Trunks"])
async def list_trunks(
    services: UseCases, caller: CallerHere, cursor: Cursor = None, limit: Limit = 50
) -> Page[TrunkView]:
    """Trunks in the order they were made."""
    after = cursor_uuid(cursor)
    rows = await services.trunks.page(caller.actor, None if after is None else TrunkId(after), limit + 1)
    return make_page(rows, limit, _trunk_view, lambda row: {"id": row.id})


@post("/trunks", guards=[needs(Right.NUMBERS_CHANGE)], summary="Make a trunk", tags=["Trunks"])
async def create_trunk(data: JSONBody[NewTrunk], services: UseCases, caller: CallerHere) -> TrunkView:
    """Voice nodes learn of it within seconds."""
    row = TrunkRow(
        id=TrunkId(services.ids.uuid()),
        name=data.name,
        host=data.host,
        port=data.port,
        transport=data.transport,
        username=data.username,
        password=data.password,
        codecs=data.codecs,
        channel_cap=data.channel_cap,
        cps_cap=data.cps_cap,
        enabled=data.enabled,
        tag_calls=data.tag_calls,
        inbound=data.inbound,
        created_at=services.clock.now(),
        routes=_routes(data.routes),
    )
    return _trunk_view(await services.trunks.create(caller.actor, row))


@get("/trunks/{trunk_id:uuid}", guards=[needs(Right.NUMBERS_READ)], summary="One trunk", tags=["Trunks"])
async def get_trunk(trunk_id: FromPath[UUID], services: UseCases, caller: CallerHere) -> TrunkView:
    """One trunk with its routes."""
    return _trunk_view(await services.trunks.get(caller.actor, TrunkId(trunk_id)))


@patch("/trunks/{trunk_id:uuid}", guards=[needs(Right.NUMBERS_CHANGE)], summary="Change a trunk", tags=["Trunks"])
async def change_trunk(
    trunk_id: FromPath[UUID], data: JSONBody[TrunkChange], services: UseCases, caller: CallerHere
) -> TrunkView:
    """Calls in progress are not touched."""
    changes = given(data)
    changes.pop("routes", None)
    routes = None if data.routes is UNSET else _routes(data.routes)
    return _trunk_view(await services.trunks.change(caller.actor, TrunkId(trunk_id), changes, routes))


@delete("/trunks/{trunk_id:uuid}", guards=[needs(Right.NUMBERS_CHANGE)], summary="Remove a trunk", tags=["Trunks"])
async def remove_trunk(trunk_id: FromPath[UUID], services: UseCases, caller: CallerHere) -> None:
    """Its DIDs keep existing without it."""
    await services.trunks.remove(caller.actor, TrunkId(trunk_id))


class DidView(Struct, frozen=True):
    """A number the account owns, and the ids of the flows that use it."""

    number: str
    trunk_id: UUID | None
    label: str
    channel_cap: int | None
    flows: tuple[str, ...]
    created_at: Moment


class NewDid(Struct, forbid_unknown_fields=True, frozen=True):
    """A number the account owns; at most ``channel_cap`` calls come in to it at once (null: no cap of its own)."""

    number: Annotated[str, Meta(max_length=32)]
    trunk_id: UUID | None = None
    label: Annotated[str, Meta(max_length=100)] = ""
    channel_cap: Count | None = None


class NewDids(Struct, forbid_unknown_fields=True, frozen=True):
    """1 to 1,000 numbers."""

    dids: Annotated[list[NewDid], Meta(min_length=1, max_length=1000)]


class StoredDids(Struct, frozen=True):
    """How many of the numbers are new, and the stored form of all."""

    added: int
    numbers: list[str]


@get("/dids", guards=[needs(Right.NUMBERS_READ)], summary="Numbers of the account", tags=["DIDs"])
async def list_dids(services: UseCases, caller: CallerHere, cursor: Cursor = None, limit: Limit = 50) -> Page[DidView]:
    """DIDs by number."""
    rows = await services.dids.page(caller.actor, cursor_text(cursor, "number"), limit + 1)
    return make_page(rows, limit, _did_view, lambda row: {"number": row.number})


@post(
    "/dids",
    guards=[needs(Right.NUMBERS_CHANGE)],
    summary="Add or change numbers",
    tags=["DIDs"],
    status_code=HTTP_200_OK,
)
async def put_dids(data: JSONBody[NewDids], services: UseCases, caller: CallerHere) -> StoredDids:
    """Known numbers get the new trunk and label."""
    now = services.clock.now()
    rows = [
        Did(did.number, None if did.trunk_id is None else TrunkId(did.trunk_id), did.label, now, did.channel_cap)
        for did in data.dids
    ]
    added, stored = await services.dids.put(caller.actor, rows, caller.account.country)
    return StoredDids(added, [did.number for did in stored])


@delete("/dids/{number:str}", guards=[needs(Right.NUMBERS_CHANGE)], summary="Remove a number", tags=["DIDs"])
async def remove_did(number: FromPath[str], services: UseCases, caller: CallerHere) -> None:
    """Possible while no flow uses it."""
    await services.dids.remove(caller.actor, number)


def _routes(bodies: Sequence[RouteBody]) -> tuple[Route, ...]:
    return tuple(Route(body.prefix, body.priority) for body in bodies)


def _trunk_view(row: TrunkRow) -> TrunkView:
    return TrunkView(
        id=row.id,
        name=row.name,
        host=row.host,
        port=row.port,
        transport=row.transport,
        username=row.username,
        has_password=bool(row.password),
        codecs=tuple(row.codecs),
        channel_cap=row.channel_cap,
        cps_cap=row.cps_cap,
        enabled=row.enabled,
        tag_calls=row.tag_calls,
        inbound=row.inbound,
        digest_user=digest_user(row.id) if row.inbound == "digest" else None,
        routes=[RouteBody(route.prefix, route.priority) for route in row.routes],
        created_at=moment(row.created_at),
    )


def _did_view(row: Did) -> DidView:
    return DidView(row.number, row.trunk_id, row.label, row.channel_cap, tuple(row.flows), moment(row.created_at))


number_router = Router(
    "/",
    route_handlers=[
        list_trunks,
        create_trunk,
        get_trunk,
        change_trunk,
        remove_trunk,
        list_dids,
        put_dids,
        remove_did,
    ],
)
