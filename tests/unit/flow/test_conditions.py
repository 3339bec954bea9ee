"""Decision: operators, joins, types, and what cannot be compared."""

from __future__ import annotations

import pytest

from tests.fakes.flow_player import Player, after_answer

HEAD = "time_zone: Asia/Kolkata\nformats: {date: [dd-MM-yyyy, yyyy-MM-dd], time: ['HH:mm', 'hh:mm a']}\n"


def decides(condition: str, variables: dict[str, str] | None = None) -> bool:
    steps = f"  first: {{widget: decision, rules: [{{when: {condition}, next: yes_step}}], else: no_step}}\n"
    steps += "  yes_step: {widget: hang_up}\n  no_step: {widget: hang_up}\n"
    return Player.of(after_answer(steps, HEAD), variables=variables).connected().path[-1] == "yes_step"


def compares(left: str, operator: str, right: str) -> bool:
    return decides(
        f'{{value: "{{{{ $flow.key.L }}}}", is: "{operator}", to: "{{{{ $flow.key.R }}}}"}}', {"L": left, "R": right}
    )


@pytest.mark.parametrize(
    ("left", "operator", "right", "expected"),
    [
        ("7", "=", "7.0", True),
        ("007", "=", "7", True),
        ("7", "!=", "7.0", False),
        ("10", ">", "9", True),
        ("-1.5", "<", "-1.25", True),
        ("0.1", "<=", "0.10", True),
        ("1e5", ">", "1", False),
        ("9" * 30, ">", "8" * 30, True),
        ("Pune", "=", "Pune", True),
        ("Pune", "=", "pune", False),
        ("Pune", "!=", "7", True),
        ("Pune", "<", "Quetta", False),
        ("Pune", ">=", "Pune", False),
        ("", "<", "1", False),
        ("02-03-2026", "<", "2026-03-03", True),
        ("02-03-2026", "=", "2026-03-02", True),
        ("31-02-2026", "<", "2026-03-03", False),
        ("09:30", "<", "10:00 PM", True),
        ("09:30", "<", "02-03-2026", False),
        ("02-03-2026 09:30", ">", "02-03-2026", True),
        ("2026-03-02T09:30:00Z", "=", "02-03-2026 15:00", True),
        ("0001-01-01T00:00+14:00", "<", "9999-12-31T23:59-12:00", True),
        ("abc", "contains", "b", True),
        ("abc", "contains", "", True),
        ("abc", "not contains", "d", True),
        ("abc", "regex", "[a-c]+", True),
        ("abcd", "regex", "[a-c]+", False),
        ("abc", "regex", "(?=a)abc", False),
        ("a" * 4000 + "!", "regex", "(a*)*", False),
        ("a", "regex", "a" * 1001, False),
        ("a", "≠", "b", True),
        ("1", "≤", "1", True),
    ],
)
def test_a_comparison(left: str, operator: str, right: str, expected: bool) -> None:
    assert compares(left, operator, right) is expected


def test_empty_means_nothing_but_blanks() -> None:
    assert decides('{value: "{{ $flow.key.A }}", is: empty}', {"A": "  "})
    assert decides('{value: "{{ $flow.key.A }}", is: empty}')
    assert decides('{value: "{{ $flow.key.A }}", is: not empty}', {"A": "0"})


def test_asking_whether_there_is_a_value_warns_of_nothing() -> None:
    steps = "  first: {widget: decision, rules: [{when: {value: '{{ $flow.key.L }}', is: %s}, next: end}], else: end}\n"
    for operator, warnings in (("empty", []), ("not empty", []), ("'=', to: a", ["variable_unresolved"])):
        assert Player.of(after_answer(steps % operator)).connected().warnings == warnings


def test_in_compares_with_every_item() -> None:
    assert decides('{value: "{{ $flow.key.A }}", is: in, to: [Pune, "3.0"]}', {"A": "3"})
    assert not decides('{value: "{{ $flow.key.A }}", is: in, to: [Pune, Delhi]}', {"A": "Del"})
    assert decides('{value: "{{ $flow.key.A }}", is: in, to: [Pune, "{{ $flow.key.B }}"]}', {"A": "x", "B": "x"})


def test_conditions_are_joined_by_and_and_or() -> None:
    yes, no = "{value: a, is: '=', to: a}", "{value: a, is: '=', to: b}"
    assert decides(f"{{all: [{yes}, {yes}]}}")
    assert not decides(f"{{all: [{yes}, {no}]}}")
    assert decides(f"{{any: [{no}, {yes}]}}")
    assert not decides(f"{{any: [{no}, {no}]}}")
    assert decides(f"{{all: [{yes}, {{any: [{no}, {{all: [{yes}]}}]}}]}}")


def test_the_present_moment_can_be_compared() -> None:
    assert decides('{value: "{{ $flow.syskey.now }}", is: ">", to: 02-03-2026}')
    assert not decides('{value: "{{ $flow.syskey.now }}", is: ">", to: 03-03-2026}')


def test_the_first_rule_that_holds_decides() -> None:
    steps = """  first:
    widget: decision
    rules:
      - {name: none, when: {value: a, is: empty}, next: end}
      - {name: second, when: {value: a, is: "=", to: a}, next: end}
      - {name: third, when: {value: a, is: "=", to: a}, next: end}
    else: end
"""
    player = Player.of(after_answer(steps)).connected()
    assert player.notes("branch")[-1].data["branch"] == "second"
