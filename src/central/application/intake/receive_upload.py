"""A list as a file: received as a stream, durable before it is accepted, loaded by a background job (path step 1).

The bytes wait in the store, so that any machine can load them and a crash loses nothing that was acknowledged.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from central.application.intake.open_request import Mode, OpenRequest
from central.application.ports.intake import IntakeStore, LoadQueue, NewRequest
from central.application.ports.world import Clock, Ids
from central.domain.encodings import codec_of
from central.domain.errors import CentralError, Conflict, InvalidInput
from central.domain.ids import AccountId, RequestId

_PART_BYTES = 1 << 20
_REPEAT_WITHIN = timedelta(hours=24)  # domain 14: the same bytes for the same flow are refused


@dataclass(frozen=True, slots=True)
class Upload:
    """What the caller wants. ``mapping``: column as written -> field. ``encoding`` (``ENCODINGS``): overrides the detection."""

    flow: str
    mode: Mode
    file_name: str
    media_type: str
    name: str = ""
    priority: int = 0
    end_at: datetime | None = None
    mapping: Mapping[str, str] = field(default_factory=dict[str, str])
    encoding: str | None = None
    allow_repeat: bool = False
    reload_of: RequestId | None = None
    request_id: RequestId | None = None


class ReceiveUpload:
    """The use case."""

    def __init__(
        self, store: IntakeStore, opener: OpenRequest, queue: LoadQueue, clock: Clock, ids: Ids, most_bytes: int
    ) -> None:
        self._store, self._opener, self._queue = store, opener, queue
        self._clock, self._ids, self._most_bytes = clock, ids, most_bytes

    async def __call__(
        self, account_id: AccountId, upload: Upload, body: AsyncIterator[bytes], actor: str
    ) -> RequestId:
        """Receive a file; answers the id of the request that is being filled from it.

        Raises InvalidInput ``unknown_encoding``, ``file_empty``, ``file_too_large``; Conflict ``file_repeated``, ``request_exists``; what ``OpenRequest.check`` raises.
        A body that breaks off leaves a request that ends empty, with the error.
        """
        if upload.encoding is not None:
            codec_of(upload.encoding)
        opening = await self._opener.check(account_id, upload.flow, upload.mode, actor, upload.end_at)
        request = NewRequest(
            id=upload.request_id or RequestId(self._ids.uuid()),
            flow_id=opening.target.flow_id,
            version_id=opening.grounds.version_id,
            testing=opening.grounds.testing,
            source="upload" if upload.reload_of is None else "reload",
            name=upload.name or upload.file_name,
            loading=True,
            priority=upload.priority,
            end_at=upload.end_at,
            reload_of=upload.reload_of,
        )
        options = {"mapping": dict(upload.mapping), "encoding": upload.encoding}
        now = self._clock.now()
        await self._store.open_upload(account_id, request, upload.file_name, upload.media_type, options, now)
        try:
            await self._fill(account_id, request, body, now, repeat=upload.allow_repeat)
        except CentralError as error:
            await self._store.fail_upload(account_id, request.id, {"code": error.code, "message": error.message})
            raise
        except BaseException:
            broken = {"code": "upload_interrupted", "message": "The connection ended before the whole file was here."}
            await self._store.fail_upload(account_id, request.id, broken)
            raise
        await self._queue.enqueue_load(account_id, request.id)
        return request.id

    async def _fill(
        self, account_id: AccountId, request: NewRequest, body: AsyncIterator[bytes], now: datetime, *, repeat: bool
    ) -> None:
        """Store the file. Raises Conflict ``file_repeated`` unless repeats are allowed, and what ``_receive`` raises."""
        size, digest = await self._receive(account_id, request.id, body)
        since = now - _REPEAT_WITHIN
        same = await self._store.received(account_id, request.id, request.flow_id, size, digest, since)
        if same is not None and not repeat:
            message = "The same file was uploaded for this flow within the last 24 hours."
            raise Conflict("file_repeated", message, request_id=str(same))

    async def _receive(
        self, account_id: AccountId, request_id: RequestId, body: AsyncIterator[bytes]
    ) -> tuple[int, bytes]:
        """Store the body in parts of 1 MiB; answers its size and SHA-256."""
        digest, size, part, n = hashlib.sha256(), 0, bytearray(), 0
        async for piece in body:
            size += len(piece)
            if size > self._most_bytes:
                message = f"The file holds more than {self._most_bytes} bytes."
                raise InvalidInput("file_too_large", message, limit=self._most_bytes)
            digest.update(piece)
            part += piece
            if len(part) >= _PART_BYTES:
                await self._store.receive(account_id, request_id, n, bytes(part))
                n, part = n + 1, bytearray()
        if size == 0:
            raise InvalidInput("file_empty", "The file is empty.")
        if part:
            await self._store.receive(account_id, request_id, n, bytes(part))
        return size, digest.digest()
