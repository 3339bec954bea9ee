"""What the message channels are to the platform: carriers of short messages and relays of e-mail, in batches, with news back.

A carrier (SMPP bind group or HTTP gateway) and a relay (SMTP) take what the store says is handed over, and tell by news what
became of it. Adapters never write to the store: a batch of news carries an ``ack`` that is called after it is stored, and only
then is the far end answered (deliver_sm_resp, 200, 250). News may come twice, in any order, and before the answer to the
message that it is about; whoever stores it copes (domain 12 and 13). Everything of the wire is judged by the adapter's tables
of reasons, so that no word of a protocol leaves it but in ``detail`` and ``raw``, which people read.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from typing import Literal, NewType, Protocol
from uuid import UUID

import msgspec

from central.domain.ids import MessageId
from central.domain.short_messages import Encoding
from central.domain.statuses import EmailStatus, SmsStatus

CarrierId = NewType("CarrierId", UUID)
RelayId = NewType("RelayId", UUID)

Suppress = Literal["", "hard", "second", "soft"]
"""What the news does to the list of suppressed addresses: nothing, at once, at the second one, or by the rule of soft failures."""


# ---------------------------------------------------------------------------------------------------------- both channels
class Taken(msgspec.Struct, frozen=True, tag="taken"):
    """The far end has it. remote_id: its own name for it ("" = it gave none). delivered: it is the recipient's own server."""

    remote_id: str = ""
    delivered: bool = False


class NotTaken(msgspec.Struct, frozen=True, tag="not_taken"):
    """The far end answered that it does not take it, or that it cannot now.

    code: as the wire says it (``0x00000058``, ``550 5.1.1``). name: its standard's word. status, reason: what the message
    ends with when it is not tried again (None = nothing of the message is wrong: another carrier or later). retry: the same
    message may be sent again, by this carrier later or by another now. delay_s: not before. hard, suppress: see e-mail.
    """

    code: str
    name: str
    reason: str
    status: SmsStatus | EmailStatus | None = None
    retry: bool = False
    delay_s: float = 0.0
    alert: bool = False
    suppress: Suppress = ""
    detail: str = ""


class NotSent(msgspec.Struct, frozen=True, tag="not_sent"):
    """Nothing of it left us (link down, window full, TLS refused): it is safe to send it again, here or elsewhere.

    delay_s: this carrier takes it not before (a cap of its rate); another may at once.
    """

    reason: str
    detail: str = ""
    alert: bool = False
    delay_s: float = 0.0


class Uncertain(msgspec.Struct, frozen=True, tag="uncertain"):
    """It left us whole or in part, and no answer came: it may have been taken. It is never sent again blindly."""

    reason: str
    detail: str = ""
    alert: bool = False


Answer = Taken | NotTaken | NotSent | Uncertain


class LinkMoved(msgspec.Struct, frozen=True, tag="link_moved"):
    """A bind, connection pool or gateway changed its state. news: ``up``, ``down``, ``refused`` (log-in), ``slow``, ``normal``.

    only_hears: nothing goes out by it (a mailbox), so the carrier serves whatever its state is.
    """

    link: str
    news: Literal["up", "down", "refused", "slow", "normal"]
    at: datetime
    detail: str = ""
    only_hears: bool = False


# ------------------------------------------------------------------------------------------------------------------- SMS
class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """One short message that is handed over now, as ``parts`` parts of one bind, in order.

    to: E.164 digits. sender: E.164 digits, a short code, or a name of at most 11 characters. tries: the how many-th hand-over
    (from 1). validity_s: how long the carrier may try. priority: 0 to 3, None = the carrier's own. ids: registration ids by name (``entity``, ``template``), sent where
    the carrier's settings ask for them.
    """

    id: MessageId
    to: str
    sender: str
    text: str
    encoding: Encoding
    parts: int
    tries: int = 1
    validity_s: float = 86_400.0
    priority: int | None = None
    ids: dict[str, str] = {}


class Cancellation(msgspec.Struct, frozen=True):
    """A message that the carrier has and is not to deliver: as it calls it, with the addresses as they were handed over."""

    remote_id: str
    sender: str
    to: str


class PartAnswered(msgspec.Struct, frozen=True, tag="part_answered"):
    """What became of the hand-over of part ``part`` (from 1) of a message. One for each part of each Submission, always."""

    id: MessageId
    tries: int
    part: int
    answer: Answer
    at: datetime
    link: str = ""


class ReceiptCame(msgspec.Struct, frozen=True, tag="receipt_came"):
    """A delivery receipt. status None = an intermediate notice, kept as an event only.

    about: the numbers that stand in it, one of which is usually the recipient's: where an id fits several messages in one form
    or another, they tell which is meant.
    remote_id: as it stands in the receipt; ``same_ids``: all forms in which the answer to the message may have given it (hex,
    decimal, zeros, case; SMPP carriers differ), the exact one first. state: the carrier's own word. reason: ours. error: its
    code, "" = none. done_at: when it says that it happened. raw: the receipt as it came, for people.
    """

    link: str
    remote_id: str
    same_ids: tuple[str, ...]
    status: SmsStatus | None
    state: str
    reason: str
    at: datetime
    error: str = ""
    done_at: datetime | None = None
    raw: str = ""
    about: tuple[str, ...] = ()


class TextCame(msgspec.Struct, frozen=True, tag="text_came"):
    """A short message from a person, put together from its parts.

    sender, to: as the carrier gives them; a sender with ``+`` is international by the carrier's own word.
    """

    link: str
    sender: str
    to: str
    text: str
    at: datetime
    remote_id: str = ""


SmsNews = PartAnswered | ReceiptCame | TextCame | LinkMoved


class NewsBatch(msgspec.Struct, frozen=True):
    """News that came together. ``ack`` after they are stored, else ``refuse``: the far end sends them again (or they are lost)."""

    news: Sequence[SmsNews | MailNews]
    ack: Callable[[], Awaitable[None]]
    refuse: Callable[[], Awaitable[None]]


class SmsCarrier(Protocol):
    """One way out for short messages; opened with its configuration, one event loop, closed at the end."""

    def room(self) -> int:
        """How many more parts it takes at once now: open windows and rate, 0 while nothing is bound or it is slowed down."""
        ...

    async def submit(self, batch: Sequence[Submission]) -> None:
        """Hand these over; returns as soon as they are in its hands. What became of each part comes as news."""
        ...

    def news(self) -> AsyncIterator[NewsBatch]:
        """Everything that becomes known, until the carrier is closed."""
        ...

    async def query(self, remote_ids: Sequence[str]) -> None:
        """Ask for the state of messages (SMPP query_sm) where the carrier can; answers come as ReceiptCame."""
        ...

    async def cancel(self, wanted: Sequence[Cancellation]) -> None:
        """Ask that these are not delivered (SMPP cancel_sm) where the carrier can; its answers come as ReceiptCame, state CANCEL."""
        ...

    async def close(self, patience_s: float) -> None:
        """Take no more, let what is under way be answered for so long, unbind, end ``news``."""
        ...


# ---------------------------------------------------------------------------------------------------------------- e-mail
class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """One e-mail to one recipient. content: the message as it goes over the wire (RFC 5322, CRLF, signed, not dot-stuffed).

    sender: the envelope's (VERP, "" = a notice of our own). tries: the how many-th hand-over (from 1).
    """

    id: MessageId
    sender: str
    recipient: str
    content: bytes
    tries: int = 1


class MailAnswered(msgspec.Struct, frozen=True, tag="mail_answered"):
    """What became of a hand-over. stage: ``mail``, ``rcpt``, ``data``, ``dot``, "" = not begun. One for each Envelope, always."""

    id: MessageId
    tries: int
    answer: Answer
    at: datetime
    stage: str = ""
    link: str = ""


class MailHeard(msgspec.Struct, frozen=True, kw_only=True, tag="mail_heard"):
    """What was told later about a message: by a report, a complaint, an automatic reply, or a mail provider's event.

    Which message: ``id`` where its own envelope address proved it (VERP, its MAC checked; an address with a wrong MAC never
    becomes news of a message). Else, in this order, ``remote_id`` (what ``Taken`` said), ``envelope_id`` (the ENVID that was
    sent) and ``message_id`` (of its header, without <>): "" = unknown. Without a match it is kept, and no status moves.

    report_id: the same for every copy of the same news, so that it is stored once. kind: ``report``, ``complaint``, ``reply``
    (automatic), ``event`` (of a provider: also opens and clicks), ``other`` (kept only). status None = none moves by it.
    source: how sure a Delivered is, ``dsn`` or ``provider``. sort: ``hard``, ``soft``, ``policy``, ``ours``, ``unknown``,
    "" = no failure. word: the wire's own (``failed``, ``abuse``, ``Bounce/Permanent``). code: ``5.1.1``, "" = none.
    told_at: when it says that it happened. facts: of opens and clicks (``link``, ``agent``, ``address``). raw: as it came, cut.
    """

    report_id: str
    kind: Literal["report", "complaint", "reply", "event", "other"]
    at: datetime
    id: MessageId | None = None
    remote_id: str = ""
    envelope_id: str = ""
    message_id: str = ""
    recipient: str = ""
    status: EmailStatus | None = None
    source: Literal["", "dsn", "provider"] = ""
    sort: Literal["", "hard", "soft", "policy", "ours", "unknown"] = ""
    suppress: Suppress | Literal["complaint"] = ""
    alert: bool = False
    reason: str = ""
    word: str = ""
    code: str = ""
    detail: str = ""
    told_at: datetime | None = None
    facts: dict[str, str] = {}
    raw: bytes = b""


MailNews = MailAnswered | MailHeard | LinkMoved


class MailEar(Protocol):
    """One place where news about mail comes in by itself: the receiver of the bounce domain, or a mailbox that is read."""

    def news(self) -> AsyncIterator[NewsBatch]:
        """MailHeard and LinkMoved until it is closed. Not acknowledged, the sender keeps it, or the mailbox does."""
        ...

    async def close(self, patience_s: float) -> None:
        """Take no more, let what was told be acknowledged for so long, end ``news``."""
        ...


class ProviderPages(Protocol):
    """How a mail provider's own pages are fetched: signing certificates and confirmations of subscriptions."""

    async def get(self, url: str) -> bytes:
        """The body of a 200, of at most 64 KiB, following nothing. Raises NeighbourError. The caller has checked the host."""
        ...


class MailRelay(Protocol):
    """One way out for e-mail, with a pool of connections."""

    def room(self) -> int:
        """How many more it takes at once now."""
        ...

    async def submit(self, batch: Sequence[Envelope]) -> None:
        """Hand these over; what became of each comes as news."""
        ...

    def news(self) -> AsyncIterator[NewsBatch]:
        """Everything that becomes known, until the relay is closed."""
        ...

    async def close(self, patience_s: float) -> None:
        """Take no more, let what is under way be answered for so long, end ``news``."""
        ...
