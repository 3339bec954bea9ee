"""Templates, limits and Store Variable."""

from __future__ import annotations

import pytest

from central.flow.variables import Reference, parse_reference, parse_template, record_bytes, refusal
from tests.fakes.flow_player import Player, after_answer


def stored(value: str, variables: dict[str, str] | None = None, head: str = "") -> Player:
    steps = f"  first: {{widget: store_variable, set: {{Out: {value}}}}}\n"
    return Player.of(after_answer(steps, head), variables=variables).connected()


def out(value: str, **variables: str) -> str:
    return stored(value, variables).run.variables["Out"]


def test_references_are_filled_in() -> None:
    assert out('"{{ $flow.key.A }} and {{$flow.key.B}}!"', A="1", B="2") == "1 and 2!"
    assert out('"{{ $flow.syskey.record_id }}"') == "r-1"
    assert out('"{{ $flow.syskey.now }}"') == "2026-03-02T09:30:00.000+00:00"
    assert out('"{{ $call.connect }}"') == "2026-03-02T09:30:00.000+00:00"


def test_what_has_no_value_renders_empty_and_warns() -> None:
    player = stored('"a{{ $flow.key.Missing }}b{{ $user.key.City }}"')
    assert player.run.variables["Out"] == "ab"
    assert player.notes("warning")[0].data == {
        "code": "variable_unresolved",
        "variables": ["$flow.key.Missing", "$user.key.City"],
    }


def test_values_are_not_templates_themselves() -> None:
    assert out('"{{ $flow.key.A }}"', A="{{ $flow.key.B }}", B="no") == "{{ $flow.key.B }}"


def test_text_without_braces_is_text() -> None:
    assert out("$flow.key.A", A="1") == "$flow.key.A"


@pytest.mark.parametrize(
    "text",
    [
        "$flow.key.",
        "flow.key.A",
        "$flow.key.9a",
        "$flow.other.A",
        "$call.secret",
        "$flow.key.A-B",
        "1 + 1",
        "",
        "$flow.key." + "a" * 65,
    ],
)
def test_what_is_no_reference(text: str) -> None:
    assert parse_reference(text) is None
    assert parse_template(f"x {{{{ {text} }}}} y").broken == (text.strip(),)


def test_references_of_every_namespace() -> None:
    for text in ("$flow.key.A", "$flow.syskey.now", "$user.key.A", "$user.syskey.A", "$call.dnis.number"):
        assert str(parse_reference(text)) == text
    assert parse_template("{{ $call.cdr }}").references == (Reference("call", "cdr"),)


def test_an_open_brace_is_broken() -> None:
    assert parse_template("a {{ $flow.key.A").broken == ("$flow.key.A",)


def test_secrets_are_masked_in_notes_and_used_in_full() -> None:
    steps = '  first: {widget: play, say: "PIN {{ $flow.key.Pin }}", next: keep}\n'
    steps += '  keep: {widget: store_variable, set: {Pin: "{{ $flow.key.Pin }}9"}}\n'
    player = (
        Player.of(after_answer(steps, "variables: {Pin: {secret: true}}\n"), variables={"Pin": "4711"})
        .connected()
        .played()
    )
    assert player.said == ["PIN 4711"]
    assert player.run.variables["Pin"] == "47119"
    assert player.notes("play")[0].data == {"say": "PIN ***"}
    assert player.notes("variable")[0].data == {"name": "Pin", "value": "***"}


def test_a_value_over_the_limit_stores_empty_text_and_warns() -> None:
    assert out('"{{ $flow.key.A }}"', A="x" * 4096) == "x" * 4096
    player = stored('"{{ $flow.key.A }}y"', {"A": "x" * 4096})
    assert player.run.variables["Out"] == ""
    assert player.warnings == ["value_too_long"]


def test_a_record_over_its_limit_stores_empty_text_and_warns() -> None:
    full = {f"V{i:02}": "é" * 2045 for i in range(16)}
    assert record_bytes(full) == 16 * 4093
    player = stored('"{{ $flow.key.V00 }}"', full)
    assert player.warnings == ["record_too_large"]
    assert refusal(full, "V00", "short") is None
    assert refusal({}, "9a", "x") == "name_invalid"


def test_assignments_run_in_order() -> None:
    steps = '  first: {widget: store_variable, set: {A: "1", B: "{{ $flow.key.A }}2", C: }}\n'
    player = Player.of(after_answer(steps)).connected()
    assert player.run.variables == {"A": "1", "B": "12", "C": ""}


def test_speech_over_the_limit_is_cut_and_warns() -> None:
    steps = '  first: {widget: play, say: "{{ $flow.key.A }}{{ $flow.key.A }}"}\n'
    player = Player.of(after_answer(steps), variables={"A": "x" * 4000}).connected()
    assert [len(text) for text in player.said] == [2000]
    assert player.warnings == ["text_cut"]
