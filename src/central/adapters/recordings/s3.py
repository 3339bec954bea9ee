"""Recordings kept in an S3-compatible store (port RecordingStorage), by obstore (see ADR "Recordings in object stores").

Imported only where it is configured: its client is the optional dependency ``central[s3]``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from central.domain.errors import NeighbourError, NotFound, OperatorError

_CHUNK: Final = 256 * 1024
_TELL_CHARS: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Config:
    """``url``: ``s3://bucket/prefix``. ``endpoint`` "" = Amazon's. Without ``key`` the machine's own credentials are used."""

    url: str
    endpoint: str = ""
    region: str = "us-east-1"
    key: str = ""
    secret: str = field(default="", repr=False)
    timeout_s: float = 60.0


class S3Storage:
    """Objects below one prefix of one bucket, which must exist. Raises OperatorError ``bad_settings`` for an unusable URL."""

    def __init__(self, config: S3Config) -> None:
        parts = urlsplit(config.url)
        if parts.scheme != "s3" or not parts.hostname:
            raise OperatorError("bad_settings", "CENTRAL_RECORDINGS_URL: must be s3://bucket or s3://bucket/prefix")
        more: dict[str, Any] = {}
        if config.endpoint:
            more["endpoint"] = config.endpoint
        if config.key:
            more |= {"access_key_id": config.key, "secret_access_key": config.secret}
        self._store = S3Store(
            parts.netloc,
            prefix=parts.path.strip("/") or None,
            region=config.region,
            client_options={
                "allow_http": config.endpoint.startswith("http://"),
                "connect_timeout": "5s",
                "timeout": timedelta(seconds=config.timeout_s),
            },
            # whoever calls tries again later by himself; a bad moment of the network is passed over here
            retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=config.timeout_s)},
            **more,
        )

    async def put(self, key: str, file: Path) -> None:
        """Store the file; a store of objects shows it whole or not at all. Large ones go in parts."""
        try:
            await obstore.put_async(self._store, key, file, attributes={"Content-Type": "audio/wav"})
        except BaseError as error:
            raise _away(error) from error

    async def read(self, key: str, first: int, last: int) -> AsyncIterator[bytes]:
        """The bytes from ``first`` to ``last``; see the port."""
        try:
            found = await obstore.get_async(self._store, key, options={"range": (first, last + 1)})
            async for chunk in found.stream(min_chunk_size=_CHUNK):
                yield bytes(chunk)
        except FileNotFoundError as error:
            raise NotFound("recording_missing", "The file of this recording is not there.") from error
        except BaseError as error:
            raise _away(error) from error

    async def delete(self, key: str) -> None:
        """Remove it; safe to repeat."""
        try:
            await obstore.delete_async(self._store, key)
        except FileNotFoundError:
            return  # some stores say so, others say nothing
        except BaseError as error:
            raise _away(error) from error


def _away(error: BaseError) -> NeighbourError:
    told = str(error).partition("\n")[0][:_TELL_CHARS]
    return NeighbourError("recordings_away", f"The store of recordings: {told}")
