"""Commands of the operator on this machine: first account, accounts, settings, neighbours, the voice engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import asdict
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from cyclopts import App, Parameter

from central.bootstrap.operator import FirstAccount, make_first_account, operator_key
from central.bootstrap.schema import standing_store
from central.cli.client import ApiClient, with_api
from central.cli.output import console, print_json, print_rows, print_thing, say
from central.settings import describe, read_settings

Json = Annotated[bool, Parameter(name="--json", negative="", help="print JSON")]


def init(
    *, account: str = "main", owner: str = "owner@example.com", password: str | None = None, country: str = "IN",
    time_zone: str = "Asia/Kolkata", policy: str | None = None, currency: str = "INR", funds: int = 1000,
    per_minute: float = 0.5, valid_until: date | None = None, json: Json = False,
) -> None:  # fmt: skip
    """Make the first account with its owner and an API key; the command line uses that key from then on.

    Parameters
    ----------
    account
        name of the account.
    owner
        e-mail address of its owner.
    password
        the owner's password; without one the owner cannot sign in to the console yet.
    country
        home country, two letters.
    time_zone
        zone of the account.
    policy
        calling policy to pin; the country's own by default, LAB for a laboratory.
    currency
        three letters.
    funds
        opening balance in whole units.
    per_minute
        price of a begun minute.
    valid_until
        last day on which the account may call; none = no end.
    json
        print JSON.
    """
    settings = read_settings()
    wanted = FirstAccount(
        name=account, owner=owner, password=password, country=country, time_zone=time_zone,
        policy=policy or country, currency=currency, funds=funds, per_minute=per_minute, valid_until=valid_until,
    )  # fmt: skip
    with standing_store(settings):
        profile = asyncio.run(make_first_account(settings, wanted))
    if json:
        print_json(profile)
        return
    say("account ", (account, "bold"), f" {profile.account_id}")
    say(f"API     {profile.url}/api/v1")
    say("key     ", (profile.key, "bold"), "   (shown once; kept for this command line)")


def show_settings(*, json: Json = False) -> None:
    """Print every setting with its value, unit and origin; secrets are redacted."""
    lines = [asdict(line) for line in describe(read_settings())]
    print_rows("settings", lines, ("variable", "value", "unit", "origin", "help"), as_json=json)


accounts = App(name="account", help="Accounts of this installation (operator).")


def _operator(work: Callable[[ApiClient], Coroutine[Any, Any, Any]]) -> Any:  # noqa: ANN401 - JSON in and out
    return with_api(work, key=operator_key(read_settings()))


@accounts.command(name="list")
def list_accounts(*, json: Json = False) -> None:
    """All accounts."""

    async def work(api: ApiClient) -> list[dict[str, Any]]:
        return [row async for row in api.pages("/operator/accounts")]

    columns = ("id", "name", "state", "country", "balance", "currency", "policy_id")
    print_rows("accounts", _operator(work), columns, as_json=json)


@accounts.command(name="create")
def create_account(
    name: str, *, country: str = "IN", policy: str | None = None, funds: str = "0", json: Json = False
) -> None:
    """Make a further account; give it a first key with: central account key ID."""
    body = {"name": name, "country": country, "policy_id": policy or country, "opening_balance": funds}
    print_thing(_operator(lambda api: api.call("POST", "/operator/accounts", body=body)), as_json=json)


@accounts.command(name="change")
def change_account(account_id: UUID, *assignments: str, json: Json = False) -> None:
    """Change fields: central account change ID channel_cap=50 international=true."""
    body = dict(_assignment(text) for text in assignments)
    print_thing(_operator(lambda api: api.call("PATCH", f"/operator/accounts/{account_id}", body=body)), as_json=json)


@accounts.command(name="funds")
def add_funds(account_id: UUID, amount: str, *, note: str = "", json: Json = False) -> None:
    """Add money (or, negative, correct)."""
    body = {"amount": amount, "note": note}
    print_thing(
        _operator(lambda api: api.call("POST", f"/operator/accounts/{account_id}/funds", body=body)), as_json=json
    )


@accounts.command(name="key")
def first_key(account_id: UUID, *, name: str = "first key", role: str = "owner", json: Json = False) -> None:
    """Make an API key for an account; it is shown once."""
    body = {"name": name, "role": role}
    print_thing(
        _operator(lambda api: api.call("POST", f"/operator/accounts/{account_id}/keys", body=body)), as_json=json
    )


@accounts.command(name="show")
def show_account(*, json: Json = False) -> None:
    """The account that the command line's key belongs to."""
    print_thing(with_api(lambda api: api.call("GET", "/account")), as_json=json)


def _assignment(text: str) -> tuple[str, object]:
    name, _, value = text.partition("=")
    match value:
        case "true" | "false":
            return name, value == "true"
        case "null":
            return name, None
        case _:
            return name, int(value) if value.isdigit() else value


def show_statuses(*, json: Json = False) -> None:
    """Every status of the platform: number, class, final, meaning, and the acceptance cases that reach it."""
    from central.entrypoints.cli_views.show_statuses import show_statuses as view  # noqa: PLC0415 - only here
    from central.entrypoints.cli_views.status_list import read_atlas, status_list  # noqa: PLC0415

    if json:
        print_json(status_list(read_atlas()))
    else:
        console.print(view(read_atlas()))
