"""/webhooks: endpoints, their secrets (shown once), a test post, what was given up and its replay."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from litestar import Router, delete, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.status_codes import HTTP_200_OK
from msgspec import UNSET, Meta, Struct, UnsetType

from central.application.ports.administration import DeliveryTry, Endpoint
from central.application.ports.outbox import ParkedEvent
from central.application.publishing.replay_events import list_parked_events, replay_events
from central.application.publishing.try_endpoint import EndpointTarget, try_endpoint
from central.domain.delivery import HttpAnswer
from central.domain.endpoints import parse_auth
from central.domain.ids import EndpointId, EventId
from central.domain.rights import Right
from central.entrypoints.api.account_routes import Name, given
from central.entrypoints.api.gate import CallerHere, UseCases, needs
from central.entrypoints.api.paging import Cursor, Limit, Page, cursor_moment, cursor_uuid, make_page
from central.entrypoints.api.presenting import Moment, moment, moment_or_none


class BasicAuth(Struct, forbid_unknown_fields=True, frozen=True):
    """How the endpoint wants us to log in: `none`, or `basic` (RFC 7617)."""

    kind: str = "none"
    username: str = ""
    password: str = ""


class EndpointView(Struct, frozen=True):
    """A webhook endpoint; log-in password and signing secrets are never shown again."""

    id: UUID
    name: str
    url: str
    flow_id: str | None
    events: tuple[str, ...]
    auth: str
    is_default: bool
    enabled: bool
    disabled_at: Moment | None
    disabled_reason: str | None
    secrets: int
    created_at: Moment


class EndpointWithSecret(Struct, frozen=True):
    """An endpoint and its new signing secret (Standard Webhooks, `whsec_`), shown this once."""

    endpoint: EndpointView
    secret: str


class NewEndpoint(Struct, forbid_unknown_fields=True, frozen=True):
    """An endpoint for the whole account, or for one flow (id or name)."""

    name: Name
    url: Annotated[str, Meta(max_length=2048)]
    events: Annotated[list[str], Meta(min_length=1)]
    flow: str | None = None
    auth: BasicAuth = BasicAuth()
    is_default: bool = False


class EndpointChange(Struct, forbid_unknown_fields=True, frozen=True):
    """Absent fields stay."""

    name: Name | UnsetType = UNSET
    url: str | UnsetType = UNSET
    events: list[str] | UnsetType = UNSET
    auth: BasicAuth | UnsetType = UNSET
    is_default: bool | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET


class TestAnswer(Struct, frozen=True):
    """How the endpoint answered the test post."""

    ok: bool
    status: int | None
    reason: str | None
    duration_ms: int
    detail: str


class TryView(Struct, frozen=True):
    """One recorded try."""

    event_id: UUID
    record_id: UUID | None
    event_type: str
    at: Moment
    tries: int
    status_code: int | None
    duration_ms: int | None
    outcome: str
    error: str | None


class ParkedView(Struct, frozen=True):
    """An event that was given up after 24 hours."""

    id: UUID
    endpoint_id: UUID
    record_id: UUID | None
    event_type: str
    occurred_at: Moment
    tries: int
    last_error: str


class Replay(Struct, forbid_unknown_fields=True, frozen=True):
    """Which parked events to send again; null = all of the endpoint."""

    ids: Annotated[list[UUID], Meta(max_length=10_000)] | None = None


class Replayed(Struct, frozen=True):
    """How many events wait again."""

    replayed: int


@get("/webhooks", guards=[needs(Right.WEBHOOKS_READ)], summary="Webhook endpoints", tags=["Webhooks"])
async def list_endpoints(
    services: UseCases, caller: CallerHere, cursor: Cursor = None, limit: Limit = 50
) -> Page[EndpointView]:
    """Endpoints in the order they were made."""
    after = cursor_uuid(cursor)
    rows = await services.endpoints.page(caller.actor, None if after is None else EndpointId(after), limit + 1)
    return make_page(rows, limit, _view, lambda row: {"id": row.id})


@post(
    "/webhooks",
    guards=[needs(Right.WEBHOOKS_CHANGE)],
    summary="Make a webhook endpoint",
    tags=["Webhooks"],
    opt={"secret_fields": ["secret"]},
)
async def create_endpoint(data: JSONBody[NewEndpoint], services: UseCases, caller: CallerHere) -> EndpointWithSecret:
    """Events are posted at least once, in order per record, signed with the secret."""
    endpoint, secret = await services.endpoints.create(
        caller.actor,
        name=data.name,
        url=data.url,
        events=data.events,
        flow=data.flow,
        auth=_auth(data.auth),
        is_default=data.is_default,
        plain_http=caller.account.plain_http_webhooks,
    )
    return EndpointWithSecret(_view(endpoint), secret)


@get("/webhooks/{endpoint_id:uuid}", guards=[needs(Right.WEBHOOKS_READ)], summary="One endpoint", tags=["Webhooks"])
async def get_endpoint(endpoint_id: FromPath[UUID], services: UseCases, caller: CallerHere) -> EndpointView:
    """One endpoint."""
    return _view(await services.endpoints.get(caller.actor, EndpointId(endpoint_id)))


@patch(
    "/webhooks/{endpoint_id:uuid}",
    guards=[needs(Right.WEBHOOKS_CHANGE)],
    summary="Change an endpoint",
    tags=["Webhooks"],
)
async def change_endpoint(
    endpoint_id: FromPath[UUID], data: JSONBody[EndpointChange], services: UseCases, caller: CallerHere
) -> EndpointView:
    """`enabled` false stops sending; what waits stays."""
    changes = given(data)
    if data.auth is not UNSET:
        changes["auth"] = _auth(data.auth)
    plain = caller.account.plain_http_webhooks
    return _view(await services.endpoints.change(caller.actor, EndpointId(endpoint_id), changes, plain_http=plain))


@delete(
    "/webhooks/{endpoint_id:uuid}",
    guards=[needs(Right.WEBHOOKS_CHANGE)],
    summary="Remove an endpoint",
    tags=["Webhooks"],
)
async def remove_endpoint(endpoint_id: FromPath[UUID], services: UseCases, caller: CallerHere) -> None:
    """What waits for it is dropped."""
    await services.endpoints.remove(caller.actor, EndpointId(endpoint_id))


@post(
    "/webhooks/{endpoint_id:uuid}/rotate",
    guards=[needs(Right.WEBHOOKS_CHANGE)],
    summary="Rotate the signing secret",
    tags=["Webhooks"],
    status_code=HTTP_200_OK,
    opt={"media_types": (), "secret_fields": ["secret"]},
)
async def rotate_secret(endpoint_id: FromPath[UUID], services: UseCases, caller: CallerHere) -> EndpointWithSecret:
    """A new secret, shown once; the one before signs along until the next rotation."""
    endpoint, secret = await services.endpoints.rotate(caller.actor, EndpointId(endpoint_id))
    return EndpointWithSecret(_view(endpoint), secret)


@post(
    "/webhooks/{endpoint_id:uuid}/test",
    guards=[needs(Right.WEBHOOKS_CHANGE)],
    summary="Post a test event",
    tags=["Webhooks"],
    status_code=HTTP_200_OK,
    opt={"media_types": ()},
)
async def test_endpoint(endpoint_id: FromPath[UUID], services: UseCases, caller: CallerHere) -> TestAnswer:
    """One event of type `endpoint.test`, now, without retry."""
    endpoint = await services.endpoints.get(caller.actor, EndpointId(endpoint_id))
    target = EndpointTarget(
        account_id=caller.account_id,
        endpoint_id=endpoint.id,
        url=endpoint.url,
        secrets=tuple(endpoint.secrets),
        auth=parse_auth(endpoint.auth),
        plain_http=caller.account.plain_http_webhooks,
    )
    answer = await try_endpoint(services.courier, services.clock, services.ids, target)
    if isinstance(answer, HttpAnswer):
        ok = 200 <= answer.status < 300  # noqa: PLR2004 - success, RFC 9110
        return TestAnswer(ok, answer.status, None, answer.duration_ms, answer.detail)
    return TestAnswer(ok=False, status=None, reason=answer.reason, duration_ms=answer.duration_ms, detail=answer.detail)


@get(
    "/webhooks/{endpoint_id:uuid}/deliveries",
    guards=[needs(Right.WEBHOOKS_READ)],
    summary="Recorded tries",
    tags=["Webhooks"],
)
async def list_tries(
    endpoint_id: FromPath[UUID], services: UseCases, caller: CallerHere, cursor: Cursor = None, limit: Limit = 50
) -> Page[TryView]:
    """Newest first."""
    before = cursor_moment(cursor)
    rows = await services.endpoints.tries(caller.actor, EndpointId(endpoint_id), before, limit + 1)
    return make_page(rows, limit, _try_view, lambda row: {"at": row.at})


@get("/webhooks/parked", guards=[needs(Right.WEBHOOKS_READ)], summary="Events that were given up", tags=["Webhooks"])
async def list_parked(
    services: UseCases,
    caller: CallerHere,
    endpoint_id: FromQuery[UUID | None] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[ParkedView]:
    """In the order they happened."""
    after = cursor_uuid(cursor)
    rows = await list_parked_events(
        services.dead_letters,
        caller.account_id,
        endpoint_id=None if endpoint_id is None else EndpointId(endpoint_id),
        after=None if after is None else EventId(after),
        limit=min(limit + 1, 500),
    )
    return make_page(rows, min(limit, 499), _parked_view, lambda row: {"id": row.id})


@post(
    "/webhooks/{endpoint_id:uuid}/replay",
    guards=[needs(Right.WEBHOOKS_CHANGE)],
    summary="Send parked events again",
    tags=["Webhooks"],
    status_code=HTTP_200_OK,
)
async def replay_parked(
    endpoint_id: FromPath[UUID], data: JSONBody[Replay], services: UseCases, caller: CallerHere
) -> Replayed:
    """They keep their event ids, so that a receiver that did get one can tell."""
    ids = None if data.ids is None else [EventId(event) for event in data.ids]
    account, endpoint = caller.account_id, EndpointId(endpoint_id)
    return Replayed(await replay_events(services.dead_letters, services.clock, account, endpoint, ids))


def _auth(auth: BasicAuth) -> dict[str, object]:
    return {"kind": auth.kind, "username": auth.username, "password": auth.password}


def _view(row: Endpoint) -> EndpointView:
    return EndpointView(
        id=row.id,
        name=row.name,
        url=row.url,
        flow_id=row.flow_id,
        events=tuple(row.events),
        auth=parse_auth(row.auth).kind,
        is_default=row.is_default,
        enabled=row.disabled_at is None,
        disabled_at=moment_or_none(row.disabled_at),
        disabled_reason=row.disabled_reason,
        secrets=len(row.secrets),
        created_at=moment(row.created_at),
    )


def _try_view(row: DeliveryTry) -> TryView:
    return TryView(
        event_id=row.outbox_id,
        record_id=row.record_id,
        event_type=row.event_type,
        at=moment(row.at),
        tries=row.tries,
        status_code=row.status_code,
        duration_ms=row.duration_ms,
        outcome=row.outcome,
        error=row.error,
    )


def _parked_view(row: ParkedEvent) -> ParkedView:
    return ParkedView(
        id=row.id,
        endpoint_id=row.endpoint_id,
        record_id=row.record_id,
        event_type=row.event_type,
        occurred_at=moment(row.occurred_at),
        tries=row.tries,
        last_error=row.last_error,
    )


webhook_router = Router(
    "/",
    route_handlers=[
        list_endpoints,
        create_endpoint,
        list_parked,
        get_endpoint,
        change_endpoint,
        remove_endpoint,
        rotate_secret,
        test_endpoint,
        list_tries,
        replay_parked,
    ],
)
