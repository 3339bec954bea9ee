"""The checks of intake that a record went through, in the order of domain 7.2, each with the value that it looked at (step 7).

Only the check that decided is stored; the passes before it follow from the order, the flow version's rules and the versions
that the attempts stored. Pure. The checks of each claim stand in ``rebuild_claims``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from central.application.ports.reporting import EventRow, RecordHistory
from central.application.reporting.event_data import Data, data_of, objects, text, texts
from central.application.reporting.explanation import CheckLine, CheckResult, InputRow
from central.application.reporting.rebuild_claims import claim_checks, list_version
from central.domain.intake_facts import Check
from central.domain.policies import Policy
from central.domain.statuses import FlowStatus
from central.domain.variable_rules import MASK
from central.flow.configuration import VariableDeclaration
from central.flow.prepared import PreparedFlow

_SHOWN: Final = 60
ORDER: Final[tuple[tuple[int, Check], ...]] = (
    (0, Check.RECORD_SHAPE),
    (1, Check.START_TIME_FORMAT),
    (2, Check.START_TIME_NOT_PAST),
    (3, Check.NUMBER_PATTERN),
    (4, Check.PHONE_BLACKLIST),
    (5, Check.TESTING_WHITELIST),
    (6, Check.INTERNATIONAL),
    (7, Check.VARIABLES),
    (8, Check.DND_SCRUB),
    (9, Check.DUPLICATE_SWITCH),
    (9, Check.PENDING_CAP),
    (10, Check.EXPIRY),
    (10, Check.ACCEPT),
)
"""The published order with the step's number in domain 7.2; 0 is the shape of the row itself."""
_SILENT: Final = frozenset({Check.RECORD_SHAPE, Check.EXPIRY})  # shown only where they decided


@dataclass(frozen=True, slots=True)
class _Facts:
    """What a check may have looked at."""

    first: EventRow
    history: RecordHistory
    row: InputRow
    prepared: PreparedFlow
    policy: Policy

    @property
    def numbers(self) -> str:
        return ", ".join(self.row.numbers or self.row.written_numbers)

    def version(self, name: str) -> str:
        return list_version(self.history.attempts[0] if self.history.attempts else None, name)


@dataclass(frozen=True, slots=True)
class _Pass:
    """What a check that let the row pass tells; ``applied`` False: its condition does not hold for this flow or request."""

    sentence: str
    value: str = ""
    version: str = ""
    details: tuple[str, ...] = ()
    applied: bool = True


def rebuild_checks(
    history: RecordHistory, row: InputRow, prepared: PreparedFlow, policy: Policy
) -> tuple[CheckLine, ...]:
    """All checks of intake, then those of each claim."""
    lines: list[CheckLine] = []
    events = [event for event in history.events if not event.late]
    first = next((event for event in events if event.kind == "record_created"), None)
    if first is not None:
        lines += _intake(_Facts(first, history, row, prepared, policy))
    for event in events:
        if event.kind in {"record_claimed", "record_put_back"} or data_of(event).get("rule") == "claim":
            lines += claim_checks(event, history, prepared, policy)
    return tuple(lines)


def _intake(facts: _Facts) -> list[CheckLine]:
    at, data = facts.first.at, data_of(facts.first)
    decided = text(data, "check") or Check.ACCEPT
    dropped = _dropped(data)
    lines: list[CheckLine] = []
    over = False
    for step, check in ORDER:
        if check == decided and check is not Check.ACCEPT:
            over = True
            value, sentence, version = text(data, "value"), text(data, "sentence"), text(data, "list_version")
            failed = CheckLine(at, "intake", step, check, CheckResult.FAILED, value, sentence, version, rebuilt=False)
            lines.append(failed)
        elif check in _SILENT:
            continue
        elif over:
            told = "An earlier check had decided."
            lines.append(CheckLine(at, "intake", step, check, CheckResult.NOT_REACHED, "", told))
        else:
            passed = _PASSES[check](facts)
            result = CheckResult.PASSED if passed.applied else CheckResult.NOT_APPLIED
            details = passed.details or dropped.get(check, ())
            lines.append(
                CheckLine(at, "intake", step, check, result, passed.value, passed.sentence, passed.version, details)
            )
    return lines


def _dropped(data: Data) -> dict[str, tuple[str, ...]]:
    """Sentences about dropped numbers by the check that dropped them, known from the status that it would have given."""
    found: dict[str, tuple[str, ...]] = {}
    for drop in objects(data, "dropped"):
        check = _CHECK_OF_STATUS.get(text(drop, "status"), "")
        found[check] = tuple(dict.fromkeys((*found.get(check, ()), text(drop, "sentence"))))
    return found


_CHECK_OF_STATUS: Final[Mapping[str, Check]] = {
    FlowStatus.INVALID_CONTACT_NUMBER: Check.NUMBER_PATTERN,
    FlowStatus.PHONE_BLACKLISTED: Check.PHONE_BLACKLIST,
    FlowStatus.PHONE_NOT_WHITELISTED: Check.TESTING_WHITELIST,
    FlowStatus.INTERNATIONAL_CALLS_DISABLED: Check.INTERNATIONAL,
    FlowStatus.NCPR_CHECK_FAILED: Check.DND_SCRUB,
}


# -- what each pass tells ------------------------------------------------------------------------------------------------
def _start_format(facts: _Facts) -> _Pass:
    asked = facts.row.start_time
    return _Pass("The start time can be read.", asked) if asked else _Pass("No start time was given.", "none")


def _start_not_past(facts: _Facts) -> _Pass:
    asked = facts.row.start_time
    if not asked:
        return _Pass("No start time was given: the record is due at once.")
    return _Pass("The start time does not lie on an earlier date.", asked)


def _pattern(facts: _Facts) -> _Pass:
    return _Pass("At least one number has 8 to 15 digits with a country code.", facts.numbers)


def _blacklist(facts: _Facts) -> _Pass:
    sentence = "None of the numbers left is on the account's phone blacklist."
    return _Pass(sentence, facts.numbers, facts.version("blacklist"))


def _whitelist(facts: _Facts) -> _Pass:
    if not facts.history.head.testing:
        return _Pass("A production request may call every number.", applied=False)
    return _Pass("A testing request calls whitelisted numbers only, and the numbers left are.", facts.numbers)


def _international(facts: _Facts) -> _Pass:
    country = facts.history.head.country
    return _Pass(f"The numbers left belong to {country}, or international calling was switched on.", facts.numbers)


def _variables(facts: _Facts) -> _Pass:
    declared = facts.prepared.flow.variables
    n = sum(len(variable.rules) + variable.mandatory for variable in declared)
    if not n:
        return _Pass("The flow has no rules for variables.")
    details = tuple(_variable(variable, facts.row.variables) for variable in declared)
    return _Pass("Every rule of the flow version holds.", f"{n} {'rule' if n == 1 else 'rules'}", details=details)


def _dnd(facts: _Facts) -> _Pass:
    if facts.policy.scrubs(facts.prepared.purpose, facts.prepared.channel) is None:
        told = f"The flow's purpose is {facts.prepared.purpose}, for which {facts.policy.name} asks no register."
        return _Pass(told, applied=False)
    sentence = "None of the numbers left is in a do-not-disturb register, or it is whitelisted."
    return _Pass(sentence, facts.numbers, facts.version("dnd"))


def _duplicates(facts: _Facts) -> _Pass:
    if facts.prepared.calls.duplicates == "allow":
        return _Pass("The flow allows the same number twice in a request.", applied=False)
    return _Pass("No earlier row of the request has this number.", facts.numbers)


def _capacity(facts: _Facts) -> _Pass:
    del facts
    return _Pass("The account was below its cap on pending records.")


def _accept(facts: _Facts) -> _Pass:
    status = facts.first.to_status or ""
    if status != "SCHEDULED":
        return _Pass("All checks passed; the record is due and waits for its turn.", status)
    waits = "its start time" if facts.row.start_time else "the calling hours"
    return _Pass(f"All checks passed; the record waits for {waits}.", status)


_PASSES: Final[Mapping[Check, Callable[[_Facts], _Pass]]] = {
    Check.START_TIME_FORMAT: _start_format,
    Check.START_TIME_NOT_PAST: _start_not_past,
    Check.NUMBER_PATTERN: _pattern,
    Check.PHONE_BLACKLIST: _blacklist,
    Check.TESTING_WHITELIST: _whitelist,
    Check.INTERNATIONAL: _international,
    Check.VARIABLES: _variables,
    Check.DND_SCRUB: _dnd,
    Check.DUPLICATE_SWITCH: _duplicates,
    Check.PENDING_CAP: _capacity,
    Check.ACCEPT: _accept,
}


def _variable(declared: VariableDeclaration, values: Mapping[str, str]) -> str:
    """``Name = Asha: mandatory, length 2..40``."""
    value = values.get(declared.name, "")
    shown = (MASK if declared.secret else value[:_SHOWN]) if value else "(empty)"
    demands = ["mandatory"] if declared.mandatory else []
    demands += [_rule(rule.kind, rule.criterion) for rule in declared.rules]
    return f"{declared.name} = {shown}: {', '.join(demands) or 'no rule'}"


def _rule(kind: str, criterion: Mapping[str, object]) -> str:
    low, high = criterion.get("min"), criterion.get("max")
    if low is not None or high is not None:
        return f"{kind} {'' if low is None else low}..{'' if high is None else high}"
    rest = [", ".join(texts(criterion, name)) or str(value) for name, value in criterion.items()]
    return f"{kind} {' '.join(rest)}".strip()
