"""/trunks, /dids and /lists: where calls leave, what they show, and whom they must not reach."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Router, delete, get, patch, post, put
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.status_codes import HTTP_200_OK
from msgspec import UNSET, Meta, Struct, UnsetType

from central.application.administration.import_list import ImportResult
from central.application.ports.numbering import Did, ListChange, ListEntry, ListState, Route, TrunkRow
from central.domain.errors import InvalidInput
from central.domain.ids import TrunkId
from central.domain.rights import Right
from central.entrypoints.api.account_routes import Name, given
from central.entrypoints.api.gate import CallerHere, UseCases, needs
from central.entrypoints.api.idempotency import STREAMED
from central.entrypoints.api.paging import Cursor, Limit, Page, cursor_text, cursor_uuid, decode_cursor, make_page
from central.entrypoints.api.presenting import Moment, masked, moment, moment_or_none

LIST_TYPES = ("text/csv", "text/plain", "application/octet-stream", "application/csv")


class RouteBody(Struct, forbid_unknown_fields=True, frozen=True):
    """Numbers that begin with ``prefix`` (digits, empty = all) use the trunk; lower ``priority`` first, then failover."""

    prefix: Annotated[str, Meta(max_length=16)] = ""
    priority: Annotated[int, Meta(ge=1, le=100)] = 1


class TrunkView(Struct, frozen=True):
    """A SIP trunk; its password is never shown."""

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
    routes: list[RouteBody]
    created_at: Moment


class NewTrunk(Struct, forbid_unknown_fields=True, frozen=True):
    """A SIP trunk. ``tag_calls`` adds a header with the attempt to each INVITE (test trunks only)."""

    name: Name
    host: Annotated[str, Meta(min_length=1, max_length=253)]
    port: Annotated[int, Meta(ge=1, le=65535)] = 5060
    transport: str = "udp"
    username: str = ""
    password: str = ""
    codecs: tuple[str, ...] = ("ulaw", "alaw")
    channel_cap: Annotated[int, Meta(ge=0)] = 100
    cps_cap: Annotated[int, Meta(ge=0)] = 20
    enabled: bool = True
    tag_calls: bool = False
    routes: tuple[RouteBody, ...] = (RouteBody(),)


class TrunkChange(Struct, forbid_unknown_fields=True, frozen=True):
    """Absent fields stay; ``routes`` replaces all routes."""

    name: Name | UnsetType = UNSET
    host: str | UnsetType = UNSET
    port: int | UnsetType = UNSET
    transport: str | UnsetType = UNSET
    username: str | UnsetType = UNSET
    password: str | UnsetType = UNSET
    codecs: list[str] | UnsetType = UNSET
    channel_cap: int | UnsetType = UNSET
    cps_cap: int | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    tag_calls: bool | UnsetType = UNSET
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
    flows: tuple[str, ...]
    created_at: Moment


class NewDid(Struct, forbid_unknown_fields=True, frozen=True):
    """A number the account owns."""

    number: Annotated[str, Meta(max_length=32)]
    trunk_id: UUID | None = None
    label: Annotated[str, Meta(max_length=100)] = ""


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
        Did(did.number, None if did.trunk_id is None else TrunkId(did.trunk_id), did.label, now) for did in data.dids
    ]
    added, stored = await services.dids.put(caller.actor, rows, caller.account.country)
    return StoredDids(added, [did.number for did in stored])


@delete("/dids/{number:str}", guards=[needs(Right.NUMBERS_CHANGE)], summary="Remove a number", tags=["DIDs"])
async def remove_did(number: FromPath[str], services: UseCases, caller: CallerHere) -> None:
    """Possible while no flow uses it."""
    await services.dids.remove(caller.actor, number)


class ListStateView(Struct, frozen=True):
    """Version (grows with each change), number of entries and the date of a list's data."""

    list: str
    version: int
    entries: int
    fresh_at: Moment | None


class EntryBody(Struct, forbid_unknown_fields=True, frozen=True):
    """One entry. ``prefix``: every number that begins with it. ``register`` and ``categories``: dnd only."""

    number: Annotated[str, Meta(max_length=32)]
    prefix: bool = False
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None
    note: Annotated[str, Meta(max_length=500)] = ""
    register: Annotated[str, Meta(min_length=1, max_length=40)] = "NCPR"
    categories: list[str] = []


class EntriesBody(Struct, forbid_unknown_fields=True, frozen=True):
    """1 to 1,000 entries."""

    entries: Annotated[list[EntryBody], Meta(min_length=1, max_length=1000)]


class EntryView(Struct, frozen=True, omit_defaults=True):
    """One entry as stored."""

    number: str
    prefix: bool
    expires_at: Moment | None = None
    note: str = ""
    register: str = ""
    categories: tuple[str, ...] = ()


class ListChangeView(Struct, frozen=True):
    """What a change did; ``unchanged`` entries were there already (their note and expiry may be new)."""

    added: int
    removed: int
    unchanged: int
    state: ListStateView


class BadRowView(Struct, frozen=True):
    """A row that was left out."""

    line: int
    code: str
    message: str


class ImportView(Struct, frozen=True):
    """What a file held; the first 100 bad rows are shown."""

    read: int
    refused: int
    bad_rows: list[BadRowView]
    change: ListChangeView


@get("/lists", guards=[needs(Right.LISTS_READ)], summary="State of the phone lists", tags=["Lists"])
async def list_lists(services: UseCases, caller: CallerHere) -> Page[ListStateView]:
    """blacklist, whitelist (testing), dnd (local do-not-disturb register)."""
    return Page([_state_view(state) for state in await services.lists.states(caller.actor)])


@get("/lists/{list_name:str}/entries", guards=[needs(Right.LISTS_READ)], summary="Search a list", tags=["Lists"])
async def search_list(
    list_name: FromPath[str],
    services: UseCases,
    caller: CallerHere,
    prefix: Annotated[str, QueryParameter(description="Leading digits of the entries' numbers.")] = "",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[EntryView]:
    """Entries by number; masked without the right `numbers:unmask`."""
    after = _entry_after(cursor)
    rows = await services.lists.search(caller.actor, list_name, prefix, after, limit + 1)
    unmask = Right.NUMBERS_UNMASK in caller.rights
    return make_page(
        rows,
        limit,
        lambda row: _entry_view(row, list_name, unmask=unmask),
        lambda row: {"number": row.number, "prefix": row.prefix, "register": row.register},
    )


@put(
    "/lists/{list_name:str}/entries",
    guards=[needs(Right.LISTS_CHANGE)],
    summary="Add or change entries",
    tags=["Lists"],
)
async def put_entries(
    list_name: FromPath[str], data: JSONBody[EntriesBody], services: UseCases, caller: CallerHere
) -> ListChangeView:
    """In force with the next claim of any waiting record."""
    entries = [_entry(entry) for entry in data.entries]
    return _change_view(await services.lists.put(caller.actor, list_name, entries, caller.account.country))


@delete(
    "/lists/{list_name:str}/entries",
    guards=[needs(Right.LISTS_CHANGE)],
    summary="Remove entries",
    tags=["Lists"],
    status_code=HTTP_200_OK,
)
async def remove_entries(
    list_name: FromPath[str], data: JSONBody[EntriesBody], services: UseCases, caller: CallerHere
) -> ListChangeView:
    """By number, prefix flag and (dnd) register; unknown ones are passed over."""
    entries = [_entry(entry) for entry in data.entries]
    return _change_view(await services.lists.remove(caller.actor, list_name, entries, caller.account.country))


@post(
    "/lists/{list_name:str}/import",
    guards=[needs(Right.LISTS_CHANGE)],
    summary="Import a file of entries",
    tags=["Lists"],
    status_code=HTTP_200_OK,
    opt={"media_types": LIST_TYPES} | STREAMED,
    request_max_body_size=None,
)
async def import_list(
    list_name: FromPath[str],
    request: Request[Any, Any, Any],
    services: UseCases,
    caller: CallerHere,
    *,
    replace: Annotated[bool, QueryParameter(description="Remove entries that the file lacks.")] = False,
    fresh_at: Annotated[datetime | None, QueryParameter(description="Date of the data; dnd: now unless given.")] = None,
) -> ImportView:
    """The body is CSV or one number a line, UTF-8, of any length; all of it is taken in, or nothing.

    With a header line columns go by name: `number`, `prefix`, `expires_at`, `note`, `register`, `categories` (`|` between).
    """
    if fresh_at is not None and fresh_at.tzinfo is None:
        raise InvalidInput("invalid_parameter", "fresh_at has an offset.", field="fresh_at")
    body = limited(request.stream(), services.limits.list_import_bytes)
    result = await services.import_list(
        caller.actor, list_name, body, caller.account.country, replace=replace, fresh_at=fresh_at
    )
    return _import_view(result)


async def limited(chunks: AsyncIterator[bytes], most: int) -> AsyncIterator[bytes]:
    """The same chunks. Raises InvalidInput ``file_too_large``."""
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > most:
            raise InvalidInput("file_too_large", f"A file has at most {most} bytes.", limit=most)
        yield chunk


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
        routes=[RouteBody(route.prefix, route.priority) for route in row.routes],
        created_at=moment(row.created_at),
    )


def _did_view(row: Did) -> DidView:
    return DidView(row.number, row.trunk_id, row.label, tuple(row.flows), moment(row.created_at))


def _entry(body: EntryBody) -> ListEntry:
    return ListEntry(body.number, body.prefix, body.expires_at, body.note, body.register, tuple(body.categories))


def _entry_after(cursor: str | None) -> ListEntry | None:
    if cursor is None:
        return None
    key, number = decode_cursor(cursor), cursor_text(cursor, "number")
    return ListEntry(number or "", key.get("prefix") is True, register=str(key.get("register", "NCPR")))


def _entry_view(row: ListEntry, list_name: str, *, unmask: bool) -> EntryView:
    number = row.number if unmask or row.prefix else masked(row.number)
    if list_name == "dnd":
        return EntryView(number, row.prefix, register=row.register, categories=tuple(row.categories))
    return EntryView(number, row.prefix, moment_or_none(row.expires_at), row.note)


def _state_view(state: ListState) -> ListStateView:
    return ListStateView(state.list, state.version, state.entries, moment_or_none(state.fresh_at))


def _change_view(change: ListChange) -> ListChangeView:
    return ListChangeView(change.added, change.removed, change.unchanged, _state_view(change.state))


def _import_view(result: ImportResult) -> ImportView:
    bad = [BadRowView(row.line, row.code, row.message) for row in result.bad_rows]
    return ImportView(result.read, result.refused, bad, _change_view(result.change))


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
        list_lists,
        search_list,
        put_entries,
        remove_entries,
        import_list,
    ],
)
