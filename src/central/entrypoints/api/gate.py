"""What every call passes: request id and access log around all of it; then key, rate, parameters, body's type and size.

The caller is in ``scope["state"]["caller"]`` and comes to handlers as the dependency ``caller``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from hashlib import sha256
from hmac import compare_digest
from typing import Any, Final, cast
from uuid import UUID

from litestar import Litestar, Request
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.enums import ScopeType
from litestar.handlers.base import BaseRouteHandler
from litestar.middleware import ASGIMiddleware
from litestar.params import SkipValidation
from litestar.types import ASGIApp, Receive, Scope, Send

from central.application.administration.acting import Actor
from central.application.administration.authenticate_key import Caller
from central.domain.errors import CallerError, InvalidInput, Refused
from central.domain.ids import AccountId
from central.domain.rights import Right
from central.entrypoints.api.json_reading import refuse_nul
from central.entrypoints.api.rate_limits import Allowance, TokenBuckets
from central.entrypoints.api.services import Services

UseCases = NamedDependency[SkipValidation[Services]]
"""Dependency ``services``."""

CallerHere = NamedDependency[SkipValidation[Caller]]
"""Dependency ``caller``."""

GUARDED: Final = {"guarded": True}
"""``opt`` of routes that need a key; middleware looks at nothing else."""

PER_ADDRESS: Final = {"per_address": True}
"""``opt`` of routes for everybody, of which one client address may ask only so many a minute."""

OPERATOR: Final = {"operator": True}
"""``opt`` of routes for the operator's key."""

Connection = ASGIConnection[Any, Any, Any, Any]
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_WITH_BODY = ("POST", "PUT", "PATCH")


class Unauthenticated(CallerError):
    """No key, or none that is valid."""


class Api(Litestar):
    """The application with request ids, standing headers and the access log around it, also where no route matches."""

    services: Services
    query_names: Mapping[tuple[str, str], frozenset[str]]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - the shape of ASGI
        """One connection."""
        if scope["type"] != ScopeType.HTTP:
            await super().__call__(scope, receive, send)
            return
        services = self.services
        started = services.clock.monotonic()
        request_id = _request_id(scope, services)
        scope.setdefault("state", {})["request_id"] = request_id
        status = 0

        async def sending(message: Any) -> None:  # noqa: ANN401 - the shape of ASGI
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                allowance: Allowance | None = scope["state"].get("allowance")
                headers = {"X-Request-Id": request_id, "X-Content-Type-Options": "nosniff"}
                headers |= allowance.headers() if allowance else {}
                message["headers"] = [
                    *message.get("headers", ()),
                    *((name.lower().encode(), value.encode()) for name, value in headers.items()),
                ]
            await send(message)

        try:
            await super().__call__(scope, receive, sending)
        finally:
            _log_access(services, scope, request_id, status, (services.clock.monotonic() - started) * 1000)


def _request_id(scope: Any, services: Services) -> str:  # noqa: ANN401 - the shape of ASGI
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    return given.decode() if _REQUEST_ID.fullmatch(given) else str(services.ids.uuid())


def _log_access(services: Services, scope: Any, request_id: str, status: int, took_ms: float) -> None:  # noqa: ANN401
    handler = scope.get("route_handler")
    route = scope.get("path_template") or ("" if handler is None else next(iter(handler.paths), ""))
    caller: Caller | None = scope["state"].get("caller")
    services.telemetry.event(
        "api_request_answered",
        request_id=request_id,
        method=scope["method"],
        route=route,
        status=status,
        took_ms=round(took_ms, 2),
        account_id=None if caller is None else str(caller.account_id),
        actor=None if caller is None else caller.actor.name,
    )
    services.telemetry.observe("api_request_ms", took_ms, method=scope["method"], route=route, status=str(status))


class Gate(ASGIMiddleware):
    """Key, address, rate, parameters and body type, before any work is done."""

    scopes = (ScopeType.HTTP,)

    def __init__(self, services: Services) -> None:
        self._services = services
        self._buckets = TokenBuckets(services.clock.monotonic)
        self._addresses = TokenBuckets(services.clock.monotonic)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Let the call in, or raise."""
        handler = scope["route_handler"]
        if handler.opt.get("guarded"):
            request: Request[Any, Any, Any] = Request(scope)
            if handler.opt.get("operator"):
                self._operator(request)
            else:
                await self._let_in(request)
            _check_query(request)
            _check_type(request, handler.opt.get("media_types", ("application/json",)))
            if "data" in handler.parsed_fn_signature.parameters and _is_empty(request):
                raise InvalidInput("invalid_body", "This call needs a body: a JSON object.")
        elif handler.opt.get("per_address"):
            self._slow_down(Request(scope))
        await next_app(scope, receive, send)

    def _slow_down(self, request: Request[Any, Any, Any]) -> None:
        address = request.client.host if request.client else ""
        allowance = self._addresses.take(address, self._services.limits.open_per_minute)
        if not allowance.allowed:
            message = f"One address may ask {allowance.per_minute} times a minute."
            raise Refused("rate_limited", message, retry_after_s=allowance.wait_s)

    async def _let_in(self, request: Request[Any, Any, Any]) -> None:
        address = request.client.host if request.client else None
        caller = await self._services.authenticate(_bearer(request), address)
        if caller is None:
            raise Unauthenticated("unauthenticated", "This key is not valid (any more).")
        request.scope["state"]["caller"] = caller
        allowance = self._buckets.take(caller.account_id, caller.account.api_per_minute)
        request.scope["state"]["allowance"] = allowance
        if not allowance.allowed:
            message = f"The account makes more than {allowance.per_minute} calls a minute."
            raise Refused("rate_limited", message, retry_after_s=allowance.wait_s)

    def _operator(self, request: Request[Any, Any, Any]) -> None:
        expected = self._services.limits.operator_key_hash
        if expected is None or not compare_digest(expected, sha256(_bearer(request).encode()).digest()):
            raise Unauthenticated("unauthenticated", "This needs the operator's key.")


def needs(*rights: Right) -> Callable[[Connection, BaseRouteHandler], None]:
    """A guard: the caller holds all these rights. Raises Forbidden ``missing_right``."""

    def guard(connection: Connection, handler: BaseRouteHandler) -> None:
        del handler
        caller: Caller = connection.scope["state"]["caller"]
        for right in rights:
            caller.require(right)

    return guard


def needs_any(*rights: Right) -> Callable[[Connection, BaseRouteHandler], None]:
    """A guard: the caller holds at least one of these rights. Raises Forbidden ``missing_right`` for the first."""

    def guard(connection: Connection, handler: BaseRouteHandler) -> None:
        del handler
        caller: Caller = connection.scope["state"]["caller"]
        if caller.rights.isdisjoint(rights):
            caller.require(rights[0])

    return guard


def caller_of(request: Request[Any, Any, Any]) -> Caller:
    """Provider of the dependency ``caller``."""
    caller: Caller = request.scope["state"]["caller"]
    return caller


def operator_on(account_id: UUID) -> Actor:
    """The operator acting on an account."""
    return Actor(AccountId(account_id), "operator")


def _bearer(request: Request[Any, Any, Any]) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("unauthenticated", "Send the API key as `Authorization: Bearer ck_...`.")
    return token.strip()


def _check_query(request: Request[Any, Any, Any]) -> None:
    """A parameter that is passed over would do something else than its sender meant: ``stop?preveiw=true`` stops."""
    refuse_nul(request.scope["path"], "path")
    app = cast("Api", request.app)
    known = app.query_names.get((request.scope["path_template"], request.method), frozenset())
    for name, value in request.query_params.multi_items():
        refuse_nul(str(value), name)
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f" Did you mean {near[0]}?" if near else ""
            message = f"There is no parameter {name!r} here.{hint}"
            raise InvalidInput("unknown_parameter", message, field=name, known=sorted(known))


def _is_empty(request: Request[Any, Any, Any]) -> bool:
    return request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers


def _check_type(request: Request[Any, Any, Any], accepted: Sequence[str]) -> None:
    if request.method not in _WITH_BODY or not accepted:
        return
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not _is_empty(request) and given not in accepted:
        message = f"Send {' or '.join(accepted)}" + (f", not {given}." if given else " and say so in Content-Type.")
        raise InvalidInput("unsupported_media_type", message, accepted=list(accepted))
