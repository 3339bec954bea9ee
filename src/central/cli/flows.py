"""Commands for flows: files on this machine (``flow_files``, ``rehearse``), and drafts and versions through the API."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter
from cyclopts.types import ExistingFile

from central.cli.client import ApiClient, call_api, list_all, with_api
from central.cli.flow_files import document_type, read_document
from central.cli.operate import Json
from central.cli.output import print_document, print_json, print_rows, print_thing, say
from central.flow.difference import Change, Difference, FieldChange, compare
from central.flow.document import parse

flows = App(name="flow", help="Flows: check, test, draw, push, compare, publish, roll back, pause.")
flows.command(
    "central.cli.flow_files:check_files",
    name="check",
    help="Check flow documents, without an installation; exit status 1 when one has errors.",
)
flows.command(
    "central.cli.flow_files:draw_file", name="draw", help="Draw a flow as a picture (SVG), without an installation."
)
flows.command(
    "central.cli.rehearse:play_cases", name="test", help="Play the test cases of flows, without an installation."
)
flows.command("central.cli.rehearse:run_flow", name="run", help="Play a flow in the terminal, without an installation.")

_STYLES = {"+": "green", "-": "red", "@": "cyan"}
_SIGNS = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow")}


@flows.command(name="list")
def list_flows(*, json: Json = False) -> None:
    """Flows with their production version."""
    columns = ("id", "name", "type", "active", "control", "production_version", "dids")
    print_rows("flows", list_all("/flows"), columns, as_json=json)


# -- drafts ----------------------------------------------------------------------------------------------------------------
@flows.command(name="push")
def push_flow(
    file: ExistingFile, *, publish: bool = False, note: str = "", did: list[str] | None = None, json: Json = False
) -> None:
    """Save a document as the draft of its flow (made when it is new); --publish makes it the production version."""
    data = read_document(file)
    name = parse(data).name
    headers = {"Content-Type": document_type(file)}

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
    data = with_api(lambda api: api.document(_place(flow, "draft" if version is None else str(version))))
    if file is None:
        print_document(data)
    else:
        file.write_bytes(data)


@flows.command(name="reset")
def reset_draft(flow: str, version: int, *, json: Json = False) -> None:
    """Make an earlier version the draft again, in place of what the draft holds; production stays as it is."""
    print_thing(call_api("POST", f"/flows/{flow}/reset-draft", body={"version": version}), as_json=json)


# -- versions --------------------------------------------------------------------------------------------------------------
@flows.command(name="versions")
def list_versions(flow: str, *, json: Json = False) -> None:
    """Published versions, newest first."""
    columns = ("number", "created_at", "created_by", "note", "hash")
    print_rows("versions", list_all(f"/flows/{flow}/versions"), columns, as_json=json)


@flows.command(name="diff")
def compare_flow(flow: str, before: str = "production", after: str = "draft", *, json: Json = False) -> int:
    """Show what changed between two documents of a flow; exit status 1 when they differ.

    Parameters
    ----------
    flow
        id or name.
    before
        draft, production, the number of a version, or a file.
    after
        the same.
    json
        print JSON.
    """
    if _stored(before) and _stored(after):
        query = {"before": before, "after": after}
        difference = _difference(call_api("GET", f"/flows/{flow}/diff", query=query))
    else:  # a file has no recordings to compare
        difference = compare(_either(flow, before), _either(flow, after), (before, after))
    if json:
        print_json(difference)
    else:
        _print_difference(difference)
    return int(bool(difference.lines or difference.changes))


def _difference(answer: Mapping[str, Any]) -> Difference:
    changes = [
        Change(one["what"], one["part"], one["name"], tuple(FieldChange(**field) for field in one["fields"]))
        for one in answer["changes"]
    ]
    return Difference(tuple(answer["unified"].split("\n")[:-1]), tuple(changes))


def _stored(name: str) -> bool:
    return name in {"draft", "production"} or name.isdecimal()


def _either(flow: str, name: str) -> bytes:
    """A document of the flow, or a file."""
    if _stored(name):
        return with_api(lambda api: api.document(_place(flow, name)))
    return read_document(Path(name))


def _print_difference(difference: Difference) -> None:
    for line in difference.lines:
        say((line, "bold" if line[:3] in {"---", "+++"} else _STYLES.get(line[:1], "")))
    if difference.lines:
        say("")
    for change in difference.changes:
        say(_SIGNS[change.what], f" {change.part} {change.name} ", (_said(change), "dim"))
        for field in change.fields:
            say(f"    {field.field}: " if field.field else "    ", *_values(field))
    if not difference.changes:
        say("nothing but comments and layout changed" if difference.lines else "the same")


def _said(change: Change) -> str:
    return "moved boxes only" if change.part == "layout" else change.what


def _values(field: FieldChange) -> list[tuple[str, str]]:
    before, after = field.before, field.after
    if before is None or after is None:
        return [(f"+ {after}", "green")] if before is None else [(f"- {before}", "red")]
    return [(before, "red"), (" → ", "dim"), (after, "green")]


def _place(flow: str, name: str) -> str:
    return f"/flows/{flow}/versions/{name}" if name.isdecimal() else f"/flows/{flow}/{name}"


@flows.command(name="publish")
def publish_flow(flow: str, *, note: str = "", json: Json = False) -> None:
    """Freeze the draft as the next version and use it in production; refused while it has errors."""
    print_thing(call_api("POST", f"/flows/{flow}/publish", body={"note": note}), as_json=json)


@flows.command(name="rollback")
def roll_back(flow: str, version: int, *, note: str = "", json: Json = False) -> None:
    """Use an earlier version in production again; the draft stays as it is."""
    body = {"version": version, "note": note}
    print_thing(call_api("PUT", f"/flows/{flow}/production", body=body), as_json=json)


# -- switches --------------------------------------------------------------------------------------------------------------
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
