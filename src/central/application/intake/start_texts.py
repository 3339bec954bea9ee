"""Texts from people start flows: the same checks as by the API, each text a record, stored once (step 1).

Texts are told their request when they are stored. Asking again after a crash finds the request, and starts nothing twice.
"""

from __future__ import annotations

from typing import Final

from central.application.intake.submit_records import Submission, SubmitRecords
from central.application.ports.intake import IntakeStore
from central.application.ports.telemetry import Telemetry
from central.application.ports.text_routes import TextStarts, WaitingText, WaitingTexts
from central.domain.errors import CentralError, NeighbourError
from central.domain.incoming import IncomingRecord

_BATCH: Final = 20


class StartTexts:
    """The use case; one instance in the process that owns the carriers."""

    def __init__(self, texts: TextStarts, store: IntakeStore, submit: SubmitRecords, telemetry: Telemetry) -> None:
        self._texts, self._store, self._submit, self._telemetry = texts, store, submit, telemetry

    async def step(self) -> int:
        """Start the flows of texts that wait; how many requests. Raises NeighbourError: what is not done waits."""
        found = await self._texts.waiting(_BATCH)
        for waiting in found:
            await self._start(waiting)
        return len(found)

    async def _start(self, waiting: WaitingTexts) -> None:
        submission = Submission(
            flow=waiting.flow_id,
            mode="production",
            records=[_record(row, text) for row, text in enumerate(waiting.texts, start=1)],
            source="text",
            request_id=waiting.request_id,
            without_call=True,
        )
        try:
            await self._submit(waiting.account_id, submission, "central")
        except NeighbourError:
            raise
        except CentralError as error:  # of one account: texts of others must not wait behind it
            if await self._store.first_record(waiting.account_id, waiting.request_id) is None:
                self._telemetry.warning("text_starts_nothing", code=error.code, texts=len(waiting.texts))
                await self._texts.ended(waiting, "refused", f"{error.code}: {error.message}")
                return
        self._telemetry.count("texts_started", len(waiting.texts))
        await self._texts.ended(waiting, "started", "")


def _record(row: int, text: WaitingText) -> IncomingRecord:
    return IncomingRecord(
        row=row,
        numbers=(text.sender,),
        client_identifier=str(text.id),
        variables={"sms_text": text.text, "sms_from": text.sender, "sms_to": text.recipient},
    )
