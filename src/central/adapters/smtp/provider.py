"""A mail provider's web calls as a place where news come in: proved, read, and answered only when they are stored.

Step 3 of the path (channel). The HTTP route gives the body of a POST and gets the status code to answer; what comes in a code but 200,
SNS sends again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from cryptography.x509 import Certificate
from typing_extensions import override

from central.adapters.smtp.config import ProviderConfig
from central.adapters.smtp.inbox import Inbox
from central.adapters.smtp.ses import read_ses
from central.adapters.smtp.sns import NotSns, SnsMessage, prove_sns, read_certificate, read_sns
from central.adapters.smtp.translate import Prove
from central.application.ports.carriers import MailEar, NewsBatch, ProviderPages
from central.application.ports.world import Clock
from central.domain.errors import NeighbourError

_STORED: Final = 200
_REFUSED: Final = 403
_UNREADABLE: Final = 400
_LATER: Final = 503
_LIMIT_CERTIFICATES: Final = 20


class ProviderEvents(MailEar):
    """Events of one provider's topics. Subscriptions of those topics are confirmed by itself, of no others."""

    def __init__(self, config: ProviderConfig, clock: Clock, prove: Prove, pages: ProviderPages) -> None:
        self._config = config
        self._clock = clock
        self._prove = prove
        self._pages = pages
        self._inbox = Inbox()
        self._certificates: dict[str, Certificate] = {}

    @override
    def news(self) -> AsyncIterator[NewsBatch]:
        return self._inbox.news()

    @override
    async def close(self, patience_s: float) -> None:
        self._inbox.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await self._inbox.settled()

    async def take(self, body: bytes) -> tuple[int, str]:
        """The HTTP status for a POST with this body, and a stable word that says why."""
        try:
            message = read_sns(body)
            if message.topic not in self._config.topics:
                return _REFUSED, "unknown_topic"
            prove_sns(message, await self._certificate(message), self._clock.now())
            return await self._act(message)
        except NotSns as refused:
            return _REFUSED if refused.reason.startswith(("bad_", "expired_")) else _UNREADABLE, refused.reason
        except NeighbourError as error:
            return _LATER, error.code

    async def _certificate(self, message: SnsMessage) -> Certificate:
        known = self._certificates.get(message.certificate_url)
        if known is None:
            known = read_certificate(await self._pages.get(message.certificate_url))
            if len(self._certificates) >= _LIMIT_CERTIFICATES:
                self._certificates.clear()
            self._certificates[message.certificate_url] = known
        return known

    async def _act(self, message: SnsMessage) -> tuple[int, str]:
        if message.type == "SubscriptionConfirmation":
            await self._pages.get(message.subscribe_url or "")
            return _STORED, "subscribed"
        if message.type != "Notification":
            return _STORED, "unsubscribed"
        news = read_ses(message.message, f"sns:{message.message_id}", self._clock.now(), self._prove)
        try:
            async with asyncio.timeout(self._config.store_timeout_s):
                stored = await self._inbox.bring(news)
        except TimeoutError:
            stored = False
        return (_STORED, "stored") if stored else (_LATER, "not_stored")
