"""The one way of rows into the store: normalise, ask the lists once, judge, insert, count (path step 1).

Used by the JSON submission (a chunk of at most 500) and by the loading of files (chunks of thousands).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from central.application.intake.row_text import copy_text
from central.application.ports.intake import ChunkStore
from central.application.ports.world import Ids
from central.domain.ids import FlowId, RequestId
from central.domain.incoming import IncomingRecord
from central.domain.intake_checks import judge_rows, normalise_row
from central.domain.intake_facts import IntakeFacts, ListHit, Prepared, Verdict
from central.domain.moves import counts_as
from central.domain.status_rows import Bucket


@dataclass(frozen=True, slots=True)
class JudgedChunk:
    """Rows with their verdicts, ready to be stored: ``text`` is the COPY text, ``accepted`` how many become pending."""

    rows: Sequence[Prepared]
    hits: Mapping[str, ListHit]
    ids: Sequence[str]
    verdicts: Sequence[Verdict]
    text: bytes
    accepted: int


class StoreChunk:
    """The use case, in two halves, so that a file's next chunk can be judged while the store works on the one before."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids

    def normalise(self, records: Sequence[IncomingRecord], facts: IntakeFacts) -> list[Prepared]:
        """Everything that needs no list; pure and heavy, so callers with big chunks run it in a thread."""
        return [normalise_row(record, facts) for record in records]

    async def judge(
        self, store: ChunkStore, rows: Sequence[Prepared], facts: IntakeFacts, seen: set[int] | None = None
    ) -> JudgedChunk:
        """Ask the lists once and judge in a thread, as if the account had room for all.

        ``seen`` holds the first numbers loaded before, where the flow rejects repeats; it is extended.
        """
        hits = await self._hits(store, rows, facts, seen)
        judged = await asyncio.to_thread(self._judged, rows, facts, hits, None)
        if seen is not None:
            seen.update(int(v.numbers[0]) for v in judged.verdicts if v.accepted)
        return judged

    async def store(
        self,
        store: ChunkStore,
        request_id: RequestId,
        flow_id: FlowId,
        judged: JudgedChunk,
        facts: IntakeFacts,
        pending_cap: int,
    ) -> JudgedChunk:
        """Insert and count; answers the chunk as stored, judged again where the account's cap cuts it."""
        remaining = pending_cap - await store.pending()
        if judged.accepted > remaining:
            judged = self._judged(judged.rows, facts, judged.hits, remaining)
        await store.insert(request_id, flow_id, judged.text, tallies_of(judged.verdicts), facts.now)
        return judged

    def _judged(
        self, rows: Sequence[Prepared], facts: IntakeFacts, hits: Mapping[str, ListHit], remaining: int | None
    ) -> JudgedChunk:
        verdicts = judge_rows(rows, facts, hits, remaining)
        ids = self._ids.texts(len(rows))
        accepted = sum(verdict.accepted for verdict in verdicts)
        return JudgedChunk(rows, hits, ids, verdicts, copy_text(ids, rows, verdicts), accepted)

    async def _hits(
        self, store: ChunkStore, rows: Sequence[Prepared], facts: IntakeFacts, seen: set[int] | None
    ) -> Mapping[str, ListHit]:
        numbers = [number for row in rows for number in row.numbers]
        hits: dict[str, ListHit] = {}
        if not numbers:
            return hits
        for number, name, entry in await store.hits(numbers, facts.registers, facts.now):
            hits[number] = _with(hits.get(number, ListHit()), name, entry)
        for name, prefix in await store.prefixes(facts.now):
            for number in numbers:
                if number.startswith(prefix):
                    hits[number] = _with(hits.get(number, ListHit()), name, f"{prefix}*")
        if seen:
            for number in numbers:
                if int(number) in seen:
                    hits[number] = hits.get(number, ListHit())._replace(loaded=True)
        return hits


def _with(hit: ListHit, name: str, entry: str) -> ListHit:
    match name:
        case "blacklist":
            return hit._replace(blacklisted=entry)
        case "whitelist":
            return hit._replace(whitelisted=entry)
        case "dnd":
            return hit._replace(dnd=entry)
        case _:
            return hit


def tallies_of(verdicts: Sequence[Verdict]) -> list[dict[str, object]]:
    """The counts that a chunk adds to its request (domain 7.5)."""
    statuses = Counter(v.status for v in verdicts)
    rows: list[dict[str, object]] = [
        {"counter": f"status:{status}", "n": n, "pending": counts_as(status) is Bucket.PENDING}
        for status, n in statuses.items()
    ]
    reasons = Counter(v.reason for v in verdicts if not v.accepted)
    rows.extend({"counter": f"reason:{reason}", "n": n, "pending": False} for reason, n in reasons.items())
    if added := sum(v.accepted for v in verdicts):
        rows.append({"counter": "added", "n": added, "pending": False})
    return rows
