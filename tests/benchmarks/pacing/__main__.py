"""``make bench-pacing``: play the shifts, print a table and the bars, write ``build/pacing.json`` and the picture of the docs."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.table import Table

from tests.benchmarks.pacing import hindsight, plan
from tests.benchmarks.pacing.bars import COST_MS, Bar, bars
from tests.benchmarks.pacing.decision_cost import Cost, measure
from tests.benchmarks.pacing.picture import draw
from tests.benchmarks.pacing.plan import NAMES, Group, Summary

RESULT = Path("build/pacing.json")
PICTURE = Path("docs/pictures/pacing.svg")
HEADS = ("progressive", "peer, defaults", "peer, hindsight", "ours", "ours: least", "ours: worst abandoned")
In = TypeVar("In")
Out = TypeVar("Out")


def main() -> int:
    """0 when all could be measured, whether or not the bars are reached."""
    parser = argparse.ArgumentParser(prog="make bench-pacing", description=__doc__)
    parser.add_argument(
        "--full", action="store_true", help="first play the peer's whole grid anew; a stopped run goes on"
    )
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="processes; one a core by default"
    )
    parser.add_argument(
        "--quick", action="store_true", help="two seeds everywhere, to try it out; no picture is written"
    )
    asked = parser.parse_args()
    console = Console(stderr=True)
    begun = time.monotonic()
    if asked.full:
        hindsight.recompute(lambda tasks: _spread(hindsight.play, tasks, asked.jobs, console, "the peer's grid"))
    if missing := hindsight.missing():
        console.print(f"[red]hindsight.csv lacks {len(missing)} settings; FULL=1 plays them")
    tasks = plan.tasks(2, 2) if asked.quick else plan.tasks()
    groups = plan.summaries(_spread(plan.play, tasks, asked.jobs, console, "shifts"))
    costs = [measure(agents) for agents in COST_MS]
    judged = list(bars(groups, costs))
    _print(groups, judged)
    _write(groups, costs, judged, time.monotonic() - begun)
    if not asked.quick:
        PICTURE.write_text(draw(groups), "utf-8")
    return 0


def _spread(work: Callable[[In], Out], tasks: Sequence[In], jobs: int, console: Console, what: str) -> Iterator[Out]:
    """Play all on so many processes; the order does not matter to any of them."""
    step = max(1, len(tasks) // 20)
    with get_context("spawn").Pool(jobs) as pool:
        for done, found in enumerate(pool.imap_unordered(work, tasks), 1):
            yield found
            if done % step == 0:
                console.print(f"  {what}: {done} of {len(tasks)}", style="dim")


def _print(groups: Mapping[Group, Summary], judged: Iterable[Bar]) -> None:
    console = Console()
    for kind in ("steady", "drift", "coming and going"):
        for hours in (8.0, 2.0):
            table = Table("agents", "rate", *HEADS, title=f"{kind}, {hours:g} h: occupancy / abandoned of live answers")
            cells = sorted({one.cell for one in groups if one.kind == kind and one.hours == hours})
            for cell in cells:
                found = [groups[Group(name, kind, cell, hours)] for name in NAMES]
                pairs = [f"{one.occupancy:.1%} / {one.share:.2%}" for one in found]
                if hindsight.best(cell) is None:
                    pairs[2] = "none keeps the cap"
                ours = found[3]
                ever = f"{ours.worst_share:.2%}, {ours.over} of {ours.runs} above"
                table.add_row(str(cell[0]), f"{cell[1]:g}", *pairs, f"{ours.worst_occupancy:.1%}", ever)
            console.print(table)
    table = Table("bar", "", "found")
    for bar in judged:
        table.add_row(bar.what, "[green]met[/green]" if bar.met else "[red]missed[/red]", bar.found)
    console.print(table)


def _write(groups: Mapping[Group, Summary], costs: Sequence[Cost], judged: Sequence[Bar], seconds: float) -> None:
    RESULT.parent.mkdir(exist_ok=True)
    body = {
        "seconds": round(seconds),
        "bars": [asdict(one) for one in judged],
        "costs": [asdict(one) for one in costs],
        "groups": [asdict(group) | found.as_json() for group, found in groups.items()],
    }
    RESULT.write_text(json.dumps(body, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
