"""The checker: each mistake gets its code, its line and its step, and a good flow gets nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from central.flow.checker import check
from central.flow.document import parse
from central.flow.findings import Finding, has_errors
from tests.fakes.flow_player import CALL, HEAD, START, after_answer, document

EXAMPLES = [p for p in sorted(Path(__file__).parents[3].glob("examples/*.yaml")) if not p.name.endswith(".cases.yaml")]
GOOD = "  first: {widget: play, say: Hello., next: end}\n"


def findings(data: bytes) -> tuple[Finding, ...]:
    return check(parse(data))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_without_a_finding(path: Path) -> None:
    assert findings(path.read_bytes()) == ()


def test_a_small_good_flow_is_without_a_finding() -> None:
    assert findings(after_answer(GOOD)) == ()


# what stands after the answer (from line 7 on), the finding's code, line and step
STEPS = [
    ("  first: {widget: pla, say: a}", "widget_unknown", 7, "first"),
    ("  first: {say: a}", "field_missing", 7, "first"),
    ("  first: {widget: play}", "media_missing", 7, "first"),
    ("  first: {widget: play, say: a, file: b}", "media_twice", 7, "first"),
    ("  first: {widget: play, file: ../b}", "prompt_name_invalid", 7, "first"),
    ("  first: {widget: play, sai: a}", "unknown_field", 7, "first"),
    ("  first: {widget: play, say: [a]}", "field_not_text", 7, "first"),
    ("  first: {widget: play, say: a, repeat: 11}", "field_out_of_range", 7, "first"),
    ("  first: {widget: play, say: a, on: {eror: end}}", "branch_unknown", 7, "first"),
    ("  first: {widget: play, say: a, on_failure: branch}", "branch_without_target", 7, "first"),
    ("  first: {widget: play, say: a, next: frist}", "target_unknown", 7, "first"),
    ("  first: {widget: play, say: a, next: start}", "target_is_entry", 7, "first"),
    ("  first: {widget: hang_up, next: end}", "unknown_field", 7, "first"),
    ("  first: {widget: hang_up, cause: angry}", "field_unknown_word", 7, "first"),
    ("  first: {widget: hang_up}\n  lost: {widget: hang_up}", "step_unreachable", 8, "lost"),
    ('  first: {widget: play, say: "{{ Name }}"}', "variable_unreadable", 7, "first"),
    ('  first: {widget: play, say: "{{ $flow.key.Name }}"}', "variable_unknown", 7, "first"),
    ('  first: {widget: play, say: "{{ $flow.syskey.nam }}"}', "system_variable_unknown", 7, "first"),
    ("  first: {widget: store_variable}", "field_missing", 7, "first"),
    ("  first: {widget: store_variable, set: {$flow.key.A: b}}", "variable_name_invalid", 7, "first"),
    ("  first: {widget: store_variable, set: {A: [b]}}", "field_not_text", 7, "first"),
    ("  first: {widget: store_variable, set: {A: b}, next: first}", "loop_without_wait", 7, "first"),
    (
        "  first: {widget: menu, say: a, on: {no_input: end, invalid_exhausted: end}}",
        "menu_without_entries",
        7,
        "first",
    ),
    ("  first: {widget: menu, say: a, digits: {1: end}, on: {no_input: end}}", "branch_without_target", 7, "first"),
    (
        "  first: {widget: menu, say: a, digits: {1: }, on: {no_input: end, invalid_exhausted: end}}",
        "branch_without_target",
        7,
        "first",
    ),
    (
        "  first: {widget: menu, say: a, digits: {A: end}, on: {no_input: end, invalid_exhausted: end}}",
        "menu_key_invalid",
        7,
        "first",
    ),
    (
        "  first: {widget: menu, say: a, length: 4, on: {no_input: end, invalid_exhausted: end}}",
        "branch_without_target",
        7,
        "first",
    ),
    (
        "  first: {widget: menu, say: a, digits: {1: end}, on_failure: continue, on: {no_input: end, invalid_exhausted: end}}",
        "failure_policy_invalid",
        7,
        "first",
    ),
    ("  first: {widget: decision, else: end}", "field_missing", 7, "first"),
    (
        "  first: {widget: decision, rules: [{when: {value: a, is: empty}, next: end}]}",
        "branch_without_target",
        7,
        "first",
    ),
    (
        "  first: {widget: decision, rules: [{when: {value: a, is: empty}}], else: end}",
        "branch_without_target",
        7,
        "first",
    ),
    (
        "  first: {widget: decision, rules: [{when: {value: a, is: like, to: b}, next: end}], else: end}",
        "operator_unknown",
        7,
        "first",
    ),
    (
        "  first: {widget: decision, rules: [{when: {value: a, is: '='}, next: end}], else: end}",
        "field_missing",
        7,
        "first",
    ),
    (
        "  first: {widget: decision, rules: [{when: {value: a, is: regex, to: '(?=a)'}, next: end}], else: end}",
        "regex_refused",
        7,
        "first",
    ),
    ("  first: {widget: decision, rules: [{when: {all: []}, next: end}], else: end}", "condition_empty", 7, "first"),
    (
        "  first: {widget: decision, else: end, rules: [{name: else, when: {value: a, is: empty}, next: end}]}",
        "rule_name_twice",
        7,
        "first",
    ),
    (
        "  first: {widget: hang_up}\n  gone: {widget: on_remote_hangup, next: talk}\n  talk: {widget: play, say: Bye.}",
        "media_on_late_path",
        9,
        "talk",
    ),
    ("  first: {widget: hang_up}\n  over: {widget: on_flow_complete}", "branch_without_target", 8, "over"),
    ("  first: {widget: hang_up}\n  again: {widget: start, next: first}", "entry_twice", 8, "again"),
]


@pytest.mark.parametrize(("steps", "code", "line", "step"), STEPS, ids=[f"{row[1]}-{i}" for i, row in enumerate(STEPS)])
def test_a_mistake_is_found_where_it_stands(steps: str, code: str, line: int, step: str) -> None:
    found = findings(after_answer(steps + "\n"))
    assert [(f.line, f.step, f.severity) for f in found if f.code == code] == [(line, step, "error")]
    assert all(f.hint for f in found)
    assert has_errors(found)


def test_a_flow_that_calls_nobody() -> None:
    assert [f.code for f in findings(document("  s: {widget: start, next: end}\n"))] == ["call_step_missing"]


def test_a_flow_without_start() -> None:
    codes = {f.code for f in findings(document(CALL + GOOD))}
    assert "start_missing" in codes


def test_types_that_cannot_run_yet() -> None:
    data = after_answer(GOOD).replace(b"multicast", b"dialer")
    assert [f.code for f in findings(data)] == ["type_not_available"]


def test_media_beside_the_call() -> None:
    call = "  call: {widget: make_call, on: {connected: first, busy: sorry}}\n  sorry: {widget: play, say: Sorry.}\n"
    found = findings(document(START + call + GOOD))
    assert [(f.code, f.step) for f in found] == [("media_without_call", "sorry")]


def test_a_loop_through_a_menu_is_lawful() -> None:
    menu = "  first: {widget: menu, say: a, digits: {1: note}, on: {no_input: end, invalid_exhausted: end}}\n"
    assert findings(after_answer(menu + "  note: {widget: store_variable, set: {A: b}, next: first}\n")) == ()


def test_a_variable_that_some_step_stores_is_known() -> None:
    steps = (
        '  first: {widget: store_variable, set: {A: b}, next: talk}\n  talk: {widget: play, say: "{{ $flow.key.A }}"}\n'
    )
    assert findings(after_answer(steps)) == ()


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        ("  first: {widget: play, say: $flow.key.Name}\n", "variable_bare"),
        ("  first: {widget: play, say: a, on_failure: continue, on: {error: end}}\n", "branch_never_taken"),
        (
            "  first: {widget: decision, rules: [{when: {value: a, is: empty, to: b}, next: end}], else: end}\n",
            "operand_unused",
        ),
    ],
)
def test_warnings_do_not_stand_in_the_way_of_publishing(steps: str, code: str) -> None:
    found = findings(after_answer(steps))
    assert [(f.code, f.severity) for f in found] == [(code, "warning")]
    assert not has_errors(found)


def test_findings_come_in_the_order_of_the_document() -> None:
    lines = [
        f.line for f in findings((HEAD + "calls: {a: 1}\nvariables: {B: {c: 1}}\nsteps:\n  x: {widget: y}\n").encode())
    ]
    assert lines == sorted(lines)


def test_a_hint_names_the_near_word() -> None:
    found = findings(after_answer("  first: {widget: play, say: a, next: clal}\n"))
    assert [f.hint for f in found if f.code == "target_unknown"] == ["Did you mean 'call'?"]


def test_three_hundred_quick_steps_in_a_ring_are_one_loop() -> None:
    ring = "".join(f"  r{i}: {{widget: store_variable, set: {{A: b}}, next: r{(i + 1) % 290}}}\n" for i in range(290))
    found = findings(after_answer("  first: {widget: store_variable, set: {A: a}, next: r0}\n" + ring))
    assert [(f.code, f.step) for f in found] == [("loop_without_wait", "r0")]
