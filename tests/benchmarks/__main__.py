"""``python -m tests.benchmarks [--only id,id] [--quick]``: measure, print a table, write ``build/bench.json``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks import (
    calls_vs_bare_ari,
    dispatch_vs_bare,
    dispatch_vs_procrastinate,
    email_vs_libraries,
    intake_memory,
    intake_vs_copy,
    interpreter_steps,
    late_transitions,
    list_scaling,
    queue_assignment,
    receipts_vs_bare,
    slow_webhook,
    sms_vs_jasmin,
    sms_vs_kannel,
    status_latency,
    submit_vs_smpplib,
    voice_memory,
    waiting_memory,
)
from tests.benchmarks.figure import Figure, Size, Spec

SPECS: tuple[Spec, ...] = (
    intake_vs_copy.SPEC,
    intake_memory.SPEC,
    dispatch_vs_bare.SPEC,
    dispatch_vs_procrastinate.SPEC,
    calls_vs_bare_ari.SPEC,
    voice_memory.SPEC,
    status_latency.SPEC,
    list_scaling.SPEC,
    interpreter_steps.SPEC,
    slow_webhook.SPEC,
    late_transitions.SPEC,
    email_vs_libraries.SPEC,
    submit_vs_smpplib.SPEC,
    sms_vs_jasmin.SPEC,
    sms_vs_kannel.SPEC,
    receipts_vs_bare.SPEC,
    waiting_memory.SPEC,
    queue_assignment.SPEC,
)
RESULT = Path("build/bench.json")


def main() -> int:
    """Measure what was asked for; 0 when every figure could be measured, whether or not it reaches its bar."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "--only", default="", metavar="ID,ID", help="figures to measure; the others keep their last value"
    )
    parser.add_argument("--quick", action="store_true", help="small sizes, to try it out; the JSON says so")
    asked = parser.parse_args()
    wanted = [word for word in asked.only.split(",") if word] or [spec.id for spec in SPECS]
    unknown = sorted(set(wanted) - {spec.id for spec in SPECS})
    if unknown:
        parser.error(f"there is no figure {', '.join(unknown)}; known: {', '.join(spec.id for spec in SPECS)}")
    console = Console(stderr=True)
    figures = [_measure(spec, Size(asked.quick), console) for spec in SPECS if spec.id in wanted]
    _print(figures)
    _write(figures, quick=asked.quick)
    return 1 if any(figure.error for figure in figures) else 0


def _measure(spec: Spec, size: Size, console: Console) -> Figure:
    begun = time.monotonic()
    console.print(f"[bold]{spec.id}[/bold] {spec.what}")
    try:
        value, raw = spec.measure(size, lambda line: console.print(f"  {line}", style="dim"))
    except Exception as error:  # noqa: BLE001 - one figure that fails must not lose the others
        console.print_exception()
        return Figure(spec, None, error=f"{type(error).__name__}: {error}")
    raw |= {"seconds": round(time.monotonic() - begun, 1)} | ({"quick": True} if size.quick else {})
    return Figure(spec, round(value, 4), raw)


def _print(figures: list[Figure]) -> None:
    table = Table("figure", "value", "bar", "", "what")
    for figure in figures:
        sign = ">=" if figure.spec.better == "higher" else "<="
        value = figure.error if figure.value is None else f"{figure.value:g}"
        mark = "[green]met[/green]" if figure.met else "[red]missed[/red]"
        table.add_row(figure.spec.id, value, f"{sign} {figure.spec.bar:g}", mark, figure.spec.what)
    Console().print(table)


def _write(figures: list[Figure], *, quick: bool) -> None:
    """The result file; figures that were not measured now keep what an earlier run of the same size wrote."""
    fresh = {figure.spec.id: figure.as_json() for figure in figures}
    if RESULT.exists():
        before = json.loads(RESULT.read_text("utf-8"))
        if before.get("quick", False) == quick:
            fresh = {found["id"]: found for found in before["figures"]} | fresh
    ordered = [fresh[spec.id] for spec in SPECS if spec.id in fresh]
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()}
    RESULT.parent.mkdir(exist_ok=True)
    body = {"quick": quick, "machine": machine, "figures": ordered}
    RESULT.write_text(json.dumps(body, indent=2, default=str) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
