"""What people are answered who write HELP, STOP or START."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import msgspec

from central.application.administration.acting import Actor, Auditor
from central.application.ports.text_answers import TextAnswer, TextAnswerStore
from central.domain.errors import InvalidInput, NotFound
from central.domain.short_messages import LIMIT_PARTS, measure
from central.domain.text_answers import Answered

_RECIPIENT: Final = re.compile(r"[A-Za-z0-9]{0,20}")
_BROKEN: Final = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class MaintainTextAnswers:
    """The use case."""

    store: TextAnswerStore
    auditor: Auditor

    async def put(self, actor: Actor, wish: Answered, text: str, *, recipient: str) -> TextAnswer:
        """Store the answer to a wish, or give the one with the same wish and recipient another text; "" = no answer.

        Raises InvalidInput ``invalid_recipient``, ``bad_text``, ``text_too_long``.
        """
        recipient = recipient.strip().removeprefix("+")
        if not _RECIPIENT.fullmatch(recipient):
            message = "A recipient is the number or short code as the carrier writes it: at most 20 digits and letters."
            raise InvalidInput("invalid_recipient", message, field="recipient")
        if _BROKEN.search(text):
            raise InvalidInput("bad_text", "The text holds NUL, or half of a character.", field="text")
        text = text.strip()
        if (parts := measure(text).parts) > LIMIT_PARTS:
            raise InvalidInput(
                "text_too_long", f"It would take {parts} messages, more than {LIMIT_PARTS}.", field="text"
            )
        answer = TextAnswer(
            id=self.auditor.ids.uuid(),
            wish=wish,
            text=text,
            created_at=self.auditor.clock.now(),
            recipient=recipient,
        )
        audit = self.auditor.entry(actor, "text_answer_stored", f"text-answer:{wish}:{recipient or '*'}")
        return msgspec.structs.replace(answer, id=await self.store.put(actor.account_id, answer, audit))

    async def page(self, actor: Actor, after: UUID | None, limit: int) -> Sequence[TextAnswer]:
        """Answers in the order they were made."""
        return await self.store.page(actor.account_id, after, limit)

    async def remove(self, actor: Actor, answer_id: UUID) -> None:
        """The default holds again. Raises NotFound ``text_answer_not_found``."""
        audit = self.auditor.entry(actor, "text_answer_removed", f"text-answer:{answer_id}")
        if not await self.store.remove(actor.account_id, answer_id, audit):
            raise NotFound("text_answer_not_found", "There is no such answer in this account.")
