"""The sections of a flow document above its steps: formats, calls, business hours, variable declarations."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice
from typing import Final

from central.domain.date_formats import DATES, OFFERED, TIMES
from central.domain.dispositions import DEFAULT_RETRY_ON, permanently_bad
from central.domain.errors import InvalidInput
from central.domain.reattempts import MAX_ATTEMPTS, MAX_INTERVAL, MIN_INTERVAL, Alternates, Growth, ReattemptRule
from central.domain.statuses import CallStatus, FlowStatus
from central.domain.variable_rules import compile_rules
from central.domain.weekly_hours import WeeklyHours
from central.flow.conditions import PATTERN_HINT
from central.flow.configuration import (
    CallSettings,
    Duplicates,
    Formats,
    VariableDeclaration,
    VariableRule,
)
from central.flow.reading import Reading
from central.flow.tree import Entries, Scalar, Tree, plain
from central.flow.variables import NAME

# What a rule of each kind may say; the domain decides whether it suffices.
_CRITERIA: Final = {
    "contains": ("text",),
    "not_contains": ("text",),
    "list": ("values",),
    "regex": ("pattern",),
    "length": ("min", "max"),
    "email": (),
    "url": (),
    "mandatory": (),
    "number": ("min", "max"),
    "date": ("format", "min", "max"),
}
_SECOND, _DAY = timedelta(seconds=1), timedelta(days=1)
LIMIT_VARIABLES: Final = 500
LIMIT_RULES: Final = 20  # of a variable ...
LIMIT_ALL_RULES: Final = 1_000  # ... and of all together: each costs at every record
_GROWTHS: Final = tuple(Growth)
_ALTERNATES: Final = tuple(Alternates)
_DUPLICATES: Final[tuple[Duplicates, ...]] = ("allow", "reject")


def read_formats(section: Reading) -> Formats:
    """The accepted formats, in order; unknown ones are reported and left out."""
    default = Formats()
    dates = _formats(section, "date", DATES)
    times = _formats(section, "time", TIMES)
    section.close("`formats`")
    return Formats(dates or default.dates, times or default.times)


def _formats(section: Reading, name: str, offered: tuple[str, ...]) -> tuple[str, ...]:
    found = section.texts(name)
    for form in found:
        if form not in offered:
            hint = f"Offered: {', '.join(offered)}."
            section.find(
                "format_unknown", f"There is no {name} format {form[:40]!r}.", line=section.line(name), hint=hint
            )
    return tuple(form for form in found if form in offered)


def read_calls(section: Reading) -> CallSettings:
    """The configurator; what is missing or out of range takes its default."""
    default = CallSettings()
    settings = CallSettings(
        reattempts=_reattempts(section),
        agent_reattempts=_agent_reattempts(section),
        ring_timeout=section.duration("ring_timeout", default.ring_timeout, _SECOND, 180 * _SECOND),
        short_hangup=section.duration("short_hangup", default.short_hangup, timedelta(), 60 * _SECOND),
        channel_wait=section.duration("channel_wait", default.channel_wait, timedelta(), 600 * _SECOND),
        expires_after=section.duration("expires_after", default.expires_after, 60 * _SECOND, 90 * _DAY),
        strict_start=section.flag("strict_start", default=default.strict_start),
        channels=section.whole("channels", 0, 1, 100_000) or None,
        cps=section.number("cps", 0.01, 10_000),
        duplicates=section.choice("duplicates", _DUPLICATES, default.duplicates),
    )
    section.close("`calls`")
    return settings


def _reattempts(section: Reading) -> ReattemptRule:
    default = ReattemptRule()
    attempts = section.whole("attempts", default.attempts, 1, MAX_ATTEMPTS)
    intervals = section.durations("interval", default.intervals[0], MIN_INTERVAL, MAX_INTERVAL)
    growth = section.choice("growth", _GROWTHS, default.growth)
    retry_on = _retry_on(section)
    again = section.flag("retry_short_hangup", default=default.retry_short_hangup)
    alternates = section.choice("alternates", _ALTERNATES, default.alternates)
    try:
        return ReattemptRule(attempts, intervals, growth, retry_on, again, alternates)
    except InvalidInput as error:
        section.find(
            "reattempts_invalid",
            error.message,
            line=section.line("growth"),
            hint="Remove `growth`, or shorten the wait.",
        )
        return default


def _agent_reattempts(section: Reading) -> ReattemptRule:
    """A dialer's second budget."""
    default = ReattemptRule()
    attempts = section.whole("agent_attempts", default.attempts, 1, MAX_ATTEMPTS)
    intervals = section.durations("agent_interval", default.intervals[0], MIN_INTERVAL, MAX_INTERVAL)
    return ReattemptRule(attempts, intervals)


def _retry_on(section: Reading) -> frozenset[CallStatus]:
    if not section.present("retry_on"):
        return DEFAULT_RETRY_ON
    causes: set[CallStatus] = set()
    for word in section.texts("retry_on"):
        status = next((status for status in CallStatus if status.value == word), None)
        if status is not None and not permanently_bad(status) and status is not CallStatus.CONNECTED:
            causes.add(status)
            continue
        message = (
            f"There is no call status {word[:40]!r}." if status is None else f"There is never a retry after {word}."
        )
        hint = f"By default: {', '.join(sorted(DEFAULT_RETRY_ON))}."
        section.find("retry_cause_invalid", message, line=section.line("retry_on"), hint=hint)
    return frozenset(causes)


def read_business_hours(section: Reading) -> WeeklyHours | None:
    """Weekly windows and holidays in the flow zone; days that are not named are closed. None when they are unreadable."""
    weekly = section.section("weekly")
    windows = {name: _texts_or_text(weekly, name) for name in weekly.entries.entries}
    holidays = section.texts("holidays")
    section.close("`business_hours`")
    try:
        hours = WeeklyHours.parse(windows, holidays)
    except InvalidInput as error:
        hint = 'Such as `weekly: {mon-fri: ["09:00-18:00"]}` and `holidays: ["2026-12-25"]`.'
        section.find("hours_invalid", error.message, hint=hint)
        return None
    if not any(hours.days):
        message = "The business hours open on no day: nobody would ever be called."
        section.find("hours_never_open", message, hint='Such as `weekly: {mon-fri: ["09:00-18:00"]}`.')
    return hours


def _texts_or_text(weekly: Reading, name: str) -> tuple[str, ...]:
    return (weekly.text(name),) if isinstance(weekly.tree(name), Scalar) else weekly.texts(name)


def read_variables(section: Reading) -> tuple[VariableDeclaration, ...]:
    """The declarations in order. Unknown rule kinds and missing criteria stay in, with their findings."""
    declared: list[VariableDeclaration] = []
    left = LIMIT_ALL_RULES
    if len(section.entries.entries) > LIMIT_VARIABLES:
        message = f"A flow declares at most {LIMIT_VARIABLES} variables, this one {len(section.entries.entries)}."
        section.find("too_many_variables", message, hint="Declare what steps and rules use.")
    for name in islice(section.entries.entries, LIMIT_VARIABLES):
        line = section.line(name)
        if not NAME.fullmatch(name):
            hint = "A letter or underscore, then letters, digits, underscores; at most 64."
            section.find("variable_name_invalid", f"{name[:64]!r} cannot name a variable.", line=line, hint=hint)
            continue
        own = section.section(name)
        rules = _rules(own, name, min(LIMIT_RULES, left))
        left -= len(rules)
        mandatory = own.flag("mandatory", default=False)
        secret = own.flag("secret", default=False)
        own.close(f"The variable {name!r}")
        declared.append(VariableDeclaration(name, mandatory, secret, rules, line))
    section.close("`variables`", ignored=section.entries.entries)
    return tuple(declared)


def _rules(own: Reading, variable: str, most: int) -> tuple[VariableRule, ...]:
    trees = own.items("rules")
    if len(trees) > most:
        message = f"{variable!r} has {len(trees)} rules: more than {LIMIT_RULES}, or than {LIMIT_ALL_RULES} with those before."
        own.find("too_many_rules", message, line=own.line("rules"), hint="Join patterns by |.")
    return tuple(rule for tree in trees[:most] if (rule := _rule(own, variable, tree)) is not None)


def _rule(own: Reading, variable: str, tree: Tree) -> VariableRule | None:
    if isinstance(tree, Scalar) and not tree.missing:
        tree = Entries({"kind": tree}, {"kind": tree.line}, tree.line)  # `- email` for `- {kind: email}`
    if not isinstance(tree, Entries):
        own.find("rule_not_mapping", f"A rule of {variable!r} must be a mapping.", line=tree.line, hint="{kind: email}")
        return None
    rule = Reading(tree, own.findings)
    kind = rule.text("kind", required=True)
    criterion = {name: plain(value) for name, value in tree.entries.items() if name != "kind"}
    criterion = {name: value for name, value in criterion.items() if value is not None}
    if kind not in _CRITERIA:
        hint = f"One of: {', '.join(_CRITERIA)}."
        rule.find("variable_rule_unknown", f"{variable!r} has a rule of unknown kind {kind[:40]!r}.", hint=hint)
        return VariableRule(kind[:64], criterion)
    for name in _CRITERIA[kind]:
        rule.tree(name)
    rule.close(f"The {kind} rule")
    found = VariableRule(kind, criterion)
    if not _usable(found):
        _report_unusable(rule, variable, found)
    return found


def _usable(rule: VariableRule) -> bool:
    """Whether intake can judge by this rule; asked of the domain itself, so that the two cannot differ."""
    failure = compile_rules((VariableDeclaration("value", rules=(rule,)),)).first_failure({"value": "x"})
    return failure is None or failure.status is not FlowStatus.FLOW_VARIABLE_CRITERIA_UNDEFINED


def _report_unusable(rule: Reading, variable: str, found: VariableRule) -> None:
    if found.kind == "regex" and found.criterion.get("pattern"):
        message = f"RE2 refuses the pattern of {variable!r}."
        rule.find("regex_refused", message, line=rule.line("pattern"), hint=PATTERN_HINT)
        return
    form = str(found.criterion.get("format") or "")
    if found.kind == "date" and form and form not in OFFERED:
        message = f"There is no date format {form[:40]!r}."
        hint = (
            f"Offered: {', '.join(DATES)}, also with a time behind it. A time of day alone is judged by `kind: regex`."
        )
        rule.find("format_unknown", message, line=rule.line("format"), hint=hint)
        return
    given = [name for name in _CRITERIA[found.kind] if found.criterion.get(name)]
    names = " or ".join(f"`{name}:`" for name in given or _CRITERIA[found.kind])
    message = f"The {found.kind} rule of {variable!r} has no usable criterion."
    rule.find("variable_rule_no_criterion", message, hint=f"{'Correct' if given else 'Give'} {names}.")
