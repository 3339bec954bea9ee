"""Short messages that somebody sends alone, by the API or the command line: as written, one result each (path step 4d)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from central.application.messaging.accept_messages import AcceptShortMessages
from central.application.ports.message_store import NewMessage
from central.application.ports.messages import ShortMessage
from central.application.ports.world import Ids
from central.domain.binary_messages import divide_binary, written_binary
from central.domain.errors import InvalidInput
from central.domain.ids import AccountId, MessageId
from central.domain.numbers import normalise
from central.domain.policies import Purpose
from central.domain.short_messages import Encoding, measure

LIMIT_MESSAGES = 10_000


class SmsWish(msgspec.Struct, frozen=True, kw_only=True):
    """One message as it is asked for; ``to`` as written. data: 8-bit data instead of a text, header: its user data header."""

    to: str
    text: str
    sender: str = ""
    purpose: Purpose = Purpose.TRANSACTIONAL
    template_id: str = ""
    entity_id: str = ""
    client_identifier: str = ""
    send_at: datetime | None = None
    validity: timedelta | None = None
    shorten: bool = False
    priority: int | None = None
    data: bytes = b""
    header: bytes = b""


class SendSms:
    """The use case."""

    def __init__(self, accept: AcceptShortMessages, ids: Ids) -> None:
        self._accept, self._ids = accept, ids

    async def __call__(self, account_id: AccountId, country: str, wishes: Sequence[SmsWish]) -> Sequence[NewMessage]:
        """Take them over; the rows in the same order, a refused one with its reason.

        Raises InvalidInput ``too_many_messages``.
        """
        return await self._accept.accept(self._made(account_id, country, wishes))

    async def preview(self, account_id: AccountId, country: str, wishes: Sequence[SmsWish]) -> Sequence[NewMessage]:
        """What would become of them now, and what each would cost; nothing is stored. Raises as sending them does."""
        return await self._accept.judge(self._made(account_id, country, wishes))

    def _made(self, account_id: AccountId, country: str, wishes: Sequence[SmsWish]) -> list[ShortMessage]:
        if not 0 < len(wishes) <= LIMIT_MESSAGES:
            raise InvalidInput("too_many_messages", f"Send 1 to {LIMIT_MESSAGES} messages at once.", field="messages")
        made = zip(wishes, self._ids.uuids(len(wishes)), strict=True)
        return [_message(wish, MessageId(id_), account_id, country) for wish, id_ in made]


def _content(wish: SmsWish) -> tuple[str, Encoding, int]:
    """The text, or the written data; how it goes out, and in how many parts."""
    if wish.data:
        return written_binary(wish.header, wish.data), "binary", len(divide_binary(wish.header, wish.data))
    size = measure(wish.text)
    return wish.text, size.encoding, size.parts


def _message(wish: SmsWish, id_: MessageId, account_id: AccountId, country: str) -> ShortMessage:
    text, encoding, parts = _content(wish)
    return ShortMessage(
        id=id_,
        account_id=account_id,
        purpose=wish.purpose,
        to=normalise(wish.to, country) or wish.to[:32],
        text=text,
        encoding=encoding,
        parts=parts,
        sender=wish.sender,
        template_id=wish.template_id,
        entity_id=wish.entity_id,
        client_identifier=wish.client_identifier,
        send_at=wish.send_at,
        validity=wish.validity,
        shorten=wish.shorten and not wish.data,
        priority=wish.priority,
    )
