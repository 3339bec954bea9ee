"""Compares what came out of a case with what its file says must come out; a line for each difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.acceptance.case_files import Case
from tests.acceptance.seen import Seen


def differences(case: Case, seen: Seen) -> list[str]:
    """Only the keys that the case names are compared; ``legs`` must be complete where it is given."""
    record = seen.as_record()
    lines = [line for key, must in case.becomes.items() for line in _one(key, must, record)]
    if case.legs is None:
        return lines
    if len(case.legs) != len(seen.legs):
        words = [leg["status"] for leg in seen.legs]
        lines.append(f"legs: {len(seen.legs)} {words}, must be {len(case.legs)}")
    for index, wanted in enumerate(case.legs[: len(seen.legs)]):
        found = seen.as_leg(index)
        lines += [f"leg {index + 1} {line}" for key, must in wanted.items() for line in _one(key, must, found)]
    return lines


def _one(key: str, must: Any, found: Mapping[str, Any]) -> list[str]:
    if key not in found:
        return [f"{key}: there is no such thing to compare"]
    value = found[key]
    if key == "variables":
        return [
            f"{key}.{name}: {value.get(name)!r}, must be {want!r}"
            for name, want in must.items()
            if value.get(name) != want
        ]
    if key in {"passes", "path", "sip"}:
        return [] if _in_order(must, value) else [f"{key}: {value}, must hold in this order {must}"]
    shown = None if value is None and must in ("", "none") else value
    if shown is None and must in ("", "none"):
        return []
    return [] if value == must else [f"{key}: {value!r}, must be {must!r}"]


def _in_order(wanted: Sequence[str], found: Sequence[str]) -> bool:
    rest = iter(found)
    return all(word in rest for word in wanted)
