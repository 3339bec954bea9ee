"""/flows: publishing, versions, what changed between them, and the ways back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal

from litestar import Response, Router, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.status_codes import HTTP_200_OK
from msgspec import Meta, Struct

from central.domain.rights import Right
from central.entrypoints.api.flow_views import FlowView, VersionView, document_response, flow_view, version_view
from central.entrypoints.api.gate import CallerHere, UseCases, needs
from central.entrypoints.api.paging import Cursor, Limit, Page, cursor_number, make_page
from central.entrypoints.api.presenting import Positive

Either = Annotated[
    str,
    QueryParameter(
        description="`draft`, `production`, or the number of a version.", pattern="^(draft|production|[1-9][0-9]{0,8})$"
    ),
]


class Publication(Struct, forbid_unknown_fields=True, frozen=True):
    """Why the draft is published."""

    note: Annotated[str, Meta(max_length=500)] = ""


class ProductionPointer(Struct, forbid_unknown_fields=True, frozen=True):
    """Which version production runs; null = none."""

    version: Positive | None
    note: Annotated[str, Meta(max_length=500)] = ""


class DraftReset(Struct, forbid_unknown_fields=True, frozen=True):
    """Which version becomes the draft."""

    version: Positive


class FieldChangeView(Struct, frozen=True):
    """One field of what changed, nested ones with dots; null = it is not there."""

    field: str
    before: str | None
    after: str | None


class ChangeView(Struct, frozen=True):
    """A step, variable or setting that was added, removed or changed; `prompt`: a name that plays another recording."""

    what: Literal["added", "removed", "changed"]
    part: Literal["step", "variable", "setting", "layout", "prompt"]
    name: str
    fields: list[FieldChangeView]


class DifferenceView(Struct, frozen=True):
    """``unified``: the lines that differ, empty when the bytes are the same. ``changes``: what that means."""

    before: str
    after: str
    unified: str
    changes: list[ChangeView]


@post("/flows/{flow:str}/publish", guards=[needs(Right.FLOWS_PUBLISH)], summary="Publish the draft", tags=["Flows"])
async def publish_flow(
    flow: FromPath[str], data: JSONBody[Publication], services: UseCases, caller: CallerHere
) -> VersionView:
    """Freeze the draft as the next version and move production to it; refused while it has errors.

    The version holds the recordings that it plays: what the prompt library says later changes the next version.
    """
    return version_view(await services.publish.publish(caller.actor, flow, data.note))


@put(
    "/flows/{flow:str}/production", guards=[needs(Right.FLOWS_PUBLISH)], summary="Roll back or forward", tags=["Flows"]
)
async def point_production(
    flow: FromPath[str], data: JSONBody[ProductionPointer], services: UseCases, caller: CallerHere
) -> FlowView:
    """Move the production pointer; the draft stays as it is, records stay on their versions."""
    return flow_view(await services.publish.roll_back(caller.actor, flow, data.version, data.note))


@get("/flows/{flow:str}/versions", guards=[needs(Right.FLOWS_READ)], summary="Published versions", tags=["Flows"])
async def list_versions(
    flow: FromPath[str], services: UseCases, caller: CallerHere, cursor: Cursor = None, limit: Limit = 50
) -> Page[VersionView]:
    """Newest first."""
    rows = await services.flows.versions(caller.actor, flow, cursor_number(cursor), limit + 1)
    return make_page(rows, limit, version_view, lambda row: {"n": row.number})


@get(
    "/flows/{flow:str}/versions/{number:int}",
    guards=[needs(Right.FLOWS_READ)],
    summary="A version's document",
    tags=["Flows"],
)
async def get_version(
    flow: FromPath[str], number: FromPath[Positive], services: UseCases, caller: CallerHere
) -> Response[bytes]:
    """The frozen bytes."""
    return document_response(await services.flows.version_document(caller.actor, flow, number))


@get("/flows/{flow:str}/production", guards=[needs(Right.FLOWS_READ)], summary="What production runs", tags=["Flows"])
async def get_production(flow: FromPath[str], services: UseCases, caller: CallerHere) -> Response[bytes]:
    """The bytes of the production version."""
    return document_response(await services.versions.document(caller.actor, flow, "production"))


@get("/flows/{flow:str}/diff", guards=[needs(Right.FLOWS_READ)], summary="What changed", tags=["Flows"])
async def compare_versions(
    flow: FromPath[str], services: UseCases, caller: CallerHere, before: Either = "production", after: Either = "draft"
) -> DifferenceView:
    """Between two versions, or the draft and production: as lines, and as steps, variables, settings and recordings."""
    found = await services.versions.compare(caller.actor, flow, before, after)
    changes = [
        ChangeView(change.what, change.part, change.name, [FieldChangeView(**asdict(f)) for f in change.fields])
        for change in found.changes
    ]
    return DifferenceView(before, after, "".join(f"{line}\n" for line in found.lines), changes)


@post(
    "/flows/{flow:str}/reset-draft",
    guards=[needs(Right.FLOWS_EDIT)],
    summary="Make a version the draft",
    tags=["Flows"],
    status_code=HTTP_200_OK,
)
async def reset_draft(
    flow: FromPath[str], data: JSONBody[DraftReset], services: UseCases, caller: CallerHere
) -> FlowView:
    """In place of what the draft holds; production stays as it is."""
    return flow_view(await services.versions.reset_draft(caller.actor, flow, data.version))


flow_version_router = Router(
    "/",
    route_handlers=[
        publish_flow,
        point_production,
        get_production,
        list_versions,
        get_version,
        compare_versions,
        reset_draft,
    ],
)
