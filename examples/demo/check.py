"""The demo's checker: did every contact end as its behaviour demands? The only reader of the expectations."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Expectation:
    """What one contact must end as; empty words are not checked."""

    status: str
    reason: str
    call: str


def read_expectations(path: Path) -> dict[str, Expectation]:
    """By client identifier."""
    with path.open(newline="", encoding="utf-8") as file:
        return {
            row["client_identifier"]: Expectation(row["status"], row["reason"], row["call"])
            for row in csv.DictReader(file)
        }


def differences(records: Iterable[Mapping[str, Any]], expected: Mapping[str, Expectation]) -> list[str]:
    """A line for each record that is missing, unknown or not as demanded."""
    lines: list[str] = []
    seen: set[str] = set()
    for record in records:
        name = record["client_identifier"]
        seen.add(name)
        wanted = expected.get(name)
        if wanted is None:
            lines.append(f"{name}: nobody expected this record")
            continue
        for what, is_, must in (
            ("status", record["status"], wanted.status),
            ("reason", record.get("reason") or "", wanted.reason),
            ("last connection status", record.get("last_connection_status") or "", wanted.call),
        ):
            if must and is_ != must:
                lines.append(f"{name}: {what} is {is_ or 'empty'}, must be {must}")
    return lines + [f"{name}: no such record" for name in expected if name not in seen]


def waiting(expected: Mapping[str, Expectation], pending: Iterable[str]) -> int:
    """How many records are expected to be waiting still when the report is made."""
    words = set(pending)
    return sum(wanted.status in words for wanted in expected.values())
