"""What changed between two documents: the lines can be applied, the meaning names steps, variables and settings."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from time import perf_counter

from hypothesis import given
from hypothesis import strategies as st

from central.flow.difference import Change, FieldChange, compare
from central.flow.line_differences import matching, unified
from tests.fakes.flow_player import after_answer

OLD = after_answer("  first: {widget: play, say: Hello., next: bye}\n  bye: {widget: hang_up}\n")


def test_the_same_bytes_differ_in_nothing() -> None:
    assert compare(OLD, OLD).lines == ()
    assert compare(OLD, OLD).changes == ()


def test_a_comment_changes_lines_and_no_meaning() -> None:
    found = compare(OLD, OLD + b"# bye\n", ("1", "draft"))
    assert found.lines[:2] == ("--- 1", "+++ draft")
    assert "+# bye" in found.lines
    assert found.changes == ()


def test_what_changed_is_named() -> None:
    new = OLD.replace(b"say: Hello., next: bye", b"say: Hi., next: ask, repeat: 2").replace(b"bye: {", b"ask: {")
    new = new.replace(b"service", b"marketing") + b"variables: {Name: {mandatory: true}}\nlayout: {first: [1, 2]}\n"
    assert compare(OLD, new).changes == (
        Change("changed", "setting", "purpose", (FieldChange("purpose", "transactional", "marketing"),))
        if b"transactional" in OLD
        else Change("changed", "setting", "purpose", (FieldChange("purpose", "service", "marketing"),)),
        Change("changed", "layout", "layout"),
        Change("added", "variable", "Name"),
        Change(
            "changed",
            "step",
            "first",
            (FieldChange("say", "Hello.", "Hi."), FieldChange("next", "bye", "ask"), FieldChange("repeat", None, "2")),
        ),
        Change("added", "step", "ask"),
        Change("removed", "step", "bye"),
    )


def test_nested_fields_and_lists_and_kinds_of_values() -> None:
    old = after_answer("  first: {widget: x, on: {a: end, b: end}, list: [1, 2], flag: true, none: }\n")
    new = after_answer('  first: {widget: x, on: {a: bye, b: end}, list: [1, "2"], flag: "true"}\n')
    (change,) = compare(old, new).changes
    assert change.fields == (
        FieldChange("on.a", "end", "bye"),
        FieldChange("list", "[1, 2]", '[1, "2"]'),
        FieldChange("flag", "true", "true"),
        FieldChange("none", "", None),
    )


def test_the_same_flow_as_yaml_and_as_json_means_the_same() -> None:
    assert compare(b"flow: a\nsteps: {}\n", b'{"steps": {}, "flow": "a"}').changes == ()


def applied(before: Sequence[str], lines: Sequence[str]) -> list[str]:
    """What ``patch`` makes of it."""
    out: list[str] = []
    at = 0
    for line in lines[2:]:
        if hunk := re.match(r"@@ -(\d+)(?:,(\d+))? ", line):
            start = int(hunk[1]) - (hunk[2] != "0")
            out += before[at:start]
            at = start
        elif line[0] == "+":
            out.append(line[1:])
        else:
            assert before[at] == line[1:]
            at += 1
            if line[0] == " ":
                out.append(line[1:])
    return out + list(before[at:])


texts = st.lists(st.sampled_from(["a", "b", "c", "", "  next: end", "x", "y", "z"]), max_size=40)


@given(texts, texts)
def test_lines_are_a_patch(before: list[str], after: list[str]) -> None:
    assert applied(before, list(unified(before, after, ("a", "b")))) == after
    for i, j, size in matching(before, after):
        assert before[i : i + size] == after[j : j + size]


def test_no_text_takes_long() -> None:
    dice = random.Random(1)
    before, after = ([str(n // 100) if n % 100 == 0 else dice.choice("ab") for n in range(400_000)] for _ in "12")
    began = perf_counter()
    assert sum(1 for _ in unified(before, after, ("a", "b"))) > 400_000
    assert perf_counter() - began < 10
