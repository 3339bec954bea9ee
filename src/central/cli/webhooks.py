"""Commands for webhooks: endpoints, their signing secrets, a test post, what was given up and its replay."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from cyclopts import App, Parameter

from central.cli.client import call_api, list_all
from central.cli.operate import Json
from central.cli.output import print_rows, print_thing

webhooks = App(name="webhook", help="Webhook endpoints, their secrets, and what was given up.")

Events = Annotated[list[str] | None, Parameter(name="--event", negative="", help="an event type; repeat the option")]
Switch = Annotated[bool | None, Parameter(help="absent = as it is")]


@webhooks.command(name="list")
def list_endpoints(*, json: Json = False) -> None:
    """Endpoints in the order they were made."""
    columns = ("id", "name", "url", "events", "flow_id", "is_default", "enabled", "disabled_reason")
    print_rows("webhooks", list_all("/webhooks"), columns, as_json=json)


@webhooks.command(name="add")
def add_endpoint(
    name: str, url: str, *, event: Events = None, flow: str | None = None, username: str = "", password: str = "",
    default: Annotated[bool, Parameter(negative="")] = False, json: Json = False,
) -> None:  # fmt: skip
    """Make an endpoint; its signing secret is shown once.

    Parameters
    ----------
    name
        name in the account.
    url
        where events are posted, https.
    event
        an event type such as record.final (the default); repeat the option for more.
    flow
        id or name of the one flow whose events it gets; all flows by default.
    username
        log-in of the endpoint (HTTP Basic).
    password
        its password.
    default
        for flows without an endpoint of their own.
    json
        print JSON.
    """
    body: dict[str, Any] = {
        "name": name, "url": url, "events": event or ["record.final"], "flow": flow, "is_default": default,
    }  # fmt: skip
    if username:
        body["auth"] = _basic(username, password)
    _print_secret(call_api("POST", "/webhooks", body=body), as_json=json)


@webhooks.command(name="change")
def change_endpoint(
    endpoint_id: UUID, *, name: str | None = None, url: str | None = None, event: Events = None,
    username: str | None = None, password: str = "", default: Switch = None, enabled: Switch = None, json: Json = False,
) -> None:  # fmt: skip
    """Change what is given; --no-enabled stops sending, what waits stays.

    Parameters
    ----------
    endpoint_id
        the endpoint.
    name
        new name.
    url
        new address.
    event
        all its event types; repeat the option.
    username
        log-in of the endpoint (HTTP Basic); empty = none.
    password
        its password.
    default
        for flows without an endpoint of their own.
    enabled
        whether it is sent to.
    json
        print JSON.
    """
    fields: dict[str, Any] = {"name": name, "url": url, "events": event, "is_default": default, "enabled": enabled}
    body = {field: value for field, value in fields.items() if value is not None}
    if username is not None:
        body["auth"] = _basic(username, password) if username else {"kind": "none"}
    print_thing(call_api("PATCH", f"/webhooks/{endpoint_id}", body=body), as_json=json)


@webhooks.command(name="remove")
def remove_endpoint(endpoint_id: UUID) -> None:
    """Remove an endpoint with all that waits for it."""
    call_api("DELETE", f"/webhooks/{endpoint_id}")


@webhooks.command(name="rotate")
def rotate_secret(endpoint_id: UUID, *, json: Json = False) -> None:
    """Make a new signing secret, shown once; the one before signs along until the next rotation."""
    _print_secret(call_api("POST", f"/webhooks/{endpoint_id}/rotate"), as_json=json)


@webhooks.command(name="test")
def try_endpoint(endpoint_id: UUID, *, json: Json = False) -> None:
    """Post one event of type endpoint.test, now; exit status 1 when the endpoint does not take it."""
    answer = call_api("POST", f"/webhooks/{endpoint_id}/test")
    print_thing(answer, as_json=json)
    if not answer["ok"]:
        raise SystemExit(1)


@webhooks.command(name="parked")
def list_parked(*, endpoint: str | None = None, json: Json = False) -> None:
    """Events that were given up, of all endpoints or of one."""
    columns = ("id", "endpoint_id", "event_type", "record_id", "occurred_at", "tries", "last_error")
    print_rows("parked events", list_all("/webhooks/parked", endpoint_id=endpoint), columns, as_json=json)


@webhooks.command(name="replay")
def replay_parked(endpoint_id: UUID, *event_ids: str, json: Json = False) -> None:
    """Send parked events of an endpoint again, these or all; they keep their ids."""
    body = {"ids": list(event_ids) or None}
    print_thing(call_api("POST", f"/webhooks/{endpoint_id}/replay", body=body), as_json=json)


def _basic(username: str, password: str) -> dict[str, str]:
    return {"kind": "basic", "username": username, "password": password}


def _print_secret(made: dict[str, Any], *, as_json: bool) -> None:
    print_thing(made if as_json else {"id": made["endpoint"]["id"], "secret": made["secret"]}, as_json=as_json)
