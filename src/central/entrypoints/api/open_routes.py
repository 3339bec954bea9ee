"""What needs no key: health, metrics, the page that names the API. /statuses and /policies: what everybody may read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec
from litestar import MediaType, Response, Router, get
from litestar.params import FromQuery
from litestar.status_codes import HTTP_200_OK, HTTP_503_SERVICE_UNAVAILABLE
from msgspec import Struct

from central.application.ports.administration import PolicyRow
from central.domain.statuses import AGENT, CALL, EMAIL, FLOW, MOVES, SMS
from central.entrypoints.api.gate import UseCases
from central.entrypoints.api.paging import Page
from central.entrypoints.api.presenting import Moment, moment
from central.entrypoints.api.services import Neighbour

_FAMILIES: Final[Mapping[str, Mapping[Any, Any]]] = {
    "flow": FLOW,
    "call": CALL,
    "sms": SMS,
    "email": EMAIL,
    "agent": AGENT,
}

HOME: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Central</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem}</style></head>
<body><h1>Central</h1>
<p>A contact list in; calls out; one explained final status for every record.</p>
<ul>
<li>API: <code>/api/v1</code>, described in <a href="/api/v1/openapi.json">OpenAPI 3.1</a></li>
<li><a href="/health/ready">Health</a> of this installation</li>
<li><a href="/metrics">Metrics</a></li>
</ul>
<p>Send an API key as <code>Authorization: Bearer ck_...</code>.</p></body></html>
"""


class Alive(Struct, frozen=True):
    """The process answers."""

    status: Literal["alive"] = "alive"


class NeighbourView(Struct, frozen=True):
    """One neighbour; ``needed`` false: the API works without it."""

    name: str
    state: str
    detail: str
    needed: bool


class Ready(Struct, frozen=True):
    """``ready`` when every needed neighbour is up."""

    status: Literal["ready", "not_ready"]
    neighbours: list[NeighbourView]


class PolicyView(Struct, frozen=True):
    """One immutable policy row."""

    id: str
    version: int
    effective_from: Moment
    author: str
    legal_reference: str
    body: Mapping[str, Any]


class StatusView(Struct, frozen=True):
    """One status of the catalogue; ``details`` by family (number, record_class, codes, ...)."""

    family: str
    name: str
    next: list[str]
    details: Mapping[str, Any]


@get("/", media_type=MediaType.HTML, include_in_schema=False)
async def home() -> str:
    """The page at the root."""
    return HOME


@get("/health/live", tags=["Health"], summary="Does the process live")
async def live() -> Alive:
    """Always 200 while the process answers."""
    return Alive()


@get("/health/ready", tags=["Health"], summary="Can work be done")
async def ready(services: UseCases) -> Response[Ready]:
    """Names each neighbour and its state; 503 while a needed one is missing."""
    neighbours = await services.readiness()
    good = all(neighbour.state == "up" for neighbour in neighbours if neighbour.needed)
    body = Ready("ready" if good else "not_ready", [_neighbour(neighbour) for neighbour in neighbours])
    return Response(body, status_code=HTTP_200_OK if good else HTTP_503_SERVICE_UNAVAILABLE)


@get("/metrics", tags=["Health"], summary="Metrics in Prometheus' text form", media_type=MediaType.TEXT)
async def metrics(services: UseCases) -> Response[bytes]:
    """Holds no data of accounts; keep it from the internet all the same."""
    body, content_type = services.metrics()
    return Response(body, media_type=content_type)


@get("/statuses", tags=["Catalogue"], summary="Every status and its lawful moves")
async def list_statuses(
    family: FromQuery[Literal["flow", "call", "sms", "email", "agent"] | None] = None,
) -> Page[StatusView]:
    """The published table that every record's status obeys."""
    return Page(
        [
            StatusView(name, str(status), [str(following) for following in MOVES_BY_NAME[name][status]], _details(row))
            for name, rows in _FAMILIES.items()
            if family in (None, name)
            for status, row in rows.items()
        ]
    )


@get("/policies", tags=["Catalogue"], summary="Policies")
async def list_policies(services: UseCases) -> Page[PolicyView]:
    """All rows; the operator pins one for each account."""
    return Page([policy_view(row) for row in await services.policies.rows()])


def policy_view(row: PolicyRow) -> PolicyView:
    """A policy row as answers show it."""
    return PolicyView(row.id, row.version, moment(row.effective_from), row.author, row.legal_reference, row.body)


def _neighbour(neighbour: Neighbour) -> NeighbourView:
    return NeighbourView(neighbour.name, neighbour.state, neighbour.detail, neighbour.needed)


def _details(row: Any) -> Mapping[str, Any]:  # noqa: ANN401 - one row type a family
    details: dict[str, Any] = msgspec.to_builtins(row)
    return details


MOVES_BY_NAME: Final[Mapping[str, Mapping[Any, Any]]] = {str(family): edges for family, edges in MOVES.items()}

open_router = Router("/", route_handlers=[home, live, ready, metrics])
catalogue_router = Router("/", route_handlers=[list_statuses, list_policies])
