"""How many steps of the interpreter one core does in a second: the flows of ``examples/``, as their test cases play them.

One step is one event that changes the state of a run: a key, the end of a playback, an answer, a timer. What a widget does
that the examples do not use comes from its own cases, so that Menu, Decision and Operation are always among them.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from central.bootstrap.collector import calm_collector
from central.flow import rehearsal
from central.flow.commands import Command
from central.flow.document import parse
from central.flow.events import FlowEvent
from central.flow.flow_cases import parse_cases, play_case
from central.flow.interpreter import step
from central.flow.program import Program
from central.flow.run import Run
from tests.benchmarks.figure import Progress, Size, Spec

EXAMPLES = Path("examples")
WIDGETS = Path("tests/cases/flows")
ALWAYS = ("menu", "decision", "operation")


@dataclass(slots=True)
class Script:
    """One case: where its run begins, and the events that change it, in order."""

    program: Program
    first: Run
    events: list[FlowEvent] = field(default_factory=list[FlowEvent])


def measure(size: Size, progress: Progress) -> tuple[float, dict[str, Any]]:
    """The median of the runs, in steps a second; ``raw`` names the flows."""
    files = list(_files())
    scripts = [script for file in files for script in _scripts(file)]
    events = sum(len(script.events) for script in scripts)
    progress(f"{len(files)} flows, {len(scripts)} cases, {events} steps a round")
    calm_collector()
    rounds = max(1, size.of(200_000, 40_000) // events)
    rates: list[float] = []
    for _ in range(size.runs):
        gc.collect()
        begun = time.process_time()
        for _ in range(rounds):
            _play(scripts)
        rates.append(events * rounds / (time.process_time() - begun))
        progress(f"{rates[-1]:,.0f} steps/s")
    raw = {"flows": [file.name for file in files], "cases": len(scripts), "steps": events * rounds, "rates": rates}
    return statistics.median(rates), raw


def _play(scripts: list[Script]) -> None:
    for script in scripts:
        program, run = script.program, script.first
        for event in script.events:
            run, _ = step(program, run, event)


def _files() -> Iterator[Path]:
    used: set[str] = set()
    for file in sorted(EXAMPLES.glob("*.cases.yaml")):
        flow = parse((EXAMPLES / parse_cases(file.read_bytes()).flow).read_bytes())
        used.update(one.widget for one in flow.steps.values())
        yield file
    for widget in ALWAYS:
        if widget not in used:
            yield WIDGETS / f"{widget}.cases.yaml"


def _scripts(file: Path) -> Iterator[Script]:
    """What each case feeds to the interpreter."""
    cases = parse_cases(file.read_bytes())
    flow = parse((file.parent / cases.flow).read_bytes())
    for case in cases.cases:
        found: list[Script] = []

        def watched(
            program: Program, run: Run, event: FlowEvent, found: list[Script] = found
        ) -> tuple[Run, tuple[Command, ...]]:
            if not found:
                found.append(Script(program, run))
            after, commands = step(program, run, event)
            if after is not run:
                found[0].events.append(event)
            return after, commands

        with patch.object(rehearsal, "step", watched):
            played = play_case(flow, case)
        if played.wrong:
            raise RuntimeError(f"{file}: {case.name}: {played.wrong}")
        yield from found


SPEC = Spec("interpreter_steps", "interpreter steps/s on one core, flows of examples/", 50_000, "higher", measure)
