"""/flows: drafts with findings, published versions, production pointer, DIDs, switches, control, security id."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Any, Literal

from litestar import Request, Response, Router, get, post, put
from litestar.params import FromPath, HeaderParameter, JSONBody, QueryParameter
from litestar.status_codes import HTTP_200_OK
from msgspec import Meta, Struct

from central.application.ports.flow_store import ControlAction, ControlEffect
from central.domain.ids import FlowId
from central.domain.rights import Right
from central.entrypoints.api.flow_views import FindingView, FlowFindings, FlowView, document_response, flow_view
from central.entrypoints.api.gate import CallerHere, UseCases, needs
from central.entrypoints.api.idempotency import STREAMED
from central.entrypoints.api.paging import Cursor, Limit, Page, cursor_text, make_page

DOCUMENT_TYPES = ("application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml", "application/json")
_MAX_DOCUMENT = 1024 * 1024 + 1
Preview = Annotated[bool, QueryParameter(description="Only say how many records would be touched; change nothing.")]
Force = Annotated[bool, QueryParameter(description="stop: also cut running calls.")]


class FlowDids(Struct, forbid_unknown_fields=True, frozen=True):
    """Exactly these numbers become the flow's DIDs."""

    dids: list[str]


class FlowSwitch(Struct, forbid_unknown_fields=True, frozen=True):
    """The activation switch."""

    active: bool


class FlowArchive(Struct, forbid_unknown_fields=True, frozen=True):
    """Put away, or taken back."""

    archived: bool


class Overlap(Struct, forbid_unknown_fields=True, frozen=True):
    """How long the security id before stays valid."""

    overlap_s: Annotated[int, Meta(ge=0, le=30 * 86400)] = 0


class SecurityId(Struct, frozen=True):
    """A security id of 64 hex digits, shown this once."""

    security_id: str


class Effect(Struct, frozen=True):
    """How many records an action touched (``preview``: would touch), and how many follow in the background."""

    touched: int
    remaining: int = 0
    preview: bool = False


@get("/flows", guards=[needs(Right.FLOWS_READ)], summary="Flows", tags=["Flows"])
async def list_flows(
    services: UseCases, caller: CallerHere, cursor: Cursor = None, limit: Limit = 50
) -> Page[FlowView]:
    """Flows by id."""
    after = cursor_text(cursor)
    rows = await services.flows.page(caller.actor, None if after is None else FlowId(after), limit + 1)
    return make_page(rows, limit, flow_view, lambda row: {"id": row.id})


@post(
    "/flows",
    guards=[needs(Right.FLOWS_EDIT)],
    summary="Make a flow from its document",
    tags=["Flows"],
    opt={"media_types": DOCUMENT_TYPES},
    request_max_body_size=_MAX_DOCUMENT,
)
async def create_flow(request: Request[Any, Any, Any], services: UseCases, caller: CallerHere) -> FlowView:
    """The body is the flow document, YAML or JSON. It is saved as draft with its findings, whatever they are."""
    return flow_view(await services.flows.create(caller.actor, await request.body()))


@post(
    "/flows/check",
    guards=[needs(Right.FLOWS_READ)],
    summary="Check a document",
    tags=["Flows"],
    status_code=HTTP_200_OK,
    opt={"media_types": DOCUMENT_TYPES},
    request_max_body_size=_MAX_DOCUMENT,
)
async def check_flow(request: Request[Any, Any, Any], services: UseCases, caller: CallerHere) -> FlowFindings:
    """All findings, of the document and of what the account lacks for it; nothing is saved."""
    return FlowFindings(
        [FindingView(**asdict(found)) for found in await services.flows.check(caller.actor, await request.body())]
    )


@get("/flows/{flow:str}", guards=[needs(Right.FLOWS_READ)], summary="One flow", tags=["Flows"])
async def get_flow(flow: FromPath[str], services: UseCases, caller: CallerHere) -> Response[FlowView]:
    """By id or name, with the findings as they are now; the ETag is the draft's hash."""
    row = await services.flows.show(caller.actor, flow)
    return Response(flow_view(row), headers={"ETag": f'"{row.draft_hash}"'})


@get("/flows/{flow:str}/draft", guards=[needs(Right.FLOWS_READ)], summary="The draft's document", tags=["Flows"])
async def get_draft(flow: FromPath[str], services: UseCases, caller: CallerHere) -> Response[bytes]:
    """The bytes as they were saved."""
    draft = await services.flows.draft(caller.actor, flow)
    return document_response(draft.document, draft.hash)


@put(
    "/flows/{flow:str}/draft",
    guards=[needs(Right.FLOWS_EDIT)],
    summary="Save the draft",
    tags=["Flows"],
    opt={"media_types": DOCUMENT_TYPES},
    request_max_body_size=_MAX_DOCUMENT,
)
async def save_draft(
    flow: FromPath[str],
    request: Request[Any, Any, Any],
    services: UseCases,
    caller: CallerHere,
    if_match: Annotated[
        str | None, HeaderParameter(name="If-Match", description="Save only if the draft still has this ETag.")
    ] = None,
) -> FlowView:
    """Saved with its findings, whatever they are; only publishing refuses errors."""
    expected = None if if_match is None else if_match.strip().removeprefix("W/").strip('"')
    return flow_view(await services.flows.save_draft(caller.actor, flow, await request.body(), expected))


@put("/flows/{flow:str}/dids", guards=[needs(Right.FLOWS_EDIT)], summary="Attach DIDs", tags=["Flows"])
async def attach_dids(
    flow: FromPath[str], data: JSONBody[FlowDids], services: UseCases, caller: CallerHere
) -> FlowView:
    """Exactly these numbers; calls of the flow show them."""
    return flow_view(await services.arrange.attach_dids(caller.actor, flow, data.dids, caller.account.country))


@put("/flows/{flow:str}/active", guards=[needs(Right.FLOWS_PUBLISH)], summary="Switch on or off", tags=["Flows"])
async def switch_flow(
    flow: FromPath[str], data: JSONBody[FlowSwitch], services: UseCases, caller: CallerHere
) -> FlowView:
    """Off, the flow takes no requests."""
    return flow_view(await services.arrange.activate(caller.actor, flow, active=data.active))


@put("/flows/{flow:str}/archived", guards=[needs(Right.FLOWS_PUBLISH)], summary="Archive or restore", tags=["Flows"])
async def archive_flow(
    flow: FromPath[str], data: JSONBody[FlowArchive], services: UseCases, caller: CallerHere
) -> FlowView:
    """Waiting records run on; stop the flow to end them."""
    return flow_view(await services.arrange.archive(caller.actor, flow, archived=data.archived))


@post(
    "/flows/{flow:str}/security-id",
    guards=[needs(Right.FLOWS_PUBLISH)],
    summary="Rotate the security id",
    tags=["Flows"],
    opt={"secret_fields": ["security_id"]},
)
async def rotate_security_id(
    flow: FromPath[str], data: JSONBody[Overlap], services: UseCases, caller: CallerHere
) -> SecurityId:
    """A new one, shown once; the one before stays valid for the overlap."""
    overlap = timedelta(seconds=data.overlap_s)
    return SecurityId(await services.arrange.rotate_security_id(caller.actor, flow, overlap))


@post(
    "/flows/{flow:str}/{action:str}",
    guards=[needs(Right.REQUESTS_CONTROL)],
    summary="Pause, resume or stop a flow",
    tags=["Flows"],
    status_code=HTTP_200_OK,
    opt={"media_types": ()} | STREAMED,
)
async def control_flow(
    flow: FromPath[str],
    action: FromPath[Literal["pause", "resume", "stop"]],
    services: UseCases,
    caller: CallerHere,
    *,
    preview: Preview = False,
    force: Force = False,
) -> Effect:
    """Acts on all open requests of the flow; safe to repeat."""
    chosen: ControlAction = action
    if preview:
        effect = await services.control.preview_flow(caller.actor, flow, chosen, force=force)
        return effect_view(effect, preview=True)
    return effect_view(await services.control.control_flow(caller.actor, flow, chosen, force=force))


def effect_view(effect: ControlEffect, *, preview: bool = False) -> Effect:
    """What an action did."""
    return Effect(effect.touched, effect.remaining, preview)


flow_router = Router(
    "/",
    route_handlers=[
        list_flows,
        create_flow,
        check_flow,
        get_flow,
        get_draft,
        save_draft,
        attach_dids,
        switch_flow,
        archive_flow,
        rotate_security_id,
        control_flow,
    ],
)
