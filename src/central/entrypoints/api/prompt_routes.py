"""/prompts: the recorded prompts that Play and Menu steps play by name."""

from __future__ import annotations

from typing import Annotated, Any, Final

from litestar import Request, Router, delete, get, put
from litestar.params import FromPath, QueryParameter
from litestar.status_codes import HTTP_200_OK
from msgspec import Struct

from central.application.ports.speech import HoldingVersion, StoredPrompt
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

Force = Annotated[
    bool,
    QueryParameter(
        description="Also where a version plays it that was published before versions held their recordings; "
        "it then fails at that step."
    ),
]


class PromptView(Struct, frozen=True):
    """A recorded prompt; ``language`` "" = for every language."""

    name: str
    language: str
    seconds: float
    created_at: Moment


class HoldingView(Struct, frozen=True):
    """A version that goes on playing a recording, because it holds it; null = a test of the draft that is not done.

    ``runs``: it is in production, or has requests that are not done.
    """

    flow: str
    version: int | None
    runs: bool


class StoredPromptView(Struct, frozen=True):
    """A prompt as it is now; ``held_by``: the versions that go on playing the recording before, until they are published anew."""

    name: str
    language: str
    seconds: float
    created_at: Moment
    held_by: list[HoldingView]


class RemovedPrompt(Struct, frozen=True):
    """``held_by``: the versions that go on playing the recording."""

    held_by: list[HoldingView]


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
) -> StoredPromptView:
    """The body is WAV, MP3, OGG (Vorbis) or FLAC, told by its bytes; versions that are published from now on play it.

    A step that has the name from a variable plays it from the next playback on.
    A name has letters, digits, `_`, `.`, `-`, in parts between `/`: `welcome`, `jingles/one`.
    """
    audio = b"".join([chunk async for chunk in limited(request.stream(), services.limits.prompt_bytes)])
    row, held_by = await services.prompts.add(caller.actor, _name(name), language, audio)
    return StoredPromptView(
        row.name, row.language, round(row.seconds, 3), moment(row.created_at), [_holding(one) for one in held_by]
    )


@delete(
    "/prompts/{name:path}",
    guards=[needs(Right.FLOWS_EDIT)],
    summary="Remove a prompt",
    tags=["Prompts"],
    status_code=HTTP_200_OK,
)
async def remove_prompt(
    name: FromPath[str], services: UseCases, caller: CallerHere, language: Language = "", *, force: Force = False
) -> RemovedPrompt:
    """The recording of this language only; what versions hold of it stays with them.

    Refused (409 `prompt_in_use`) while a version in use plays it that was published before versions held their recordings.
    """
    held_by = await services.prompts.remove(caller.actor, _name(name), language, force=force)
    return RemovedPrompt([_holding(one) for one in held_by])


def _name(path: str) -> str:
    """A parameter that may hold slashes begins with one."""
    return path.removeprefix("/")


def _view(row: StoredPrompt) -> PromptView:
    return PromptView(row.name, row.language, round(row.seconds, 3), moment(row.created_at))


def _holding(row: HoldingVersion) -> HoldingView:
    return HoldingView(row.flow, row.version, row.runs)


prompt_router = Router("/", route_handlers=[list_prompts, put_prompt, remove_prompt])
