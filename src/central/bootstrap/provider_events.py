"""How a mail provider's calls are proved: its pages are fetched with the address guard of webhooks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from central.adapters.smtp.provider import ProviderEvents
from central.application.ports.carriers import CarrierId, MailHeard, ProviderPages
from central.application.ports.message_store import OpenCarrier
from central.application.ports.world import Clock
from central.bootstrap.carriers import relay_topics
from central.domain.errors import NotFound
from central.domain.mail_tokens import TokenKeys, bounced_message


class HearProviderEvents:
    """The port HearEvents; what was learnt about a relay's provider (its certificates) is kept until its settings change."""

    def __init__(self, keys: TokenKeys, pages: ProviderPages, clock: Clock) -> None:
        self._prove = partial(bounced_message, keys)
        self._pages, self._clock = pages, clock
        self._known: dict[CarrierId, tuple[int, ProviderEvents]] = {}

    async def __call__(self, relay: OpenCarrier, body: bytes) -> Sequence[MailHeard]:
        """The news of a call; see the port."""
        changes, events = self._known.get(relay.id, (None, None))
        if events is None or changes != relay.changes:
            topics = relay_topics(relay)
            if not topics:
                raise NotFound("relay_not_found", "There is no such relay that brings events.")
            events = ProviderEvents(topics, self._clock, self._prove, self._pages)
            self._known[relay.id] = (relay.changes, events)
        return await events.hear(body)
