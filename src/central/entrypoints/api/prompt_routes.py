"""/prompts: the recorded prompts that Play and Menu steps play by name."""

from __future__ import annotations

from typing import Annotated, Any, Final

from litestar import Request, Router, delete, get, put
from litestar.params import FromPath, QueryParameter
from msgspec import Struct

from central.application.ports.speech import StoredPrompt
from central.domain.rights import Right
from central.entrypoints.api.gate import CallerHere, UseCases, needs
from central.entrypoints.api.idempotency import STREAMED
from central.entrypoints.api.list_routes import limited
from central.entrypoints.api.paging import Cursor, Limit, Page, cursor_text, make_page
from central.entrypoints.api.presenting import Moment, moment

AUDIO_TYPES: Final = (
    "audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave", "audio/mpeg", "audio/mp3", "audio/ogg", "audio/flac", "audio/x-flac",
)  # fmt: skip
Language = Annotated[
    str, QueryParameter(description="A language tag such as hi; empty = heard wherever its own language has none.")
]

Force = Annotated[bool, QueryParameter(description="Also where a flow plays it, which then fails at that step.")]


class PromptView(Struct, frozen=True):
    """A recorded prompt; ``language`` "" = for every language."""

    name: str
    language: str
    seconds: float
    created_at: Moment


@get("/prompts", guards=[needs(Right.FLOWS_READ)], summary="Recorded prompts", tags=["Prompts"])
async def list_prompts(
    services: UseCases, caller: CallerHere, cursor: Cursor = None, limit: Limit = 50
) -> Page[PromptView]:
    """By name and language."""
    name = cursor_text(cursor, "name")
    after = None if name is None else (name, cursor_text(cursor, "language") or "")
    rows = await services.prompts.page(caller.actor, after, limit + 1)
    return make_page(rows, limit, _view, lambda row: {"name": row.name, "language": row.language})


@put(
    "/prompts/{name:path}",
    guards=[needs(Right.FLOWS_EDIT)],
    summary="Add or replace a prompt",
    tags=["Prompts"],
    opt={"media_types": AUDIO_TYPES} | STREAMED,
    request_max_body_size=None,
)
async def put_prompt(
    name: FromPath[str],
    request: Request[Any, Any, Any],
    services: UseCases,
    caller: CallerHere,
    language: Language = "",
) -> PromptView:
    """The body is WAV, MP3, OGG (Vorbis) or FLAC, told by its bytes; it is heard from the next playback on.

    A name has letters, digits, `_`, `.`, `-`, in parts between `/`: `welcome`, `jingles/one`.
    """
    audio = b"".join([chunk async for chunk in limited(request.stream(), services.limits.prompt_bytes)])
    return _view(await services.prompts.add(caller.actor, _name(name), language, audio))


@delete("/prompts/{name:path}", guards=[needs(Right.FLOWS_EDIT)], summary="Remove a prompt", tags=["Prompts"])
async def remove_prompt(
    name: FromPath[str], services: UseCases, caller: CallerHere, language: Language = "", *, force: Force = False
) -> None:
    """The recording of this language only. Refused (409 `prompt_in_use`) while a version in use plays it."""
    await services.prompts.remove(caller.actor, _name(name), language, force=force)


def _name(path: str) -> str:
    """A parameter that may hold slashes begins with one."""
    return path.removeprefix("/")


def _view(row: StoredPrompt) -> PromptView:
    return PromptView(row.name, row.language, round(row.seconds, 3), moment(row.created_at))


prompt_router = Router("/", route_handlers=[list_prompts, put_prompt, remove_prompt])
