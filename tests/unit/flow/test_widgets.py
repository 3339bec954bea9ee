"""Every widget keeps its declaration: example, fields, branches."""

from __future__ import annotations

import pytest

from central.flow.document import END, parse
from central.flow.preparation import prepare
from central.flow.tree import Entries
from central.flow.widgets.table import WIDGETS
from central.flow.widgets.widget import Widget
from tests.fakes.flow_player import document


def example_of(widget: Widget) -> bytes:
    return document("".join(f"  {line}\n" for line in widget.example.splitlines()))


@pytest.mark.parametrize("widget", WIDGETS.values(), ids=list(WIDGETS))
def test_an_example_is_without_a_finding_of_its_own(widget: Widget) -> None:
    program = prepare(parse(example_of(widget)))
    assert program.findings == ()
    assert [step.widget for step in program.steps.values()] == [widget.name]


@pytest.mark.parametrize("widget", WIDGETS.values(), ids=list(WIDGETS))
def test_the_declared_fields_are_those_that_are_read(widget: Widget) -> None:
    generic = {"widget", "next", "on", "on_failure", "about"}
    flow = parse(document(f"  a: {{widget: {widget.name}, zzz: 1}}\n"))
    hints = [f.hint for f in prepare(flow).findings if f.code == "unknown_field"]
    known = set(hints[0].removeprefix("Known here: ").rstrip(".").split(", ")) - generic
    assert known == {field.name for field in widget.fields}


@pytest.mark.parametrize("widget", WIDGETS.values(), ids=list(WIDGETS))
def test_every_declared_branch_can_be_wired(widget: Widget) -> None:
    for branch in widget.branches:
        wiring = f"next: {END}" if branch.name == "next" else f"on: {{{branch.name}: {END}}}"
        step = prepare(parse(document(f"  a: {{widget: {widget.name}, {wiring}}}\n"))).steps["a"]
        assert branch.name in step.targets


def test_a_branch_of_else_can_be_written_as_a_field() -> None:
    steps = "  a: {widget: decision, rules: [{when: {value: a, is: empty}, next: end}], else: end}\n"
    flow = parse(document(steps))
    assert isinstance(flow.steps["a"].fields, Entries)
    assert set(prepare(flow).steps["a"].targets) == {"rule_1", "else"}
