"""Commands that set up and inspect what an account has: people, keys, trunks, DIDs, lists - all through the API."""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import quote
from uuid import UUID

from cyclopts import App
from cyclopts.types import ExistingFile

from central.cli.client import ApiClient, call_api, list_all, with_api
from central.cli.operate import Json
from central.cli.output import print_rows, print_thing

users = App(name="user", help="People of the account and their roles.")
keys = App(name="key", help="API keys.")
trunks = App(name="trunk", help="SIP trunks and their prefix routes.")
dids = App(name="did", help="Numbers that the account owns.")
lists = App(name="list", help="Blacklist, whitelists for tests, do-not-disturb register, suppressed addresses.")

ListName = Literal["blacklist", "whitelist", "dnd", "suppression", "mail_whitelist"]
_OF_ADDRESSES = ("suppression", "mail_whitelist")


# -- people and keys -----------------------------------------------------------------------------------------------------
@users.command(name="list")
def list_users(*, json: Json = False) -> None:
    """Everybody with a role in the account."""
    print_rows("people", list_all("/people"), ("id", "email", "name", "role", "extra_rights"), as_json=json)


@users.command(name="add")
def add_user(email: str, role: str, *, name: str = "", password: str | None = None, json: Json = False) -> None:
    """Add a person: owner, admin, flow_designer, campaign_manager, report_viewer, supervisor, agent or support."""
    body = {"email": email, "role": role, "name": name, "password": password}
    print_thing(call_api("POST", "/people", body=body), as_json=json)


@users.command(name="role")
def change_role(person_id: UUID, role: str, *, json: Json = False) -> None:
    """Give a person another role."""
    print_thing(call_api("PATCH", f"/people/{person_id}", body={"role": role}), as_json=json)


@users.command(name="remove")
def remove_user(person_id: UUID) -> None:
    """End a person's membership."""
    call_api("DELETE", f"/people/{person_id}")


@keys.command(name="list")
def list_keys(*, json: Json = False) -> None:
    """API keys, revoked ones too."""
    columns = ("id", "name", "hint", "role", "last_used_at", "expires_at", "revoked_at")
    print_rows("keys", list_all("/keys"), columns, as_json=json)


@keys.command(name="create")
def create_key(
    name: str, role: str, *, scope: list[str] | None = None, agent: UUID | None = None, json: Json = False
) -> None:
    """Make a key; its secret is shown once. --agent: it opens the desk of this agent."""
    body = {"name": name, "role": role, "scopes": scope, "agent_id": agent and str(agent)}
    issued = call_api("POST", "/keys", body=body)
    print_thing(issued if json else {"id": issued["key"]["id"], "secret": issued["secret"]}, as_json=json)


@keys.command(name="revoke")
def revoke_key(key_id: UUID) -> None:
    """End a key at once."""
    call_api("DELETE", f"/keys/{key_id}")


# -- trunks and DIDs -----------------------------------------------------------------------------------------------------
@trunks.command(name="list")
def list_trunks(*, json: Json = False) -> None:
    """Trunks with caps and routes."""
    columns = ("id", "name", "host", "port", "transport", "inbound", "channel_cap", "cps_cap", "enabled", "routes")
    print_rows("trunks", list_all("/trunks"), columns, as_json=json)


@trunks.command(name="add")
def add_trunk(
    name: str,
    host: str,
    *,
    port: int = 5060,
    transport: Literal["udp", "tcp", "tls"] = "udp",
    username: str = "",
    password: str = "",
    channels: int = 100,
    cps: int = 20,
    prefix: list[str] | None = None,
    priority: int = 1,
    tag_calls: bool = False,
    inbound: Literal["address", "digest", "none"] = "address",
    json: Json = False,
) -> None:
    """Connect a SIP trunk; without --prefix it takes every number, lower priority numbers are tried first.

    --inbound: by what calls of this peer are known; with digest, the answer tells its user name (the password is the trunk's).
    """
    routes = [{"prefix": p, "priority": priority} for p in (prefix or [""])]
    body = {
        "name": name, "host": host, "port": port, "transport": transport, "username": username, "password": password,
        "channel_cap": channels, "cps_cap": cps, "tag_calls": tag_calls, "routes": routes,
        "inbound": inbound,
    }  # fmt: skip
    print_thing(call_api("POST", "/trunks", body=body), as_json=json)


@trunks.command(name="remove")
def remove_trunk(trunk_id: UUID) -> None:
    """Remove a trunk; calls in progress go on."""
    call_api("DELETE", f"/trunks/{trunk_id}")


@dids.command(name="list")
def list_dids(*, json: Json = False) -> None:
    """Numbers with the flows that show them."""
    print_rows("DIDs", list_all("/dids"), ("number", "label", "channel_cap", "flows"), as_json=json)


@dids.command(name="add")
def add_dids(*numbers: str, label: str = "", channels: int | None = None, json: Json = False) -> None:
    """Add numbers that the account owns; --channels is the most calls that come in to each at once."""
    body = {"dids": [{"number": number, "label": label, "channel_cap": channels} for number in numbers]}
    print_thing(call_api("POST", "/dids", body=body), as_json=json)


@dids.command(name="remove")
def remove_did(number: str) -> None:
    """Remove a number."""
    call_api("DELETE", f"/dids/{number}")


# -- lists ---------------------------------------------------------------------------------------------------------------
@lists.command(name="show")
def show_lists(*, json: Json = False) -> None:
    """Lists with version, entries and freshness."""
    found = call_api("GET", "/lists")
    print_rows(
        "lists",
        found["items"],
        ("list", "version", "entries", "fresh_at"),
        as_json=json,
    )


@lists.command(name="entries")
def list_entries(name: ListName, *, prefix: str | None = None, json: Json = False) -> None:
    """Entries of a list, all or those that begin with --prefix."""
    rows = list_all(f"/lists/{name}/entries", prefix=prefix)
    addresses = ("address", "reason", "source", "since", "expires_at", "note")
    columns = addresses if name in _OF_ADDRESSES else ("number", "prefix", "expires_at", "note")
    print_rows("entries", rows, columns, as_json=json)


@lists.command(name="find")
def find_entry(name: ListName, entry: str, *, json: Json = False) -> None:
    """The entry that holds a number or address now: itself, a prefix of it, or its domain."""
    print_thing(call_api("GET", f"/lists/{name}/entries/{quote(entry, safe='')}"), as_json=json)


@lists.command(name="add")
def add_entries(
    name: ListName, *entries: str, note: str = "", reason: str = "", prefix: bool = False, json: Json = False
) -> None:
    """Put numbers, addresses or (mail_whitelist) domains on a list.

    Parameters
    ----------
    name
        the list.
    entries
        numbers; for suppression and mail_whitelist addresses.
    note
        why, for people.
    reason
        suppression only: added (unless given), hard_bounce, soft_bounces, bounced_twice, complaint or unsubscribed.
    prefix
        all numbers that begin so.
    json
        print JSON.
    """
    given: dict[str, object] = {"note": note, "prefix": prefix or None, "reason": reason or None}
    rest = {key: value for key, value in given.items() if value is not None}
    body = {"entries": [{_key(name): entry, **rest} for entry in entries]}
    print_thing(call_api("PUT", f"/lists/{name}/entries", body=body), as_json=json)


@lists.command(name="remove")
def remove_entries(name: ListName, *entries: str, prefix: bool = False, json: Json = False) -> None:
    """Take numbers (or, with --prefix, prefix entries) or addresses off a list."""
    rows = [{_key(name): entry, "prefix": prefix} for entry in entries]
    print_thing(call_api("DELETE", f"/lists/{name}/entries", body={"entries": rows}), as_json=json)


def _key(name: ListName) -> str:
    return "address" if name in _OF_ADDRESSES else "number"


@lists.command(name="import")
def import_list(name: ListName, file: ExistingFile, *, replace: bool = False, json: Json = False) -> None:
    """Load a file of entries, CSV or one number or address a line, of any length."""

    async def work(api: ApiClient) -> Any:  # noqa: ANN401 - JSON
        return await api.upload(f"/lists/{name}/import", file, "text/csv", {"replace": replace})

    print_thing(with_api(work), as_json=json)
