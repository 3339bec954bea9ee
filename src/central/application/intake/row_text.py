"""A judged row as a line of COPY text (PostgreSQL manual, COPY, text format): the fastest way of a million rows to the store.

Columns: id, row_number, priority, due_at, expires_at, status, reason, client_identifier, time_zone, numbers, variables, data.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from central.domain.incoming import MAX_IDENTIFIER_CHARS
from central.domain.intake_checks import FIELD_FAULTS
from central.domain.intake_facts import Check, Prepared, Verdict

_NULL: Final = "\\N"
_encode = msgspec.json.Encoder().encode
_SPECIAL = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def copy_text(ids: Sequence[str], rows: Sequence[Prepared], verdicts: Sequence[Verdict]) -> bytes:
    """One line a row. Accepted rows keep what intake changed; rejected ones also what was written and what decided."""
    times: dict[object, str] = {None: _NULL}
    lines: list[str] = []
    for id_, row, verdict in zip(ids, rows, verdicts, strict=True):
        record = row.record
        due = times.get(verdict.due_at) or times.setdefault(verdict.due_at, str(verdict.due_at))
        expires = times.get(verdict.expires_at) or times.setdefault(verdict.expires_at, str(verdict.expires_at))
        accepted = verdict.due_at is not None
        # a row that is no record (NUL, half a surrogate, megabytes) keeps no values, for the text itself is the fault; only the
        # number and the client identifier, where they are not, so that people find the row
        sound = verdict.rule is not Check.RECORD_SHAPE or verdict.value in FIELD_FAULTS
        variables = _json(record.variables) if sound and record.variables else "{}"
        client = _text(record.client_identifier) if sound or _harmless(record.client_identifier) else _NULL
        zone = record.time_zone if accepted and record.time_zone else _NULL
        reason = _NULL if accepted else verdict.reason
        lines.append(
            f"{id_}\t{record.row}\t{row.priority or 0}\t{due}\t{expires}\t{verdict.status}\t{reason}\t{client}\t{zone}\t"
            f"{{{','.join(verdict.numbers)}}}\t{variables}\t{_data(row, verdict, accepted=accepted, sound=sound)}\n"
        )
    return "".join(lines).encode()


def _data(row: Prepared, verdict: Verdict, *, accepted: bool, sound: bool) -> str:
    """What the first event says; nothing for a plain row, whose checks can be rebuilt from the versions of its request."""
    if accepted and not verdict.dropped and not verdict.warnings and verdict.start is None:
        return _NULL
    data: dict[str, object] = {}
    if not accepted:
        data = {"check": verdict.rule, "sentence": verdict.sentence}
        data |= {"value": verdict.value} if verdict.value else {}
        data |= {"list_version": verdict.list_version} if verdict.list_version else {}
        numbers = [n[:64] for n in row.record.numbers[:10] if sound or _harmless(n)]
        if not sound and numbers:
            data["row"] = {"numbers": numbers}
        if sound:
            written: dict[str, object] = {
                "numbers": numbers,
                "start_time": row.record.start_time[:64],
            }
            if row.record.time_zone:
                written["time_zone"] = row.record.time_zone[:64]
            data["row"] = written
    elif row.record.start_time:
        data["start_time"] = row.record.start_time[:64]
    if verdict.dropped:
        data["dropped"] = [
            {
                "position": d.position,
                "number": d.number[:64],
                "status": d.status,
                "reason": d.reason,
                "sentence": d.sentence,
            }
            for d in verdict.dropped
        ]
    if verdict.warnings:
        data["warnings"] = list(verdict.warnings)
    return _json(data) if data else _NULL


def _harmless(text: str) -> bool:
    """Whether a text of a faulty row can be kept; NUL and half surrogates are not printable."""
    return text.isprintable() and len(text) <= MAX_IDENTIFIER_CHARS


def _json(value: object) -> str:
    text = _encode(value).decode()
    return text.replace("\\", "\\\\") if "\\" in text else text


def _text(value: str) -> str:
    if not value:
        return _NULL
    plain = value.isprintable() and "\\" not in value  # tabs and line ends do not count as printable
    return value if plain else value.translate(_SPECIAL)
