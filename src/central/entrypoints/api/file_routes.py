"""/files: what e-mails bring along, kept once and named by flows and by ``attachments`` of e-mails."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, Router, delete, get, put
from litestar.params import FromPath
from litestar.status_codes import HTTP_200_OK
from msgspec import Struct

from central.application.administration.keep_files import LIMIT_FILE_BYTES
from central.application.ports.account_files import AccountFile
from central.domain.rights import Right
from central.entrypoints.api.gate import CallerHere, UseCases, needs
from central.entrypoints.api.idempotency import STREAMED
from central.entrypoints.api.list_routes import limited
from central.entrypoints.api.paging import Cursor, Limit, Page, cursor_text, make_page
from central.entrypoints.api.presenting import Moment, moment


class FileView(Struct, frozen=True):
    """A file; ``sha256`` of its content, in hex."""

    name: str
    media_type: str
    size_bytes: int
    sha256: str
    created_at: Moment


@get("/files", guards=[needs(Right.MESSAGES_READ)], summary="Files that e-mails bring along", tags=["Files"])
async def list_files(
    services: UseCases, caller: CallerHere, cursor: Cursor = None, limit: Limit = 50
) -> Page[FileView]:
    """By name."""
    rows = await services.messaging.files.page(caller.actor, cursor_text(cursor, "name"), limit + 1)
    return make_page(rows, limit, _view, lambda row: {"name": row.name})


@put(
    "/files/{name:path}",
    guards=[needs(Right.MESSAGES_SEND)],
    summary="Add or replace a file",
    tags=["Files"],
    opt={"media_types": ()} | STREAMED,
    request_max_body_size=None,
)
async def put_file(
    name: FromPath[str], request: Request[Any, Any, Any], services: UseCases, caller: CallerHere
) -> FileView:
    """The body is the file, of at most 15 MiB, its `Content-Type` what receivers are told; all files of an account take at most 500 MiB.

    E-mails that wait and name it bring the new content.
    """
    content = b"".join([chunk async for chunk in limited(request.stream(), LIMIT_FILE_BYTES)])
    media_type = request.headers.get("Content-Type", "")
    return _view(await services.messaging.files.put(caller.actor, name.removeprefix("/"), media_type, content))


@get("/files/{name:path}", guards=[needs(Right.MESSAGES_READ)], summary="One file", tags=["Files"])
async def get_file(name: FromPath[str], services: UseCases, caller: CallerHere) -> Response[bytes]:
    """Its content, always as a download."""
    file, content = await services.messaging.files.content(caller.actor, name.removeprefix("/"))
    headers = {"Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff", "ETag": f'"{file.sha256}"'}
    return Response(content, status_code=HTTP_200_OK, media_type=file.media_type, headers=headers)


@delete("/files/{name:path}", guards=[needs(Right.MESSAGES_SEND)], summary="Remove a file", tags=["Files"])
async def remove_file(name: FromPath[str], services: UseCases, caller: CallerHere) -> None:
    """E-mails that wait with it fail, `attachment_missing`."""
    await services.messaging.files.remove(caller.actor, name.removeprefix("/"))


def _view(file: AccountFile) -> FileView:
    return FileView(file.name, file.media_type, file.size_bytes, file.sha256, moment(file.created_at))


file_router = Router("/", route_handlers=[list_files, put_file, get_file, remove_file])
