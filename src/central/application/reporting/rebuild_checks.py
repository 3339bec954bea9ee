"""The checks that a record went through, in the order of domain 7.2, each with the value that it looked at (path step 7).

Only the check that decided is stored; the passes before it follow from the order, the flow version's rules and the versions
that the attempts stored. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from central.application.ports.reporting import AttemptRow, EventRow, RecordHistory
from central.application.reporting.event_data import Data, data_of, moment, objects, text, texts
from central.application.reporting.explanation import CheckLine, CheckResult, InputRow
from central.domain.intake_facts import Check
from central.domain.policies import Policy
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
_CLAIM_ORDER: Final = (
    (4, "blacklist"), (6, "international"), (8, "dnd"), (0, "numbers"), (0, "validity"), (0, "balance"), (0, "window"),
)  # fmt: skip


def rebuild_checks(
    history: RecordHistory, row: InputRow, prepared: PreparedFlow, policy: Policy
) -> tuple[CheckLine, ...]:
    """All checks of intake, then those of each claim."""
    lines: list[CheckLine] = []
    events = [event for event in history.events if not event.late]
    first = next((event for event in events if event.kind == "record_created"), None)
    if first is not None:
        lines += _intake(first, history, row, prepared, policy)
    for event in events:
        if event.kind in {"record_claimed", "record_put_back"} or data_of(event).get("rule") == "claim":
            lines += _claim(event, history, prepared, policy)
    return tuple(lines)


def _intake(
    first: EventRow, history: RecordHistory, row: InputRow, prepared: PreparedFlow, policy: Policy
) -> list[CheckLine]:
    data = data_of(first)
    decided = text(data, "check") or Check.ACCEPT
    dropped: dict[str, list[str]] = {}
    for drop in objects(data, "dropped"):
        dropped.setdefault(_check_of(drop), []).append(text(drop, "sentence"))
    lines: list[CheckLine] = []
    over = False
    for step, check in ORDER:
        details = tuple(dict.fromkeys(dropped.get(check, ())))
        if check == decided and check is not Check.ACCEPT:
            over = True
            sentence, version = text(data, "sentence"), text(data, "list_version")
            value = text(data, "value")
            lines.append(
                CheckLine(first.at, "intake", step, check, CheckResult.FAILED, value, sentence, version, rebuilt=False)
            )
            continue
        if over:
            lines.append(_line(first, step, check, CheckResult.NOT_REACHED, sentence="An earlier check had decided."))
            continue
        lines.append(_passed(first, step, check, history, row, prepared, policy, details))
    return [line for line in lines if line.check not in _SILENT or line.result is CheckResult.FAILED]


_SILENT: Final = frozenset({Check.RECORD_SHAPE, Check.EXPIRY})  # shown only where they decided


def _passed(
    first: EventRow,
    step: int,
    check: Check,
    history: RecordHistory,
    row: InputRow,
    prepared: PreparedFlow,
    policy: Policy,
    details: tuple[str, ...],
) -> CheckLine:
    """The line of a check that let the row pass (or that does not apply to it)."""
    attempt = history.attempts[0] if history.attempts else None
    numbers = ", ".join(row.numbers or row.written_numbers)
    match check:
        case Check.START_TIME_FORMAT | Check.START_TIME_NOT_PAST:
            said = "No start time was given: the record is due at once." if not row.start_time else _START[check]
            return _line(first, step, check, value=row.start_time or "(none)", sentence=said)
        case Check.PHONE_BLACKLIST:
            sentence = "No number left is on the account's phone blacklist."
            return _line(
                first,
                step,
                check,
                value=numbers,
                sentence=sentence,
                version=_list(attempt, "blacklist"),
                details=details,
            )
        case Check.TESTING_WHITELIST if not history.head.testing:
            return _skipped(first, step, check, "A production request may call every number.")
        case Check.TESTING_WHITELIST:
            return _line(
                first,
                step,
                check,
                value=numbers,
                sentence="A testing request calls listed numbers only; these are.",
                details=details,
            )
        case Check.INTERNATIONAL:
            sentence = f"Numbers of {history.head.country}, or international calling was switched on."
            return _line(first, step, check, value=numbers, sentence=sentence, details=details)
        case Check.VARIABLES:
            rules = tuple(_variable(declared, row.variables) for declared in prepared.flow.variables)
            n = sum(len(v.rules) + v.mandatory for v in prepared.flow.variables)
            return _line(
                first, step, check, value=f"{n} rules", sentence="Every rule of the flow version holds.", details=rules
            )
        case Check.DND_SCRUB if policy.scrubs(prepared.purpose, "voice") is None:
            return _skipped(first, step, check, f"The flow is {prepared.purpose}; {policy.name} scrubs no such calls.")
        case Check.DND_SCRUB:
            sentence = "No number left is in a do-not-disturb register, or it is whitelisted."
            return _line(
                first, step, check, value=numbers, sentence=sentence, version=_list(attempt, "dnd"), details=details
            )
        case Check.DUPLICATE_SWITCH if prepared.calls.duplicates == "allow":
            return _skipped(first, step, check, "The flow allows the same number twice in a request.")
        case Check.ACCEPT:
            return _line(first, step, check, value=first.to_status or "", sentence=_accepted(first, history))
        case _:
            return _line(
                first,
                step,
                check,
                value=numbers if check is Check.NUMBER_PATTERN else "",
                sentence=_PLAIN.get(check, "It held."),
                details=details,
            )


_START: Final[Mapping[Check, str]] = {
    Check.START_TIME_FORMAT: "The start time can be read.",
    Check.START_TIME_NOT_PAST: "The start time does not lie on an earlier date.",
}
_PLAIN: Final[Mapping[Check, str]] = {
    Check.NUMBER_PATTERN: "At least one number has 8 to 15 digits with a country code.",
    Check.DUPLICATE_SWITCH: "No earlier row of the request has this number.",
    Check.PENDING_CAP: "The account was below its cap on pending records.",
}


def _accepted(first: EventRow, history: RecordHistory) -> str:
    if first.to_status != "SCHEDULED":
        return "All checks passed; the record is due and waits for its turn."
    due = history.record.due_at if history.record.status == "SCHEDULED" else None
    when = f" until {due:%Y-%m-%dT%H:%M:%SZ}" if due is not None else ""
    return f"All checks passed; the record waits{when} for its start time or the calling hours."


def _claim(event: EventRow, history: RecordHistory, prepared: PreparedFlow, policy: Policy) -> list[CheckLine]:
    """The checks repeated when the record's turn came: a deciding one is stored, those before it passed."""
    data = data_of(event)
    attempt = next((a for a in history.attempts if a.number == data.get("attempt")), None)
    stage = f"claim {attempt.number}" if attempt is not None else "claim"
    decided = text(data, "check") if event.kind != "record_claimed" else ""
    lines: list[CheckLine] = []
    for step, check in _CLAIM_ORDER:
        details = tuple(text(drop, "sentence") for drop in objects(data, "dropped") if text(drop, "check") == check)
        if check == decided:
            sentence = text(data, "sentence")
            value = text(data, "value") or text(data, "rule")
            lines.append(
                CheckLine(
                    event.at, stage, step, check, CheckResult.FAILED, value, sentence, details=details, rebuilt=False
                )
            )
            break
        line = _claim_pass(event, stage, step, check, data, attempt, prepared, policy)
        if line is not None:
            lines.append(line if not details else _with_details(line, details))
    return lines


def _claim_pass(
    event: EventRow,
    stage: str,
    step: int,
    check: str,
    data: Data,
    attempt: AttemptRow | None,
    prepared: PreparedFlow,
    policy: Policy,
) -> CheckLine | None:
    at = event.at
    match check:
        case "blacklist":
            sentence = "No number left is on the blacklist now."
            return CheckLine(at, stage, step, check, CheckResult.PASSED, "", sentence, _list(attempt, "blacklist"))
        case "dnd" if policy.scrubs(prepared.purpose, "voice") is not None:
            sentence = "No number left is in a do-not-disturb register now."
            return CheckLine(at, stage, step, check, CheckResult.PASSED, "", sentence, _list(attempt, "dnd"))
        case "validity":
            return CheckLine(at, stage, step, check, CheckResult.PASSED, "", "The account was valid on this day.")
        case "balance":
            reserved = "" if attempt is None else f"{attempt.reserved / 1_000_000:g}"
            return CheckLine(
                at, stage, step, check, CheckResult.PASSED, reserved, "The first unit of the call could be reserved."
            )
        case "window":
            named = f"{attempt.policy_id} version {attempt.policy_version}" if attempt is not None else ""
            zones = ", ".join(texts(data, "zones"))
            expires = moment(data, "expires_at")
            until = f"; the record expires {expires:%Y-%m-%dT%H:%M:%SZ}" if expires is not None else ""
            return CheckLine(
                at, stage, step, check, CheckResult.PASSED, zones, f"Calls were permitted at this moment{until}.", named
            )
        case _:
            return None


def _with_details(line: CheckLine, details: Sequence[str]) -> CheckLine:
    return CheckLine(
        line.at,
        line.stage,
        line.step,
        line.check,
        line.result,
        line.value,
        line.sentence,
        line.version,
        tuple(details),
        line.rebuilt,
    )


def _line(
    first: EventRow,
    step: int,
    check: str,
    result: CheckResult = CheckResult.PASSED,
    *,
    value: str = "",
    sentence: str = "",
    version: str = "",
    details: tuple[str, ...] = (),
) -> CheckLine:
    return CheckLine(first.at, "intake", step, check, result, value, sentence, version, details)


def _skipped(first: EventRow, step: int, check: str, sentence: str) -> CheckLine:
    return _line(first, step, check, CheckResult.NOT_APPLIED, sentence=sentence)


def _list(attempt: AttemptRow | None, name: str) -> str:
    if attempt is None:
        return ""
    version = attempt.blacklist_version if name == "blacklist" else attempt.dnd_version
    return "empty list" if version is None else f"version {version}"


def _check_of(drop: Data) -> str:
    """Which check dropped a number, from the status that it would have given."""
    return {
        "INVALID_CONTACT_NUMBER": Check.NUMBER_PATTERN,
        "PHONE_BLACKLISTED": Check.PHONE_BLACKLIST,
        "PHONE_NOT_WHITELISTED": Check.TESTING_WHITELIST,
        "INTERNATIONAL_CALLS_DISABLED": Check.INTERNATIONAL,
        "NCPR_CHECK_FAILED": Check.DND_SCRUB,
    }.get(text(drop, "status"), "")


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
