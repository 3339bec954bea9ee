"""The WebSounds port: recordings of the web, fetched once for all who ask together, converted once a content, kept for a while.

What an address led to is known in memory, for each account on its own; files are named by the content that was fetched and lie
below the speech cache, the longest unused ones going first when there are too many. Both may be lost at any time.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import tempfile
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from weakref import WeakValueDictionary

from central.adapters.speech.config import SpeechConfig
from central.adapters.speech.fitting import fit, known_kind
from central.adapters.speech.wave_files import read_audio, store_whole
from central.application.ports.speech import AudioFile
from central.application.ports.web_sounds import Downloaded, NoSound, NoSoundReason, Wanted, WebDownloader
from central.application.ports.world import Clock
from central.domain.delivery import NoAnswer
from central.domain.errors import InvalidInput, OperatorError
from central.domain.ids import AccountId

FRESH_S: Final = 60.0
"""How long an answer is used without asking whether there is something newer."""
_LIMIT_KNOWN: Final = 10_000
_AT_ONCE: Final = 20  # downloads of one account; the others wait within their time
_OK, _UNCHANGED = 200, 304
_FORBIDDEN: Final = frozenset({"address_refused", "plain_http_refused"})
_FAULTS: Final[dict[str, NoSoundReason]] = {"prompt_too_long": "url_too_long"}
_Key = tuple[AccountId, str, bool]


@dataclass(frozen=True, slots=True)
class _Known:
    """What an address led to: the file, the server's words for that version, and until when nobody need be asked."""

    path: Path
    etag: str
    last_modified: str
    fresh_until: float


class FetchedSounds:
    """Recordings below ``config.cache_folder``, at most ``config.max_fetched_bytes`` of them."""

    def __init__(self, config: SpeechConfig, downloader: WebDownloader, clock: Clock) -> None:
        self._config, self._downloader, self._clock = config, downloader, clock
        self._folder = config.cache_folder / "web"
        self._known: OrderedDict[_Key, _Known] = OrderedDict()
        self._running: dict[_Key, asyncio.Task[AudioFile | NoSound]] = {}
        self._places: WeakValueDictionary[AccountId, asyncio.Semaphore] = WeakValueDictionary()
        self._turns: WeakValueDictionary[AccountId, asyncio.Lock] = WeakValueDictionary()
        self._converting = asyncio.Semaphore(config.workers)

    async def close(self) -> None:
        """End what still runs."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def fetch(self, account_id: AccountId, url: str, *, plain_http: bool) -> AudioFile | NoSound:
        """The recording behind an address; see the port."""
        key = (account_id, url, plain_http)
        running = self._running.get(key)
        if running is None:
            running = self._running[key] = asyncio.create_task(self._find(key))
            running.add_done_callback(lambda done: self._ended(key, done))
        return await asyncio.shield(running)  # one who gives up must not take it away from the others

    def _ended(self, key: _Key, done: asyncio.Task[AudioFile | NoSound]) -> None:
        del self._running[key]
        if not done.cancelled():
            done.exception()  # whoever waited may be gone: then nobody else would look at it

    async def _find(self, key: _Key) -> AudioFile | NoSound:
        known = self._known.get(key)
        here = await asyncio.to_thread(_used, known.path) if known is not None else None
        if known is not None and here is not None and known.fresh_until > self._clock.monotonic():
            return here
        try:
            async with self._place(key[0]):
                return await self._fetched(key, known if here is not None else None)
        except OSError as error:
            message = f"The cache of what was fetched cannot be used: {error.strerror or error}."
            raise OperatorError("sound_storage_failed", message) from error

    def _place(self, account_id: AccountId) -> asyncio.Semaphore:
        return self._places.setdefault(account_id, asyncio.Semaphore(_AT_ONCE))

    async def _fetched(self, key: _Key, known: _Known | None) -> AudioFile | NoSound:
        _, url, plain_http = key
        wanted = Wanted(url, plain_http)
        if known is not None:
            wanted = Wanted(url, plain_http, known.etag, known.last_modified)
        with await asyncio.to_thread(self._scratch) as scratch:
            source = Path(scratch) / "fetched"
            answer = await self._downloader.download(wanted, source)
            if refused := _refused(answer, self._config, asked_again=known is not None):
                return refused
            path = known.path if known is not None else source
            if isinstance(answer, Downloaded) and answer.status == _OK:
                # one at a time of an account: its large files take no turn from others
                async with self._turns.setdefault(key[0], asyncio.Lock()), self._converting:
                    stored = await self._stored(source, Path(scratch))
                if isinstance(stored, NoSound):
                    return stored
                path = stored
        audio = await asyncio.to_thread(_used, path)
        if audio is None:
            raise OperatorError("sound_storage_failed", "What was fetched is gone already.")
        self._remember(key, answer, path)
        return audio

    async def _stored(self, source: Path, scratch: Path) -> Path | NoSound:
        """Where the playable form of what was fetched lies; made now if this content is not known yet."""
        audio = await asyncio.to_thread(source.read_bytes)
        digest = (await asyncio.to_thread(hashlib.sha256, audio)).hexdigest()
        path = self._folder / digest[:2] / f"{digest}.wav"
        if await asyncio.to_thread(read_audio, path) is not None:
            return path
        try:
            content = await fit(self._config, audio, known_kind(audio), scratch)
        except InvalidInput as error:
            return NoSound(_FAULTS.get(error.code, "url_no_audio"), error.message)
        await asyncio.to_thread(store_whole, path, lambda part: part.write_bytes(content))
        await asyncio.to_thread(_trim, self._folder, self._config.max_fetched_bytes, path)
        return path

    def _remember(self, key: _Key, answer: Downloaded | NoAnswer, path: Path) -> None:
        if isinstance(answer, NoAnswer):
            return
        old = self._known.pop(key, None)
        unchanged = old is not None and answer.status == _UNCHANGED
        self._known[key] = _Known(
            path,
            answer.etag or (old.etag if old is not None and unchanged else ""),
            answer.last_modified or (old.last_modified if old is not None and unchanged else ""),
            self._clock.monotonic() + (FRESH_S if answer.reusable else 0.0),
        )
        if len(self._known) > _LIMIT_KNOWN:
            self._known.popitem(last=False)

    def _scratch(self) -> tempfile.TemporaryDirectory[str]:
        self._folder.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(prefix=".fetch-", dir=self._folder, ignore_cleanup_errors=True)


def _refused(answer: Downloaded | NoAnswer, config: SpeechConfig, *, asked_again: bool) -> NoSound | None:
    """What is wrong with an answer by its outside; None = it brought the file, or that of before is still right."""
    if isinstance(answer, NoAnswer):
        detail = f"{answer.reason}: {answer.detail}" if answer.detail else answer.reason
        return NoSound("url_refused" if answer.reason in _FORBIDDEN else "url_failed", detail)
    if answer.too_large:
        return NoSound("url_too_large", f"A recording has at most {config.max_prompt_bytes} bytes.")
    if answer.status == _OK or (answer.status == _UNCHANGED and asked_again):
        return None
    return NoSound("url_failed", f"HTTP {answer.status}")


def _used(path: Path) -> AudioFile | None:
    """The file as audio, now the last to be thrown away; None when it is not here any more."""
    audio = read_audio(path)
    if audio is not None:
        with contextlib.suppress(FileNotFoundError):
            os.utime(path)
    return audio


def _trim(folder: Path, most_bytes: int, keep: Path) -> None:
    """Throw the longest unused files away until the rest fits; one that is being played stays readable to whoever plays it."""
    files = sorted(_files(folder), key=lambda found: found[1].st_mtime)
    total = sum(found.st_size for _, found in files)
    for path, found in files:
        if total <= most_bytes:
            return
        if path != keep:
            path.unlink(missing_ok=True)
            total -= found.st_size


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for path in folder.glob("??/*.wav"):
        with contextlib.suppress(FileNotFoundError):  # another thread was faster
            yield path, path.stat()
