"""What people are answered who write HELP, STOP or START: the texts of an account, and the answers that are owed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

import msgspec

from central.application.ports.administration import AuditEntry
from central.domain.ids import AccountId
from central.domain.text_answers import Answered

AnswerState = Literal["answered", "refused"]


class TextAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a wish that came to ``recipient`` (as the carrier writes it, without ``+``; "" = any). text "" = no answer."""

    id: UUID
    wish: Answered
    text: str
    created_at: datetime
    recipient: str = ""


class TextAnswerStore(Protocol):
    """The answers of an account."""

    async def put(self, account_id: AccountId, answer: TextAnswer, audit: AuditEntry) -> UUID:
        """Store it; one with the same wish and recipient gets the text. Answers the id."""
        ...

    async def page(self, account_id: AccountId, after: UUID | None, limit: int) -> Sequence[TextAnswer]:
        """Answers in the order they were made."""
        ...

    async def remove(self, account_id: AccountId, answer_id: UUID, audit: AuditEntry) -> bool:
        """Delete it."""
        ...


class OwedAnswer(msgspec.Struct, frozen=True):
    """A text that waits for its answer. sender: who wrote it (digits). recipient: to what. text: the answer."""

    account_id: AccountId
    text_id: UUID
    sender: str
    recipient: str
    wish: Answered
    text: str


class OwedAnswers(Protocol):
    """Texts that wait for an answer, of all accounts of the shard."""

    async def waiting(self, limit: int) -> Sequence[OwedAnswer]:
        """The oldest first. Raises NeighbourError."""
        ...

    async def ended(self, answers: Sequence[tuple[OwedAnswer, AnswerState]]) -> None:
        """They wait no more. Raises NeighbourError."""
        ...
