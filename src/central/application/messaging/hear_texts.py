"""Short messages that people write: kept, told to webhooks, routed to flows, and obeyed where they say STOP or START (path step 5)."""

from __future__ import annotations

from collections.abc import Sequence

from central.application.ports.carriers import TextCame
from central.application.ports.message_store import MessageStore, OpenCarrier
from central.application.ports.text_routes import InboundText
from central.application.ports.world import Clock, Ids
from central.domain.numbers import heard
from central.domain.opt_out import wish_of
from central.domain.text_routes import keyword_of


class HearShortMessages:
    """The use case."""

    def __init__(self, store: MessageStore, clock: Clock, ids: Ids) -> None:
        self._store, self._clock, self._ids = store, clock, ids

    async def __call__(self, carrier: OpenCarrier, texts: Sequence[TextCame], /) -> None:
        """Store them; who says STOP is blacklisted in the same transaction. Raises NeighbourError."""
        rows = [
            InboundText(
                id=id_,
                sender=heard(text.sender, carrier.country) or text.sender.lstrip("+")[:20],
                recipient=text.to[:20],
                text=text.text.replace("\x00", " ")[:2000],
                came_at=text.at,
                wish=wish_of(text.text),
                keyword=keyword_of(text.text),
            )
            for id_, text in zip(self._ids.uuids(len(texts)), texts, strict=True)
        ]
        await self._store.keep_texts(carrier, rows, self._clock.now())
