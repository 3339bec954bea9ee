"""What the messaging room needs from the store: acceptance, hand-over and news of messages. All calls are batches.

A message waits (``due_at``), is handed over (``lease_until``), is awaited (``silent_at``: the far end has it, and news of it may
come until then) or is at rest. Statuses move along the published table only, under a lock of the row; what comes too late is kept
as an event. Rows of one transaction are locked in the order of their ids.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Literal, Protocol
from uuid import UUID

import msgspec

from central.application.ports.carriers import CarrierId, MailHeard, ReceiptCame
from central.application.ports.internal_functions import NewLink
from central.application.ports.mail_parts import Content, Identity, MailTargets
from central.application.ports.settling import SenderTurns, SettlesForeseen
from central.application.ports.sms_templates import SmsTemplate
from central.application.ports.text_routes import InboundText
from central.domain.accounts import Account
from central.domain.ids import AccountId, EventId, MessageId, RecordId, RequestId
from central.domain.mail_hits import Hit, HitsBefore
from central.domain.message_routes import CarrierRoute

Channel = Literal["sms", "email"]
StaleKind = Literal["lease", "silent", "overdue", "stranded", "taken_back"]
SuppressionReason = Literal["hard_bounce", "soft_bounces", "bounced_twice", "complaint", "unsubscribed"]


class ListDate(msgspec.Struct, frozen=True):
    """A list of the account: its version, and for registers the date of its data."""

    version: int
    fresh_at: datetime | None


class Acceptance(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about an account and those it wants to write to.

    hits: by recipient the lists that hold it, or a range that it is of (blacklist, whitelist, ``dnd:NCPR``,
    ``suppressed:REASON``). free: money that can be spent, in millionths. routes: of enabled carriers. templates: those of the
    registered texts that were asked for; keeps_templates: the account has some, told when one was asked for.
    """

    account: Account
    free: int
    lists: Mapping[str, ListDate]
    hits: Mapping[str, frozenset[str]]
    routes: Sequence[CarrierRoute]
    templates: Mapping[str, SmsTemplate]
    keeps_templates: bool = False
    domains: frozenset[str] = frozenset()
    files: Mapping[str, int] = {}
    """Of the files that mails name those that are there, with their size in bytes."""


class NewMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message as it is accepted; ``due_at`` None = refused, its status is the end.

    price: what its hand-over will cost, in millionths of the account's currency (SMS). shown_text: as people see it, None = the text.
    """

    id: MessageId
    account_id: AccountId
    channel: Channel
    recipient: str
    status: str
    created_at: datetime
    deadline: datetime
    purpose: str
    reason: str = ""
    detail: str = ""
    due_at: datetime | None = None
    carrier_id: CarrierId | None = None
    record_id: RecordId | None = None
    request_id: RequestId | None = None
    content_id: UUID | None = None
    parts: int = 1
    sender: str = ""
    text: str = ""
    encoding: str = ""
    step: str = ""
    client_identifier: str = ""
    ids: Mapping[str, str] = {}
    testing: bool = False
    links: tuple[NewLink, ...] = ()
    """Short links in its text, stored with it."""
    link_codes: tuple[str, ...] = ()
    """Short links in its text that were there before: their clicks are told in its history too."""
    price: int = 0
    priority: int | None = None
    shown_text: str | None = None
    recipient_hidden: bool = False


class StoredMessage(msgspec.Struct, frozen=True):
    """A message under lock; ``handed``: it is handed over and its answer is awaited.

    text and ids are read for hand-over only: where news of it are stored both stand empty.
    """

    account_id: AccountId
    id: MessageId
    channel: Channel
    status: str
    recipient: str
    sender: str
    text: str
    encoding: str
    parts: int
    tries: int
    carrier_id: CarrierId | None
    purpose: str
    created_at: datetime
    deadline: datetime
    ids: Mapping[str, str]
    cost: int
    testing: bool
    reason: str = ""
    handed_at: datetime | None = None
    content_id: UUID | None = None
    record_id: RecordId | None = None
    request_id: RequestId | None = None
    handed: bool = False
    due_at: datetime | None = None
    priority: int | None = None
    hits: frozenset[str] = frozenset()
    known_parts: tuple[KnownPart, ...] = ()


class KnownPart(msgspec.Struct, frozen=True):
    """A part that the far end has; states: those that receipts told already."""

    part: int
    carrier_id: CarrierId
    remote_id: str
    status: str
    states: tuple[str, ...] = ()


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a message under lock. Unset places are emptied: a Move tells the whole new state.

    lease: it is handed over now (tries rises). status: the same, or along a lawful edge. cost: what it has cost in all. ids None = they stay.
    """

    message: StoredMessage
    status: str
    reason: str = ""
    detail: str = ""
    due_at: datetime | None = None
    lease: bool = False
    silent_at: datetime | None = None
    carrier_id: CarrierId | None = None
    cost: int = 0
    ids: Mapping[str, str] | None = None


class Suppression(msgspec.Struct, frozen=True, kw_only=True):
    """An address that is to get no more mail: at once (hard, complaint, unsubscribed), or when it fails softly for long."""

    account_id: AccountId
    address: str
    reason: SuppressionReason
    message_id: MessageId
    detail: str = ""


class TokenMail(msgspec.Struct, frozen=True):
    """An e-mail as a tracked address sees it. target: where the link leads, None = there is no such link."""

    account_id: AccountId
    id: MessageId
    recipient: str
    accepted_at: datetime
    target: str | None


class DueMails(msgspec.Struct, frozen=True):
    """E-mails that are due, and their contents by id."""

    messages: Sequence[StoredMessage] = ()
    contents: Mapping[UUID, Mapping[str, object]] = {}


class MessageEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a message's history, see domain/message_events.py."""

    account_id: AccountId
    message_id: MessageId
    id: EventId
    at: datetime
    kind: str
    from_status: str | None = None
    to_status: str | None = None
    reason: str | None = None
    late: bool = False
    part: int | None = None
    data: Mapping[str, object] = {}


class PartMove(msgspec.Struct, frozen=True):
    """A part that the far end took, or of which a receipt tells more."""

    account_id: AccountId
    message_id: MessageId
    part: KnownPart
    tries: int


class MessageBatch(Protocol):
    """One open transaction over locked messages; rolled back unless it ends well."""

    messages: Sequence[StoredMessage]
    account: Account | None
    """The account of the carrier (hand-over only)."""
    lists: Mapping[str, ListDate]
    """Its lists as they are now (hand-over only)."""
    free: int
    """What the account can spend, in millionths (hand-over only)."""
    reports: Mapping[MessageId, int]  # in the history of each e-mail (where reports are stored only)

    async def write(
        self, moves: Sequence[Move], events: Sequence[MessageEvent], parts: Sequence[PartMove], at: datetime
    ) -> None:
        """Store these; changes of status are told to webhooks, money is booked by the difference of cost."""
        ...

    async def keep_targets(self, targets: Sequence[MailTargets], at: datetime) -> None:
        """Store where tracked links lead, before the messages leave."""
        ...

    async def suppress(self, rows: Sequence[Suppression], at: datetime) -> None:
        """Write no more to these; a soft failure counts, and suppresses after five over a week without a delivery between."""
        ...

    async def unfail(self, addresses: Collection[tuple[AccountId, str]]) -> None:
        """Mail reached these: what failed softly before counts no more."""
        ...

    async def reload(self) -> None:
        """Read the same messages again, with what was written to them."""
        ...

    async def hits_before(self, mail: TokenMail, hit: Hit, link: int) -> HitsBefore:
        """What stands in the history of this e-mail, which is locked."""
        ...

    async def unsubscribed(self, mail: TokenMail) -> bool:
        """Whether its recipient has unsubscribed by it already."""
        ...

    async def keep_strays(
        self, account_id: AccountId, carrier: CarrierId, receipts: Sequence[tuple[UUID, ReceiptCame]]
    ) -> None:
        """Keep receipts that fit no message (yet)."""
        ...

    async def take_strays(
        self, account_id: AccountId, carrier: CarrierId, remote_ids: Sequence[str]
    ) -> Sequence[ReceiptCame]:
        """Those that came before the answer that named these ids; they are kept no more."""
        ...


class OpenCarrier(msgspec.Struct, frozen=True):
    """A carrier as it is configured; ``changes`` rises with each change."""

    account_id: AccountId
    id: CarrierId
    name: str
    channel: Channel
    kind: Literal["smpp", "http", "smtp"]
    settings: Mapping[str, object]
    secrets: Mapping[str, str]
    changes: int
    routes: tuple[CarrierRoute, ...] = ()
    plain_http: bool = False
    """The account's switch."""
    country: str = ""
    """The account's, ISO 3166 alpha-2."""


class MessageStore(SettlesForeseen, SenderTurns, Protocol):
    """The messages of a shard."""

    async def acceptance(
        self, channel: Channel, wanted: Mapping[AccountId, Sequence[str]], at: datetime,
        templates: Collection[tuple[AccountId, str]] = (),
    ) -> Mapping[AccountId, Acceptance]:  # fmt: skip
        """What is known about these accounts and recipients, and about the registered texts that they name."""
        ...

    async def add(
        self, messages: Sequence[NewMessage], contents: Sequence[Content] = ()
    ) -> Mapping[MessageId, tuple[str, str]]:
        """Store them once, each with its first event; answers status and reason of each, as stored first."""
        ...

    async def due_mails(
        self, carrier: OpenCarrier, limit: int, limit_bytes: int, but: Collection[MessageId], at: datetime
    ) -> DueMails:
        """Due e-mails of this carrier but for these, oldest first: as many as their contents allow, at least one. Not locked."""
        ...

    async def identities(self, account_id: AccountId) -> Sequence[Identity]:
        """The proved domains of the account."""
        ...

    def hand_over(
        self, carrier: OpenCarrier, which: int | Collection[MessageId], owner: str, lease: timedelta, at: datetime
    ) -> AbstractAsyncContextManager[MessageBatch]:
        """Due messages of this carrier under lock, oldest first, with what lists say now; to be judged and written.

        ``which``: at most so many, or these.
        """
        ...

    def answered(self, ids: Sequence[tuple[AccountId, MessageId]]) -> AbstractAsyncContextManager[MessageBatch]:
        """These messages under lock."""
        ...

    def receipts(
        self, account_id: AccountId, carrier: CarrierId, remote_ids: Sequence[str]
    ) -> AbstractAsyncContextManager[MessageBatch]:
        """The messages that the far end calls so, under lock, with their parts."""
        ...

    async def keep_hand_overs(
        self, held: Collection[tuple[AccountId, MessageId]], owner: str, lease: timedelta, at: datetime
    ) -> None:
        """These are still in the hands of ``owner``: they count as lost only after ``lease`` from ``at``."""
        ...

    def stale(self, kind: StaleKind, limit: int, at: datetime) -> AbstractAsyncContextManager[MessageBatch]:
        """Messages whose time is over.

        ``lease``: a hand-over that nobody has in hand any more. ``silent``: no news any more. ``overdue``: a deadline in our queue.
        ``stranded``: they wait for a carrier that does not serve, and another one does. ``taken_back``: they wait, and are not to go.
        """
        ...

    async def serving_routes(
        self, accounts: Sequence[AccountId]
    ) -> Mapping[tuple[AccountId, str], Sequence[CarrierRoute]]:
        """The routes of carriers that serve now, by account and channel."""
        ...

    async def matchable_strays(
        self, account_id: AccountId, carrier: CarrierId, limit: int, at: datetime
    ) -> Sequence[str]:
        """Names of messages of this carrier that are known meanwhile, and have a stray receipt."""
        ...

    async def unheard(self, account_id: AccountId, carrier: CarrierId, limit: int, before: datetime) -> Sequence[str]:
        """What the far end calls parts without final news whose message is given up before then (``silent_at``), soonest first."""
        ...

    async def keep_texts(self, carrier: OpenCarrier, texts: Sequence[InboundText], at: datetime) -> None:
        """Store what people wrote, tell webhooks, and blacklist or free those who said STOP or START.

        Texts without a wish that fit a route are to start its flow; those of one sender at most ``LIMIT_STARTS`` an hour.
        """
        ...

    async def carriers(self) -> Sequence[OpenCarrier]:
        """All enabled carriers of the shard."""
        ...

    async def gateways(self) -> Mapping[CarrierId, OpenCarrier]:
        """All carriers of the kind ``http``, enabled or not: receipts of what they took may still come."""
        ...

    async def relays(self) -> Mapping[CarrierId, OpenCarrier]:
        """All carriers of the kind ``smtp``, enabled or not: events about what they took may still come."""
        ...

    async def tell_carrier(
        self, account_id: AccountId, carrier: CarrierId, state: str, detail: str, at: datetime
    ) -> None:
        """How a carrier is now, for people."""
        ...

    async def tell_mailbox(self, account_id: AccountId, carrier: CarrierId, state: str) -> None:
        """How the mailbox of a relay is now, for people."""
        ...

    async def mail_of_token(self, message: MessageId, link: int) -> TokenMail | None:
        """The e-mail that a token names, and where its link leads."""
        ...

    def heard(
        self, news: Sequence[MailHeard], account_id: AccountId | None = None
    ) -> AbstractAsyncContextManager[tuple[MessageBatch, Mapping[str, MessageId]]]:
        """The e-mails that these news are about, under lock, and by report its message (none: not ours, or not of this account)."""
        ...
