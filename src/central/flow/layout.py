"""Where the boxes of a drawn flow stand: columns from left to right by the longest way from an entry point. Pure.

Layered drawing (Sugiyama): edges that lead back are set aside, long edges get a place in every column they cross, and a few
sweeps order each column by the middle of its neighbours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

_SWEEPS: Final = 8
_LIMIT_CROSSINGS: Final = 5_000  # beyond, long edges go straight: such a picture is not read by anybody

Edge = tuple[str, str]
Crossing = tuple[str, str, int]
"""The place of an edge in a column between its ends: from, to, column."""
Node = str | Crossing


@dataclass(frozen=True, slots=True)
class Layout:
    """``columns``: the nodes of each column from top to bottom. ``back``: edges that lead to the same or an earlier column."""

    columns: tuple[tuple[Node, ...], ...]
    back: frozenset[Edge]


def arrange(steps: Sequence[str], edges: Iterable[Edge], entries: Sequence[str]) -> Layout:
    """Give every step a column and a row; ``edges`` join steps in the order of their branches, doubles do no harm."""
    following: dict[str, list[str]] = {name: [] for name in steps}
    for start, end in dict.fromkeys(edges):
        following[start].append(end)
    order, back = _forward(following, [*entries, *steps])
    column = dict.fromkeys(steps, 0)
    for name in order:
        for end in following[name]:
            if (name, end) not in back:
                column[end] = max(column[end], column[name] + 1)
    columns: list[list[Node]] = [[] for _ in range(max(column.values(), default=-1) + 1)]
    for name in order:
        columns[column[name]].append(name)
    joined: dict[Node, list[tuple[Node, float]]] = {name: [] for name in steps}
    crossings = 0
    for start, ends in following.items():
        for number, end in enumerate(ends):
            crossings += max(0, column[end] - column[start] - 1)
            if (start, end) not in back and crossings <= _LIMIT_CROSSINGS:
                _lay((start, end), number / len(ends), column, columns, joined)
    _untangle(columns, joined)
    return Layout(tuple(map(tuple, columns)), frozenset(back))


def _forward(following: Mapping[str, Sequence[str]], roots: Iterable[str]) -> tuple[list[str], set[Edge]]:
    """The steps so that edges lead on in this order, and the edges that do not (they close a loop)."""
    order: list[str] = []
    back: set[Edge] = set()
    state: dict[str, int] = {}  # 1 = on the way, 2 = done
    for root in roots:
        if root in state:
            continue
        state[root] = 1
        trail = [(root, iter(following[root]))]
        while trail:
            name, rest = trail[-1]
            child = next(rest, None)
            if child is None:
                trail.pop()
                state[name] = 2
                order.append(name)
            elif child not in state:
                state[child] = 1
                trail.append((child, iter(following[child])))
            elif state[child] == 1:
                back.add((name, child))
    return order[::-1], back


def _lay(
    edge: Edge,
    port: float,
    column: Mapping[str, int],
    columns: list[list[Node]],
    joined: dict[Node, list[tuple[Node, float]]],
) -> None:
    """Join two steps, with a place of its own in each column between them; ``port``: how far down in its box it begins."""
    start, end = edge
    last: Node = start
    down = port
    for between in range(column[start] + 1, column[end]):
        place: Crossing = (start, end, between)
        columns[between].append(place)
        joined[place] = [(last, down)]
        joined[last].append((place, 0.0))
        last, down = place, 0.0
    joined[last].append((end, 0.0))
    joined[end].append((last, down))


def _untangle(columns: list[list[Node]], joined: Mapping[Node, Sequence[tuple[Node, float]]]) -> None:
    """Sort each column by the middle of its neighbours in the column before, then behind it, a few times."""
    for sweep in range(_SWEEPS):
        numbers = range(1, len(columns)) if sweep % 2 == 0 else range(len(columns) - 2, -1, -1)
        for number in numbers:
            beside = columns[number - 1] if sweep % 2 == 0 else columns[number + 1]
            place = {node: row for row, node in enumerate(beside)}
            keys: dict[Node, tuple[float, int]] = {}
            for row, node in enumerate(columns[number]):
                rows = sorted(place[other] + port for other, port in joined[node] if other in place)
                middle = (rows[(len(rows) - 1) // 2] + rows[len(rows) // 2]) / 2 if rows else row
                keys[node] = (middle, row)
            columns[number].sort(key=keys.__getitem__)
