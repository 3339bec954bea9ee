"""The bars of the benchmark, asked of its summaries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.benchmarks.pacing.decision_cost import Cost
from tests.benchmarks.pacing.hindsight import CAP, CELLS, Cell, best
from tests.benchmarks.pacing.plan import Group, Summary

OCCUPANCY: Mapping[Cell, float] = {(25, 0.2): 0.85, (5, 0.2): 0.65}
SHORT_RUNS = 0.99
BEHIND = 0.01
AHEAD = 0.05
PLENTY = 0.75
COST_MS: Mapping[int, float] = {100: 1.0, 500: 5.0}


@dataclass(frozen=True, slots=True)
class Bar:
    """One promise, and whether it is kept. found: the figures."""

    what: str
    met: bool
    found: str


def bars(groups: Mapping[Group, Summary], costs: Sequence[Cost]) -> Iterator[Bar]:
    """All of them, in the order of the issue."""
    for cell, least in OCCUPANCY.items():
        yield _long(groups, cell, least)
        yield _short(groups, cell, least)
    yield _hindsight(groups)
    yield _default(groups)
    for cost in costs:
        limit = COST_MS[cost.agents]
        yield Bar(
            f"a decision at {cost.agents} agents <= {limit:g} ms",
            cost.p99_ms <= limit,
            f"p99 {cost.p99_ms:.3f} ms, median {cost.median_ms:.3f} ms, {cost.calls:g} calls ringing",
        )


def _long(groups: Mapping[Group, Summary], cell: Cell, least: float) -> Bar:
    found = groups[Group("look_ahead", "steady", cell, 8.0)]
    return Bar(
        f"{_name(cell)}, 8 h: occupancy >= {least:.0%}, every run <= {CAP:.1%} abandoned",
        found.occupancy >= least and not found.over,
        _figures(found),
    )


def _short(groups: Mapping[Group, Summary], cell: Cell, least: float) -> Bar:
    found = groups[Group("look_ahead", "steady", cell, 2.0)]
    return Bar(
        f"{_name(cell)}, 2 h: occupancy >= {least:.0%}, {SHORT_RUNS:.0%} of the runs <= {CAP:.1%} abandoned",
        found.occupancy >= least and found.over <= found.runs * (1 - SHORT_RUNS),
        _figures(found),
    )


def _hindsight(groups: Mapping[Group, Summary]) -> Bar:
    """Against the table in steady 8 h runs, and against the same settings on the same seeds elsewhere, where they keep the cap."""
    distance: dict[str, float] = {}
    for group, ours in groups.items():
        if group.name != "look_ahead" or group.cap != CAP:
            continue
        theirs = groups[Group("peer_hindsight", group.kind, group.cell, group.hours)]
        known = best(group.cell)
        if known is not None and theirs.share <= CAP:
            distance[_full(group)] = ours.occupancy - theirs.occupancy
        if known is not None and group.kind == "steady" and group.hours == 8.0:
            distance[f"{_full(group)} (table)"] = ours.occupancy - known[1]
    worst = min(distance, key=lambda one: distance[one])
    none = sum(best(cell) is None for cell in CELLS)
    return Bar(
        "never more than 1 point below the peer's best settings in hindsight",
        distance[worst] >= -BEHIND,
        f"least {distance[worst] * 100:+.1f} points at {worst}; {len(distance)} comparisons; {none} cells in which no setting keeps the cap",
    )


def _default(groups: Mapping[Group, Summary]) -> Bar:
    distance = {
        _full(group): ours.occupancy - groups[Group("peer_default", group.kind, group.cell, group.hours)].occupancy
        for group, ours in groups.items()
        if group.name == "look_ahead"
        and group.cap == CAP
        and groups[Group("progressive", group.kind, group.cell, group.hours)].occupancy < PLENTY
    }
    what = "at least 5 points above the peer's defaults wherever progressive is below 75 %"
    if not distance:
        return Bar(what, met=True, found="progressive is nowhere below 75 %")
    worst = min(distance, key=lambda one: distance[one])
    return Bar(
        what,
        distance[worst] >= AHEAD,
        f"least {distance[worst] * 100:+.1f} points at {worst}; {len(distance)} comparisons",
    )


def _name(cell: Cell) -> str:
    return f"{cell[0]} agents, {cell[1]:g}"


def _full(group: Group) -> str:
    return f"{_name(group.cell)}, {group.hours:g} h, {group.kind}"


def _figures(found: Summary) -> str:
    return (
        f"occupancy {found.occupancy:.1%} (least {found.worst_occupancy:.1%}), abandoned {found.share:.2%} "
        f"(worst {found.worst_share:.2%}), {found.over} of {found.runs} runs above"
    )
