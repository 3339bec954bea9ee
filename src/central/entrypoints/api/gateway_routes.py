"""/gateways: where SMS gateways bring their receipts. No key is needed: the carrier's settings say how a call is proved."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from litestar import MediaType, Request, Router, route
from litestar.params import FromPath
from litestar.status_codes import HTTP_200_OK

from central.application.ports.carriers import CarrierId
from central.application.ports.receipt_calls import ReceiptCall
from central.entrypoints.api.gate import UseCases

_BODY_BYTES: Final = 256 * 1024
_THANKS: Final = "OK"


@route(
    "/gateways/{carrier_id:uuid}/receipts",
    http_method=["GET", "POST"],
    status_code=HTTP_200_OK,
    media_type=MediaType.TEXT,
    summary="Take receipts of an SMS gateway",
    tags=["Calls of carriers"],
    request_max_body_size=_BODY_BYTES,
)
async def take_receipts(carrier_id: FromPath[UUID], request: Request[Any, Any, Any], services: UseCases) -> str:
    """As the gateway's settings describe it; proved by a signature, or a token in a header or the query. Answered when they are stored."""
    return await _take(carrier_id, request, services, "")


@route(
    "/gateways/{carrier_id:uuid}/receipts/{token:str}",
    http_method=["GET", "POST"],
    status_code=HTTP_200_OK,
    media_type=MediaType.TEXT,
    summary="Take receipts of an SMS gateway",
    tags=["Calls of carriers"],
    request_max_body_size=_BODY_BYTES,
)
async def take_receipts_by_token(
    carrier_id: FromPath[UUID], token: FromPath[str], request: Request[Any, Any, Any], services: UseCases
) -> str:
    """The same, proved by the token in the path."""
    return await _take(carrier_id, request, services, token)


async def _take(carrier_id: UUID, request: Request[Any, Any, Any], services: UseCases, token: str) -> str:
    call = ReceiptCall(
        method=request.method,
        headers=dict(request.headers),
        query=bytes(request.scope["query_string"]).decode("latin-1"),
        body=await request.body(),
        token=token,
    )
    await services.messaging.take_receipts(CarrierId(carrier_id), call)
    return _THANKS


gateway_router = Router("/", route_handlers=[take_receipts, take_receipts_by_token])
