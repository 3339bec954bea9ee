"""/account: the account itself, its money, its audit trail; /people and /keys: who may act in it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Router, delete, get, patch, post, put
from litestar.params import FromPath, JSONBody
from litestar.status_codes import HTTP_200_OK, HTTP_204_NO_CONTENT
from msgspec import UNSET, Meta, Struct, UnsetType

from central.application.ports.administration import AccountRow, ApiKey, AuditEntry, LedgerEntry, Member
from central.domain.rights import Right
from central.entrypoints.api.gate import CallerHere, UseCases, needs
from central.entrypoints.api.paging import Cursor, Limit, Page, cursor_uuid, make_page
from central.entrypoints.api.presenting import Amount, Moment, amount, moment, moment_or_none

Name = Annotated[str, Meta(min_length=1, max_length=100)]


class AccountView(Struct, frozen=True):
    """An account. Money as decimal text in ``currency``; ``valid_until`` includes its whole day in ``time_zone``."""

    id: UUID
    name: str
    kind: str
    state: str
    valid_until: date | None
    currency: str
    balance: Amount
    reserved: Amount
    credit_limit: Amount
    rate_plan: Mapping[str, Any]
    country: str
    time_zone: str
    international: bool
    plain_http_webhooks: bool
    recording: bool
    sms: bool
    email: bool
    pending_cap: int
    channel_cap: int
    cps_cap: int
    api_per_minute: int
    policy_id: str
    policy_version: int | None
    check_ip: bool
    settings: Mapping[str, Any]
    created_at: Moment


def account_view(row: AccountRow) -> AccountView:
    """The account as answers show it."""
    return AccountView(
        id=row.id,
        name=row.name,
        kind=row.kind,
        state=row.state,
        valid_until=row.valid_until,
        currency=row.currency,
        balance=amount(row.balance),
        reserved=amount(row.reserved),
        credit_limit=amount(row.credit_limit),
        rate_plan=row.rate_plan,
        country=row.country,
        time_zone=row.time_zone,
        international=row.international,
        plain_http_webhooks=row.plain_http_webhooks,
        recording=row.recording,
        sms=row.sms,
        email=row.email,
        pending_cap=row.pending_cap,
        channel_cap=row.channel_cap,
        cps_cap=row.cps_cap,
        api_per_minute=row.api_per_minute,
        policy_id=row.policy_id,
        policy_version=row.policy_version,
        check_ip=row.check_ip,
        settings=row.settings,
        created_at=moment(row.created_at),
    )


class AccountChange(Struct, forbid_unknown_fields=True, frozen=True):
    """What an account changes about itself; absent fields stay.

    ``settings.ip_networks`` lists who may call, ``settings.keep_recordings_days`` says how long new recordings are kept,
    ``settings.agents_start_paused`` whether agents begin their work with a pause.
    """

    name: Name | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET
    check_ip: bool | UnsetType = UNSET
    settings: dict[str, Any] | UnsetType = UNSET


class LedgerView(Struct, frozen=True):
    """One movement of money; ``reserved`` is the change of the reservations."""

    id: UUID
    at: Moment
    kind: str
    amount: Amount
    reserved: Amount
    records: int
    note: str


class AuditView(Struct, frozen=True):
    """Who did what, when."""

    id: UUID
    at: Moment
    actor: str
    action: str
    object: str
    detail: Mapping[str, Any]


@get("/account", guards=[needs(Right.ACCOUNT_READ)], summary="The account with its balance", tags=["Account"])
async def get_account(services: UseCases, caller: CallerHere) -> AccountView:
    """The account of the key."""
    return account_view(await services.account.get(caller.account_id))


@patch("/account", guards=[needs(Right.ACCOUNT_CHANGE)], summary="Change the account", tags=["Account"])
async def change_account(data: JSONBody[AccountChange], services: UseCases, caller: CallerHere) -> AccountView:
    """Change name, time zone or the addresses that may call; the rest is the operator's."""
    return account_view(await services.change_account(caller.actor, given(data)))


@get("/account/ledger", guards=[needs(Right.ACCOUNT_READ)], summary="Movements of money", tags=["Account"])
async def get_ledger(
    services: UseCases, caller: CallerHere, cursor: Cursor = None, limit: Limit = 50
) -> Page[LedgerView]:
    """Newest first."""
    rows = await services.account.ledger(caller.account_id, cursor_uuid(cursor), limit + 1)
    return make_page(rows, limit, _ledger_view, lambda row: {"id": row.id})


@get("/account/audit", guards=[needs(Right.ACCOUNT_READ)], summary="The audit trail", tags=["Account"])
async def get_audit(
    services: UseCases, caller: CallerHere, cursor: Cursor = None, limit: Limit = 50
) -> Page[AuditView]:
    """Actions in the account, newest first."""
    rows = await services.account.audit_trail(caller.account_id, cursor_uuid(cursor), limit + 1)
    return make_page(rows, limit, _audit_view, lambda row: {"id": row.id})


class MemberView(Struct, frozen=True):
    """A person with a role in the account."""

    id: UUID
    email: str
    name: str
    role: str
    extra_rights: tuple[str, ...]
    created_at: Moment
    disabled_at: Moment | None


class NewMember(Struct, forbid_unknown_fields=True, frozen=True):
    """Somebody to be added by e-mail address."""

    email: str
    role: str
    name: str = ""
    password: str | None = None
    extra_rights: list[str] = []


class MemberChange(Struct, forbid_unknown_fields=True, frozen=True):
    """A new role or other extra rights; absent fields stay."""

    role: str | None = None
    extra_rights: list[str] | None = None


class NewPassword(Struct, forbid_unknown_fields=True, frozen=True):
    """At least 8 characters: upper case, lower case, a digit and a special character."""

    password: str


@get("/people", guards=[needs(Right.USERS_READ)], summary="People of the account", tags=["People"])
async def list_people(services: UseCases, caller: CallerHere) -> Page[MemberView]:
    """All members by e-mail address."""
    return Page([_member_view(member) for member in await services.people.members(caller.actor)])


@post("/people", guards=[needs(Right.USERS_CHANGE)], summary="Add a person", tags=["People"])
async def add_person(data: JSONBody[NewMember], services: UseCases, caller: CallerHere) -> MemberView:
    """A known person keeps name and password. Naming owners and admins needs the right `admins:name`."""
    _may_name(caller, data.role)
    member = await services.people.enlist(
        caller.actor, data.email, data.role, name=data.name, password=data.password, rights=data.extra_rights
    )
    return _member_view(member)


@patch("/people/{person_id:uuid}", guards=[needs(Right.USERS_CHANGE)], summary="Change a person", tags=["People"])
async def change_person(
    person_id: FromPath[UUID], data: JSONBody[MemberChange], services: UseCases, caller: CallerHere
) -> MemberView:
    """An account keeps at least one owner."""
    await _may_touch(services, caller, person_id, data.role)
    return _member_view(await services.people.change(caller.actor, person_id, data.role, data.extra_rights))


@put(
    "/people/{person_id:uuid}/password",
    guards=[needs(Right.USERS_CHANGE)],
    summary="Set a password",
    tags=["People"],
    status_code=HTTP_204_NO_CONTENT,
)
async def set_password(
    person_id: FromPath[UUID], data: JSONBody[NewPassword], services: UseCases, caller: CallerHere
) -> None:
    """Replace the password of a member."""
    await _may_touch(services, caller, person_id, None)
    await services.people.set_password(caller.actor, person_id, data.password)


@delete("/people/{person_id:uuid}", guards=[needs(Right.USERS_CHANGE)], summary="Remove a person", tags=["People"])
async def remove_person(person_id: FromPath[UUID], services: UseCases, caller: CallerHere) -> None:
    """End the membership; the person remains in other accounts."""
    await _may_touch(services, caller, person_id, None)
    await services.people.remove(caller.actor, person_id)


async def _may_touch(services: UseCases, caller: CallerHere, person_id: FromPath[UUID], role: str | None) -> None:
    for member in await services.people.members(caller.actor):
        if member.person_id == person_id:
            _may_name(caller, member.role)
    if role is not None:
        _may_name(caller, role)


def _may_name(caller: CallerHere, role: str) -> None:
    if role in ("owner", "admin"):
        caller.require(Right.ADMINS_NAME)


class KeyView(Struct, frozen=True):
    """An API key by its hint; the key itself is never shown again. ``scopes`` null = all rights of the role.

    ``agent_id``: the agent whose desk it opens.
    """

    id: UUID
    name: str
    hint: str
    role: str
    scopes: tuple[str, ...] | None
    created_at: Moment
    last_used_at: Moment | None
    expires_at: Moment | None
    revoked_at: Moment | None
    agent_id: UUID | None


class IssuedKey(Struct, frozen=True):
    """A key that was just made. ``secret`` is its whole text, shown this once (null in a repeated answer)."""

    key: KeyView
    secret: str


class NewKey(Struct, forbid_unknown_fields=True, frozen=True):
    """A key with a role of the account, narrowed to ``scopes`` unless null. ``agent_id``: it opens this agent's desk."""

    name: Name
    role: str
    scopes: list[str] | None = None
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None
    agent_id: UUID | None = None


@get("/keys", guards=[needs(Right.KEYS_CHANGE)], summary="API keys", tags=["Keys"])
async def list_keys(services: UseCases, caller: CallerHere, cursor: Cursor = None, limit: Limit = 50) -> Page[KeyView]:
    """Keys in the order they were made, revoked ones too."""
    rows = await services.keys.page(caller.actor, cursor_uuid(cursor), limit + 1)
    return make_page(rows, limit, key_view, lambda row: {"id": row.id})


@post(
    "/keys",
    guards=[needs(Right.KEYS_CHANGE)],
    summary="Make an API key",
    tags=["Keys"],
    opt={"secret_fields": ["secret"]},
)
async def issue_key(data: JSONBody[NewKey], services: UseCases, caller: CallerHere) -> IssuedKey:
    """A key never holds more rights than the key that makes it."""
    key, secret = await services.keys.issue(
        caller.actor,
        data.name,
        data.role,
        data.scopes,
        expires_at=data.expires_at,
        held=caller.rights,
        agent_id=data.agent_id,
    )
    return IssuedKey(key_view(key), secret)


@delete(
    "/keys/{key_id:uuid}",
    guards=[needs(Right.KEYS_CHANGE)],
    summary="Revoke an API key",
    tags=["Keys"],
    status_code=HTTP_200_OK,
)
async def revoke_key(key_id: FromPath[UUID], services: UseCases, caller: CallerHere) -> KeyView:
    """The key ends at once; safe to repeat."""
    return key_view(await services.keys.revoke(caller.actor, key_id))


def given(data: Struct) -> dict[str, object]:
    """The fields of a change that were sent."""
    return {name: value for name, value in msgspec.structs.asdict(data).items() if value is not UNSET}


def key_view(row: ApiKey) -> KeyView:
    """A key as answers show it."""
    return KeyView(
        id=row.id,
        name=row.name,
        hint=row.hint,
        role=row.role,
        scopes=row.scopes,
        created_at=moment(row.created_at),
        last_used_at=moment_or_none(row.last_used_at),
        expires_at=moment_or_none(row.expires_at),
        revoked_at=moment_or_none(row.revoked_at),
        agent_id=row.agent_id,
    )


def _member_view(row: Member) -> MemberView:
    return MemberView(
        row.person_id,
        row.email,
        row.name,
        row.role,
        tuple(row.extra_rights),
        moment(row.created_at),
        moment_or_none(row.disabled_at),
    )


def _ledger_view(row: LedgerEntry) -> LedgerView:
    return LedgerView(row.id, moment(row.at), row.kind, amount(row.amount), amount(row.reserved), row.records, row.note)


def _audit_view(row: AuditEntry) -> AuditView:
    return AuditView(row.id, moment(row.at), row.actor, row.action, row.object, row.detail)


account_router = Router(
    "/",
    route_handlers=[
        get_account,
        change_account,
        get_ledger,
        get_audit,
        list_people,
        add_person,
        change_person,
        set_password,
        remove_person,
        list_keys,
        issue_key,
        revoke_key,
    ],
)
