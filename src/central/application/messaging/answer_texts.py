"""People who wrote HELP, STOP or START are answered: a short message like every other, once for each text (path step 5).

Which texts are owed an answer was decided when they were stored. The id of an answer follows from its text, so that asking again
after a crash sends nothing twice.
"""

from __future__ import annotations

from typing import Final

from central.application.messaging.accept_messages import AcceptShortMessages
from central.application.ports.messages import Accepted, ShortMessage
from central.application.ports.telemetry import Telemetry
from central.application.ports.text_answers import OwedAnswer, OwedAnswers
from central.domain.ids import MessageId, derived_uuid
from central.domain.policies import Purpose
from central.domain.senders import SENDER
from central.domain.short_messages import measure

_BATCH: Final = 200
_PLACE: Final = 1


class AnswerTexts:
    """The use case; one instance in the process that owns the carriers."""

    def __init__(self, owed: OwedAnswers, accept: AcceptShortMessages, telemetry: Telemetry) -> None:
        self._owed, self._accept, self._telemetry = owed, accept, telemetry

    async def step(self) -> int:
        """Answer those that wait; how many. Raises NeighbourError: what is not done waits."""
        found = await self._owed.waiting(_BATCH)
        if not found:
            return 0
        answers = await self._accept.send([_message(one) for one in found])
        await self._owed.ended(
            [
                (one, "answered" if isinstance(answer, Accepted) else "refused")
                for one, answer in zip(found, answers, strict=True)
            ]
        )
        self._telemetry.count("texts_answered", len(found))
        return len(found)


def _message(one: OwedAnswer) -> ShortMessage:
    size = measure(one.text)
    return ShortMessage(
        id=MessageId(derived_uuid(one.text_id, _PLACE)),
        account_id=one.account_id,
        purpose=Purpose.TRANSACTIONAL,
        to=one.sender,
        text=one.text,
        encoding=size.encoding,
        parts=size.parts,
        sender=one.recipient if SENDER.fullmatch(one.recipient) else "",
        answers=one.wish,
    )
