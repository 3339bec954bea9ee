"""The status atlas: which cases reached which status by a real path (``build/status-atlas.json``), with an example each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.acceptance.case_files import Case
from tests.acceptance.seen import Seen

BUILD = Path(__file__).resolve().parents[2] / "build"
ATLAS = BUILD / "status-atlas.json"
EXAMPLES = BUILD / "status-examples.json"
FAMILIES = ("flow", "call", "sms", "email", "agent")

NOT_YET: Mapping[str, str] = {
    "MASK_ALLOCATED": "masking comes later",
    "MASK_NOT_AVAILABLE": "masking comes later",
    "INVALID_VALIDITY": "masking comes later",
    "REQUIRE_MASKED_NUMBER": "masking comes later",
}
"""Flow statuses that intake and a one-leg voice flow cannot produce. SMS, e-mail and agent families come with their features."""


def make_atlas(
    catalogue: Mapping[str, Any], passed: Iterable[tuple[Case, Seen]]
) -> tuple[dict[str, dict[str, list[str]]], dict[str, dict[str, Any]]]:
    """Case ids by family and status, and for each status the explanation of one case (the shortest), as JSON values."""
    atlas: dict[str, dict[str, list[str]]] = {
        family: {str(row["name"]): [] for row in catalogue[family]} for family in FAMILIES
    }
    examples: dict[str, dict[str, Any]] = {family: {} for family in FAMILIES}
    for case, seen in passed:
        reached = {("flow", status) for status in seen.statuses}
        reached |= {("call", str(leg["status"])) for leg in seen.legs if leg["status"] is not None}
        for family, status in reached:
            atlas[family][status].append(case.id)
            known = examples[family].get(status)
            better = known is None or _weight(seen, status) < known["weight"]
            if better:
                examples[family][status] = {
                    "case": case.id, "weight": _weight(seen, status), "explanation": seen.explanation
                }  # fmt: skip
    for words in atlas.values():
        for cases in words.values():
            cases.sort()
    return atlas, examples


def _weight(seen: Seen, status: str) -> int:
    """Records that end with the status explain it best, with one call rather than several; short stories before long ones."""
    other_end = 0 if status in {seen.detail["status"], seen.detail["last_connection_status"]} else 1_000
    return len(seen.explanation["timeline"]) + 300 * max(0, len(seen.legs) - 1) + other_end


def write(atlas: Mapping[str, Any], examples: Mapping[str, Any]) -> None:
    """Write both files."""
    BUILD.mkdir(exist_ok=True)
    ATLAS.write_text(json.dumps(atlas, indent=1, ensure_ascii=False) + "\n")
    EXAMPLES.write_text(json.dumps(examples, indent=1, ensure_ascii=False) + "\n")


def add_messages(family: str, names: Iterable[str], seen: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Put the messages of a suite, by case, into both files; answers the statuses of the family that none reached."""
    atlas, examples = _read(ATLAS), _read(EXAMPLES)
    found: dict[str, list[str]] = {name: [] for name in names}
    told: dict[str, dict[str, Any]] = {}
    for case, message in sorted(seen.items()):
        history = message.get("history", [])
        reached = {str(message["status"]), *(str(line["to"]) for line in history if line["to"])}
        for status in reached:
            found[status].append(case)
            ends = status == message["status"]
            timeline = [
                {"at": line["at"], "kind": line["kind"], "title": line["sentence"], "sentence": ""} for line in history
            ]
            if timeline and (status not in told or (ends and not told[status]["weight"])):
                told[status] = {"case": case, "weight": int(ends), "explanation": {"timeline": timeline}}
    write(atlas | {family: found}, examples | {family: told})
    return [name for name, cases in found.items() if not cases]


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return found


def missing(atlas: Mapping[str, Mapping[str, list[str]]]) -> list[str]:
    """Flow statuses that this release can produce, and connection statuses, that no case reached."""
    flow = [f"flow {name}" for name, cases in atlas["flow"].items() if not cases and name not in NOT_YET]
    return flow + [f"call {name}" for name, cases in atlas["call"].items() if not cases]
