"""A drawn flow: every step is a box, every branch leads somewhere, and no document breaks the picture."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from central.flow.document import parse
from central.flow.drawing import draw
from central.flow.layout import arrange
from central.flow.preparation import prepare
from tests.fakes.flow_player import after_answer

EXAMPLES = [p for p in sorted(Path(__file__).parents[3].glob("examples/*.yaml")) if not p.name.endswith(".cases.yaml")]
SVG = "{http://www.w3.org/2000/svg}"


def picture(data: bytes) -> ET.Element:
    flow = parse(data)
    return ET.fromstring(draw(flow, prepare(flow)))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_step_is_a_box_and_every_branch_a_line_or_an_end(path: Path) -> None:
    flow = parse(path.read_bytes())
    program = prepare(flow)
    root = picture(path.read_bytes())
    boxes = root.findall(f"{SVG}g")
    assert [box.findtext(f"{SVG}title") for box in boxes] == list(program.steps)
    targets = [target.step for step in program.steps.values() for target in step.targets.values()]
    lines = [line for line in root.findall(f"{SVG}path") if "edge" in line.get("class", "")]
    ends = [circle for box in boxes for circle in box.findall(f"{SVG}circle")]
    assert len(lines) == sum(target in program.steps for target in targets)
    assert len(ends) == 2 * targets.count("end")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_no_two_boxes_overlap(path: Path) -> None:
    rows: dict[float, list[tuple[float, float]]] = {}
    for box in picture(path.read_bytes()).findall(f"{SVG}g/{SVG}rect"):
        x, y, height = (float(box.get(name, "")) for name in ("x", "y", "height"))
        rows.setdefault(x, []).append((y, y + height))
    for column in rows.values():
        assert all(lower[0] >= upper[1] for upper, lower in pairwise(sorted(column)))


def test_columns_follow_the_longest_way_and_loops_lead_back() -> None:
    layout = arrange(
        ["d", "c", "b", "a"], [("a", "b"), ("b", "c"), ("a", "c"), ("c", "a"), ("c", "d"), ("d", "d")], ["a"]
    )
    assert [[node for node in column if isinstance(node, str)] for column in layout.columns] == [
        ["a"],
        ["b"],
        ["c"],
        ["d"],
    ]
    assert layout.back == {("c", "a"), ("d", "d")}
    assert ("a", "c", 1) in layout.columns[1]


def test_text_that_no_picture_can_hold_and_targets_that_do_not_exist() -> None:
    root = picture(
        after_answer('  first: {widget: "<&\\e\\uFFFF\\U0001F600", say: "a]]>b", next: end, on: {error: nowhere}}\n')
    )
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert "<&??\U0001f600" in texts


def test_a_box_shows_what_its_step_says_asks_or_sends() -> None:
    root = picture(
        after_answer("""  first: {widget: multi_play, items: [{number: "1"}, {say: "Dear {{ $flow.key.N }}"}], next: ask}
  ask: {widget: webhook, url: "https://a.example", on: {success: send, failure: send}}
  send: {widget: sms, text: Sent., on: {accepted: talk, failed: talk}}
  talk: {widget: agent_connect, queue: support, on: {agent_allocated: other, no_agent_available: other}}
  other: {widget: multi_play, items: [{number: "1"}], next: end}
""")
    )
    shown = [text.text for text in root.iter(f"{SVG}text") if text.get("class") == "about"]
    assert shown == ["Dear {N}", "https://a.example", "Sent.", "queue: support"]


def test_a_flow_of_three_hundred_steps_that_all_lead_everywhere_is_drawn_at_once() -> None:
    names = [f"s{n}" for n in range(297)]
    keys = ", ".join(f'"{n}": {name}' for n, name in enumerate(names[:70]))
    steps = "".join(f"  {name}: {{widget: menu, say: a, digits: {{{keys}}}}}\n" for name in names)
    root = picture(after_answer("  first: {widget: play, say: a, next: s0}\n" + steps))
    assert len(root.findall(f"{SVG}g")) == 300


def test_a_flow_without_steps() -> None:
    assert picture(b"flow: empty\ntype: multicast\npurpose: service\n").findtext(f"{SVG}text") == "empty"
