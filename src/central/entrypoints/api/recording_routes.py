"""/recordings: what a signed link leads to. No key is needed: the link is the key, for one recording and a short time."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final
from uuid import UUID

from litestar import Request, Router, get
from litestar.params import FromPath, QueryParameter
from litestar.response import Stream
from litestar.status_codes import HTTP_200_OK, HTTP_206_PARTIAL_CONTENT

from central.domain.errors import NotFound, Refused
from central.domain.ids import AccountId
from central.entrypoints.api.gate import UseCases

_RANGE: Final = re.compile(r"bytes=(?:([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18}))")

Account = Annotated[UUID, QueryParameter(name="account", description="As it stands in the link.")]
Expires = Annotated[int, QueryParameter(name="expires", ge=0, le=10**11, description="As it stands in the link.")]
Signature = Annotated[str, QueryParameter(name="signature", max_length=128, description="As it stands in the link.")]


@get(
    "/recordings/{recording_id:uuid}",
    summary="Hear a recording",
    tags=["Recordings"],
    media_type="audio/wav",
    security=[{}],
)
async def get_recording(
    recording_id: FromPath[UUID],
    request: Request[Any, Any, Any],
    services: UseCases,
    account: Account,
    expires: Expires,
    signature: Signature,
) -> Stream:
    """The WAV file that a link of `GET /records/{record_id}` or of `record.final` leads to; one range of bytes may be asked for.

    403 `link_invalid` for a link that was changed, 410 `link_expired` after its time, 410 `recording_deleted` after the recording's.
    """
    recordings = services.recordings
    if recordings is None:
        raise NotFound("recording_not_found", "There is no such recording.")
    row = await recordings.open(AccountId(account), recording_id, expires, signature)
    wanted = wanted_range(request.headers.get("range"), row.bytes)
    first, last = wanted or (0, row.bytes - 1)
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Length": str(last - first + 1),
        "Content-Disposition": f'inline; filename="{row.name}.wav"',
        "Cache-Control": "private, no-store",
        "ETag": f'"{row.sha256}"',
    }
    if wanted is not None:
        headers["Content-Range"] = f"bytes {first}-{last}/{row.bytes}"
    status = HTTP_200_OK if wanted is None else HTTP_206_PARTIAL_CONTENT
    chunks = recordings.read(row, first, last)
    begun = await anext(chunks, b"")  # what is wrong with the storage is told before the answer has begun
    return Stream(_all(begun, chunks), media_type="audio/wav", headers=headers, status_code=status)


async def _all(begun: bytes, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield begun
    async for chunk in chunks:
        yield chunk


def wanted_range(header: str | None, size: int) -> tuple[int, int] | None:
    """First and last byte that a Range header asks for, None for all (RFC 9110, 14.2: what is not understood is ignored).

    Raises Refused ``range_not_satisfiable``.
    """
    asked = _RANGE.fullmatch(header.strip()) if header else None
    if asked is None:
        return None
    begin, end, tail = asked.groups()
    if tail is not None:
        first, last = max(0, size - int(tail)), size - 1
    else:
        first, last = int(begin), min(int(end), size - 1) if end else size - 1
        if end and int(end) < first:
            return None
    if first > last:
        message = f"The recording has {size} bytes."
        raise Refused("range_not_satisfiable", message, bytes=size)
    return first, last


recording_router = Router("/", route_handlers=[get_recording])
