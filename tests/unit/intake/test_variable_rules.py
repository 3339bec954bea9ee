"""Variable rules: each kind fails with its own status, in configured order."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from central.domain.variable_rules import RULE_KINDS, CompiledRules, compile_rules


@dataclass(frozen=True, slots=True)
class SomeRule:
    kind: str
    criterion: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True)
class SomeVariable:
    name: str
    rules: tuple[SomeRule, ...] = ()
    mandatory: bool = False
    secret: bool = False


def rules(kind: str, **criterion: object) -> CompiledRules:
    return compile_rules([SomeVariable("x", (SomeRule(kind, criterion),))])


def failing(compiled: CompiledRules, value: str) -> str | None:
    failure = compiled.first_failure({"x": value})
    return failure.status if failure else None


CASES: list[tuple[str, dict[str, object], list[str], list[str], str]] = [
    ("contains", {"text": "ab"}, ["ab", "xabx"], ["a b", "AB"], "FLOW_VARIABLE_CONTAINS_CRITERIA_FAILED"),
    ("not_contains", {"text": "ab"}, ["ba"], ["xabx"], "FLOW_VARIABLE_DOES_NOT_CONTAINS_CRITERIA_FAILED"),
    ("list", {"values": ["a", "b c", 7]}, ["a", "b c", "7"], ["A", "a "], "FLOW_VARIABLE_LIST_CRITERIA_FAILED"),
    ("regex", {"pattern": "[A-Z]{2}\\d+"}, ["AB1"], ["xAB1", "AB1\n", "AB"], "FLOW_VARIABLE_REGEX_CRITERIA_FAILED"),
    ("regex", {"pattern": "a|ab"}, ["ab"], ["abc"], "FLOW_VARIABLE_REGEX_CRITERIA_FAILED"),
    ("length", {"min": 2, "max": 3}, ["ab", "äöü"], ["a", "abcd"], "FLOW_VARIABLE_LENGTH_CRITERIA_FAILED"),
    ("length", {"max": "3"}, ["a"], ["abcd"], "FLOW_VARIABLE_LENGTH_CRITERIA_FAILED"),
    (
        "email",
        {},
        ["a@example.com", "first.last+tag@sub.example.co.uk", "jörg@bücher.example.com", "o'hara@example.com"],
        ["a", "a@", "@b.com", "a@b", "a..b@example.com", "a@example.com ", "a@-x.com", "a b@example.com", "a@x.test"],
        "FLOW_VARIABLE_EMAIL_VALIDATION_FAILED",
    ),
    (
        "url",
        {},
        ["https://example.com", "http://a.b/c?d=e#f", "HTTPS://EXAMPLE.com:8443/", "http://[::1]/", "http://10.0.0.1/x"],
        ["example.com", "//a.b", "ftp://a.b", "http://", "http:///x", "http://a b", "http://a:99999", "http://-a.b",
         "javascript:alert(1)", "http://999.1.1.1/", "http://exa\nmple.com", "https:example.com", "http://[::1"],
        "FLOW_VARIABLE_URL_CRITERIA_FAILED",
    ),
    ("number", {"min": 1, "max": "10.5"}, ["1", "10.5", "+2"], ["0.99", "11", "x", "1e1", "1,5", "٣"], "FLOW_VARIABLE_VALIDATION_FAILED"),
    ("number", {}, ["-1", ".5", "0"], ["", "NaN", "Infinity", "--1", "1.2.3"][1:], "FLOW_VARIABLE_VALIDATION_FAILED"),
    ("date", {"format": "dd/MM/yyyy"}, ["28/02/2026"], ["30/02/2026", "2026-02-28", "1/2/2026"], "FLOW_VARIABLE_VALIDATION_FAILED"),
    ("date", {}, ["28-02-2026", "2026-02-28", "05 Mar 2026"], ["2026-02-30", "05 Foo 2026"], "FLOW_VARIABLE_VALIDATION_FAILED"),
    ("date", {"format": "yyyy-MM-dd hh:mm a"}, ["2026-02-28 12:30 PM"], ["2026-02-28 13:30 PM"], "FLOW_VARIABLE_VALIDATION_FAILED"),
    ("date", {"min": "2026-01-01", "max": "2026-12-31"}, ["2026-06-01"], ["2025-12-31", "2027-01-01"], "FLOW_VARIABLE_VALIDATION_FAILED"),
    ("mandatory", {}, ["x"], ["", "  ", "\t"], "FLOW_VARIABLE_VALIDATION_FAILED"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "criterion", "good", "bad", "status"), CASES)
def test_each_kind_passes_and_fails_as_published(
    kind: str, criterion: dict[str, object], good: list[str], bad: list[str], status: str
) -> None:
    compiled = rules(kind, **criterion)
    assert [value for value in good if failing(compiled, value)] == []
    assert [value for value in bad if failing(compiled, value) != status] == []


def test_every_kind_has_a_case() -> None:
    assert {case[0] for case in CASES} == RULE_KINDS


@pytest.mark.parametrize("kind", sorted(RULE_KINDS - {"mandatory"}))
def test_an_empty_value_fails_only_a_mandatory_rule(kind: str) -> None:
    criterion: dict[str, object] = {"text": "a", "values": ["a"], "pattern": "a", "min": 1}
    if kind == "date":
        criterion = {}
    assert failing(rules(kind, **criterion), "") is None
    assert rules(kind, **criterion).first_failure({}) is None


def test_an_unknown_kind_fails_every_record() -> None:
    for value in ("anything", ""):
        assert failing(rules("iban"), value) == "INVALID_FLOW_VARIABLE_VALIDATION_TYPE"


@pytest.mark.parametrize(
    ("kind", "criterion"),
    [
        ("contains", {}), ("contains", {"text": ""}), ("not_contains", {"text": None}), ("list", {}), ("list", {"values": []}),
        ("regex", {}), ("regex", {"pattern": ""}), ("regex", {"pattern": "("}), ("regex", {"pattern": "(?=a)"}),
        ("regex", {"pattern": "(a)\\1"}), ("regex", {"pattern": "((a{1000}){1000}){1000}"}), ("length", {}),
        ("length", {"min": "x"}), ("number", {"min": "x"}), ("date", {"format": "YYYY"}), ("date", {"min": "soon"}),
    ],
)  # fmt: skip
def test_a_known_kind_without_usable_criterion(kind: str, criterion: dict[str, object]) -> None:
    assert failing(rules(kind, **criterion), "a") == "FLOW_VARIABLE_CRITERIA_UNDEFINED"


def test_the_first_failure_in_configured_order_wins() -> None:
    compiled = compile_rules(
        [
            SomeVariable("a", (SomeRule("length", {"max": 1}), SomeRule("email"))),
            SomeVariable("b", mandatory=True),
        ]
    )
    failure = compiled.first_failure({"a": "xyz"})
    assert failure is not None
    assert (failure.variable, failure.rule) == ("a", "length")
    failure = compiled.first_failure({"a": "x"})
    assert failure is not None
    assert (failure.variable, failure.rule) == ("a", "email")
    failure = compiled.first_failure({})
    assert failure is not None
    assert (failure.variable, failure.rule) == ("b", "mandatory")


def test_a_secret_value_is_never_shown() -> None:
    compiled = compile_rules([SomeVariable("pin", (SomeRule("number"),), secret=True)])
    failure = compiled.first_failure({"pin": "hunter2"})
    assert failure is not None
    assert "hunter2" not in repr(failure)


def test_a_catastrophic_pattern_takes_linear_time() -> None:
    compiled = rules("regex", pattern="(a+)+$")
    begun = time.perf_counter()
    assert failing(compiled, "a" * 4095 + "b") is not None
    assert time.perf_counter() - begun < 1


@pytest.mark.parametrize(
    "value", ["a@" + "a." * 2040, "a." * 2040 + "@b.com", "a-" * 2048, "http://" + "a-" * 2000, "http://" + "a." * 2000]
)
def test_addresses_made_to_be_slow_are_refused_quickly(value: str) -> None:
    begun = time.perf_counter()
    assert failing(rules("email"), value) is not None
    assert failing(rules("url"), value) is not None
    assert time.perf_counter() - begun < 1
