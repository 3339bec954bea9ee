"""A mail provider's web calls: proved, read, and answered by whoever stores what they tell.

Step 3 of the path (channel). Who calls gets 200 only when the news are stored; what comes in another code SNS sends again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from cryptography.x509 import Certificate

from central.adapters.smtp.ses import read_ses
from central.adapters.smtp.sns import NotSns, SnsMessage, prove_sns, read_certificate, read_sns
from central.adapters.smtp.translate import Prove
from central.application.ports.carriers import MailHeard, ProviderPages
from central.application.ports.world import Clock
from central.domain.errors import Forbidden, InvalidInput, NeighbourError

_LIMIT_CERTIFICATES: Final = 20
_LIMIT_FETCHES: Final = 10
_MINUTE_S: Final = 60.0


class ProviderEvents:
    """Events of one relay's topics. Subscriptions of those topics are confirmed by itself, of no others."""

    def __init__(self, topics: frozenset[str], clock: Clock, prove: Prove, pages: ProviderPages) -> None:
        self._topics = topics
        self._clock = clock
        self._prove = prove
        self._pages = pages
        self._certificates: dict[str, Certificate] = {}
        self._fetching = asyncio.Lock()
        self._minute = float("-inf")
        self._fetches = 0

    async def hear(self, body: bytes) -> Sequence[MailHeard]:
        """The news of a POST with this body, none for a confirmation.

        Raises Forbidden ``topic_unknown``, ``event_forged``, InvalidInput ``event_unreadable``, NeighbourError.
        """
        try:
            message = read_sns(body)
            if message.topic not in self._topics:
                raise Forbidden("topic_unknown", "The relay's settings do not name this topic.")
            prove_sns(message, await self._certificate(message), self._clock.now())
        except NotSns as refused:
            if refused.reason.startswith(("bad_", "expired_")):
                raise Forbidden("event_forged", f"The call is not believed: {refused.reason}.") from refused
            raise InvalidInput("event_unreadable", f"This is no message of SNS: {refused.reason}.") from refused
        if message.type == "SubscriptionConfirmation":
            await self._get(message.subscribe_url or "")
        if message.type != "Notification":
            return ()
        return read_ses(message.message, f"sns:{message.message_id}", self._clock.now(), self._prove)

    async def _certificate(self, message: SnsMessage) -> Certificate:
        known = self._certificates.get(message.certificate_url)
        if known is not None:
            return known  # without the lock: a page that comes slowly keeps none waiting whose certificate is known
        async with self._fetching:
            known = self._certificates.get(message.certificate_url)
            if known is None:
                known = read_certificate(await self._get(message.certificate_url))
                if len(self._certificates) >= _LIMIT_CERTIFICATES:
                    self._certificates.clear()
                self._certificates[message.certificate_url] = known
        return known

    async def _get(self, url: str) -> bytes:
        """A page of the provider; whoever forges calls makes us ask so often at most."""
        now = self._clock.monotonic()
        if now - self._minute >= _MINUTE_S:
            self._minute, self._fetches = now, 0
        if self._fetches >= _LIMIT_FETCHES:
            raise NeighbourError("provider_busy", "The provider was asked too often within a minute.")
        self._fetches += 1
        return await self._pages.get(url)
