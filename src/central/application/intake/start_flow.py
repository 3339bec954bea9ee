"""A flow starts a record of another flow (the original's ``createOutbound``): the same checks as by the API, stored once (step 1).

The new request's id is given by who asks and stays the same, so that asking again finds what was stored. A record that was
started remembers by whom, and how far down a chain of such starts it stands: flows cannot start each other for ever.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from central.application.intake.submit_records import Submission, SubmitRecords
from central.application.ports.intake import IntakeStore, Lineage
from central.application.ports.internal_functions import FlowStart, StartAnswer
from central.application.ports.world import Clock
from central.domain.errors import CallerError
from central.domain.ids import AccountId, RecordId
from central.domain.incoming import IncomingRecord
from central.domain.statuses import FlowStatus

LIMIT_DEPTH: Final = 10
LIMIT_CHAIN: Final = 100
_PENDING: Final = frozenset({FlowStatus.UNPROCESSED, FlowStatus.SCHEDULED})


class StartFlow:
    """The use case (port FlowStarter)."""

    def __init__(self, store: IntakeStore, submit: SubmitRecords, clock: Clock) -> None:
        self._store, self._submit, self._clock = store, submit, clock

    async def __call__(self, account_id: AccountId, wanted: FlowStart) -> StartAnswer:
        """Store the record, once; what is refused is an answer too. Raises NeighbourError, OperatorError."""
        above = await self._store.lineage(account_id, wanted.request_of_starter)
        chain, depth = above or (wanted.started_by, 0)
        if depth >= LIMIT_DEPTH:
            return StartAnswer(
                False, f"flow_chain_too_deep: Flows have started each other {LIMIT_DEPTH} times in a row."
            )
        submission = Submission(
            flow=wanted.flow,
            mode="testing" if wanted.testing else "production",
            records=(self._row(wanted),),
            source="internal",
            request_id=wanted.request_id,
            lineage=Lineage(wanted.started_by, chain, depth + 1, LIMIT_CHAIN),
        )
        try:
            receipt = await self._submit(account_id, submission, "internal")
        except CallerError as error:
            earlier = await self._store.first_record(account_id, wanted.request_id)
            if earlier is None:
                return StartAnswer(False, str(error))
            record_id, status, reason = earlier  # it was stored the first time, and the answer was lost
            return _answer(record_id, status, reason)
        made = receipt.records[0]
        return _answer(RecordId(UUID(made.record_id)), made.verdict.status, made.verdict.reason)

    def _row(self, wanted: FlowStart) -> IncomingRecord:
        start = ""
        if wanted.after_s > 0:
            start = (self._clock.now() + timedelta(seconds=wanted.after_s)).isoformat(timespec="milliseconds")
        return IncomingRecord(
            row=1,
            numbers=(wanted.number,),
            start_time=start,
            client_identifier=wanted.client_identifier,
            time_zone=wanted.time_zone,
            variables=wanted.variables,
        )


def _answer(record_id: RecordId, status: str, reason: str) -> StartAnswer:
    started = status in _PENDING
    why = f" ({reason})" if reason and not started else ""
    return StartAnswer(started, f"record {record_id}: {status}{why}", record_id, status)
