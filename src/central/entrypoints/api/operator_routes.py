"""/operator: the operator's own work - accounts, their money, first keys, policies. Behind a key of its own.

The routes exist always; without ``Limits.operator_key_hash`` nobody gets in.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from litestar import Router, get, patch, post
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, Meta, Struct, UnsetType, field

from central.application.administration.maintain_account import ChangeAccount, OperateAccounts
from central.application.ports.administration import AccountRow
from central.domain.errors import OperatorError
from central.domain.ids import AccountId
from central.domain.money import Money
from central.entrypoints.api.account_routes import AccountView, IssuedKey, Name, NewKey, account_view, given, key_view
from central.entrypoints.api.gate import OPERATOR, UseCases, operator_on
from central.entrypoints.api.open_routes import PolicyView, policy_view
from central.entrypoints.api.paging import Cursor, Limit, Page, cursor_uuid, make_page
from central.entrypoints.api.presenting import Amount, Count, Positive, amount

STANDARD_PLAN: dict[str, Any] = {"name": "standard", "voice": [{"prefix": "", "pulse_s": 60, "per_pulse": 0}]}


class NewAccount(Struct, forbid_unknown_fields=True, frozen=True):
    """A new tenant; it is active at once."""

    name: Name
    kind: str = "company"
    valid_until: date | None = None
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")] = "INR"
    opening_balance: Amount = "0"
    credit_limit: Amount = "0"
    rate_plan: dict[str, Any] = field(default_factory=lambda: dict(STANDARD_PLAN))
    country: Annotated[str, Meta(pattern="^[A-Z]{2}$")] = "IN"
    time_zone: str = "Asia/Kolkata"
    international: bool = False
    plain_http_webhooks: bool = False
    recording: bool = True
    sms: bool = True
    email: bool = True
    pending_cap: Count = 1_000_000
    channel_cap: Count = 200
    cps_cap: Count = 50
    api_per_minute: Positive = 6000
    weight: Positive = 1
    policy_id: str = "IN"
    policy_version: Positive | None = None


class AccountCaps(Struct, forbid_unknown_fields=True, frozen=True):
    """What the operator changes; absent fields stay.

    ``recording``, ``sms``, ``email`` off: a flow with such a step, or whose calls are recorded, is not published, and where one
    runs the step takes its failure branch (``recording_disabled``, ``sms_disabled``, ``email_disabled``).
    """

    name: Name | UnsetType = UNSET
    state: str | UnsetType = UNSET
    valid_until: date | UnsetType | None = UNSET
    credit_limit: Amount | UnsetType = UNSET
    rate_plan: dict[str, Any] | UnsetType = UNSET
    country: str | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET
    international: bool | UnsetType = UNSET
    plain_http_webhooks: bool | UnsetType = UNSET
    recording: bool | UnsetType = UNSET
    sms: bool | UnsetType = UNSET
    email: bool | UnsetType = UNSET
    pending_cap: Count | UnsetType = UNSET
    channel_cap: Count | UnsetType = UNSET
    cps_cap: Count | UnsetType = UNSET
    api_per_minute: Positive | UnsetType = UNSET
    weight: Positive | UnsetType = UNSET
    policy_id: str | UnsetType = UNSET
    policy_version: Positive | UnsetType | None = UNSET


class Funds(Struct, forbid_unknown_fields=True, frozen=True):
    """Money to be added; a negative amount is a correction."""

    amount: Amount
    note: Annotated[str, Meta(max_length=200)] = ""


class Balance(Struct, frozen=True):
    """The balance after it."""

    balance: Amount


class NewPolicy(Struct, forbid_unknown_fields=True, frozen=True):
    """A policy document (domain specification, section 3) with its id, version and effective_from."""

    policy: dict[str, Any]


@get("/operator/accounts", opt=OPERATOR, summary="All accounts", tags=["Operator"])
async def list_accounts(services: UseCases, cursor: Cursor = None, limit: Limit = 50) -> Page[AccountView]:
    """Accounts by id."""
    after = cursor_uuid(cursor)
    rows = await _accounts(services).page(None if after is None else AccountId(after), limit + 1)
    return make_page(rows, limit, account_view, lambda row: {"id": row.id})


@post("/operator/accounts", opt=OPERATOR, summary="Make an account", tags=["Operator"])
async def create_account(data: JSONBody[NewAccount], services: UseCases) -> AccountView:
    """With its opening balance."""
    row = AccountRow(
        id=AccountId(services.ids.uuid()),
        name=data.name,
        kind=data.kind,
        state="active",
        valid_until=data.valid_until,
        currency=data.currency,
        credit_limit=_micros(data.credit_limit, data.currency),
        rate_plan=data.rate_plan,
        country=data.country,
        time_zone=data.time_zone,
        international=data.international,
        plain_http_webhooks=data.plain_http_webhooks,
        pending_cap=data.pending_cap,
        channel_cap=data.channel_cap,
        cps_cap=data.cps_cap,
        api_per_minute=data.api_per_minute,
        weight=data.weight,
        policy_id=data.policy_id,
        policy_version=data.policy_version,
        check_ip=False,
        settings={},
        created_at=services.clock.now(),
        balance=_micros(data.opening_balance, data.currency),
        recording=data.recording,
        sms=data.sms,
        email=data.email,
    )
    return account_view(await _accounts(services).create(row))


@patch("/operator/accounts/{account_id:uuid}", opt=OPERATOR, summary="Change an account", tags=["Operator"])
async def change_account(account_id: FromPath[UUID], data: JSONBody[AccountCaps], services: UseCases) -> AccountView:
    """State, validity, caps, switches, policy."""
    changes = given(data)
    if isinstance(data.credit_limit, str):
        changes["credit_limit"] = _micros(data.credit_limit, "INR")
    return account_view(await _change(services)(operator_on(account_id), changes))


@post("/operator/accounts/{account_id:uuid}/funds", opt=OPERATOR, summary="Add money", tags=["Operator"])
async def add_funds(account_id: FromPath[UUID], data: JSONBody[Funds], services: UseCases) -> Balance:
    """A top-up, or (negative) a correction, in the account's currency."""
    micros = _micros(data.amount, "INR")
    return Balance(amount(await _accounts(services).add_funds(operator_on(account_id), micros, data.note)))


@post(
    "/operator/accounts/{account_id:uuid}/keys",
    opt=OPERATOR | {"secret_fields": ["secret"]},
    summary="Make a key for an account",
    tags=["Operator"],
)
async def issue_key(account_id: FromPath[UUID], data: JSONBody[NewKey], services: UseCases) -> IssuedKey:
    """The first key of an account, or a spare one."""
    if services.operate_keys is None:
        raise _not_set_up()
    key, secret = await services.operate_keys.issue(
        operator_on(account_id), data.name, data.role, data.scopes, expires_at=data.expires_at
    )
    return IssuedKey(key_view(key), secret)


@post("/operator/policies", opt=OPERATOR, summary="Add a policy row", tags=["Operator"])
async def add_policy(data: JSONBody[NewPolicy], services: UseCases) -> PolicyView:
    """Immutable once written; a change is a new version."""
    if services.operate_policies is None:
        raise _not_set_up()
    return policy_view(await services.operate_policies.add(data.policy))


def _accounts(services: UseCases) -> OperateAccounts:
    if services.operate_accounts is None:
        raise _not_set_up()
    return services.operate_accounts


def _change(services: UseCases) -> ChangeAccount:
    if services.operate_change is None:
        raise _not_set_up()
    return services.operate_change


def _not_set_up() -> OperatorError:
    return OperatorError("operator_routes_off", "This process has no connections for the operator's work.")


def _micros(text: str, currency: str) -> int:
    return Money.parse(text, currency).micros


operator_router = Router(
    "/", route_handlers=[list_accounts, create_account, change_account, add_funds, issue_key, add_policy]
)
