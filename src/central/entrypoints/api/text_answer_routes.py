"""/text-answers: what people are answered who write HELP, STOP or START."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from litestar import Router, delete, get, post
from litestar.params import FromPath, JSONBody
from litestar.status_codes import HTTP_200_OK
from msgspec import Meta, Struct

from central.application.ports.text_answers import TextAnswer
from central.domain.rights import Right
from central.entrypoints.api.gate import CallerHere, UseCases, needs
from central.entrypoints.api.paging import Cursor, Limit, Page, cursor_uuid, make_page
from central.entrypoints.api.presenting import Moment, moment


class TextAnswerBody(Struct, forbid_unknown_fields=True, frozen=True):
    """The answer to texts that say ``wish`` alone, in any of its languages; ``recipient``: the number or short code, "" = all.

    ``text`` "" = no answer. Without an entry HELP is answered by a text of the platform, STOP and START are not.
    """

    wish: Literal["help", "stop", "start"]
    text: Annotated[str, Meta(max_length=2_000)]
    recipient: Annotated[str, Meta(max_length=32)] = ""


class TextAnswerView(Struct, frozen=True):
    """An answer; ``recipient`` "" = any."""

    id: UUID
    wish: str
    recipient: str
    text: str
    created_at: Moment


@get("/text-answers", guards=[needs(Right.NUMBERS_READ)], summary="Answers to HELP, STOP and START", tags=["SMS"])
async def list_text_answers(
    services: UseCases, caller: CallerHere, cursor: Cursor = None, limit: Limit = 50
) -> Page[TextAnswerView]:
    """Answers in the order they were made."""
    rows = await services.messaging.text_answers.page(caller.actor, cursor_uuid(cursor), limit + 1)
    return make_page(rows, limit, _view, lambda row: {"id": row.id})


@post(
    "/text-answers",
    guards=[needs(Right.NUMBERS_CHANGE)],
    summary="Answer HELP, STOP or START",
    tags=["SMS"],
    status_code=HTTP_200_OK,
)
async def put_text_answer(data: JSONBody[TextAnswerBody], services: UseCases, caller: CallerHere) -> TextAnswerView:
    """An answer is an SMS of the account, from the number that was written to; one with the same wish and recipient gets this text."""
    made = await services.messaging.text_answers.put(caller.actor, data.wish, data.text, recipient=data.recipient)
    return _view(made)


@delete(
    "/text-answers/{answer_id:uuid}",
    guards=[needs(Right.NUMBERS_CHANGE)],
    summary="Remove an answer",
    tags=["SMS"],
)
async def remove_text_answer(answer_id: FromPath[UUID], services: UseCases, caller: CallerHere) -> None:
    """The text of the platform holds again (HELP), or there is no answer (STOP, START)."""
    await services.messaging.text_answers.remove(caller.actor, answer_id)


def _view(row: TextAnswer) -> TextAnswerView:
    return TextAnswerView(row.id, row.wish, row.recipient, row.text, moment(row.created_at))


text_answer_router = Router("/", route_handlers=[list_text_answers, put_text_answer, remove_text_answer])
