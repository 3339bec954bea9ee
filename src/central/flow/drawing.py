"""A flow as a picture (SVG 1.1): a box a step with its branches as rows, and a line from each branch to where it leads. Pure.

Branches that lead to the end carry a small mark instead of a line; those that lead back run dashed below the boxes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from xml.sax.saxutils import escape

from central.flow.document import END, Flow
from central.flow.layout import Crossing, Layout, Node, arrange
from central.flow.program import Prepared, Program, Target
from central.flow.tree import Entries, Items, Scalar
from central.flow.widgets.table import WIDGETS

_WIDTH, _GAP, _ROW, _HEAD, _LINE = 220, 90, 20, 40, 16
_BETWEEN, _MARGIN, _LANE = 26, 30, 12
# what a box says of its step, the first found
_ABOUT: Final = (
    "say", "file", "text", "url", "endpoint", "queue", "number", "agent", "flow", "subject", "for", "do", "limit", "about", "cause",
)  # fmt: skip
_NOT_XML: Final = re.compile("[^\\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_VARIABLE: Final = re.compile(r"\{\{ ?\$[a-z.]+\.(\w+) ?\}\}")
_FILL: Final = {
    "entry": "#e3f4e3", "call": "#fff0d6", "media": "#e2edfb", "late": "#f3e8fa", "plain": "#f4f4f4", "end": "#fbe3e1",
}  # fmt: skip
_STYLE: Final = """text{font-family:DejaVu Sans,Verdana,Arial,sans-serif;font-size:11px;fill:#222}
.name{font-weight:bold;font-size:12px}.widget{fill:#555;font-size:10px}.about{fill:#333;font-style:italic}
.end{fill:#a33;font-size:10px}.edge{fill:none;stroke:#667;stroke-width:1.3}.back{stroke:#b06a00;stroke-dasharray:5 3}"""


_ARROW: Final = (
    '<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path d="M0 0L8 4L0 8z" fill="#667"/></marker></defs>'
)


@dataclass(slots=True)
class _Box:
    """A step, or the place where a line crosses a column; x, y is its upper left corner."""

    x: float
    y: float
    height: float
    ports: Mapping[str, float] = field(default_factory=dict[str, float])


def draw(flow: Flow, program: Program, wrong: frozenset[str] = frozenset()) -> str:
    """The picture; steps in ``wrong`` get a red frame."""
    steps = program.steps
    entries = [name for name in (program.start, program.on_remote_hangup, program.on_flow_complete) if name]
    edges = [(s.name, t.step) for s in steps.values() for _, t in _branches(s) if t.step in steps]
    layout = arrange(list(steps), edges, entries)
    boxes = _place(layout, flow, steps)
    bottom = max((box.y + box.height for box in boxes.values()), default=0) + _BETWEEN
    lanes = {edge: bottom + _LANE * n for n, edge in enumerate(sorted(layout.back))}
    width = _MARGIN * 2 + len(layout.columns) * (_WIDTH + _GAP)
    height = bottom + _LANE * len(lanes) + _MARGIN
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height:.0f}" viewBox="0 0 {width} {height:.0f}">',
        f"<title>{_safe(flow.name)}</title><style>{_STYLE}</style>",
        _ARROW,
        f'<rect width="{width}" height="{height:.0f}" fill="#fff"/>',
        f'<text x="{_MARGIN}" y="22" class="name">{_safe(flow.name)}</text>',
        *_lines(layout, boxes, steps, lanes),
        *(piece for step in steps.values() for piece in _step(step, flow, boxes[step.name], wrong)),
        "</svg>\n",
    ])  # fmt: skip


def _place(layout: Layout, flow: Flow, steps: Mapping[str, Prepared]) -> dict[Node, _Box]:
    """Boxes column by column, each column as a whole in the middle of the tallest."""
    boxes: dict[Node, _Box] = {}
    for number, column in enumerate(layout.columns):
        x, y = _MARGIN + number * (_WIDTH + _GAP), float(_MARGIN + 10)
        for node in column:
            if isinstance(node, tuple):
                box = _Box(x, y, 2)
            else:
                head = _HEAD + (_LINE if _about(flow, node) else 0)
                ports = {b: y + head + _ROW * (n + 0.5) for n, (b, _) in enumerate(_branches(steps[node]))}
                box = _Box(x, y, head + _ROW * len(ports) + (4 if ports else 0), ports)
            boxes[node] = box
            y += box.height + _BETWEEN
    tallest = max((box.y + box.height for box in boxes.values()), default=0)
    for column in layout.columns:
        last = boxes[column[-1]]
        down = (tallest - last.y - last.height) / 2
        for node in column:
            box = boxes[node]
            boxes[node] = _Box(box.x, box.y + down, box.height, {b: y + down for b, y in box.ports.items()})
    return boxes


def _step(step: Prepared, flow: Flow, box: _Box, wrong: frozenset[str]) -> Iterator[str]:
    widget = WIDGETS.get(step.widget)
    frame = 'stroke="#d22" stroke-width="2.5"' if step.name in wrong else 'stroke="#889" stroke-width="1"'
    yield f'<g><title>{_safe(step.name)}</title><rect x="{box.x}" y="{box.y:.1f}" width="{_WIDTH}" height="{box.height:.0f}" rx="7" fill="{_colour(step)}" {frame}/>'
    yield f'<text x="{box.x + 10}" y="{box.y + 17:.1f}" class="name">{_cut(step.name, 27)}</text>'
    title = widget.title if widget is not None else step.widget or "no widget"
    yield f'<text x="{box.x + 10}" y="{box.y + 32:.1f}" class="widget">{_cut(title, 32)}</text>'
    about = _about(flow, step.name)
    if about:
        yield f'<text x="{box.x + 10}" y="{box.y + 48:.1f}" class="about">{_cut(about, 31)}</text>'
    for branch, y in box.ports.items():
        yield f'<text x="{box.x + _WIDTH - 10}" y="{y + 4:.1f}" text-anchor="end">{_cut(branch, 30)}</text>'
        target = step.targets[branch].step
        if target == END:
            yield f'<circle cx="{box.x + _WIDTH + 8}" cy="{y:.1f}" r="5" fill="#fff" stroke="#a33" stroke-width="1.4"/>'
            yield f'<circle cx="{box.x + _WIDTH + 8}" cy="{y:.1f}" r="2.2" fill="#a33"/>'
        elif target not in flow.steps:
            yield f'<text x="{box.x + _WIDTH + 6}" y="{y + 4:.1f}" class="end">? {_cut(target, 10)}</text>'
    yield "</g>"


def _lines(
    layout: Layout, boxes: Mapping[Node, _Box], steps: Mapping[str, Prepared], lanes: Mapping[tuple[str, str], float]
) -> Iterator[str]:
    column = {node: number for number, nodes in enumerate(layout.columns) for node in nodes}
    for step in steps.values():
        for branch, target in step.targets.items():
            if target.step not in steps:
                continue
            box = boxes[step.name]
            x, y = box.x + _WIDTH, box.ports[branch]
            goal = boxes[target.step]
            edge = (step.name, target.step)
            if edge in lanes:
                yield _back(x, y, goal, lanes[edge])
                continue
            crossings: list[Crossing] = [
                (*edge, number) for number in range(column[step.name] + 1, column[target.step])
            ]
            places = [(boxes[crossing].x, boxes[crossing].y + 1) for crossing in crossings if crossing in boxes]
            yield _onward(x, y, places, (goal.x - 2, goal.y + 14))


def _onward(x: float, y: float, places: Sequence[tuple[float, float]], goal: tuple[float, float]) -> str:
    path = f"M{x:.0f} {y:.1f}"
    for left, level in places:
        path += f" C{x + _GAP / 2:.0f} {y:.1f} {left - _GAP / 2:.0f} {level:.1f} {left:.0f} {level:.1f} H{left + _WIDTH:.0f}"
        x, y = left + _WIDTH, level
    path += f" C{x + _GAP / 2:.0f} {y:.1f} {goal[0] - _GAP / 2:.0f} {goal[1]:.1f} {goal[0]:.0f} {goal[1]:.1f}"
    return f'<path class="edge" d="{path}" marker-end="url(#a)"/>'


def _back(x: float, y: float, goal: _Box, lane: float) -> str:
    """Out to the right, down to a lane below all boxes, back to the left, and up into the box."""
    out, into = x + 18, goal.x - 18
    path = (
        f"M{x:.0f} {y:.1f} Q{out:.0f} {y:.1f} {out:.0f} {y + 10:.1f} V{lane - 8:.1f} Q{out:.0f} {lane:.1f} {out - 8:.0f} {lane:.1f}"
        f" H{into + 8:.0f} Q{into:.0f} {lane:.1f} {into:.0f} {lane - 8:.1f} V{goal.y + 34:.1f}"
        f" Q{into:.0f} {goal.y + 26:.1f} {goal.x - 2:.0f} {goal.y + 26:.1f}"
    )
    return f'<path class="edge back" d="{path}" marker-end="url(#a)"/>'


def _colour(step: Prepared) -> str:
    widget = WIDGETS.get(step.widget)
    if widget is None:
        return _FILL["plain"]
    if widget.entry:
        return _FILL["entry" if step.widget == "start" else "late"]
    kind = "call" if widget.call else "media" if widget.media else "end" if widget.terminal else "plain"
    return _FILL[kind]


def _branches(step: Prepared) -> list[tuple[str, Target]]:
    """In the order of the document."""
    return sorted(step.targets.items(), key=lambda item: item[1].line)


def _about(flow: Flow, name: str) -> str:
    fields = flow.steps[name].fields.entries
    items = fields.get("items")
    if isinstance(items, Items):  # of Multi-play: what it says first
        spoken = (item.entries for item in items.items if isinstance(item, Entries) and "say" in item.entries)
        fields = next(spoken, fields)
    for key in _ABOUT:
        tree = fields.get(key)
        if isinstance(tree, Scalar) and not tree.missing:
            text = _VARIABLE.sub(r"{\1}", " ".join(tree.text.split()))
            return text if key in {"say", "text", "url", "about"} else f"{key}: {text}"
    return ""


def _cut(text: str, limit: int) -> str:
    return _safe(text if len(text) <= limit else f"{text[: limit - 1]}…")


def _safe(text: str) -> str:
    """As XML text; what XML cannot hold becomes a question mark."""
    return escape(_NOT_XML.sub("?", text))
