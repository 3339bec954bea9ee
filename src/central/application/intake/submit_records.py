"""A request by JSON: at most 500 records, checked and stored in one transaction, with a result for every record (step 1)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from central.application.intake.ask_lists import ask_lists
from central.application.intake.judge_chunk import judge_chunk, numbers_of
from central.application.intake.open_request import Mode, Opening, OpenRequest
from central.application.ports.intake import ChunkStore, IntakeStore, Lineage, NewRequest
from central.application.ports.world import Clock, Ids
from central.domain.errors import Conflict, InvalidInput
from central.domain.ids import AccountId, RequestId
from central.domain.incoming import IncomingRecord
from central.domain.intake_checks import normalise_row
from central.domain.intake_facts import IntakeFacts, Prepared, Verdict

MOST_RECORDS = 500
_PATIENCE_S = 20.0


@dataclass(frozen=True, slots=True)
class Submission:
    """What the caller wants: ``flow`` by id or name. ``request_id`` stays the same when the same submission is repeated.

    ``lineage``: a flow asks for it.
    """

    flow: str
    mode: Mode
    records: Sequence[IncomingRecord]
    name: str = ""
    priority: int = 0
    end_at: datetime | None = None
    source: str = "api"
    reload_of: RequestId | None = None
    request_id: RequestId | None = None
    lineage: Lineage | None = None
    without_call: bool = False
    """Refused where the flow needs a call."""


@dataclass(frozen=True, slots=True)
class RecordReceipt:
    """The result of one record, in the order of the submission."""

    record_id: str
    client_identifier: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Receipt:
    """The request as it was stored."""

    request_id: RequestId
    records: Sequence[RecordReceipt]


@dataclass(frozen=True, slots=True)
class Submitted:
    """A submission that may be stored."""

    submission: Submission
    opening: Opening
    request: NewRequest
    rows: Sequence[Prepared]
    ids: Sequence[str]


class SubmitRecords:
    """The use case."""

    def __init__(self, store: IntakeStore, opener: OpenRequest, clock: Clock, ids: Ids) -> None:
        self._store, self._opener, self._clock, self._ids = store, opener, clock, ids

    async def __call__(self, account_id: AccountId, submission: Submission, actor: str) -> Receipt:
        """Store a request with its records.

        Raises InvalidInput ``no_records``, ``too_many_records``, Conflict ``request_exists`` (this very submission was stored
        before), ``flow_has_call``, ``checks_too_slow``, ``flow_chain_too_long``, and what ``OpenRequest.check`` raises; then nothing is stored.
        """
        prepared = await self.prepare(account_id, submission, actor)
        async with self._store.chunk(account_id) as chunk:
            return await self.store(chunk, prepared)

    async def prepare(self, account_id: AccountId, submission: Submission, actor: str) -> Submitted:
        """All that is judged before the transaction. Raises as the call, without ``request_exists`` and ``flow_chain_too_long``."""
        if not submission.records:
            raise InvalidInput("no_records", "A request needs at least one record.")
        if len(submission.records) > MOST_RECORDS:
            message = f"A request holds at most {MOST_RECORDS} records; {len(submission.records)} came. Upload a file instead."
            raise InvalidInput("too_many_records", message, limit=MOST_RECORDS, given=len(submission.records))
        opening = await self._opener.check(account_id, submission.flow, submission.mode, actor, submission.end_at)
        if submission.without_call and opening.prepared.needs_voice:
            message = f"Flow {opening.target.name} has steps of a call; a text starts only flows without one."
            raise Conflict("flow_has_call", message, flow=opening.target.flow_id)
        request = NewRequest(
            id=submission.request_id or RequestId(self._ids.uuid()),
            flow_id=opening.target.flow_id,
            version_id=opening.grounds.version_id,
            testing=opening.grounds.testing,
            source=submission.source,
            name=submission.name,
            loading=False,
            priority=submission.priority,
            end_at=submission.end_at,
            reload_of=submission.reload_of,
            lineage=submission.lineage,
        )
        rows = await asyncio.to_thread(self._normalised, submission.records, opening.facts)
        ids = self._ids.texts(len(rows), self._ids.instant())
        return Submitted(submission, opening, request, rows, ids)

    async def store(self, chunk: ChunkStore, made: Submitted) -> Receipt:
        """Store it within the transaction of ``chunk``. Raises Conflict ``request_exists``, ``flow_chain_too_long``."""
        opening, request, rows, ids = made.opening, made.request, made.rows, made.ids
        await chunk.add_request(request, opening.facts.now)
        findings = await ask_lists(chunk, numbers_of(rows), opening.facts)
        judged = await asyncio.to_thread(judge_chunk, rows, ids, opening.facts, findings)
        remaining = opening.pending_cap - await chunk.pending()
        if judged.chunk.accepted > remaining:
            judged = judge_chunk(rows, ids, opening.facts, findings, remaining)
        await chunk.insert(request.id, request.flow_id, judged.chunk.text, judged.chunk.tallies, opening.facts.now)
        receipts = [
            RecordReceipt(id_, record.client_identifier, verdict)
            for id_, record, verdict in zip(ids, made.submission.records, judged.verdicts, strict=True)
        ]
        return Receipt(request.id, receipts)

    def _normalised(self, records: Sequence[IncomingRecord], facts: IntakeFacts) -> list[Prepared]:
        """In a thread, because patterns of users may take their time; but a caller does not wait for ever."""
        until = self._clock.monotonic() + _PATIENCE_S
        rows: list[Prepared] = []
        for record in records:
            if self._clock.monotonic() > until:
                message = f"The flow's rules did not judge these records within {_PATIENCE_S:.0f} seconds; simplify its patterns."
                raise InvalidInput("checks_too_slow", message, judged=len(rows))
            rows.append(normalise_row(record, facts))
        return rows
