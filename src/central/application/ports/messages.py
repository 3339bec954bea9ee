"""The message channels as flows see them: SMS and e-mail go in by batches, and each message is answered with a value.

A channel takes a message over or refuses it; what becomes of a message that was taken is told later, by events of its own
(domain 12 and 13). Lists, capabilities and money are asked by the channel, as every way to a message leads through it.
The messaging room implements them on the store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from central.domain.ids import AccountId, MessageId, RecordId, RequestId
from central.domain.policies import Purpose
from central.domain.short_messages import Encoding
from central.domain.statuses import EmailStatus, SmsStatus


class ShortMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One SMS. id: also its idempotency key. to: E.164 digits. sender "" = the account's own.

    encoding, parts: how it goes out. template_id, entity_id: registration ids where the country requires them. record_id,
    step: of the flow that sends it, None and "" = it is sent alone. send_at: not before. validity: how long it may take
    (None = a day). testing: whitelisted numbers only. shorten: web addresses in it become short links.
    shown: the text as people see it, secrets masked; None = the text itself.
    hidden: the number is a secret, which nobody is to see. priority: 0 to 3 (SMPP 5.2.14), None = the carrier's.
    answers: the wish of a person that it answers (``help``, ``stop``, ``start``): it goes to who is blacklisted too.
    """

    id: MessageId
    account_id: AccountId
    purpose: Purpose
    to: str
    text: str
    encoding: Encoding
    parts: int
    sender: str = ""
    template_id: str = ""
    entity_id: str = ""
    record_id: RecordId | None = None
    request_id: RequestId | None = None
    step: str = ""
    client_identifier: str = ""
    send_at: datetime | None = None
    validity: timedelta | None = None
    testing: bool = False
    shorten: bool = False
    priority: int | None = None
    shown: str | None = None
    hidden: bool = False
    answers: str = ""


class MailFile(msgspec.Struct, frozen=True):
    """A file that goes along with an e-mail; content_id: of a picture inside its HTML."""

    name: str
    content: bytes
    media_type: str = ""
    content_id: str = ""


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """One e-mail, of which each recipient has a status of his own. id: also its idempotency key.

    text, html, mjml: at least one. values: what stands for the variables of a Liquid template; None = it is no template.
    shown: the subject as people see it, secrets masked; None = the subject itself. hidden: a recipient is a secret: none is shown.
    """

    id: MessageId
    account_id: AccountId
    purpose: Purpose
    to: tuple[str, ...]
    subject: str
    text: str = ""
    html: str = ""
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    sender: str = ""
    attachments: tuple[str, ...] = ()
    tracking: bool = False
    mjml: str = ""
    values: dict[str, object] | None = None
    reply_to: str = ""
    files: tuple[MailFile, ...] = ()
    record_id: RecordId | None = None
    request_id: RequestId | None = None
    step: str = ""
    client_identifier: str = ""
    send_at: datetime | None = None
    validity: timedelta | None = None
    testing: bool = False
    shown: str | None = None
    hidden: bool = False


class Accepted(msgspec.Struct, frozen=True):
    """The channel has it, stored: SENT_TO_QUEUE or Success."""


class Refused(msgspec.Struct, frozen=True):
    """The channel does not take it, and nothing is sent. reason: a stable word (no_gateway, blacklisted, ...), detail a sentence.

    retry: later it may be taken. our_fault: not the message is wrong, but we.
    """

    status: SmsStatus | EmailStatus
    reason: str
    detail: str = ""
    retry: bool = False
    our_fault: bool = False


Answer = Accepted | Refused


class SmsChannel(Protocol):
    """Where short messages go."""

    async def send(self, messages: Sequence[ShortMessage]) -> Sequence[Answer]:
        """One answer each, in the same order; the same id again gets the first answer, and goes out once.

        Raises NeighbourError when the channel is away: then it is not known what was taken.
        """
        ...


class MessageState(msgspec.Struct, frozen=True):
    """How a message is now: its status, and the stable word of its reason, "" = none."""

    status: str
    reason: str = ""


class MessageStates(Protocol):
    """How messages are."""

    async def states(self, wanted: Sequence[tuple[AccountId, MessageId]]) -> Mapping[MessageId, MessageState]:
        """One read for all of them; messages that do not exist are left out. Raises NeighbourError."""
        ...


class MailChannel(Protocol):
    """Where e-mails go."""

    async def send(self, mails: Sequence[Mail]) -> Sequence[Sequence[Answer]]:
        """For each mail, in the same order, an answer for each recipient: to, then cc, then bcc, each once; one where there is nobody.

        Otherwise as SmsChannel.
        """
        ...
