"""Test cases of flows: what a case file may say, how it is played, and what it leaves out."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from central.domain.errors import InvalidInput
from central.flow.document import parse
from central.flow.flow_cases import Coverage, coverage, parse_cases, play_case
from central.flow.preparation import prepare
from tests.fakes.flow_player import after_answer

EXAMPLES = Path(__file__).parents[3] / "examples"
STEPS = """  first: {widget: play, say: "Hello {{ $flow.key.N }}.", next: ask}
  ask:
    widget: menu
    say: "Press 1."
    digits: {"1": good}
    tries: 2
    on: {no_input: bye, invalid_exhausted: bye}
  good: {widget: store_variable, set: {A: "yes"}, next: pause}
  pause: {widget: delay, for: 10m, next: bye}
  bye: {widget: hang_up}
"""
FLOW = parse(after_answer(STEPS))


def case(text: str) -> tuple[str, ...]:
    """What is wrong with the only case."""
    (only,) = parse_cases(f"flow: f.yaml\ncases:\n  - {{name: x, {text}}}\n".encode()).cases
    return play_case(FLOW, only).wrong


@pytest.mark.parametrize(
    "text",
    [
        'caller: [answers, "1"], becomes: COMPLETED, path: [ask, good, bye], stores: {A: "yes"}, says: [Hello, "Press 1"]',
        'caller: [answers, presses 1 now], becomes: COMPLETED, stores: {A: "yes"}',
        "caller: [answers], becomes: COMPLETED, path: [ask, bye]",
        "caller: [answers, listens, waits, waits, hangs up], becomes: PARTIAL_COMPLETE",
        "caller: [answers, hangs up], becomes: SHORT_HANGUP",
        'caller: [answers, "1", hangs up in pause], becomes: SHORT_HANGUP, path: [pause]',
        "caller: [is busy], becomes: FAILURE, says: []",
        "caller: [], becomes: FAILURE",
        'caller: [is busy, answers, "1"], numbers: 2, becomes: COMPLETED',
        "caller: [answers], variables: {N: Asha}, says: ['Hello Asha.'], warns: []",
        "caller: [answers], warns: [variable_unresolved]",
    ],
)
def test_what_holds(text: str) -> None:
    assert case(text) == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("caller: [answers], becomes: FAILURE", "became COMPLETED, not FAILURE"),
        ("caller: [answers], path: [bye, ask]", "did not come to ask"),
        ("caller: [answers], says: ['Press 1', Hello]", "did not say 'Hello'"),
        ("caller: [answers], says: []", "was to say nothing; said ['Hello"),
        ("caller: [answers], stores: {A: 'yes'}", "A is None, not 'yes'"),
        ("caller: [answers], warns: []", "warned of ['variable_unresolved']"),
        ("caller: [answers, hangs up, '1']", "the run was over before the caller 1"),
        ("caller: [is busy, answers]", "the run was over before the caller answers"),
    ],
)
def test_what_does_not_hold_is_told(text: str, told: str) -> None:
    assert any(line.startswith(told) for line in case(text)), case(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "flow: f.yaml",
        "flow: f.yaml\ncases: []",
        "cases: [{name: x}]",
        "flow: f.yaml\ncases: [x]",
        "flow: f.yaml\ncases: [{caller: [answers]}]",
        "flow: f.yaml\ncases: [{name: x, caller: [sings]}]",
        "flow: f.yaml\ncases: [{name: x, at: tomorrow}]",
        "flow: f.yaml\ncases: [{name: x, at: 2026-01-01T10:00}]",
        "flow: f.yaml\ncases: [{name: x, stores: {A: [1]}}]",
        "flow: f.yaml\ncases: [{name: x, becoms: COMPLETED}]",
        "flow: f.yaml\nnumbers: 3\ncases: [{name: x}]",
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_cases(text.encode())
    assert isinstance(refused.value.details["line"], int)


def test_coverage_names_what_no_case_reaches() -> None:
    file = parse_cases(b'flow: f\ncases: [{name: x, caller: [answers, "1"]}]')
    found = coverage(prepare(FLOW), [play_case(FLOW, one) for one in file.cases])
    assert found.steps == ()
    assert ("ask", "no_input") in found.branches
    assert ("ask", "1") not in found.branches


def test_the_examples_hold_with_every_branch_taken() -> None:
    files = sorted(EXAMPLES.glob("*.cases.yaml"))
    assert files
    for path in files:
        file = parse_cases(path.read_bytes())
        flow = parse((path.parent / file.flow).read_bytes())
        played = [play_case(flow, one) for one in file.cases]
        assert [one.wrong for one in played] == [()] * len(played)
        assert coverage(prepare(flow), played) == Coverage((), ())


acts = st.sampled_from(
    [
        "answers",
        "answers as a machine",
        "is busy",
        "fails",
        "1",
        "9 now",
        "listens",
        "waits",
        "hangs up",
        "hangs up in ask",
    ]
)


@settings(max_examples=150)
@given(st.lists(acts, max_size=12), st.integers(1, 3))
def test_whatever_a_caller_does_the_run_ends(does: list[str], numbers: int) -> None:
    text = f"flow: f\ncases: [{{name: x, numbers: {numbers}, caller: {does}}}]"
    (only,) = parse_cases(text.encode()).cases
    played = play_case(FLOW, only)
    assert played.rehearsal.over
    assert played.rehearsal.outcome is not None
    assert [line.at_s for line in played.rehearsal.lines] == sorted(line.at_s for line in played.rehearsal.lines)
