"""A mailbox where reports arrive, read by IMAP: a message is marked or deleted only when its news are stored.

Step 3 of the path (channel). For relays and providers that send reports to an ordinary mailbox. Whoever reads the same message
again after a crash makes no harm: the news have the same name.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Literal, TypeVar

from typing_extensions import ParamSpec, override

from central.adapters.smtp.config import MailboxConfig
from central.adapters.smtp.imap import FAILURES, Folder, LoginRefused
from central.adapters.smtp.inbox import Inbox
from central.adapters.smtp.reports import read_report
from central.adapters.smtp.translate import Prove, heard
from central.application.ports.carriers import LinkMoved, MailEar, MailHeard, NewsBatch
from central.application.ports.reach import AddressRefused, Reach
from central.application.ports.world import Clock
from central.domain.errors import OperatorError

Given = ParamSpec("Given")
Answer = TypeVar("Answer")


class MailboxReader(MailEar):
    """Open it in the event loop that it lives in. IMAP runs in a thread of its own, one call at a time."""

    def __init__(self, config: MailboxConfig, clock: Clock, prove: Prove, reach: Reach) -> None:
        self._config = config
        self._reach = reach
        self._clock = clock
        self._prove = prove
        self._inbox = Inbox()
        self._folder: Folder | None = None
        self._put_away: set[int] = set()  # by the last look
        self._standing: Literal["new", "up", "down", "refused"] = "new"
        self._failures = 0
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"mailbox-{config.name}")

    def open(self) -> None:
        """Begin to read."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"mailbox-{self._config.name}")

    @override
    def news(self) -> AsyncIterator[NewsBatch]:
        return self._inbox.news()

    @override
    async def close(self, patience_s: float) -> None:
        self._stopping.set()
        self._inbox.close()
        if self._task is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(patience_s):
                    await asyncio.shield(self._task)
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._folder is not None:
            self._folder.close()
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _run(self) -> None:
        while not self._stopping.is_set():
            pause_s = self._config.poll_s
            try:
                if await self._look():
                    continue  # there may be more
                self._failures = 0
            except LoginRefused as refused:
                pause_s = self._config.retry_most_s  # asked again and again, the account is locked
                await self._moved("refused", str(refused))
            except AddressRefused as error:
                pause_s = self._config.retry_most_s
                await self._moved("refused", f"address_refused: {error}")
            except (*FAILURES, OperatorError) as error:
                self._failures += 1
                pause_s = min(self._config.poll_s * 2.0 ** min(self._failures, 16), self._config.retry_most_s)
                await self._moved("down", str(error) or type(error).__name__)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._stopping.wait()

    async def _look(self) -> bool:
        """Read what is unread, wait until it is stored, put it away. True = something was."""
        if self._folder is None:
            self._folder = await self._opened()
            await self._moved("up", "")
        folder = self._folder
        uids = await self._aside(folder.unread)
        if not uids:
            return False
        if self._put_away.intersection(uids):
            raise ValueError("the server shows messages as unread that were put away")
        mails = await self._aside(folder.fetch, await self._aside(folder.fitting, uids))
        told = {mail.uid: self._heard(mail.content) for mail in mails}
        if not mails or not await self._inbox.bring([one for news in told.values() for one in news]):
            return False
        ours = [uid for uid, news in told.items() if self._config.delete and any(one.kind != "other" for one in news)]
        await self._aside(folder.put_away, ours, [uid for uid in told if uid not in ours])
        self._put_away = set(told)
        return True

    async def _opened(self) -> Folder:
        """By the first address of the host that answers."""
        *others, last = await self._reach.addresses(self._config.host.strip("[]"), self._config.port)
        for address in others:
            with suppress(*FAILURES):
                return await self._aside(Folder, self._config, address)
        return await self._aside(Folder, self._config, last)

    def _heard(self, content: bytes) -> list[MailHeard]:
        return heard(read_report(content), content, self._clock.now(), self._prove, trusting=self._config.trusting)

    async def _aside(self, call: Callable[Given, Answer], *arguments: Given.args, **named: Given.kwargs) -> Answer:
        """In the mailbox's own thread: a server that answers slowly keeps nobody else waiting."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, partial(call, *arguments, **named))

    async def _moved(self, news: Literal["up", "down", "refused"], detail: str) -> None:
        if news != "up" and self._folder is not None:
            self._folder.close()
            self._folder = None
            self._put_away.clear()  # somebody may have marked them as unread, or the folder was made anew
        if self._standing != news:
            self._standing = news
            moved = LinkMoved(self._config.name, news, self._clock.now(), detail[:300], only_hears=True)
            await self._inbox.bring([moved])
