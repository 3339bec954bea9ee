"""POST /requests/upload: a list of up to millions of rows, streamed to durable storage and loaded in the background.

An ``Idempotency-Key`` works here too: the body is hashed as it flows, and a repeated upload is compared by that hash.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Request, Response, Router, post
from litestar.params import FromQuery, QueryParameter
from litestar.status_codes import HTTP_202_ACCEPTED
from msgspec import Struct

from central.application.intake.receive_upload import Upload
from central.domain.encodings import ENCODINGS
from central.domain.errors import InvalidInput
from central.domain.ids import RequestId
from central.domain.rights import Right
from central.entrypoints.api.gate import CallerHere, UseCases, needs
from central.entrypoints.api.idempotency import REPLAYED, STREAMED, key_of, key_reused
from central.entrypoints.api.json_reading import read_json, refuse_nul
from central.entrypoints.api.list_routes import limited
from central.entrypoints.api.multipart_files import MultipartFile, header_parameter
from central.entrypoints.api.presenting import given_moment
from central.entrypoints.api.request_routes import Mode, require_load

_NAMES: Final = {
    "text/csv": "upload.csv",
    "application/csv": "upload.csv",
    "application/x-ndjson": "upload.ndjson",
    "application/ndjson": "upload.ndjson",
    "application/jsonl": "upload.ndjson",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "upload.xlsx",
    "application/zip": "upload.zip",
    "application/x-zip-compressed": "upload.zip",
}
_OCTETS: Final = "application/octet-stream"
_FORM: Final = "multipart/form-data"
UPLOAD_TYPES: Final = (*_NAMES, "text/plain", _OCTETS, _FORM)


class AcceptedUpload(Struct, frozen=True):
    """The request that is being filled from the file; follow ``/requests/{id}`` or its ``/events``."""

    request_id: UUID
    file_name: str
    loading: bool = True


@post(
    "/requests/upload",
    guards=[needs(Right.REQUESTS_READ)],
    summary="Upload a list",
    tags=["Requests"],
    status_code=HTTP_202_ACCEPTED,
    opt={"media_types": UPLOAD_TYPES} | STREAMED,
    request_max_body_size=None,
)
async def upload_list(  # noqa: PLR0913 - options of the query
    request: Request[Any, Any, Any],
    services: UseCases,
    caller: CallerHere,
    *,
    flow: Annotated[str, QueryParameter(description="Id or name of a flow.")],
    mode: FromQuery[Mode] = "production",
    name: FromQuery[str] = "",
    priority: Annotated[int, QueryParameter(ge=0, le=9)] = 0,
    end_at: FromQuery[datetime | None] = None,
    filename: Annotated[str | None, QueryParameter(description="Where the type does not say what the file is.")] = None,
    encoding: Annotated[
        str | None, QueryParameter(description=f"Overrides the detection: {', '.join(ENCODINGS)}.")
    ] = None,
    mapping: Annotated[
        str | None, QueryParameter(description='JSON: column as written -> field, {"Mobile": "tel1"}.')
    ] = None,
    allow_repeat: Annotated[bool, QueryParameter(description="Take the same file for the same flow again.")] = False,
) -> Response[AcceptedUpload]:
    """The body is the file: CSV, NDJSON, XLSX, or a ZIP of one CSV; multipart/form-data with one file works too.

    Columns: `tel1` to `tel10`, `start_time`, `client_identifier`, `time_zone`, `priority`, and one per variable.
    """
    require_load(caller, mode)
    end_at = given_moment(end_at, "end_at")
    body, file_name, media_type = await _file(request, filename)
    refuse_nul(file_name, "filename")
    upload = Upload(
        flow=flow,
        mode=mode,
        file_name=file_name,
        media_type=media_type,
        name=name,
        priority=priority,
        end_at=end_at,
        mapping=_mapping(mapping),
        encoding=encoding,
        allow_repeat=allow_repeat,
    )
    stream = limited(body, services.limits.upload_bytes)
    key = key_of(request)
    if key is None:
        request_id = await services.receive(caller.account_id, upload, stream, caller.actor.name)
        return _accepted(request_id, file_name)
    return await _once(services, caller, key, upload, stream, str(request.url.query))


async def _once(
    services: UseCases, caller: CallerHere, key: str, upload: Upload, stream: AsyncIterator[bytes], query: str
) -> Response[AcceptedUpload]:
    store, account = services.idempotency, caller.account_id
    taken = await store.reserve(account, key, b"", services.ids.uuid(), services.limits.upload_stale_s)
    hashing = _Hashing(stream, query)
    if taken.status_code is not None:
        async for _ in hashing.chunks():
            pass
        if hashing.digest() != taken.fingerprint:
            raise key_reused()
        answer = msgspec.convert((taken.answer or {}).get("body"), AcceptedUpload)
        return _accepted(answer.request_id, answer.file_name, {REPLAYED: "true"})
    try:
        once = replace(upload, request_id=RequestId(taken.subject))
        request_id = await services.receive(account, once, hashing.chunks(), caller.actor.name)
    except BaseException:
        await store.release(account, key)
        raise
    body = {"request_id": str(request_id), "file_name": upload.file_name, "loading": True}
    kept = {"subject": str(taken.subject), "body": body}
    await store.answer(account, key, hashing.digest(), HTTP_202_ACCEPTED, kept)
    return _accepted(request_id, upload.file_name)


class _Hashing:
    """Passes chunks on and hashes them together with the options of the query."""

    def __init__(self, chunks: AsyncIterator[bytes], query: str) -> None:
        self._chunks = chunks
        self._hash = sha256(query.encode() + b"\0")

    async def chunks(self) -> AsyncIterator[bytes]:
        async for chunk in self._chunks:
            self._hash.update(chunk)
            yield chunk

    def digest(self) -> bytes:
        return self._hash.digest()


async def _file(request: Request[Any, Any, Any], filename: str | None) -> tuple[AsyncIterator[bytes], str, str]:
    content_type = request.headers.get("content-type", _OCTETS)
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == _FORM:
        form = MultipartFile(content_type, aiter(request.stream()))
        await form.open()
        return form.chunks(), filename or form.file_name, form.media_type or _OCTETS
    name = (
        filename
        or header_parameter(request.headers.get("content-disposition", ""), "filename")
        or _NAMES.get(media_type, "")
    )
    if not name:
        message = (
            f"Say what the file is: a Content-Type such as text/csv, or ?filename=list.csv; {media_type} says nothing."
        )
        raise InvalidInput("unsupported_media_type", message, accepted=list(_NAMES))
    return aiter(request.stream()), name, media_type


def _mapping(text: str | None) -> dict[str, str]:
    if text is None:
        return {}
    try:
        return msgspec.convert(read_json(text.encode()), dict[str, str])
    except (msgspec.ValidationError, InvalidInput) as error:
        raise InvalidInput("invalid_parameter", "mapping is a JSON object of texts.", field="mapping") from error


def _accepted(request_id: UUID, file_name: str, headers: dict[str, str] | None = None) -> Response[AcceptedUpload]:
    location = {"Location": f"/api/v1/requests/{request_id}"}
    return Response(
        AcceptedUpload(request_id, file_name), status_code=HTTP_202_ACCEPTED, headers=location | (headers or {})
    )


upload_router = Router("/", route_handlers=[upload_list])
