"""Messages as people read them: rows with their history, always of one account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

import msgspec

from central.domain.ids import AccountId, FlowId, MessageId, RecordId, RequestId


class MessageWish(msgspec.Struct, frozen=True, kw_only=True):
    """Which messages a list shows; None = any."""

    channel: Literal["sms", "email"]
    status: str | None = None
    record_id: UUID | None = None
    request_id: UUID | None = None
    recipient: str | None = None
    client_identifier: str | None = None


class MessageRow(msgspec.Struct, frozen=True, kw_only=True):
    """A message. cost: millionths of the account's currency. text: of an SMS; subject: of an e-mail, as people see it.

    shown_text: the text as people see it, None = the text itself. recipient_hidden: the recipient is a secret of a flow.
    """

    id: MessageId
    channel: Literal["sms", "email"]
    status: str
    reason: str
    detail: str
    recipient: str
    sender: str
    text: str
    subject: str
    encoding: str
    parts: int
    tries: int
    cost: int
    purpose: str
    step: str
    client_identifier: str
    carrier: str
    created_at: datetime
    changed_at: datetime
    deadline: datetime
    due_at: datetime | None = None
    handed_at: datetime | None = None
    record_id: RecordId | None = None
    request_id: RequestId | None = None
    testing: bool = False
    shown_text: str | None = None
    recipient_hidden: bool = False

    def saying(self, *, text: str, recipient: str, detail: str) -> MessageRow:
        """The same with these words."""
        return msgspec.structs.replace(self, text=text, recipient=recipient, detail=detail)


class EventRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a message's history."""

    message_id: MessageId
    at: datetime
    kind: str
    late: bool
    from_status: str | None
    to_status: str | None
    reason: str | None
    part: int | None
    data: Mapping[str, object] | None

    def saying(self, data: Mapping[str, object]) -> EventRow:
        """The same with these data."""
        return msgspec.structs.replace(self, data=data)


class TextWish(msgspec.Struct, frozen=True, kw_only=True):
    """Which inbound texts a list shows; None = any. The moment ``came_to`` itself is outside."""

    sender: str | None = None
    recipient: str | None = None
    came_from: datetime | None = None
    came_to: datetime | None = None


class TextRow(msgspec.Struct, frozen=True, kw_only=True):
    """A short message that a person wrote. flow_id: that it is to start; request_id: once it has.

    start_state: ``waits``, ``started``, ``refused`` (why: start_detail), "" = it starts none.
    answer_state: of HELP, STOP, START: ``waits``, ``answered``, ``refused``, ``too_many``, "" = it gets no answer.
    """

    id: UUID
    sender: str
    recipient: str
    text: str
    carrier: str
    came_at: datetime
    opted_out: bool
    flow_id: FlowId | None = None
    request_id: RequestId | None = None
    start_state: str = ""
    start_detail: str = ""
    answer_state: str = ""


class MessageReports(Protocol):
    """Reading messages."""

    async def page(
        self, account_id: AccountId, wanted: MessageWish, before: MessageId | None, limit: int
    ) -> Sequence[MessageRow]:
        """Newest first."""
        ...

    async def get(self, account_id: AccountId, message_id: MessageId) -> MessageRow | None:
        """One message."""
        ...

    async def history(self, account_id: AccountId, ids: Sequence[MessageId]) -> Sequence[EventRow]:
        """Every line of these messages, in the order they were written."""
        ...

    async def counts(
        self, account_id: AccountId, channel: Literal["sms", "email"], request_id: UUID | None
    ) -> Mapping[str, int]:
        """How many messages of the last days there are by status."""
        ...

    async def texts(
        self, account_id: AccountId, wanted: TextWish, before: UUID | None, limit: int
    ) -> Sequence[TextRow]:
        """Inbound texts, newest first."""
        ...
