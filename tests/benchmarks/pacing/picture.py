"""The frontier as a picture: occupancy against abandonment, each policy at its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

from tests.benchmarks.pacing.hindsight import CAP, Cell, best, table
from tests.benchmarks.pacing.plan import FRONTIER_CAPS, FRONTIER_SIZES, Group, Name, Summary

_WIDTH, _HEIGHT, _LEFT, _TOP, _GAP = 300, 300, 56, 64, 24
_MOST_SHARE, _LEAST_OCCUPANCY = 0.06, 0.4
_STYLE = """ text{fill:#7d8590;font-size:12.5px}.title{font-size:15px;font-weight:600;text-anchor:middle}.tick{font-size:11.5px}
 .frame{fill:none;stroke:#7d8590;stroke-width:1}.grid{stroke:#7d8590;stroke-width:.5;opacity:.35}.cap{stroke:#cf222e;stroke-width:1.4;stroke-dasharray:5 4}
 .peer{fill:#7d8590;opacity:.4}.best{fill:#bf8700}.default{fill:none;stroke:#bf8700;stroke-width:2}.progressive{fill:#1a7f37}
 .ours{fill:#1f6feb}.line{fill:none;stroke:#1f6feb;stroke-width:2}"""

_HEAD = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
    'aria-labelledby="t d" font-family="ui-sans-serif, system-ui, \'Segoe UI\', Roboto, Helvetica, Arial, sans-serif">'
)
_WORDS = (
    '<desc id="d">Shifts of 8 hours at an answer rate of 0.2: ours along its caps, the peer rule with every setting of its grid, '
    "its defaults, its best setting in hindsight, and progressive dialing.</desc>"
)


def draw(groups: Mapping[Group, Summary], rate: float = 0.2) -> str:
    """SVG: a panel for each size of team, shifts of 8 h."""
    width = _LEFT + len(FRONTIER_SIZES) * (_WIDTH + _GAP)
    height = _TOP + _HEIGHT + 84
    parts = [
        _HEAD.format(width=width, height=height),
        '<title id="t">Occupancy against abandonment</title>',
        _WORDS,
        f"<style>\n{_STYLE}\n</style>",
    ]
    for place, size in enumerate(FRONTIER_SIZES):
        parts += _panel(groups, (size, rate), _LEFT + place * (_WIDTH + _GAP), first=place == 0)
    parts += _legend(height - 26)
    return "\n".join([*parts, "</svg>", ""])


def _panel(groups: Mapping[Group, Summary], cell: Cell, left: int, *, first: bool) -> Iterator[str]:
    yield f'<text class="title" x="{left + _WIDTH // 2}" y="{_TOP - 16}">{cell[0]} agents</text>'
    yield from _axes(left, first=first)
    for share, occupancy in _grid(cell):
        if share <= _MOST_SHARE and occupancy >= _LEAST_OCCUPANCY:
            yield f'<circle class="peer" r="2.2" {_at(left, share, occupancy)}/>'
    places = [
        (one.share, one.occupancy)
        for cap in FRONTIER_CAPS
        if (one := groups.get(Group("look_ahead", "steady", cell, 8.0, cap))) is not None
    ]
    points = " ".join(f"{_x(left, share):.1f},{_y(occupancy):.1f}" for share, occupancy in places)
    yield f'<polyline class="line" points="{points}"/>'
    for share, occupancy in places:
        yield f'<circle class="ours" r="4" {_at(left, share, occupancy)}/>'
    yield from _squares(groups, cell, left)


def _squares(groups: Mapping[Group, Summary], cell: Cell, left: int) -> Iterator[str]:
    names: Sequence[tuple[Name, str]] = (
        ("progressive", "progressive"),
        ("peer_default", "default"),
        ("peer_hindsight", "best"),
    )
    for name, style in names:
        found = groups.get(Group(name, "steady", cell, 8.0))
        if found is not None and (name != "peer_hindsight" or best(cell) is not None):
            yield _square(style, _x(left, found.share), _y(found.occupancy))


def _grid(cell: Cell) -> Iterator[tuple[float, float]]:
    """Each setting of the peer in the table, as the mean of its seeds."""
    runs: dict[object, list[tuple[float, float]]] = {}
    for one in table().values():
        if one.cell == cell:
            runs.setdefault(one.settings, []).append((one.share, one.occupancy))
    for found in runs.values():
        yield fmean(share for share, _ in found), fmean(occupancy for _, occupancy in found)


def _axes(left: int, *, first: bool) -> Iterator[str]:
    bottom = _TOP + _HEIGHT
    for percent in range(40, 101, 10):
        y = _y(percent / 100)
        yield f'<line class="grid" x1="{left}" x2="{left + _WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'
        if first:
            yield f'<text class="tick" text-anchor="end" x="{left - 6}" y="{y + 4:.1f}">{percent} %</text>'
    for percent in range(int(_MOST_SHARE * 100) + 1):
        x = _x(left, percent / 100)
        yield f'<text class="tick" text-anchor="middle" x="{x:.1f}" y="{bottom + 16}">{percent} %</text>'
    yield f'<rect class="frame" x="{left}" y="{_TOP}" width="{_WIDTH}" height="{_HEIGHT}"/>'
    yield f'<line class="cap" x1="{_x(left, CAP):.1f}" x2="{_x(left, CAP):.1f}" y1="{_TOP}" y2="{bottom}"/>'
    if first:
        yield f'<text x="{left - 44}" y="{_TOP - 36}">occupancy, by live answers that found no agent within 2 s; dashed: the cap of 3 %</text>'


def _legend(y: int) -> Iterator[str]:
    x = _LEFT
    entries = (
        ("ours", "ours, caps of 0.5 % to 5 %", 200),
        ("peer", "the peer's rule, each setting of its grid", 270),
        ("default", "its defaults", 110),
        ("best", "its best in hindsight", 160),
        ("progressive", "progressive", 100),
    )
    for style, words, room in entries:
        if style in {"ours", "peer"}:
            yield f'<circle class="{style}" r="4" cx="{x + 5}" cy="{y - 4}"/>'
        else:
            yield _square(style, x + 5, y - 4)
        yield f'<text x="{x + 16}" y="{y}">{words}</text>'
        x += room


def _square(style: str, x: float, y: float) -> str:
    return f'<rect class="{style}" x="{x - 5:.1f}" y="{y - 5:.1f}" width="10" height="10"/>'


def _at(left: int, share: float, occupancy: float) -> str:
    return f'cx="{_x(left, share):.1f}" cy="{_y(occupancy):.1f}"'


def _x(left: int, share: float) -> float:
    return left + _WIDTH * share / _MOST_SHARE


def _y(occupancy: float) -> float:
    return _TOP + _HEIGHT * (1 - occupancy) / (1 - _LEAST_OCCUPANCY)
