"""The checks repeated at each claim (domain 7.3: lists, validity, balance, calling window), rebuilt like those of intake.

The event of a claim stores the check that decided, or that none did; the attempt stores the versions of lists and policy
under which it was allowed. Pure; path step 7.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from central.application.ports.reporting import AttemptRow, EventRow, RecordHistory
from central.application.reporting.event_data import Data, data_of, moment, objects, text, texts
from central.application.reporting.explanation import CheckLine, CheckResult
from central.domain.policies import Policy
from central.flow.prepared import PreparedFlow

ORDER: Final = (
    (4, "blacklist"), (6, "international"), (8, "dnd"), (0, "numbers"), (0, "validity"), (0, "balance"), (0, "window"),
)  # fmt: skip
"""The order in which dispatch judges a record, with the number of the intake step that is repeated (0: only at claims)."""
_MICROS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class _Claim:
    data: Data
    attempt: AttemptRow | None
    scrubbed: bool
    currency: str


def claim_checks(event: EventRow, history: RecordHistory, prepared: PreparedFlow, policy: Policy) -> list[CheckLine]:
    """The checks of one claim in order, ending with the one that decided, if one did."""
    data = data_of(event)
    attempt = next((a for a in history.attempts if a.number == data.get("attempt")), None)
    scrubbed = policy.scrubs(prepared.purpose, prepared.channel) is not None
    claim = _Claim(data, attempt, scrubbed, history.head.currency)
    stage = f"claim {attempt.number}" if attempt is not None else "claim"
    decided = text(data, "check") if event.kind != "record_claimed" else ""
    lines: list[CheckLine] = []
    for step, check in ORDER:
        details = tuple(text(drop, "sentence") for drop in objects(data, "dropped") if text(drop, "check") == check)
        if check == decided:
            value, sentence = text(data, "value") or text(data, "rule"), text(data, "sentence")
            failed = CheckResult.FAILED
            lines.append(CheckLine(event.at, stage, step, check, failed, value, sentence, "", details, rebuilt=False))
            break
        told = _told(check, claim)
        if told is not None:
            sentence, value, version = told
            lines.append(CheckLine(event.at, stage, step, check, CheckResult.PASSED, value, sentence, version, details))
    return lines


def list_version(attempt: AttemptRow | None, name: str) -> str:
    """The version of a list that an attempt stored; a list that was never filled has none."""
    if attempt is None:
        return ""
    version = attempt.blacklist_version if name == "blacklist" else attempt.dnd_version
    return "empty list" if version is None else f"version {version}"


def _told(check: str, claim: _Claim) -> tuple[str, str, str] | None:
    """Sentence, value and version of a check that passed; None for one that leaves nothing to tell."""
    match check:
        case "blacklist":
            version = list_version(claim.attempt, "blacklist")
            return "None of the numbers left is on the blacklist now.", "", version
        case "dnd" if claim.scrubbed:
            version = list_version(claim.attempt, "dnd")
            return "None of the numbers left is in a do-not-disturb register now.", "", version
        case "validity":
            return "The account was valid on this day.", "", ""
        case "balance":
            reserved = "" if claim.attempt is None else f"{claim.attempt.reserved / _MICROS:g} {claim.currency}"
            return "The first unit of the call could be reserved.", reserved, ""
        case "window":
            attempt, expires = claim.attempt, moment(claim.data, "expires_at")
            policy = f"{attempt.policy_id} version {attempt.policy_version}" if attempt is not None else ""
            until = f"; the record expires {expires:%Y-%m-%dT%H:%M:%SZ}" if expires is not None else ""
            zones = ", ".join(texts(claim.data, "zones"))
            return f"Calls were permitted at this moment{until}.", zones, policy
        case _:
            return None
