"""Web addresses in short messages become short links whose clicks stand in the message's history (path step 4d)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from central.application.ports.internal_functions import NewLink
from central.application.ports.messages import ShortMessage
from central.application.ports.world import Ids
from central.domain.ids import derived_uuid
from central.domain.short_messages import measure
from central.domain.text_links import replace_links, shown_origin
from central.domain.variable_rules import MASK

LIMIT_LINKS: Final = 10
LINK_DAYS: Final = 30


class ShortenLinks:
    """``address``: what stands before a link's code. A link's id follows from its message and its place, so it is made once."""

    def __init__(self, ids: Ids, address: str) -> None:
        self._ids, self._address = ids, address
        self._code = re.compile(re.escape(address) + r"([A-Za-z0-9_-]{8,16})(?![A-Za-z0-9_-])")

    def codes(self, text: str) -> tuple[str, ...]:
        """The codes of short links that a text holds already: those that a step before it made."""
        return tuple(dict.fromkeys(self._code.findall(text))) if self._address in text else ()

    def __call__(self, message: ShortMessage, now: datetime) -> tuple[ShortMessage, tuple[NewLink, ...]]:
        """The message as it goes out, and the links to be stored with it."""
        links: list[NewLink] = []

        def short(url: str) -> str | None:
            if url.startswith(self._address):
                return None
            link = NewLink(
                id=derived_uuid(message.id, 1000 + len(links)),
                code=self._ids.code(),
                url=url,
                shown=url if message.shown is None else shown_origin(url),  # it may hold the secret
                record_id=message.record_id,
                number=MASK if message.hidden else message.to,
                step=message.step,
                created_at=now,
                expires_at=now + timedelta(days=LINK_DAYS),
                message_id=message.id,
            )
            links.append(link)
            return self._address + link.code

        text = replace_links(message.text, short, LIMIT_LINKS)
        if not links:
            return message, ()
        size = measure(text)
        sent = msgspec.structs.replace(
            message, text=text, encoding=size.encoding, parts=size.parts, shown=self._shown(message, links)
        )
        return sent, tuple(links)

    def _shown(self, message: ShortMessage, links: Sequence[NewLink]) -> str | None:
        """What people see of it, with the same links in the same places; as it was where secrets hide which is which."""
        if message.shown is None:
            return None
        left = [self._address + link.code for link in reversed(links)]

        def next_one(url: str) -> str | None:
            return left.pop() if left and not url.startswith(self._address) else None

        shown = replace_links(message.shown, next_one, LIMIT_LINKS)
        return message.shown if left else shown
