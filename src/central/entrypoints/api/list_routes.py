"""/lists: whom an account must not call or write to, may test on, and must scrub; single entries, search, whole files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Router, delete, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.status_codes import HTTP_200_OK
from msgspec import Meta, Struct

from central.application.administration.import_list import ImportResult
from central.application.ports.numbering import ADDRESS_LISTS, ListChange, ListEntry, ListState
from central.domain.errors import InvalidInput
from central.domain.rights import Right
from central.entrypoints.api.gate import CallerHere, UseCases, needs
from central.entrypoints.api.idempotency import STREAMED
from central.entrypoints.api.paging import Cursor, Limit, Page, cursor_text, decode_cursor, make_page
from central.entrypoints.api.presenting import Moment, masked, moment_or_none

LIST_TYPES = ("text/csv", "text/plain", "application/octet-stream", "application/csv")


class ListStateView(Struct, frozen=True):
    """Version (grows with each change), number of entries and the date of a list's data.

    ``more``: there are more than that; of `suppression` 100,000 are counted.
    """

    list: str
    version: int
    entries: int
    fresh_at: Moment | None
    more: bool = False


class EntryBody(Struct, forbid_unknown_fields=True, frozen=True):
    """One entry: a ``number``, in `suppression` and `mail_whitelist` an ``address`` (the latter: or a domain).

    ``prefix``: every number that begins with it. ``register`` and ``categories``: dnd only. ``reason``: suppression only, one of
    added, hard_bounce, soft_bounces, bounced_twice, complaint, unsubscribed.
    """

    number: Annotated[str, Meta(max_length=32)] = ""
    address: Annotated[str, Meta(max_length=320)] = ""
    prefix: bool = False
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None
    note: Annotated[str, Meta(max_length=500)] = ""
    register: Annotated[str, Meta(min_length=1, max_length=40)] = "NCPR"
    categories: list[str] = []
    reason: Annotated[str, Meta(max_length=40)] = ""


class EntriesBody(Struct, forbid_unknown_fields=True, frozen=True):
    """1 to 1,000 entries."""

    entries: Annotated[list[EntryBody], Meta(min_length=1, max_length=1000)]


class AddressView(Struct, frozen=True, omit_defaults=True):
    """One entry of a list of addresses. ``source``: by a `message` (``message_id``) to it, a `person` or a `file`."""

    address: str
    since: Moment | None
    reason: str = ""
    source: str = ""
    message_id: UUID | None = None
    expires_at: Moment | None = None
    note: str = ""


class EntryView(Struct, frozen=True, omit_defaults=True):
    """One entry of a list of numbers."""

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


@get("/lists", guards=[needs(Right.LISTS_READ)], summary="State of the lists", tags=["Lists"])
async def list_lists(services: UseCases, caller: CallerHere) -> Page[ListStateView]:
    """blacklist, whitelist (tests), dnd (local do-not-disturb register); of e-mail: suppression, mail_whitelist (tests)."""
    return Page([_state_view(state) for state in await services.lists.states(caller.actor)])


@get("/lists/{list_name:str}/entries", guards=[needs(Right.LISTS_READ)], summary="Search a list", tags=["Lists"])
async def search_list(
    list_name: FromPath[str],
    services: UseCases,
    caller: CallerHere,
    prefix: Annotated[str, QueryParameter(description="How the entries' numbers or addresses begin.")] = "",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[EntryView | AddressView]:
    """Entries by number or address; numbers masked without the right `numbers:unmask`."""
    after = _entry_after(cursor)
    rows = await services.lists.search(caller.actor, list_name, prefix, after, limit + 1)
    unmask = Right.NUMBERS_UNMASK in caller.rights
    return make_page(
        rows,
        limit,
        lambda row: _entry_view(row, list_name, unmask=unmask),
        lambda row: {"number": row.number, "prefix": row.prefix, "register": row.register},
    )


@get(
    "/lists/{list_name:str}/entries/{entry:str}",
    guards=[needs(Right.LISTS_READ)],
    summary="Ask a list for one number or address",
    tags=["Lists"],
)
async def find_entry(
    list_name: FromPath[str], entry: FromPath[str], services: UseCases, caller: CallerHere
) -> EntryView | AddressView:
    """The entry that holds it now: itself, a prefix of it, or its domain; else 404 `entry_not_found`."""
    found = await services.lists.find(caller.actor, list_name, entry, caller.account.country)
    return _entry_view(found, list_name, unmask=Right.NUMBERS_UNMASK in caller.rights)


@put(
    "/lists/{list_name:str}/entries",
    guards=[needs(Right.LISTS_CHANGE)],
    summary="Add or change entries",
    tags=["Lists"],
)
async def put_entries(
    list_name: FromPath[str], data: JSONBody[EntriesBody], services: UseCases, caller: CallerHere
) -> ListChangeView:
    """In force with the next claim of any waiting record, and the next hand-over of any waiting message."""
    entries = [_entry(entry, list_name) for entry in data.entries]
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
    """By address, or by number, prefix flag and (dnd) register; unknown ones are passed over."""
    entries = [_entry(entry, list_name) for entry in data.entries]
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
    """The body is CSV or one number or address a line, UTF-8, of any length; all of it is taken in, or nothing.

    With a header line columns go by name: `number` or `address`, `prefix`, `expires_at`, `note`, `register`, `categories` (`|`
    between), `reason`. A file never replaces the suppression list.
    """
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


def _entry(body: EntryBody, list_name: str) -> ListEntry:
    given, other = (body.address, body.number) if list_name in ADDRESS_LISTS else (body.number, body.address)
    if other:
        wanted = "address" if list_name in ADDRESS_LISTS else "number"
        raise InvalidInput("invalid_entry", f"Entries of this list have the field {wanted}.", field=wanted)
    return ListEntry(
        given, body.prefix, body.expires_at, body.note, body.register, tuple(body.categories), reason=body.reason
    )


def _entry_after(cursor: str | None) -> ListEntry | None:
    if cursor is None:
        return None
    key, number = decode_cursor(cursor), cursor_text(cursor, "number")
    return ListEntry(number or "", key.get("prefix") is True, register=str(key.get("register", "NCPR")))


def _entry_view(row: ListEntry, list_name: str, *, unmask: bool) -> EntryView | AddressView:
    if list_name in ADDRESS_LISTS:
        since, expires = moment_or_none(row.created_at), moment_or_none(row.expires_at)
        return AddressView(row.number, since, row.reason, row.source, row.message_id, expires, row.note)
    number = row.number if unmask or row.prefix else masked(row.number)
    if list_name == "dnd":
        return EntryView(number, row.prefix, register=row.register, categories=tuple(row.categories))
    return EntryView(number, row.prefix, moment_or_none(row.expires_at), row.note)


def _state_view(state: ListState) -> ListStateView:
    return ListStateView(state.list, state.version, state.entries, moment_or_none(state.fresh_at), state.more)


def _change_view(change: ListChange) -> ListChangeView:
    return ListChangeView(change.added, change.removed, change.unchanged, _state_view(change.state))


def _import_view(result: ImportResult) -> ImportView:
    bad = [BadRowView(row.line, row.code, row.message) for row in result.bad_rows]
    return ImportView(result.read, result.refused, bad, _change_view(result.change))


list_router = Router(
    "/", route_handlers=[list_lists, search_list, find_entry, put_entries, remove_entries, import_list]
)
