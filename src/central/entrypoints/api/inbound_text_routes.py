"""/inbound-texts: short messages that people wrote to the account."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from litestar import Router, get
from litestar.params import QueryParameter

from central.application.ports.message_reports import TextWish
from central.domain.rights import Right
from central.entrypoints.api.gate import CallerHere, UseCases, needs
from central.entrypoints.api.masking import mask_document
from central.entrypoints.api.paging import Cursor, Limit, Page, cursor_uuid, make_page
from central.entrypoints.api.presenting import given_moment


@get("/inbound-texts", guards=[needs(Right.MESSAGES_READ)], summary="Short messages that came in", tags=["SMS"])
async def list_inbound_texts(
    services: UseCases,
    caller: CallerHere,
    cursor: Cursor = None,
    limit: Limit = 50,
    sender: Annotated[str | None, QueryParameter(description="Those from this number (E.164 digits)")] = None,
    recipient: Annotated[str | None, QueryParameter(description="Those to this number or short code")] = None,
    came_from: Annotated[datetime | None, QueryParameter(description="Those that came at or after this moment")] = None,
    came_to: Annotated[datetime | None, QueryParameter(description="Those that came before this moment")] = None,
) -> Page[dict[str, Any]]:
    """Newest first. `opted_out`: its sender said STOP by it. `start`: whether its flow waits, is started (in `request_id`) or refused.

    `answer`: of HELP, STOP and START, whether its answer waits, is answered, refused, or too_many.
    """
    wanted = TextWish(
        sender=sender,
        recipient=recipient,
        came_from=given_moment(came_from, "came_from"),
        came_to=given_moment(came_to, "came_to"),
    )
    rows = await services.messaging.read.texts(caller.account_id, wanted, cursor_uuid(cursor), limit + 1)
    unmask = Right.NUMBERS_UNMASK in caller.rights
    return make_page(rows, limit, lambda row: _shown(row, unmask=unmask), lambda row: {"id": row["text_id"]})


def _shown(document: Mapping[str, object], *, unmask: bool) -> dict[str, Any]:
    return dict(document if unmask else mask_document(document))


inbound_text_router = Router("/", route_handlers=[list_inbound_texts])
