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


COUNTED = (
    "  first: {widget: counter, limit: 3, on: {below_limit: note, limit_reached: %s}}\n"
    "  note: {widget: store_variable, set: {A: b}, next: first}\n"
)


def test_a_loop_through_a_counter_is_lawful_where_its_limit_leads_out() -> None:
    assert findings(after_answer(COUNTED % "end")) == ()
    found = findings(after_answer(COUNTED % "note"))
    assert [(f.code, f.line, f.step) for f in found] == [("loop_without_wait", 7, "first")]
    assert [f.code for f in findings(after_answer(COUNTED % "first"))] == ["loop_without_wait"]


SAY = '  %s: {widget: play, say: "{{ $flow.key.A }}", next: %s}\n'
STORE = "  %s: {widget: store_variable, set: {A: b}, next: %s}\n"
ASK = '  first: {widget: menu, say: a, digits: {"1": %s, "2": %s}, store: %s, on: {no_input: %s, invalid_exhausted: end}}\n'
UNSET = "variable_read_before_set", "error"
MAYBE = "variable_may_be_unset", "warning"
READS: dict[str, tuple[str, list[tuple[str, str, int, str]]]] = {
    "stored behind it": (SAY % ("first", "later") + STORE % ("later", "end"), [(*UNSET, 7, "first")]),
    "stored before it": (STORE % ("first", "talk") + SAY % ("talk", "end"), []),
    "stored on one of two ways": (
        ASK % ("keep", "talk", "B", "end") + STORE % ("keep", "talk") + SAY % ("talk", "end"),
        [(*MAYBE, 9, "talk")],
    ),
    "stored on both ways": (
        ASK % ("keep", "same", "B", "end")
        + STORE % ("keep", "talk")
        + STORE % ("same", "talk")
        + SAY % ("talk", "end"),
        [],
    ),
    "stored by the entry of a menu": (ASK % ("talk", "talk", "A", "end") + SAY % ("talk", "end"), []),
    "not stored by silence": (ASK % ("talk", "end", "A", "talk") + SAY % ("talk", "end"), [(*MAYBE, 8, "talk")]),
    "stored by nothing but silence": (
        ASK % ("end", "end", "A", "talk") + SAY % ("talk", "end"),
        [(*UNSET, 8, "talk")],
    ),
    "stored later in a loop": (
        ASK % ("talk", "end", "B", "end") + SAY % ("talk", "keep") + STORE % ("keep", "first"),
        [(*MAYBE, 8, "talk")],
    ),
    "a decision may ask for what is not there": (
        ASK % ("keep", "which", "B", "end")
        + STORE % ("keep", "which")
        + '  which: {widget: decision, rules: [{when: {value: "{{ $flow.key.A }}", is: empty}, next: end}], else: end}\n',
        [],
    ),
    "a failed operation stores nothing": (
        "  first: {widget: operation, do: add, of: [1, 2], store: A, on: {success: end, error: talk}}\n"
        + SAY % ("talk", "end"),
        [(*UNSET, 8, "talk")],
    ),
    "assigned above in the same step": (
        '  first:\n    widget: store_variable\n    set:\n      A: b\n      B: "{{ $flow.key.A }}"\n',
        [],
    ),
    "assigned below in the same step": (
        '  first:\n    widget: store_variable\n    set:\n      B: "{{ $flow.key.A }}"\n      A: b\n',
        [(*UNSET, 10, "first")],
    ),
    "read on a late path, stored on the main path": (
        STORE % ("first", "end") + "  gone: {widget: on_flow_complete, next: note}\n"
        '  note: {widget: store_variable, set: {B: "{{ $flow.key.A }}"}}\n',
        [],
    ),
    "read when the customer left, stored when all is over": (
        "  first: {widget: hang_up}\n  gone: {widget: on_remote_hangup, next: note}\n"
        '  note: {widget: store_variable, set: {B: "{{ $flow.key.A }}"}}\n'
        "  done: {widget: on_flow_complete, next: keep}\n" + STORE % ("keep", "end"),
        [(*UNSET, 9, "note")],
    ),
}


@pytest.mark.parametrize(("steps", "wanted"), READS.values(), ids=list(READS))
def test_a_variable_is_read_where_it_is_set(steps: str, wanted: list[tuple[str, str, int, str]]) -> None:
    assert [(f.code, f.severity, f.line, f.step) for f in findings(after_answer(steps))] == wanted


def test_a_declared_variable_comes_with_the_record() -> None:
    steps = SAY % ("first", "later") + STORE % ("later", "end")
    assert findings(after_answer(steps).replace(b"steps:", b"variables: {A: {}}\nsteps:")) == ()


def test_the_status_is_not_known_before_it_is_decided() -> None:
    steps = (
        '  first: {widget: play, say: "{{ $flow.syskey.status }}"}\n  done: {widget: on_flow_complete, next: note}\n'
    )
    steps += '  note: {widget: store_variable, set: {B: "{{ $flow.syskey.status }}"}}\n'
    assert [(f.code, f.severity, f.step) for f in findings(after_answer(steps))] == [
        ("system_variable_unset", "warning", "first")
    ]


@pytest.mark.parametrize(("steps", "code", "line", "step"), STEPS, ids=[f"{row[1]}-{i}" for i, row in enumerate(STEPS)])
def test_a_mistake_is_found_where_it_stands(steps: str, code: str, line: int, step: str) -> None:
    found = findings(after_answer(steps + "\n"))
    assert [(f.line, f.step, f.severity) for f in found if f.code == code] == [(line, step, "error")]
    assert all(f.hint for f in found)
    assert has_errors(found)


def test_a_flow_that_calls_nobody() -> None:
    assert [f.code for f in findings(document("  s: {widget: start, next: end}\n"))] == ["call_step_missing"]


@pytest.mark.parametrize(
    "steps",
    [
        "  note: {widget: sms, text: Hello.}\n",
        "  note: {widget: store_variable, set: {A: b}, next: end}\n",
        "  note: {widget: delay, for: 30m, next: more}\n  more: {widget: sms, text: Hello., on: {accepted: end, failed: end}}\n",
    ],
)
def test_a_flow_may_do_without_a_call(steps: str) -> None:
    assert findings(document("  s: {widget: start, next: note}\n" + steps)) == ()


def test_what_needs_the_customer_needs_the_call() -> None:
    found = findings(document("  s: {widget: start, next: say}\n  say: {widget: play, say: Hello., next: end}\n"))
    assert [f.code for f in found] == ["call_step_missing", "media_without_call"]


def test_a_flow_without_start() -> None:
    codes = {f.code for f in findings(document(CALL + GOOD))}
    assert "start_missing" in codes


DIAL = "  call: {widget: make_call_for_dialer, queue: QUEUE, on: {connected: END, agent_failed: end, customer_failed: end}}\n"


def _dialer(queue: str = "sales", more: str = "", connected: str = "end") -> bytes:
    steps = START + DIAL.replace("QUEUE", queue).replace("END", connected) + more
    return document(steps).replace(b"multicast", b"dialer")


def test_a_dialer_flow_has_one_dialer_step() -> None:
    assert findings(_dialer()) == ()
    assert [f.code for f in findings(after_answer(GOOD).replace(b"multicast", b"dialer"))] == [
        "dialer_step_missing",
        "call_in_dialer",
    ]
    other = DIAL.replace("  call:", "  again:").replace("QUEUE", "sales").replace("END", "end")
    twice = _dialer(more=other, connected="again")
    assert "dialer_step_twice" in [f.code for f in findings(twice)]


def test_only_dialer_flows_have_a_dialer_step() -> None:
    assert [f.code for f in findings(_dialer().replace(b"dialer\n", b"multicast\n"))] == ["dialer_step_elsewhere"]


def test_the_queue_of_a_dialer_is_known_before_the_record() -> None:
    queue = '"{{ $flow.key.Queue }}"'
    data = _dialer(queue).replace(b"steps:", b"variables: {Queue: {}}\nsteps:")
    assert [f.code for f in findings(data)] == ["queue_not_fixed"]


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
