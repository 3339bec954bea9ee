"""Commands for messages: the carriers that take them over, and short messages sent alone or read with their history."""

from __future__ import annotations

import json as encoding
from typing import Annotated, Any, Literal
from uuid import UUID

from cyclopts import App, Parameter

from central.cli.client import call_api, list_all
from central.cli.operate import Json
from central.cli.output import print_rows, print_thing, say

carriers = App(name="carrier", help="Carriers: who takes SMS and e-mail over.")
sms = App(name="sms", help="Short messages.")

Settings = Annotated[list[str] | None, Parameter(name="--set", negative="")]


@carriers.command(name="list")
def list_carriers(*, json: Json = False) -> None:
    """Carriers with their routes, and how each is."""
    columns = ("id", "name", "kind", "state", "state_detail", "enabled", "routes")
    print_rows("carriers", list_all("/carriers"), columns, as_json=json)


@carriers.command(name="add")
def add_carrier(
    name: str,
    kind: Literal["smpp", "http", "smtp"],
    *,
    settings: Settings = None,
    secret: list[str] | None = None,
    prefix: list[str] | None = None,
    priority: int = 1,
    json: Json = False,
) -> None:
    """Connect a carrier; without --prefix it takes every recipient, lower priority numbers are tried first.

    Parameters
    ----------
    name
        how people call it.
    kind
        smpp or http for SMS, smtp for e-mail.
    settings
        NAME=VALUE, as "Connect a carrier" names them; a VALUE that is JSON is taken as JSON.
    secret
        NAME=VALUE, never shown again: password=...
    prefix
        digits that recipients begin with.
    priority
        1 goes first.
    json
        print JSON.
    """
    body = {
        "name": name, "kind": kind, "settings": _pairs(settings), "secrets": {k: str(v) for k, v in _pairs(secret).items()},
        "routes": [{"prefix": one, "priority": priority} for one in (prefix or [""])],
    }  # fmt: skip
    print_thing(call_api("POST", "/carriers", body=body), as_json=json)


@carriers.command(name="remove")
def remove_carrier(carrier_id: UUID) -> None:
    """Remove a carrier; what waits for it ends at its deadline."""
    call_api("DELETE", f"/carriers/{carrier_id}")


@sms.command(name="send")
def send_sms(
    to: str,
    text: str,
    *,
    sender: str = "",
    purpose: Literal["transactional", "service", "marketing"] = "transactional",
    template: str = "",
    json: Json = False,
) -> None:
    """Send one short message; what becomes of it: central sms show ID."""
    message = {"to": to, "text": text, "sender": sender, "purpose": purpose, "template_id": template}
    (taken,) = call_api("POST", "/sms", body={"messages": [message]})["messages"]
    print_thing(taken, as_json=json)


@sms.command(name="list")
def list_sms(*, status: str | None = None, to: str | None = None, limit: int = 50, json: Json = False) -> None:
    """The newest short messages."""
    columns = ("message_id", "created_at", "to", "status", "reason", "parts", "carrier")
    query = {"status": status, "to": to, "limit": str(limit)}
    page = call_api("GET", "/sms", query={name: value for name, value in query.items() if value})
    print_rows("messages", page["items"], columns, as_json=json)


@sms.command(name="show")
def show_sms(message_id: UUID, *, json: Json = False) -> None:
    """One short message: its status, why, and every line of its history."""
    found: dict[str, Any] = call_api("GET", f"/sms/{message_id}")
    if json:
        print_thing(found, as_json=True)
        return
    say(
        f"{found['status']}  to {found['to']}  ({found['parts']} part{'s' if found['parts'] != 1 else ''}, {found['encoding']})"
    )
    say(str(found["explanation"]))
    for line in found["history"]:
        say(f"{line['at'][11:23]}  {line['sentence']}")


def _pairs(given: list[str] | None) -> dict[str, Any]:
    pairs: dict[str, Any] = {}
    for one in given or []:
        name, _, value = one.partition("=")
        try:
            pairs[name] = encoding.loads(value)
        except ValueError:
            pairs[name] = value
    return pairs
