"""Errors as problem documents (RFC 9457): ONE table from the error tree to HTTP; errors themselves do not know HTTP.

Such as ``{"type": "urn:central:problem:flow_not_found", "title": "Not found", "status": 404, "detail": "...", "code":
"flow_not_found", "errors": [{"field": "...", "message": "..."}], "request_id": "..."}``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException, ValidationException

from central.application.ports.telemetry import Telemetry
from central.domain.errors import (
    CentralError,
    Conflict,
    DefectError,
    Forbidden,
    InvalidInput,
    NeighbourError,
    NotFound,
    OperatorError,
    Refused,
)

PROBLEM_JSON: Final = "application/problem+json"

FAMILIES: Final[Sequence[tuple[type[CentralError], int, str]]] = (
    (InvalidInput, 422, "Invalid input"),
    (NotFound, 404, "Not found"),
    (Conflict, 409, "Conflict with the present state"),
    (Forbidden, 403, "Not allowed"),
    (Refused, 409, "Refused"),
    (NeighbourError, 503, "A neighbour does not answer"),
    (OperatorError, 500, "The installation is not set up for this"),
    (DefectError, 500, "Defect"),
    (CentralError, 500, "Defect"),
)
"""The family decides ..."""

CODES: Final[Mapping[str, int]] = {
    "unauthenticated": 401,
    "rate_limited": 429,
    "body_too_large": 413,
    "file_too_large": 413,
    "document_too_large": 413,
    "prompt_too_large": 413,
    "unsupported_media_type": 415,
    "unreadable_json": 400,
    "unreadable_multipart": 400,
    "invalid_parameter": 400,
    "invalid_cursor": 400,
    "unknown_parameter": 400,
    "idempotency_key_reused": 422,
    "insufficient_balance": 402,
    "account_validity_expired": 402,
    "max_capacity_reached": 429,
    "link_expired": 410,
    "recording_deleted": 410,
    "range_not_satisfiable": 416,
}
"""... unless the code has a status of its own."""

_TITLES: Final[Mapping[int, str]] = {
    400: "Unreadable request",
    401: "Not authenticated",
    402: "Payment required",
    404: "Not found",
    405: "Method not allowed",
    410: "Gone",
    413: "Too large",
    416: "Range not satisfiable",
    415: "Unsupported media type",
    429: "Too many requests",
}
_HTTP_CODES: Final[Mapping[int, str]] = {
    400: "unreadable_request",
    401: "unauthenticated",
    404: "no_such_route",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
}
_RETRY_AFTER_S: Final = 2
_PATH = re.compile(r" - at `\$(?P<path>[^`]*)`$")
_HIDDEN_DETAILS: Final = frozenset({"field", "errors", "retry_after_s", "headers"})


class FieldProblem(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is wrong with one field of the body or one parameter."""

    field: str
    message: str
    code: str = ""


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """A problem document. ``code`` is stable across releases; ``detail`` is for people."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: Sequence[FieldProblem] = ()
    request_id: str = ""
    details: Mapping[str, Any] = {}


def status_of(error: CentralError) -> tuple[int, str]:
    """HTTP status and title of an error."""
    status, title = next((status, title) for family, status, title in FAMILIES if family in type(error).__mro__)
    own = CODES.get(error.code)
    return (status, title) if own is None else (own, _TITLES.get(own, title))


def problem_response(
    request: Request[Any, Any, Any],
    status: int,
    code: str,
    title: str,
    detail: str,
    *,
    errors: Sequence[FieldProblem] = (),
    details: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response[Problem]:
    """The response for one problem."""
    problem = Problem(
        type=f"urn:central:problem:{code}",
        title=title,
        status=status,
        detail=detail,
        code=code,
        errors=errors,
        request_id=_request_id(request),
        details=details or {},
    )
    own = {"WWW-Authenticate": "Bearer"} if status == 401 else {}  # noqa: PLR2004 - RFC 9110, section 15.5.2
    return Response(problem, status_code=status, media_type=PROBLEM_JSON, headers=own | dict(headers or {}))


def on_central_error(request: Request[Any, Any, Any], error: CentralError) -> Response[Problem]:
    """An error of our own tree."""
    status, title = status_of(error)
    ours = status >= 500  # noqa: PLR2004 - server errors
    if ours:
        _telemetry(request).failure("api_request_failed", error, request_id=_request_id(request))
    headers: dict[str, str] = {}
    if status in (429, 503):
        headers["Retry-After"] = str(error.details.get("retry_after_s", _RETRY_AFTER_S))
    hidden = isinstance(error, DefectError | NeighbourError | OperatorError)
    detail = _NEUTRAL.get(status, error.message) if hidden else error.message
    field = error.details.get("field")
    errors = (FieldProblem(str(field), error.message, error.code),) if field is not None else ()
    details = {} if hidden else {k: v for k, v in error.details.items() if k not in _HIDDEN_DETAILS}
    return problem_response(request, status, error.code, title, detail, errors=errors, details=details, headers=headers)


_NEUTRAL: Final[Mapping[int, str]] = {
    500: "Something went wrong on our side; the request id finds it in the log.",
    503: "A part of the installation does not answer at the moment; try again.",
}


def on_http_exception(request: Request[Any, Any, Any], error: HTTPException) -> Response[Problem]:
    """An error of the HTTP layer: no route, wrong method, unreadable or unfitting body or parameter."""
    headers = {k: v for k, v in (error.headers or {}).items() if k.lower() != "content-type"}
    if isinstance(error, ValidationException):
        return _on_validation(request, error)
    status, detail = error.status_code, error.detail
    if isinstance(error, NotFoundException):
        detail = "There is nothing at this address."
    elif isinstance(error, MethodNotAllowedException):
        detail = f"{request.method} is not possible here."
    elif status == 413:  # noqa: PLR2004 - RFC 9110, section 15.5.14
        detail = f"A body has at most {request.route_handler.resolve_request_max_body_size()} bytes here."
    code = _HTTP_CODES.get(status, "http_error")
    if status == 400 and _PATH.search(detail):  # noqa: PLR2004 - msgspec names the place in the body
        return _unfit(request, [_field(detail)])
    return problem_response(request, status, code, _TITLES.get(status, "HTTP error"), detail, headers=headers)


def on_anything_else(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """A defect: logged with its trace, told without detail."""
    _telemetry(request).failure("api_request_failed", error, request_id=_request_id(request))
    return problem_response(request, 500, "internal_error", "Defect", _NEUTRAL[500])


def _request_id(request: Request[Any, Any, Any]) -> str:
    state: Mapping[str, Any] = request.scope["state"] if "state" in request.scope else {}  # noqa: SIM401 - typed
    return str(state.get("request_id", ""))


def _telemetry(request: Request[Any, Any, Any]) -> Telemetry:
    telemetry: Telemetry = request.app.state.telemetry
    return telemetry


def _on_validation(request: Request[Any, Any, Any], error: ValidationException) -> Response[Problem]:
    found: list[FieldProblem] = []
    of_body = True
    extra = cast("Sequence[object]", error.extra) if isinstance(error.extra, list) else ()
    for item in map(_mapping, extra):
        if item:
            message, source = str(item.get("message", "")), str(item.get("source", "body"))
            of_body = of_body and source == "body"
            found.append(FieldProblem(str(item.get("key", "")).removeprefix("data").lstrip("."), message))
    if of_body and found:
        return _unfit(request, found)
    detail = f"{found[0].field}: {found[0].message}" if found else error.detail
    return problem_response(request, 400, "invalid_parameter", "Invalid parameter", detail, errors=found)


def _mapping(item: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", item) if isinstance(item, Mapping) else {}


def _unfit(request: Request[Any, Any, Any], errors: Sequence[FieldProblem]) -> Response[Problem]:
    first = errors[0] if errors else FieldProblem("", "The body does not fit.")
    detail = f"{first.field}: {first.message}" if first.field else first.message
    return problem_response(request, 422, "invalid_body", "Invalid input", detail, errors=errors)


def _field(detail: str) -> FieldProblem:
    found = _PATH.search(detail)
    path = found.group("path").lstrip(".") if found else ""
    return FieldProblem(path, _PATH.sub("", detail))


EXCEPTION_HANDLERS: Final[dict[int | type[Exception], Callable[[Request[Any, Any, Any], Any], Response[Problem]]]] = {
    CentralError: on_central_error,
    HTTPException: on_http_exception,
    Exception: on_anything_else,
}
