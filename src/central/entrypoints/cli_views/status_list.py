"""The catalogue as a list for programs: every status with number, class, final, and the cases that reached it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib import resources

from central.domain.statuses import AGENT, CALL, EMAIL, FLOW, SMS

Cases = Mapping[str, Mapping[str, Sequence[str]]]


def read_atlas() -> Cases:
    """The acceptance cases by family and status, as the last release saw them (``domain/status_cases.json``)."""
    text = resources.files("central.domain").joinpath("status_cases.json").read_text(encoding="utf-8")
    found: Cases = json.loads(text)
    return found


def status_list(cases: Cases) -> list[dict[str, object]]:
    """One object a status: family, name, number (flow), code (call), class, final, meaning, cases."""
    rows: list[dict[str, object]] = [
        {
            "family": "flow", "name": name, "number": row.number, "class": row.record_class, "final": row.final,
            "counts_as": row.counts_as, "meaning": row.meaning,
        }
        for name, row in sorted(FLOW.items(), key=lambda item: item[1].number)
    ]  # fmt: skip
    rows.extend(
        {"family": "call", "name": name, "code": row.canonical, "final": True, "meaning": row.meaning}
        for name, row in CALL.items()
    )
    for family, catalogue in (("sms", SMS), ("email", EMAIL), ("agent", AGENT)):
        rows.extend(
            {"family": family, "name": name, "final": bool(getattr(row, "final", False)), "meaning": row.meaning}
            for name, row in catalogue.items()
        )
    return [row | {"cases": list(cases.get(str(row["family"]), {}).get(str(row["name"]), ()))} for row in rows]
