"""Which runs the benchmark plays, and what they come to, group by group."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any, Literal

from tests.benchmarks.pacing.contact_centre import Outcome, Policy, Run, Shift
from tests.benchmarks.pacing.hindsight import CAP, CELLS, SIZES, Cell, best, default_brake
from tests.benchmarks.pacing.policies import LookAhead, Peer, PeerSettings, Progressive

Name = Literal["progressive", "peer_default", "peer_hindsight", "look_ahead"]
Kind = Literal["steady", "drift", "coming and going"]
NAMES: Sequence[Name] = ("progressive", "peer_default", "peer_hindsight", "look_ahead")
BARRED: Sequence[Cell] = ((25, 0.2), (5, 0.2))
MANY, FEW = 50, 5
FRONTIER_SIZES = (5, 25, 100)
FRONTIER_CAPS = (0.005, 0.01, 0.02, 0.03, 0.04, 0.05)


@dataclass(frozen=True, slots=True)
class Task:
    """One run of one policy. cap: what ours is told to keep."""

    name: Name
    shift: Shift
    cap: float = CAP


@dataclass(frozen=True, slots=True)
class Group:
    """Runs that differ by their seeds only."""

    name: Name
    kind: Kind
    cell: Cell
    hours: float
    cap: float = CAP


@dataclass(frozen=True, slots=True)
class Summary:
    """What a group came to. over: runs that ended above the cap. ever: runs above it at any moment after 200 answers."""

    runs: int
    occupancy: float
    worst_occupancy: float
    share: float
    worst_share: float
    over: int
    ever: int

    def as_json(self) -> dict[str, Any]:
        return {key: round(value, 5) for key, value in asdict(self).items()}


def tasks(many: int = MANY, few: int = FEW) -> list[Task]:
    """All runs of the default benchmark, the long ones first so that no core waits at the end."""
    found: list[Task] = []
    for cell in CELLS:
        for hours in (2.0, 8.0):
            for seed in range(1, 1 + (many if cell in BARRED else few)):
                found += _each(Shift(*cell, hours, seed))
    for size in SIZES:
        for hours in (2.0, 8.0):
            for seed in range(1, 1 + few):
                found += _each(Shift(size, 0.2, hours, seed, drift=True))
                found += _each(Shift(size, 0.2, hours, seed, coming=True))
    found += [
        Task("look_ahead", Shift(size, 0.2, 8.0, 1), cap)
        for size in FRONTIER_SIZES
        for cap in FRONTIER_CAPS
        if cap != CAP
    ]
    return sorted(
        found, key=lambda one: -one.shift.hours * (one.shift.agents + 10) * (1 + 9 * (one.name == "look_ahead"))
    )


def play(task: Task) -> tuple[Task, Outcome]:
    """Play one."""
    return task, Run(task.shift, policy_of(task)).play()


def policy_of(task: Task) -> Policy:
    """The policy as the task wants it; without any compliant setting in hindsight the peer is careful."""
    cell = (task.shift.agents, task.shift.rate)
    match task.name:
        case "progressive":
            return Progressive()
        case "peer_default":
            return Peer(PeerSettings(default_brake(cell)))
        case "peer_hindsight":
            found = best(cell)
            return Peer(found[0] if found else PeerSettings(available_only=True))
        case "look_ahead":
            return LookAhead(task.cap)


def summaries(played: Iterable[tuple[Task, Outcome]]) -> Mapping[Group, Summary]:
    """Runs by group."""
    groups: dict[Group, list[Outcome]] = {}
    for task, outcome in played:
        shift = task.shift
        kind: Kind = "drift" if shift.drift else "coming and going" if shift.coming else "steady"
        groups.setdefault(Group(task.name, kind, (shift.agents, shift.rate), shift.hours, task.cap), []).append(outcome)
    return {key: _summary(key, runs) for key, runs in groups.items()}


def _each(shift: Shift) -> list[Task]:
    return [Task(name, shift) for name in NAMES]


def _summary(group: Group, runs: Sequence[Outcome]) -> Summary:
    return Summary(
        runs=len(runs),
        occupancy=fmean(one.occupancy for one in runs),
        worst_occupancy=min(one.occupancy for one in runs),
        share=fmean(one.share for one in runs),
        worst_share=max(one.share for one in runs),
        over=sum(one.share > group.cap for one in runs),
        ever=sum(one.worst_share > group.cap for one in runs),
    )
