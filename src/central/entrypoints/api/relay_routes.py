"""/relays: where mail providers bring what becomes of e-mail. No key is needed: each call is signed by the provider."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from litestar import MediaType, Request, Router, post
from litestar.params import FromPath
from litestar.status_codes import HTTP_200_OK

from central.application.ports.carriers import CarrierId
from central.entrypoints.api.gate import UseCases

_BODY_BYTES: Final = 512 * 1024
_THANKS: Final = "OK"


@post(
    "/relays/{carrier_id:uuid}/events",
    status_code=HTTP_200_OK,
    media_type=MediaType.TEXT,
    summary="Take events of a mail provider",
    tags=["Calls of carriers"],
    request_max_body_size=_BODY_BYTES,
)
async def take_events(carrier_id: FromPath[UUID], request: Request[Any, Any, Any], services: UseCases) -> str:
    """A message of Amazon SNS with an event of Amazon SES, signed, of a topic that the relay's settings name.

    Answered when the event is stored. The subscription of such a topic is confirmed by itself.
    """
    await services.messaging.take_events(CarrierId(carrier_id), await request.body())
    return _THANKS


relay_router = Router("/", route_handlers=[take_events])
