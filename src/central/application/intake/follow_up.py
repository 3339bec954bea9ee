"""A call that an agent's disposition asks for: a record of the same contact, due when it was agreed (domain 9.5; step 1).

Judged like any other record, so that lists, caps and the contact's calling window hold; stored in the transaction in which the
disposition is saved. What intake refuses is an answer, not an error: the agent has said what he had to say.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from central.application.intake.submit_records import Submission, SubmitRecords
from central.application.ports.dispositions import FollowUpCall, StoreFollowUp
from central.application.ports.intake import ChunkStore, Lineage
from central.application.ports.internal_functions import StartAnswer
from central.domain.errors import CallerError
from central.domain.ids import AccountId, RecordId
from central.domain.incoming import IncomingRecord
from central.domain.statuses import FlowStatus

_PENDING: Final = frozenset({FlowStatus.UNPROCESSED, FlowStatus.SCHEDULED})
_MOST: Final = 1_000_000  # people end such a chain, not a count


class FollowUp:
    """The use case (port FollowUps)."""

    def __init__(self, submit: SubmitRecords) -> None:
        self._submit = submit

    async def prepare(self, account_id: AccountId, wanted: FollowUpCall) -> StoreFollowUp | str:
        """All that can be judged before the transaction; text: why there can be no such call."""
        submission = Submission(
            flow=wanted.flow,
            mode="testing" if wanted.testing else "production",
            records=(_row(wanted),),
            source="internal",
            request_id=wanted.request_id,
            lineage=Lineage(wanted.record_id, wanted.record_id, 0, _MOST),
        )
        try:
            made = await self._submit.prepare(account_id, submission, "agent")
        except CallerError as error:
            return f"{error.code}: {error.message}"

        async def store(chunk: ChunkStore) -> StartAnswer:
            receipt = (await self._submit.store(chunk, made)).records[0]
            status, reason = receipt.verdict.status, receipt.verdict.reason
            started = status in _PENDING
            detail = f"{status}{f' ({reason})' if reason and not started else ''}"
            return StartAnswer(started, detail, RecordId(UUID(receipt.record_id)), status)

        return store


def _row(wanted: FollowUpCall) -> IncomingRecord:
    return IncomingRecord(
        row=1,
        numbers=tuple(f"+{number}" for number in wanted.numbers),  # as stored: no national form is to be guessed again
        start_time=wanted.start.isoformat(timespec="milliseconds"),
        client_identifier=wanted.client_identifier,
        time_zone=wanted.time_zone,
        variables=wanted.variables,
    )
