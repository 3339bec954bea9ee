"""The WebDownloader port over HTTP: a file of the web into a file of ours, bounded in size and time (path step 4).

The same guard as for the requests of flows: every hop is checked like the first, and nothing is unpacked.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import BinaryIO, Final

from aiohttp.abc import AbstractResolver

from central.adapters.webhook.config import WebhookConfig
from central.adapters.webhook.hops import HopRefused, checked, redirected
from central.adapters.webhook.name_lookup import NameLookup
from central.adapters.webhook.reasons import FAILURES, reason_of
from central.adapters.webhook.translate import failure_text
from central.adapters.webhook.transport import HttpTransport, RawAnswer
from central.application.ports.web_sounds import Downloaded, Wanted
from central.domain.delivery import NoAnswer
from central.domain.errors import OperatorError

_USER_AGENT: Final = "Central-Sounds/1"
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_PIECE_BYTES: Final = 256 * 1024
_LONGEST_VALIDATOR: Final = 1_024


class WebhookDownloader:
    """Fetches with the limits of ``config``: its ``timeout_s`` for all of it, at most ``max_answer_bytes`` of a body."""

    def __init__(self, config: WebhookConfig, *, resolver: AbstractResolver | None = None) -> None:
        self._config = config
        self._transport = HttpTransport(config, resolver=resolver if resolver is not None else NameLookup())

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.close()

    async def download(self, wanted: Wanted, into: Path) -> Downloaded | NoAnswer:
        """Fetch it; see the port."""
        begun = time.perf_counter()
        try:
            async with asyncio.timeout(self._config.timeout_s):
                raw = await self._fetch(wanted, into)
        except HopRefused as refused:
            return NoAnswer(refused.reason, _passed_ms(begun), refused.detail)
        except FAILURES as error:
            return NoAnswer(reason_of(error), _passed_ms(begun), failure_text(str(error).encode(errors="replace")))
        control = _header(raw.headers, "cache-control").lower()
        return Downloaded(
            status=raw.status,
            etag=_validator(raw.headers, "etag"),
            last_modified=_validator(raw.headers, "last-modified"),
            reusable="no-store" not in control and "no-cache" not in control,
            too_large=raw.cut,
        )

    async def _fetch(self, wanted: Wanted, into: Path) -> RawAnswer:
        url = checked(wanted.url, plain_http=wanted.plain_http, encoded=True)
        headers = {"user-agent": _USER_AGENT, "accept": "audio/*, */*;q=0.1", "accept-encoding": "identity"}
        headers |= {"if-none-match": wanted.etag} if wanted.etag else {}
        headers |= {"if-modified-since": wanted.last_modified} if wanted.last_modified else {}
        for _ in range(self._config.max_redirects + 1):
            with _opened(into) as target:
                answer = await self._transport.fetch(url, headers, _writer(target), _PIECE_BYTES)
            location = _header(answer.headers, "location")
            if answer.status not in _REDIRECTS or not location:
                return answer
            url = redirected(url, location, plain_http=wanted.plain_http)
        raise HopRefused("bad_redirect", f"More than {self._config.max_redirects} redirects.")


def _opened(into: Path) -> BinaryIO:
    try:
        return into.open("wb", buffering=0)
    except OSError as error:
        raise _unwritten(error) from error


def _writer(target: BinaryIO) -> Callable[[bytes], Awaitable[None]]:
    async def write(piece: bytes) -> None:
        try:
            await asyncio.to_thread(target.write, piece)
        except OSError as error:
            raise _unwritten(error) from error

    return write


def _unwritten(error: OSError) -> OperatorError:
    """A full disk is no fault of the far side's."""
    return OperatorError("sound_storage_failed", f"What was fetched cannot be kept: {error.strerror or error}.")


def _header(headers: Mapping[str, str], wanted: str) -> str:
    return next((value for name, value in headers.items() if name.lower() == wanted), "")


def _validator(headers: Mapping[str, str], wanted: str) -> str:
    """A value that can be sent back; one that is too long to be kept is as good as none."""
    value = _header(headers, wanted)
    return value if len(value) <= _LONGEST_VALIDATOR and value.isprintable() else ""


def _passed_ms(begun: float) -> int:
    return round((time.perf_counter() - begun) * 1000)
