"""Commands that set up and inspect what an account has: people, keys, trunks, DIDs, lists, flows - all through the API."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

from cyclopts import App, Parameter
from cyclopts.types import ExistingFile

from central.cli.client import ApiClient, call_api, list_all, with_api
from central.cli.operate import Json
from central.cli.output import console, print_rows, print_thing
from central.entrypoints.cli_views.words import lines

users = App(name="user", help="People of the account and their roles.")
keys = App(name="key", help="API keys.")
trunks = App(name="trunk", help="SIP trunks and their prefix routes.")
dids = App(name="did", help="Numbers that the account owns.")
lists = App(name="list", help="Phone blacklist, whitelist, do-not-disturb register.")
flows = App(name="flow", help="Flows: push, check, publish, roll back, pause.")

ListName = Literal["blacklist", "whitelist", "dnd"]


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
def create_key(name: str, role: str, *, scope: list[str] | None = None, json: Json = False) -> None:
    """Make a key; its secret is shown once."""
    issued = call_api("POST", "/keys", body={"name": name, "role": role, "scopes": scope})
    print_thing(issued if json else {"id": issued["key"]["id"], "secret": issued["secret"]}, as_json=json)


@keys.command(name="revoke")
def revoke_key(key_id: UUID) -> None:
    """End a key at once."""
    call_api("DELETE", f"/keys/{key_id}")


# -- trunks and DIDs -----------------------------------------------------------------------------------------------------
@trunks.command(name="list")
def list_trunks(*, json: Json = False) -> None:
    """Trunks with caps and routes."""
    columns = ("id", "name", "host", "port", "transport", "channel_cap", "cps_cap", "enabled", "routes")
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
    json: Json = False,
) -> None:
    """Connect a SIP trunk; without --prefix it takes every number, lower priority numbers are tried first."""
    routes = [{"prefix": p, "priority": priority} for p in (prefix or [""])]
    body = {
        "name": name, "host": host, "port": port, "transport": transport, "username": username, "password": password,
        "channel_cap": channels, "cps_cap": cps, "tag_calls": tag_calls, "routes": routes,
    }  # fmt: skip
    print_thing(call_api("POST", "/trunks", body=body), as_json=json)


@trunks.command(name="remove")
def remove_trunk(trunk_id: UUID) -> None:
    """Remove a trunk; calls in progress go on."""
    call_api("DELETE", f"/trunks/{trunk_id}")


@dids.command(name="list")
def list_dids(*, json: Json = False) -> None:
    """Numbers with the flows that show them."""
    print_rows("DIDs", list_all("/dids"), ("number", "label", "flows"), as_json=json)


@dids.command(name="add")
def add_dids(*numbers: str, label: str = "", json: Json = False) -> None:
    """Add numbers that the account owns."""
    body = {"dids": [{"number": number, "label": label} for number in numbers]}
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
    print_rows("entries", rows, ("number", "prefix", "expires_at", "note"), as_json=json)


@lists.command(name="add")
def add_entries(name: ListName, *numbers: str, note: str = "", prefix: bool = False, json: Json = False) -> None:
    """Put numbers (or, with --prefix, all numbers that begin so) on a list."""
    entries = [{"number": number, "note": note} | ({"prefix": True} if prefix else {}) for number in numbers]
    print_thing(call_api("PUT", f"/lists/{name}/entries", body={"entries": entries}), as_json=json)


@lists.command(name="import")
def import_list(name: ListName, file: ExistingFile, *, replace: bool = False, json: Json = False) -> None:
    """Load a file of entries, CSV or one number a line, of any length."""

    async def work(api: ApiClient) -> Any:  # noqa: ANN401 - JSON
        return await api.upload(f"/lists/{name}/import", file, "text/csv", {"replace": replace})

    print_thing(with_api(work), as_json=json)


flows.command(
    "central.cli.rehearse:play_cases", name="test", help="Play the test cases of flows, without an installation."
)
flows.command("central.cli.rehearse:run_flow", name="run", help="Play a flow in the terminal, without an installation.")


# -- flows ---------------------------------------------------------------------------------------------------------------
@flows.command(name="list")
def list_flows(*, json: Json = False) -> None:
    """Flows with their production version."""
    columns = ("id", "name", "type", "active", "control", "production_version", "dids")
    print_rows("flows", list_all("/flows"), columns, as_json=json)


@flows.command(name="check")
def check_flow(file: ExistingFile, *, json: Json = False) -> None:
    """Check a document without saving it; exit status 1 when it has errors."""
    found = call_api("POST", "/flows/check", data=file.read_bytes(), headers={"Content-Type": _type(file)})["findings"]
    _print_findings(found, as_json=json)


@flows.command(name="push")
def push_flow(
    file: ExistingFile, *, publish: bool = False, note: str = "", did: list[str] | None = None, json: Json = False
) -> None:
    """Save a document as the draft of its flow (made when it is new); --publish makes it the production version."""
    from central.flow.document import parse  # noqa: PLC0415 - only this command reads flows itself

    data = file.read_bytes()
    name = parse(data).name
    headers = {"Content-Type": _type(file)}

    async def work(api: ApiClient) -> dict[str, Any]:
        known = [row async for row in api.pages("/flows") if row["name"] == name]
        method, path = ("PUT", f"/flows/{known[0]['id']}/draft") if known else ("POST", "/flows")
        flow = await api.call(method, path, data=data, headers=headers)
        if did:
            flow = await api.call("PUT", f"/flows/{flow['id']}/dids", body={"dids": did})
        if publish:
            await api.call("POST", f"/flows/{flow['id']}/publish", body={"note": note})
            flow = await api.call("GET", f"/flows/{flow['id']}")
        return dict(flow)

    print_thing(with_api(work), as_json=json)


@flows.command(name="pull")
def pull_flow(flow: str, file: Path | None = None, *, version: int | None = None) -> None:
    """Write the draft's (or a version's) document as it was pushed, byte for byte."""
    path = f"/flows/{flow}/draft" if version is None else f"/flows/{flow}/versions/{version}"
    text = call_api("GET", path)
    if file is None:
        console.file.write(lines(text) if console.is_terminal else text)
    else:
        file.write_bytes(text.encode())


@flows.command(name="publish")
def publish_flow(flow: str, *, note: str = "", json: Json = False) -> None:
    """Freeze the draft as the next version and use it in production; refused while it has errors."""
    print_thing(call_api("POST", f"/flows/{flow}/publish", body={"note": note}), as_json=json)


@flows.command(name="rollback")
def roll_back(flow: str, version: int, *, json: Json = False) -> None:
    """Use an earlier version in production again."""
    print_thing(call_api("PUT", f"/flows/{flow}/production", body={"version": version}), as_json=json)


@flows.command(name="dids")
def attach_dids(flow: str, *numbers: str, json: Json = False) -> None:
    """Show exactly these numbers on the flow's calls."""
    print_thing(call_api("PUT", f"/flows/{flow}/dids", body={"dids": list(numbers)}), as_json=json)


@flows.command(name="control")
def control_flow(
    flow: str, action: Literal["pause", "resume", "stop"], *, preview: Annotated[bool, Parameter(negative="")] = False
) -> None:
    """Pause, resume or stop all requests of a flow; --preview only counts what it would touch."""
    print_thing(call_api("POST", f"/flows/{flow}/{action}", query={"preview": preview}), as_json=False)


def _type(file: Path) -> str:
    return "application/json" if file.suffix == ".json" else "application/yaml"


def _print_findings(findings: list[dict[str, Any]], *, as_json: bool) -> None:
    print_rows("findings", findings, ("severity", "code", "line", "step", "message", "hint"), as_json=as_json)
    if any(finding["severity"] == "error" for finding in findings):
        raise SystemExit(1)
