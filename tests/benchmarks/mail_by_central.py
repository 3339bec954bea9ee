"""Our side of email_vs_libraries: MailComposer and SmtpRelay with ten connections, as the messenger joins them, without a store.

``python -m tests.benchmarks.mail_by_central PORT MESSAGES KEY`` prints the seconds and the processor seconds.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import uvloop

from central.adapters.smtp.channel import SmtpRelay
from central.adapters.smtp.compose import MailComposer
from central.adapters.smtp.config import RelayConfig
from central.adapters.system import SystemClock
from central.application.ports.carriers import LinkMoved, MailAnswered, Taken
from central.application.ports.composition import (
    Composed,
    DkimKey,
    Loaded,
    MailAddress,
    MailDraft,
    MailIdentity,
    MailTemplate,
    Missing,
)
from central.bootstrap.collector import calm_collector
from central.domain.ids import MessageId
from central.domain.mail_tokens import TokenKey, TokenKeys
from tests.benchmarks.mail_by_libraries import CONNECTIONS
from tests.benchmarks.mail_template import DOMAIN, MJML, SENDER, SENDER_NAME, SUBJECT, TEXT, recipient_of, values_of
from tests.fakes.reach import loopback_reach

BATCH = 50
TEMPLATE = MailTemplate(subject=SUBJECT, text=TEXT, mjml=MJML)


class NoFiles:
    """No message of the benchmark has a file."""

    async def load(self, references: Sequence[str], limit_bytes: int) -> Sequence[Loaded | Missing]:
        raise AssertionError((references, limit_bytes))


def composer() -> MailComposer:
    return MailComposer(TokenKeys((TokenKey(1, b"b" * 32),)), SystemClock(), NoFiles())


def drafts(pem: str, numbers: range) -> list[MailDraft]:
    """The messages with these numbers."""
    identity = MailIdentity(domain=DOMAIN, bounce_domain=f"bounce.{DOMAIN}", keys=(DkimKey("s1", pem),))
    sender = MailAddress(SENDER, SENDER_NAME)
    made: list[MailDraft] = []
    for number in numbers:
        values = values_of(number)
        to = (MailAddress(recipient_of(number), values["name"]),)
        made.append(
            MailDraft(
                id=MessageId(UUID(int=number + 1)),
                identity=identity,
                sender=sender,
                to=to,
                template=TEMPLATE,
                values=values,
            )
        )
    return made


class _Run:
    """One run: batches are composed as the relay has room; what became of each message is counted."""

    def __init__(self, port: int, messages: int, pem: str) -> None:
        config = RelayConfig(
            name="sink",
            host="127.0.0.1",
            hello="bench.example.com",
            port=port,
            tls="none",
            connections=CONNECTIONS,
            hold=2 * BATCH,
        )
        self._relay = SmtpRelay(config, SystemClock(), loopback_reach())
        self._composer = composer()
        self._messages, self._pem = messages, pem
        self._taken = 0
        self._up = asyncio.Event()
        self._moved = asyncio.Event()

    async def seconds(self) -> tuple[float, float]:
        self._relay.open()
        listening = asyncio.create_task(self._listen())
        await self._up.wait()
        await self._composer.compose(drafts(self._pem, range(1)))
        begun, spent = time.monotonic(), time.process_time()
        for first in range(0, self._messages, BATCH):
            batch = drafts(self._pem, range(first, min(first + BATCH, self._messages)))
            answers = await self._composer.compose(batch)
            envelopes = [one.envelope for one in answers if isinstance(one, Composed)]
            assert len(envelopes) == len(batch)
            while self._relay.room() < len(envelopes):
                self._moved.clear()
                await self._moved.wait()
            await self._relay.submit(envelopes)
        while self._taken < self._messages:
            self._moved.clear()
            await self._moved.wait()
        took = time.monotonic() - begun, time.process_time() - spent
        await self._relay.close(1.0)
        await listening
        return took

    async def _listen(self) -> None:
        async for batch in self._relay.news():
            for one in batch.news:
                if isinstance(one, MailAnswered):
                    assert isinstance(one.answer, Taken), one
                    self._taken += 1
                elif isinstance(one, LinkMoved) and one.news == "up":
                    self._up.set()
            await batch.ack()
            self._moved.set()


async def _main(port: int, messages: int, pem: str) -> None:
    for one in await _Run(port, messages, pem).seconds():
        print(one)  # noqa: T201 - the figure's answer


if __name__ == "__main__":
    calm_collector()
    uvloop.run(_main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]).read_text("ascii")))
