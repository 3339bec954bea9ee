"""Reading a flow document: what is refused, what becomes a finding, what is understood."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from central.domain.errors import InvalidInput
from central.domain.reattempts import Alternates, Growth
from central.domain.statuses import CallStatus
from central.flow.checker import check
from central.flow.document import LIMIT_STEPS, parse
from central.flow.findings import Finding
from tests.fakes.flow_player import HEAD, document

BOMB = "\n".join(
    [f"{HEAD}a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 30)]
)
REFUSED = [
    (b"", "document_empty", 0),
    (b"# only a comment\n", "document_empty", 0),
    (b"- a list\n", "document_not_mapping", 1),
    (b"just text", "document_not_mapping", 1),
    (b"flow: f\nflow: g\n", "document_duplicate_key", 2),
    (b"flow: f\nsteps:\n  a: {b: 1, b: 2}\n", "document_duplicate_key", 3),
    (b'{"flow": "f",\n "flow": "g"}', "document_duplicate_key", 2),
    (b"flow: !!python/name:os.system x\n", "document_tag", 1),
    (b"flow: !mine x\n", "document_tag", 1),
    (b"flow: f\x00\n", "document_bad_character", 1),
    (b'flow: f\nsteps: "\\0"\n', "document_bad_character", 2),
    (b'{"flow": "\\u0000"}', "document_bad_character", 1),
    (b'flow: "\\ud800"\n', "document_bad_character", 1),
    (b"flow: f\nname: \xff\n", "document_not_utf8", 2),
    (b"flow: [\n", "document_syntax", 2),
    (b'flow: "\\U7fffffff"\n', "document_syntax", 0),
    (b'{"flow": }', "document_syntax", 1),
    (b'{"flow": "f",}', "document_syntax", 1),
    (b'{"flow": "f"}\nmore', "document_syntax", 2),
    (b"flow: a\n---\nflow: b\n", "document_several", 2),
    (b"a: &x [*x]\n", "document_alias", 1),
    (b"a: *nowhere\n", "document_alias", 1),
    (b"[" * 100_000, "document_too_deep", 1),
    (b'{"a":' * 100_000, "document_too_deep", 1),
    (b"? [a]\n: 1\n", "document_key_not_text", 1),
    (BOMB.encode(), "document_too_large", 7),
    (b"#" * 1_048_577, "document_too_large", 0),
]


def found(data: bytes) -> dict[str, Finding]:
    return {finding.code: finding for finding in parse(data).findings}


@pytest.mark.parametrize(
    ("data", "code", "line"), REFUSED, ids=[f"{code}-{i}" for i, (_, code, _) in enumerate(REFUSED)]
)
def test_what_cannot_be_read_is_refused_with_code_and_line(data: bytes, code: str, line: int) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse(data)
    assert (caught.value.code, caught.value.details["line"]) == (code, line)


def test_json_and_yaml_of_the_same_flow_are_equal_but_for_lines() -> None:
    written = b'flow: f\ntype: multicast\npurpose: service\ncalls: {attempts: 2, interval: 10s}\ndescription: "a\\nb"\n'
    as_json = (
        b'{"flow": "f", "type": "multicast", "purpose": "service",\t"calls": {"attempts": 2, "interval": "10s"},'
        b'"description": "a\\nb"}'
    )
    one, other = parse(written), parse(as_json)
    assert (one.name, one.calls, one.description) == (other.name, other.calls, other.description)
    assert one.calls.reattempts.attempts == 2


def test_an_alias_stands_for_its_anchor() -> None:
    flow = parse(document("  a: &a {widget: hang_up}\n  b: *a\n"))
    assert flow.steps["b"].widget == "hang_up"


def test_the_call_settings_are_understood() -> None:
    calls = parse(
        document(
            "  a: {widget: hang_up}\n",
            """calls:
  attempts: 4
  interval: [10s, 1h30m]
  retry_on: [Busy, Ring Timeout]
  alternates: skip_after_rejection
  retry_short_hangup: true
  ring_timeout: 25s
  short_hangup: 1500ms
  channel_wait: 5s
  expires_after: 2d
  strict_start: true
  channels: 50
  cps: 2.5
  duplicates: reject
""",
        )
    ).calls
    rule = calls.reattempts
    assert (rule.attempts, rule.intervals) == (4, (timedelta(seconds=10), timedelta(minutes=90)))
    assert rule.retry_on == {CallStatus.BUSY, CallStatus.RING_TIMEOUT}
    assert (rule.alternates, rule.growth) == (Alternates.SKIP_AFTER_REJECTION, Growth.FIXED)
    assert rule.retry_short_hangup
    assert (calls.ring_timeout, calls.short_hangup) == (timedelta(seconds=25), timedelta(milliseconds=1500))
    assert (calls.channel_wait, calls.expires_after) == (timedelta(seconds=5), timedelta(days=2))
    assert (calls.strict_start, calls.channels, calls.cps, calls.duplicates) == (True, 50, 2.5, "reject")


SETTINGS = [
    ("calls: {attempts: 0}", "field_out_of_range"),
    ("calls: {attempts: many}", "field_out_of_range"),
    ("calls: {interval: 5}", "field_not_duration"),
    ("calls: {interval: 31d}", "field_out_of_range"),
    ("calls: {ring_timeout: 10m}", "field_out_of_range"),
    ("calls: {retry_on: [Busi]}", "retry_cause_invalid"),
    ("calls: {retry_on: [Invalid Number]}", "retry_cause_invalid"),
    ("calls: {interval: [1s, 2s], growth: linear}", "reattempts_invalid"),
    ("calls: {strict_start: maybe}", "field_not_flag"),
    ("calls: {colour: red}", "unknown_field"),
    ("calls: [1]", "field_not_mapping"),
    ("colour: red", "unknown_field"),
    ("time_zone: Mars/Olympus", "time_zone_unknown"),
    ("time_zone: ../../etc/passwd", "time_zone_unknown"),
    ("formats: {date: [dd.MM.yy]}", "format_unknown"),
    ("business_hours: {weekly: {mon: ['9-']}}", "hours_invalid"),
    ("business_hours: {weekly: {someday: ['09:00-18:00']}}", "hours_invalid"),
    ("business_hours: {holidays: [25.12.2026]}", "hours_invalid"),
    ("business_hours: {weekly: {}}", "hours_never_open"),
    ("variables: {9a: {}}", "variable_name_invalid"),
    ("variables: {A: {rules: [{kind: colour}]}}", "variable_rule_unknown"),
    ("variables: {A: {rules: [{kind: contains}]}}", "variable_rule_no_criterion"),
    ("variables: {A: {rules: [{kind: length}]}}", "variable_rule_no_criterion"),
    ("variables: {A: {rules: [{kind: number, min: few}]}}", "variable_rule_no_criterion"),
    ("variables: {A: {rules: [{kind: date, format: 'HH:mm'}]}}", "format_unknown"),
    ("variables: {A: {rules: [{kind: list, values: []}]}}", "variable_rule_no_criterion"),
    ("variables: {A: {rules: [{kind: regex, pattern: '(?=a)b'}]}}", "regex_refused"),
    ("variables: {A: {rules: [{kind: regex, pattern: '(.{1,900})*[^z]{1,500}'}]}}", "regex_refused"),
    (f"variables: {{A: {{rules: [{', '.join(['email'] * 21)}]}}}}", "too_many_rules"),
    ("variables: {A: {rules: [{kind: email, min: 1}]}}", "unknown_field"),
]


@pytest.mark.parametrize(("head", "code"), SETTINGS)
def test_a_wrong_setting_is_a_finding_and_not_an_error(head: str, code: str) -> None:
    finding = found(document("  a: {widget: hang_up}\n", f"{head}\n"))[code]
    assert (finding.severity, finding.line) == ("error", 4)
    assert finding.hint


def test_a_misspelt_field_gets_a_hint() -> None:
    assert (
        found(document("  a: {widget: hang_up}\n", "calls: {atempts: 3}\n"))["unknown_field"].hint
        == "Did you mean 'attempts'?"
    )


def test_missing_necessities_are_findings() -> None:
    findings = parse(b"description: nothing else\n").findings
    assert [f.message for f in findings if f.code == "field_missing"] == [
        "The field 'flow' is missing.",
        "The field 'type' is missing.",
        "The field 'purpose' is missing.",
    ]
    assert any(f.code == "steps_missing" for f in findings)


def test_rules_keep_their_order_and_criteria_even_when_they_are_unknown() -> None:
    flow = parse(
        document(
            "  a: {widget: hang_up}\n",
            "variables:\n  B: {secret: true, rules: [{kind: number, min: 1.5}, {kind: odd, a: [1]}, email]}\n  A: {mandatory: true}\n",
        )
    )
    assert [variable.name for variable in flow.variables] == ["B", "A"]
    assert [(rule.kind, dict(rule.criterion)) for rule in flow.variables[0].rules] == [
        ("number", {"min": 1.5}),
        ("odd", {"a": [1]}),
        ("email", {}),
    ]
    assert (flow.variables[0].secret, flow.variables[1].mandatory) == (True, True)


@pytest.mark.parametrize("name", ["end", "9lives", "with space"])
def test_names_that_no_step_may_have(name: str) -> None:
    flow = parse(document(f"  {name}: {{widget: hang_up}}\n"))
    assert [finding.code for finding in flow.findings] == ["step_name_invalid"]
    assert not flow.steps


def test_more_steps_than_the_limit_is_a_finding() -> None:
    steps = "".join(f"  s{i}: {{widget: hang_up}}\n" for i in range(LIMIT_STEPS + 1))
    assert "too_many_steps" in found(document(steps))
    assert "too_many_steps" not in found(document(steps.replace("  s0: {widget: hang_up}\n", "")))


def test_a_hostile_megabyte_of_small_values_is_refused_early() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse(b"steps: [" + b"1," * 500_000 + b"]")
    assert caught.value.code == "document_too_large"


def test_the_example_reads_without_a_finding() -> None:
    data = Path(__file__).parents[3].joinpath("examples/appointment-reminder.yaml").read_bytes()
    assert parse(data).findings == ()


def test_ten_thousand_steps_and_ten_thousand_mistakes_are_read_in_no_time() -> None:
    steps = "".join(f"  s{i}: {{widget: play, say: a, next: s{i + 1}}}\n" for i in range(6_000))
    assert [f.code for f in check(parse(document(steps)))] == ["too_many_steps"]
    mistakes = "".join(f"  colour_{i}: red\n" for i in range(10_000))
    found = check(parse(document("  a: {widget: hang_up}\n", f"calls:\n{mistakes}")))
    assert len([f for f in found if f.code == "unknown_field"]) > 490
    assert len(found) == 501
    assert found[-1].code == "too_many_findings"


def test_lines_are_those_that_an_editor_counts() -> None:
    data = 'flow: a  # pasted \u2028 text\ndescription: "one\u2029two\x85three"\r\nsteps:\r\n  first: {}\r\n'
    flow = parse(data.encode())
    assert flow.description == "one\u2029two\x85three"
    assert flow.steps["first"].line == 4
