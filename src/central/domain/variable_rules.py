"""The flow's rules for the variables of an incoming record (intake step 7; section 6.2), compiled once a flow version.

Rules run in the configured order and the first failure wins. An empty value (nothing or only blanks) fails only a
mandatory rule. A rule that cannot judge at all, because its kind is unknown or its criterion is missing or unusable,
fails every record, whatever the value: the record cannot be judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from math import ceil, floor
from typing import NamedTuple, Protocol, cast

from central.domain.date_formats import DATES, ISO, OFFERED, read_moment
from central.domain.patterns import compile_pattern
from central.domain.statuses import FlowStatus
from central.domain.value_shapes import decimal_of, is_email, is_web_address

MASK = "***"
_SHOWN_CHARS = 120
_ENDLESS = 1 << 62

Test = Callable[[str], bool]
Criterion = Mapping[str, object]


class Rule(Protocol):
    """What a flow says about a value.

    ``kind``: contains, not_contains, list, regex, length, email, url, mandatory, number or date; anything else is an
    unknown kind. ``criterion`` by kind: contains, not_contains ``text``; list ``values``; regex ``pattern``; length and
    number ``min``, ``max``; date ``format``, ``min``, ``max``; email, url, mandatory nothing.
    """

    @property
    def kind(self) -> str: ...  # noqa: D102 - said above
    @property
    def criterion(self) -> Mapping[str, object]: ...  # noqa: D102 - said above


class Declaration(Protocol):
    """A variable that the flow declares: ``name`` without prefix; ``secret`` values are never shown; ``rules`` in order.

    ``mandatory`` stands for a mandatory rule before all others.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - said above
    @property
    def mandatory(self) -> bool: ...  # noqa: D102 - said above
    @property
    def secret(self) -> bool: ...  # noqa: D102 - said above
    @property
    def rules(self) -> Sequence[Rule]: ...  # noqa: D102 - said above


@dataclass(frozen=True, slots=True)
class RuleFailure:
    """The first rule that a record breaks; ``value`` is what may be shown: shortened, and masked for a secret."""

    status: FlowStatus
    variable: str
    rule: str
    value: str
    sentence: str


class _Compiled(NamedTuple):
    variable: str
    secret: bool
    kind: str
    status: FlowStatus
    demand: str
    test: Test | None


class _Variable(NamedTuple):
    """The rules of one variable. ``blank``: the first that an empty value breaks; ``rules``: those that judge a value."""

    name: str
    blank: _Compiled | None
    rules: tuple[_Compiled, ...]


class CompiledRules:
    """All rules of a flow version, ready to judge rows."""

    __slots__ = ("_count", "_variables")

    def __init__(self, rules: Iterable[_Compiled]) -> None:
        grouped: list[tuple[str, list[_Compiled]]] = []
        for rule in rules:
            if not grouped or grouped[-1][0] != rule.variable:
                grouped.append((rule.variable, []))
            grouped[-1][1].append(rule)
        self._count = sum(len(group) for _, group in grouped)
        self._variables = tuple(
            _Variable(
                name,
                next((rule for rule in group if rule.test is None or rule.kind == "mandatory"), None),
                tuple(rule for rule in group if rule.test is None or rule.kind != "mandatory"),
            )
            for name, group in grouped
        )

    def __len__(self) -> int:
        return self._count

    def first_failure(self, variables: Mapping[str, str]) -> RuleFailure | None:
        """The first rule that these values break, in configured order; None if they satisfy all."""
        for name, blank, rules in self._variables:
            value = variables.get(name, "")
            if not value or value.isspace():
                if blank is not None:
                    return _failure(blank, value)
                continue
            for rule in rules:
                if rule.test is None or not rule.test(value):
                    return _failure(rule, value)
        return None


def compile_rules(declarations: Iterable[Declaration], formats: Sequence[str] = DATES) -> CompiledRules:
    """Compile the declared variables' rules; ``formats`` are the flow's accepted dates and date-times, in order."""
    compiled: list[_Compiled] = []
    for declaration in declarations:
        if declaration.mandatory:
            compiled.append(_compile(declaration, "mandatory", {}, tuple(formats)))
        compiled += (_compile(declaration, rule.kind, rule.criterion, tuple(formats)) for rule in declaration.rules)
    return CompiledRules(compiled)


def _failure(rule: _Compiled, value: str) -> RuleFailure:
    shown = MASK if rule.secret and value else value[:_SHOWN_CHARS]
    return RuleFailure(rule.status, rule.variable, rule.kind, shown, f'Variable "{rule.variable}" {rule.demand}.')


def _compile(declaration: Declaration, kind: str, criterion: Criterion, formats: tuple[str, ...]) -> _Compiled:
    known = _BUILDERS.get(kind)
    if known is None:
        status, demand = FlowStatus.INVALID_FLOW_VARIABLE_VALIDATION_TYPE, f'has a rule of unknown kind "{kind}"'
        return _Compiled(declaration.name, declaration.secret, kind, status, demand, None)
    build, status = known
    built = build(criterion, formats)
    if built is None:
        status, demand = FlowStatus.FLOW_VARIABLE_CRITERIA_UNDEFINED, f'has a rule "{kind}" without a usable criterion'
        return _Compiled(declaration.name, declaration.secret, kind, status, demand, None)
    test, demand = built
    return _Compiled(declaration.name, declaration.secret, kind, status, demand, test)


Built = tuple[Test, str] | None
"""The test and what it demands; None when the criterion cannot be used."""


def _contains(criterion: Criterion, _formats: tuple[str, ...]) -> Built:
    text = _text(criterion.get("text"))
    return (lambda value: text in value, f'must contain "{text}"') if text else None


def _not_contains(criterion: Criterion, _formats: tuple[str, ...]) -> Built:
    text = _text(criterion.get("text"))
    return (lambda value: text not in value, f'must not contain "{text}"') if text else None


def _one_of(criterion: Criterion, _formats: tuple[str, ...]) -> Built:
    values = criterion.get("values")
    entries = cast("Iterable[object]", values) if isinstance(values, list | tuple) else ()
    allowed = frozenset(_text(entry) for entry in entries) - {""}
    return (allowed.__contains__, f"must be one of {len(allowed)} permitted values") if allowed else None


def _regex(criterion: Criterion, _formats: tuple[str, ...]) -> Built:
    text = _text(criterion.get("pattern"))
    pattern = compile_pattern(text) if text else None
    if pattern is None:
        return None
    return (lambda value: pattern.fullmatch(value) is not None), "does not match its pattern as a whole"


def _length(criterion: Criterion, _formats: tuple[str, ...]) -> Built:
    low, high = _text(criterion.get("min")), _text(criterion.get("max"))
    least, most = decimal_of(low), decimal_of(high)
    if (least is None and most is None) or (low and least is None) or (high and most is None):
        return None
    shortest = 0 if least is None else ceil(least)
    longest = _ENDLESS if most is None else floor(most)
    return (lambda value: shortest <= len(value) <= longest), f"must have {_range(low, high)} characters"


def _email(_criterion: Criterion, _formats: tuple[str, ...]) -> Built:
    return is_email, "must be an e-mail address"


def _url(_criterion: Criterion, _formats: tuple[str, ...]) -> Built:
    return is_web_address, "must be an absolute http or https address"


def _mandatory(_criterion: Criterion, _formats: tuple[str, ...]) -> Built:
    return (lambda _value: True), "is mandatory, but empty"


def _number(criterion: Criterion, _formats: tuple[str, ...]) -> Built:
    low, high = _text(criterion.get("min")), _text(criterion.get("max"))
    least, most = decimal_of(low), decimal_of(high)
    if (low and least is None) or (high and most is None):
        return None

    def test(value: str) -> bool:
        number = decimal_of(value.strip(" "))
        return number is not None and _between(number, least, most)

    return test, f"must be a number{' of ' + _range(low, high) if low or high else ''}"


def _date(criterion: Criterion, formats: tuple[str, ...]) -> Built:
    low, high = _text(criterion.get("min")), _text(criterion.get("max"))
    own = _text(criterion.get("format"))
    if own and own not in OFFERED:
        return None
    patterns = (own,) if own else formats
    least, most = _moment(low, (*patterns, ISO)), _moment(high, (*patterns, ISO))
    if (low and least is None) or (high and most is None):
        return None

    def test(value: str) -> bool:
        if least is None and most is None:
            return read_moment(value.strip(" "), patterns) is not None
        moment = _moment(value.strip(" "), patterns)
        return moment is not None and (least is None or moment >= least) and (most is None or moment <= most)

    return test, f"must be a date{' of ' + _range(low, high) if low or high else ''} written as {' or '.join(patterns)}"


_BUILDERS: Mapping[str, tuple[Callable[[Criterion, tuple[str, ...]], Built], FlowStatus]] = {
    "contains": (_contains, FlowStatus.FLOW_VARIABLE_CONTAINS_CRITERIA_FAILED),
    "not_contains": (_not_contains, FlowStatus.FLOW_VARIABLE_DOES_NOT_CONTAINS_CRITERIA_FAILED),
    "list": (_one_of, FlowStatus.FLOW_VARIABLE_LIST_CRITERIA_FAILED),
    "regex": (_regex, FlowStatus.FLOW_VARIABLE_REGEX_CRITERIA_FAILED),
    "length": (_length, FlowStatus.FLOW_VARIABLE_LENGTH_CRITERIA_FAILED),
    "email": (_email, FlowStatus.FLOW_VARIABLE_EMAIL_VALIDATION_FAILED),
    "url": (_url, FlowStatus.FLOW_VARIABLE_URL_CRITERIA_FAILED),
    "mandatory": (_mandatory, FlowStatus.FLOW_VARIABLE_VALIDATION_FAILED),
    "number": (_number, FlowStatus.FLOW_VARIABLE_VALIDATION_FAILED),
    "date": (_date, FlowStatus.FLOW_VARIABLE_VALIDATION_FAILED),
}
RULE_KINDS = frozenset(_BUILDERS)


def _text(value: object) -> str:
    """A criterion as text: YAML and JSON may have made a number of it."""
    return "" if value is None or isinstance(value, Mapping | list | tuple) else str(value)


def _range(low: str, high: str) -> str:
    return f"{low} to {high}" if low and high else f"at least {low}" if low else f"at most {high}"


def _between(number: Decimal, least: Decimal | None, most: Decimal | None) -> bool:
    return (least is None or number >= least) and (most is None or number <= most)


def _moment(text: str, patterns: Sequence[str]) -> datetime | None:
    """A value as an aware moment, only to compare it with others: a wall-clock reading counts as UTC."""
    moment = read_moment(text, patterns) if text else None
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)
