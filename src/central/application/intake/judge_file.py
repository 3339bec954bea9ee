"""Reading and judging of an uploaded file, chunk by chunk: the heavy half of loading, done in judge processes (path step 1).

N judges share a file. Each reads all of it, because the rows of a text cannot be found without reading, but makes records
only of its own chunks. So no row travels between processes: only numbers to ask about, findings, and text for the store.
"""

from __future__ import annotations

from collections.abc import Sequence

from central.application.intake.gather_facts import intake_facts
from central.application.intake.judge_chunk import judge_chunk, numbers_of
from central.application.ports.intake import FileBrief, JudgedChunk, ListFindings
from central.application.ports.world import Ids
from central.domain.incoming import IncomingRecord
from central.domain.intake_checks import normalise_row, rejected
from central.domain.intake_facts import Prepared
from central.flow.prepared import prepare_flow

DEADLINE_HOURS = 24  # domain 7.2: what is still unchecked then becomes REJECTED


class JudgeFile:
    """One of ``turns`` judges of a file: what a ``ListJudge`` promises, without the waiting."""

    def __init__(self, brief: FileBrief, turn: int, turns: int, ids: Ids) -> None:
        grounds = brief.grounds
        prepared = prepare_flow(
            grounds.version_id, grounds.account_id, grounds.flow_id, grounds.number, grounds.document
        )
        self._facts, self._overdue, self._ids = intake_facts(prepared, grounds), brief.overdue, ids
        self._batches = brief.file.rows(brief.rows_done, brief.chunk_rows, turn, turns)
        self._turns = turns
        self._held: dict[int, list[Prepared]] = {}

    def read(self, chunk: int) -> Sequence[str] | None:
        """The numbers of the chunk that the lists are to be asked about; None behind the end of the file."""
        batch = next(self._batches, None)
        if batch is None:
            return None
        rows = [self._prepared(record) for record in batch]
        before = chunk - self._turns  # kept, because the account's cap may still cut it
        self._held = {held: kept for held, kept in self._held.items() if held == before} | {chunk: rows}
        return numbers_of(rows)

    def judge(self, chunk: int, instant: int, findings: ListFindings, remaining: int | None = None) -> JudgedChunk:
        """Judge one of the two chunks that were read last."""
        rows = self._held[chunk]
        return judge_chunk(rows, self._ids.texts(len(rows), instant), self._facts, findings, remaining).chunk

    def _prepared(self, record: IncomingRecord) -> Prepared:
        if self._overdue:
            sentence = f"The record was still unchecked {DEADLINE_HOURS} hours after its request was made."
            return Prepared(record, rejected(record.row, "intake_deadline", sentence=sentence))
        return normalise_row(record, self._facts)
