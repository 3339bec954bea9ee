"""The one way of rows to verdicts, and to the text that stores them (path step 1); heavy, and without any I/O.

Used by the JSON submission (a chunk of at most 500, in a thread) and by the judges of files (chunks of thousands, in
processes of their own).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from central.application.intake.row_text import copy_text
from central.application.ports.intake import JudgedChunk, ListFindings
from central.domain.intake_checks import judge_rows
from central.domain.intake_facts import IntakeFacts, ListHit, Prepared, Verdict
from central.domain.moves import counts_as
from central.domain.status_rows import Bucket


@dataclass(frozen=True, slots=True)
class JudgedRows:
    """A chunk ready to be stored, and what became of each of its rows."""

    chunk: JudgedChunk
    verdicts: Sequence[Verdict]


def numbers_of(rows: Sequence[Prepared]) -> list[str]:
    """The numbers that the lists are to be asked about."""
    return [number for row in rows for number in row.numbers]


def judge_chunk(
    rows: Sequence[Prepared],
    ids: Sequence[str],
    facts: IntakeFacts,
    findings: ListFindings,
    remaining: int | None = None,
) -> JudgedRows:
    """Judge normalised rows that will have these ids; ``remaining`` is the account's room for pending records (None: for all)."""
    verdicts = judge_rows(rows, facts, _hits(rows, findings), remaining)
    firsts = [int(v.numbers[0]) for v in verdicts if v.due_at is not None] if facts.reject_duplicates else ()
    accepted = sum(verdict.due_at is not None for verdict in verdicts)
    text = copy_text(ids, rows, verdicts)
    return JudgedRows(JudgedChunk(len(rows), accepted, text, _tallies(verdicts, accepted), firsts), verdicts)


def _hits(rows: Sequence[Prepared], findings: ListFindings) -> Mapping[str, ListHit]:
    hits: dict[str, ListHit] = {}
    for number, name, entry in findings.entries:
        hits[number] = _with(hits.get(number, ListHit()), name, entry)
    for name, prefix in findings.prefixes:
        for number in numbers_of(rows):
            if number.startswith(prefix):
                hits[number] = _with(hits.get(number, ListHit()), name, f"{prefix}*")
    for number in findings.loaded:
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


def _tallies(verdicts: Sequence[Verdict], accepted: int) -> list[dict[str, object]]:
    """The counts that a chunk adds to its request (domain 7.5)."""
    statuses = Counter(v.status for v in verdicts)
    rows: list[dict[str, object]] = [
        {"counter": f"status:{status}", "n": n, "pending": counts_as(status) is Bucket.PENDING}
        for status, n in statuses.items()
    ]
    reasons = Counter(v.reason for v in verdicts if not v.accepted)
    rows.extend({"counter": f"reason:{reason}", "n": n, "pending": False} for reason, n in reasons.items())
    if accepted:
        rows.append({"counter": "added", "n": accepted, "pending": False})
    return rows
