"""Runs that sleep: a Delay without a leg is kept in the store, not in a process (path step 4, domain 5.3 no. 5). Pure.

Awake, a run is in the memory of one voice node. Asleep, it is a row and a due time, and any node may wake it; what it has
counted and noted, its visits and its time limit go on as if nothing had happened.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from central.flow.path import LIMIT_DURATION
from central.flow.run import Delaying, Run

SLEEP_FROM: Final = timedelta(seconds=5)
"""The shortest delay that is slept through. To sleep costs two transactions and a turn of dispatch (some tenths of a second,
which a shorter delay would show), and frees a place that a shorter delay would hardly have used."""

_WITH_A_LEG: Final = frozenset({"offered", "dialing", "up"})


def sleeps_on(run: Run) -> int:
    """The timer for which alone the run waits: that of a Delay on the main path while no leg is up; 0 = it waits otherwise.

    A caller's run stays awake: its record came in with the call, and no claim could hand it to another node. So does one that went
    on in another flow: a claim brings the record's own along.
    """
    wait = run.wait
    if not isinstance(wait, Delaying) or wait.playback or run.phase != "main":
        return 0
    return 0 if run.facts.inbound or run.place is not None or run.leg.state in _WITH_A_LEG else wait.timer


def woken(run: Run, late: timedelta, struck: frozenset[int]) -> Run:
    """The run as it goes on. ``struck`` positions must not be dialled any more.

    ``late``: how much longer than its delay it slept, because of calling hours, a pause, or want of a free place. That time
    is not the flow's, so the limit of an execution moves by it.
    """
    begun_at = run.begun_at + max(late, timedelta(0)) if run.begun_at is not None else None
    return replace(run, facts=replace(run.facts, struck=run.facts.struck | struck), begun_at=begun_at)


def time_left(run: Run, at: datetime) -> timedelta:
    """What is left of the time limit of the execution; never negative."""
    if run.begun_at is None:
        return LIMIT_DURATION
    return max(LIMIT_DURATION - (at - run.begun_at), timedelta(0))
