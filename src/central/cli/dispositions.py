"""Commands for what agents may say of their calls: the tree of a queue or of a flow."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import App, Parameter
from cyclopts.types import ExistingFile
from msgspec import DecodeError, json

from central.cli.client import call_api, list_all
from central.cli.operate import Json
from central.cli.output import print_rows, print_thing
from central.domain.errors import InvalidInput, NotFound

dispositions = App(name="disposition", help="What agents may say of calls: show, set.")

_COLUMNS = (
    "key",
    "parent",
    "name",
    "contact",
    "success",
    "do_not_call",
    "callback",
    "retry_after_s",
    "version",
    "retired_at",
)
Queue = Annotated[str, Parameter(help="name or id of a queue")]
Flow = Annotated[str, Parameter(help="name or id of a flow, for calls without a queue's dispositions")]


@dispositions.command(name="show")
def show_dispositions(
    *, queue: Queue = "", flow: Flow = "", retired: Annotated[bool, Parameter(negative="")] = False, json: Json = False
) -> None:
    """The tree of a queue or a flow; --retired: also lines that were in force before."""
    found = call_api("GET", _path(queue, flow) + ("?retired=true" if retired else ""))
    if json:
        print_thing(found, as_json=True)
        return
    print_rows("dispositions", found["dispositions"], _COLUMNS, as_json=False)
    print_thing({"required": found["required"], "callback_flow": found["callback_flow"]}, as_json=False)


@dispositions.command(name="set")
def set_dispositions(file: ExistingFile, *, queue: Queue = "", flow: Flow = "", json: Json = False) -> None:
    """Make a JSON file the tree: {"required": ..., "callback_flow": ..., "dispositions": [...]}, as `show --json` prints one."""
    body = _read(file.read_bytes())
    kept = {name: body[name] for name in ("required", "callback_flow") if name in body}
    lines = [{name: line[name] for name in line if name not in _OF_STORE} for line in body.get("dispositions", ())]
    found = call_api("PUT", _path(queue, flow), body=kept | {"dispositions": lines})
    if json:
        print_thing(found, as_json=True)
    else:
        print_rows("dispositions", found["dispositions"], _COLUMNS, as_json=False)


_OF_STORE = ("id", "version", "retired_at")


def _read(text: bytes) -> dict[str, Any]:
    try:
        return json.decode(text, type=dict[str, Any])
    except DecodeError as error:
        raise InvalidInput("invalid_file", f"The file holds no JSON object: {error}") from error


def _path(queue: str, flow: str) -> str:
    """The address of the tree. Raises InvalidInput ``owner_needed``, NotFound."""
    if bool(queue) == bool(flow):
        raise InvalidInput("owner_needed", "Name a queue or a flow: --queue NAME or --flow NAME.")
    kind, wanted = ("queues", queue) if queue else ("flows", flow)
    for one in list_all(f"/{kind}"):
        if wanted in (one["id"], one["name"]):
            return f"/{kind}/{one['id']}/dispositions"
    raise NotFound(f"{kind[:-1]}_not_found", f"There is no {kind[:-1]} {wanted!r} in this account.")
