"""Messages with their history and explanation, as the API and the CLI show them: secrets of flows masked (path step 7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal
from uuid import UUID

from central.application.ports.message_reports import (
    EventRow,
    MessageReports,
    MessageRow,
    MessageWish,
    TextRow,
    TextWish,
)
from central.application.reporting.documents import Document, to_document
from central.application.reporting.hide_messages import as_seen, line_as_seen
from central.application.reporting.tell_messages import explain_message, tell_event
from central.domain.errors import NotFound
from central.domain.ids import AccountId, MessageId


class ReadMessages:
    """The use case."""

    def __init__(self, store: MessageReports) -> None:
        self._store = store

    async def page(
        self, account_id: AccountId, wanted: MessageWish, before: MessageId | None, limit: int
    ) -> Sequence[Document]:
        """Newest first, each with the sentence that explains its status."""
        rows = await self._store.page(account_id, wanted, before, limit)
        return [to_document(message_document(as_seen(row))) for row in rows]

    async def one(self, account_id: AccountId, channel: Literal["sms", "email"], message_id: MessageId) -> Document:
        """One message with its history. Raises NotFound ``message_not_found``."""
        row = await self._store.get(account_id, message_id)
        if row is None or row.channel != channel:
            raise NotFound("message_not_found", "There is no such message in this account.")
        lines = [line_as_seen(line, row) for line in await self._store.history(account_id, [message_id])]
        return to_document({**message_document(as_seen(row)), "history": [event_document(line) for line in lines]})

    async def counts(
        self, account_id: AccountId, channel: Literal["sms", "email"], request_id: UUID | None
    ) -> Mapping[str, int]:
        """How many there are by status."""
        return await self._store.counts(account_id, channel, request_id)

    async def texts(
        self, account_id: AccountId, wanted: TextWish, before: UUID | None, limit: int
    ) -> Sequence[Document]:
        """What people wrote, newest first."""
        return [to_document(text_document(row)) for row in await self._store.texts(account_id, wanted, before, limit)]


def message_document(row: MessageRow) -> dict[str, object]:
    """A message, JSON-ready; fields that do not apply to its channel are left out."""
    document: dict[str, object] = {
        "message_id": row.id, "status": row.status, "reason": row.reason or None, "explanation": explain_message(row),
        "to": row.recipient, "sender": row.sender, "purpose": row.purpose, "cost": row.cost, "carrier": row.carrier or None,
        "tries": row.tries, "created_at": row.created_at, "changed_at": row.changed_at, "deadline": row.deadline,
        "due_at": row.due_at, "handed_at": row.handed_at, "record_id": row.record_id, "request_id": row.request_id,
        "step": row.step or None, "client_identifier": row.client_identifier or None, "testing": row.testing,
    }  # fmt: skip
    if row.channel == "sms":
        return document | {"text": row.text, "encoding": row.encoding, "parts": row.parts}
    return document | {"subject": row.subject}


def event_document(line: EventRow) -> dict[str, object]:
    """A line of the history, JSON-ready."""
    return {
        "at": line.at, "kind": line.kind, "sentence": tell_event(line), "late": line.late, "from": line.from_status,
        "to": line.to_status, "reason": line.reason, "part": line.part, "data": line.data or {},
    }  # fmt: skip


def text_document(row: TextRow) -> dict[str, object]:
    """A text that came in, JSON-ready; named as in ``sms.received``."""
    return {
        "text_id": row.id, "from": row.sender, "to": row.recipient, "text": row.text, "carrier": row.carrier or None,
        "came_at": row.came_at, "opted_out": row.opted_out, "flow": row.flow_id, "start": row.start_state or None,
        "start_detail": row.start_detail or None, "request_id": row.request_id,
        "answer": row.answer_state or None,
    }  # fmt: skip
