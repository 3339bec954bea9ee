"""A mailbox where reports arrive, read by IMAP: a message is marked or deleted only when its news are stored.

Step 3 of the path (channel). For relays and providers that send reports to an ordinary mailbox. Whoever reads the same message
again after a crash makes no harm: the news have the same name.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Literal

from typing_extensions import override

from central.adapters.smtp.config import MailboxConfig
from central.adapters.smtp.imap import FAILURES, Folder, LoginRefused
from central.adapters.smtp.inbox import Inbox
from central.adapters.smtp.reports import read_report
from central.adapters.smtp.translate import Prove, heard
from central.application.ports.carriers import LinkMoved, MailEar, MailHeard, NewsBatch
from central.application.ports.world import Clock


class MailboxReader(MailEar):
    """Open it in the event loop that it lives in. IMAP runs in a thread, one call at a time."""

    def __init__(self, config: MailboxConfig, clock: Clock, prove: Prove) -> None:
        self._config = config
        self._clock = clock
        self._prove = prove
        self._inbox = Inbox()
        self._folder: Folder | None = None
        self._put_away: set[int] = set()  # by the last look
        self._standing: Literal["new", "up", "down", "refused"] = "new"
        self._failures = 0
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

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
            except FAILURES as error:
                self._failures += 1
                pause_s = min(self._config.poll_s * 2.0 ** min(self._failures, 16), self._config.retry_most_s)
                await self._moved("down", str(error) or type(error).__name__)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._stopping.wait()

    async def _look(self) -> bool:
        """Read what is unread, wait until it is stored, put it away. True = something was."""
        if self._folder is None:
            self._folder = await asyncio.to_thread(Folder, self._config)
            await self._moved("up", "")
        folder = self._folder
        uids = await asyncio.to_thread(folder.unread)
        if not uids:
            return False
        if self._put_away.intersection(uids):
            raise ValueError("the server shows messages as unread that were put away")
        mails = await asyncio.to_thread(folder.fetch, uids)
        news: list[MailHeard] = []
        for mail in mails:
            report = read_report(mail.content)
            news += heard(report, mail.content, self._clock.now(), self._prove, trusting=self._config.trusting)
        if not mails or not await self._inbox.bring(news):
            return False
        await asyncio.to_thread(folder.put_away, [mail.uid for mail in mails])
        self._put_away = {mail.uid for mail in mails}
        return True

    async def _moved(self, news: Literal["up", "down", "refused"], detail: str) -> None:
        if news != "up" and self._folder is not None:
            self._folder.close()
            self._folder = None
        if self._standing != news:
            self._standing = news
            await self._inbox.bring([LinkMoved(self._config.name, news, self._clock.now(), detail[:300])])
