"""Commands for requests and records: submit, watch, report, pause and stop, show and explain."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal
from uuid import UUID

from cyclopts import App, Parameter
from cyclopts.types import ExistingFile
from rich.live import Live

from central.adapters.system import SystemClock
from central.cli.client import ApiClient, with_api
from central.cli.operate import Json
from central.cli.output import console, print_json, print_rows, print_thing, say
from central.entrypoints.cli_views import decode
from central.entrypoints.cli_views.show_explanation import show_explanation
from central.entrypoints.cli_views.show_record import show_record_page
from central.entrypoints.cli_views.show_report import show_report
from central.entrypoints.cli_views.show_request import show_progress, show_request_page, show_requests

requests = App(name="request", help="Contact lists: submit, watch, report, pause, stop.")
records = App(name="record", help="Single contacts: show, explain, stop.")

Flag = Annotated[bool, Parameter(negative="")]
_LOOK_S = 0.5


@requests.command(name="submit")
def submit(
    file: ExistingFile, *, flow: str, testing: Flag = False, name: str = "", encoding: str | None = None, repeat: Flag = False,
    watch: Flag = False, json: Json = False,
) -> None:  # fmt: skip
    """Upload a list (CSV, NDJSON, XLSX, or a ZIP of one CSV) for a flow.

    Parameters
    ----------
    file
        the list.
    flow
        id or name.
    testing
        run the draft; only whitelisted phones are called.
    name
        shown beside the request.
    encoding
        overrides the detection.
    repeat
        take the same file again within a day.
    watch
        follow the request until it is done.
    json
        print JSON.
    """
    query = {
        "flow": flow, "mode": "testing" if testing else "production", "filename": file.name, "name": name or file.name,
        "encoding": encoding, "allow_repeat": repeat,
    }  # fmt: skip
    accepted = with_api(lambda api: api.upload("/requests/upload", file, "application/octet-stream", query))
    if json:
        print_json(accepted)
    else:
        say("request ", (accepted["request_id"], "bold"))
    if watch:
        follow(UUID(accepted["request_id"]))


@requests.command(name="list")
def list_requests(*, flow: str | None = None, status: str | None = None, json: Json = False) -> None:
    """Requests, newest first."""

    async def work(api: ApiClient) -> list[dict[str, Any]]:
        return [row async for row in api.pages("/requests", {"flow": flow, "status": status}, most=200)]

    found = with_api(work)
    if json:
        print_json(found)
    else:
        console.print(show_requests([decode.request_view(row) for row in found]))


@requests.command(name="show")
def show_request(request_id: UUID, *, json: Json = False) -> None:
    """One request with its counts."""
    document = with_api(lambda api: api.call("GET", f"/requests/{request_id}"))
    if json:
        print_json(document)
    else:
        console.print(show_request_page(decode.request_view(document), SystemClock().now()))


@requests.command(name="watch")
def follow(request_id: UUID, *, until_pending: int = 0) -> None:
    """Follow a request live until at most --until-pending records are pending."""

    async def work(api: ApiClient) -> None:
        with Live(console=console, refresh_per_second=8) as live:
            while True:
                seen = decode.request_view(await api.call("GET", f"/requests/{request_id}"))
                live.update(show_progress(seen, SystemClock().now()))
                if not seen.loading and seen.counts.pending <= until_pending:
                    return
                await asyncio.sleep(_LOOK_S)

    with_api(work)


@requests.command(name="report")
def report(request_id: UUID, *, json: Json = False) -> None:
    """Records by status and class, legs by connection status, attempts, calls per second, duration."""
    document = with_api(lambda api: api.call("GET", f"/requests/{request_id}/report"))
    if json:
        print_json(document)
        return
    console.print(show_report(decode.request_report(document)))


@requests.command(name="control")
def control(
    request_id: UUID,
    action: Literal["pause", "resume", "stop", "requeue", "reload"],
    *,
    force: Flag = False,
    preview: Flag = False,
    json: Json = False,
) -> None:
    """Pause, resume, stop (--force also cuts running calls), requeue or reload; --preview only counts."""
    query = {"preview": preview or None, "force": force or None}
    print_thing(with_api(lambda api: api.call("POST", f"/requests/{request_id}/{action}", query=query)), as_json=json)


@requests.command(name="records")
def list_records(
    request_id: UUID, *, status: str | None = None, number: str | None = None, client: str | None = None,
    most: int = 100, json: Json = False,
) -> None:  # fmt: skip
    """Records of a request."""

    async def work(api: ApiClient) -> list[dict[str, Any]]:
        query = {"status": status, "number": number, "client_identifier": client, "limit": min(most, 200)}
        return [row async for row in api.pages(f"/requests/{request_id}/records", query, most=most)][:most]

    columns = (
        "record_id",
        "client_identifier",
        "numbers",
        "status",
        "reason",
        "attempts_made",
        "last_connection_status",
    )
    print_rows("records", with_api(work), columns, as_json=json)


@records.command(name="show")
def show_record(record_id: UUID, *, json: Json = False) -> None:
    """One record with its attempts and legs."""
    document = with_api(lambda api: api.call("GET", f"/records/{record_id}"))
    if json:
        print_json(document)
    else:
        console.print(show_record_page(decode.record_detail(document)))


@records.command(name="explain")
def explain(record_id: UUID, *, messages: Flag = False, json: Json = False) -> None:
    """Why a record ended so: checks, schedule, attempts, SIP ladder, path through the flow, the rule of each status.

    Parameters
    ----------
    record_id
        the record.
    messages
        print every SIP message in full.
    json
        print JSON.
    """
    document = with_api(lambda api: api.call("GET", f"/records/{record_id}/timeline"))
    if json:
        print_json(document)
    else:
        console.print(show_explanation(decode.explanation(document), messages=messages))


@records.command(name="stop")
def stop_record(record_id: UUID, *, json: Json = False) -> None:
    """End a waiting record."""
    print_thing(with_api(lambda api: api.call("POST", f"/records/{record_id}/stop")), as_json=json)
