"""A run put to sleep and woken at once, wherever it may sleep: it must go on elsewhere as it would have gone on here."""

from __future__ import annotations

from datetime import datetime, timedelta

from central.flow.events import TimerFired
from central.flow.interpreter import step
from central.flow.program import Program
from central.flow.run import Run
from central.flow.sleeping import sleeps_on, woken


def slept(program: Program, run: Run, at: datetime) -> Run:
    """The run after a sleep, or as it is where it does not wait alone; its delay is over at ``at``."""
    timer = sleeps_on(run)
    if not timer:
        return run
    assert run.wait is not None
    assert run.wait.pending == (timer,)
    assert run.leg.state in {"none", "over"}
    again = woken(Run.from_json(run.to_json()), timedelta(0), frozenset())
    assert again == run
    assert step(program, again, TimerFired(timer, at)) == step(program, run, TimerFired(timer, at))
    return again
