"""The judging of a claim (domain 7.3): intake steps 4, 6 and 8 again, then validity, balance and calling window. Pure.

A record that fails ends or is put back; only the rest is handed over. Every decision names the check, the rule and the value
that decided, so that the record can be explained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from central.application.ports.dispatch import ClaimDecision, ListState, PickedRecord
from central.domain.accounts import Account, Switch, validity_over
from central.domain.calling_hours import judge as judge_hours
from central.domain.due_times import Limits, place_due
from central.domain.money import reserve_amount
from central.domain.moves import lawful
from central.domain.numbers import is_international
from central.domain.policies import Policy, Scrub
from central.domain.status_rows import Family
from central.domain.statuses import FlowStatus
from central.domain.zones import zones_of
from central.flow.prepared import PreparedFlow, calling_window

_SET_UP_PAUSE: Final = timedelta(minutes=5)


@dataclass(slots=True)
class Funds:
    """What an account can still set aside within this batch, in millionths of its currency."""

    free: int


@dataclass(frozen=True, slots=True)
class ClaimFacts:
    """Everything the judging of one account's records needs beside the record itself."""

    account: Account
    lists: Mapping[str, ListState]
    prefixes: Sequence[tuple[str, str]]
    funds: Funds
    now: datetime
    zones: Mapping[str, str] = field(default_factory=dict[str, str])
    """Time zones kept about contacts, by number."""


@dataclass(frozen=True, slots=True)
class _Fault:
    status: FlowStatus
    reason: str
    check: str
    value: str
    sentence: str


def judge_record(
    record: PickedRecord, facts: ClaimFacts, prepared: PreparedFlow, policy: Policy, event_id: UUID, attempt_id: UUID
) -> ClaimDecision:
    """Judge one picked record; reserves from ``facts.funds`` when it is handed over.

    A record whose run sleeps is judged like any other, but for the money: that of its attempt is still set aside.
    """
    numbers = _judge_numbers(record, facts, prepared, policy)
    extra: dict[str, object] = {"dropped": numbers.dropped} if numbers.dropped else {}
    if not numbers.good:
        fault = numbers.fault or _Fault(FlowStatus.FAILURE, "not_retryable", "numbers", "", "No usable number is left.")
        return _end(record, fault, event_id, extra)
    sleeper = record.sleeper
    calls = sleeper is None and prepared.needs_voice  # a message is paid for when it is handed over
    amount = reserve_amount(facts.account.rate_plan, record.numbers[numbers.good[0]]).micros if calls else 0
    if refused := _account_fault(facts, None if sleeper else amount):
        return _end(record, refused, event_id, extra)
    first = record.numbers[numbers.good[0]]
    stored = record.time_zone or facts.zones.get(first)
    zones = [stored] if stored else list(zones_of(first))
    rules, opening = calling_window(prepared, policy, zones)
    placed = place_due(facts.now, Limits(record.expires_at, record.end_at), opening)
    if placed.due_at is None:
        sentence = f"The record's turn came, but {placed.sentence}."
        return _end(record, _Fault(FlowStatus.FAILURE, placed.reason, "window", "", sentence), event_id, extra)
    if placed.due_at > facts.now:
        verdict = judge_hours(rules, facts.now)
        status = FlowStatus.SCHEDULED if record.status == FlowStatus.UNPROCESSED else record.status
        data = extra | {"check": "window", "rule": verdict.rule, "sentence": verdict.sentence}
        return ClaimDecision(
            record, "put_back", status, "outside_hours", placed.due_at, data, event_id, struck=numbers.struck
        )
    if sleeper is not None:
        data = extra | {"attempt": record.attempts_made}
        return ClaimDecision(
            record, "wake", FlowStatus.IN_PROGRESS, None, None, data, event_id, attempt_id=sleeper.attempt_id,
            struck=numbers.struck,
        )  # fmt: skip
    facts.funds.free -= amount
    data = extra | {
        "attempt": record.attempts_made + 1, "node_reserved": amount, "policy": policy.name, "zones": zones,
        "expires_at": record.expires_at,
    }  # fmt: skip
    return ClaimDecision(
        record, "hand_over", FlowStatus.IN_PROGRESS, None, None, data, event_id, attempt_id=attempt_id, reserved=amount,
        struck=numbers.struck, policy_id=policy.id, policy_version=policy.version, dnd_version=_version(facts.lists, "dnd"),
        blacklist_version=_version(facts.lists, "blacklist"),
    )  # fmt: skip


def set_up_broken(record: PickedRecord, now: datetime, event_id: UUID, what: str) -> ClaimDecision:
    """Put a record back whose flow version cannot be read or whose policy does not exist: the operator must act, it waits."""
    status = FlowStatus.SCHEDULED if record.status == FlowStatus.UNPROCESSED else record.status
    data = {
        "check": "set_up",
        "rule": "claim",
        "sentence": f"The record's {what} cannot be used; it is tried again later.",
    }
    return ClaimDecision(record, "put_back", status, "set_up_broken", now + _SET_UP_PAUSE, data, event_id)


@dataclass(slots=True)
class _Numbers:
    """What steps 4, 6 and 8 left of a record's numbers; ``fault`` is that of the first one that failed."""

    struck: int
    good: list[int]
    dropped: list[dict[str, object]]
    fault: _Fault | None = None


def _judge_numbers(record: PickedRecord, facts: ClaimFacts, prepared: PreparedFlow, policy: Policy) -> _Numbers:
    scrub = policy.scrubs(prepared.purpose, prepared.channel)
    stale = _stale(scrub, facts) if scrub is not None else None
    registers = scrub.registers if scrub else ()
    found = _Numbers(record.struck, [], [])
    for position, number in enumerate(record.numbers):
        if found.struck >> position & 1:
            continue
        fault = _number_fault(number, record, facts, registers=registers, stale=stale)
        if fault is None:
            found.good.append(position)
            continue
        found.fault = found.fault or fault
        found.struck |= 1 << position
        found.dropped.append({"position": position, "check": fault.check, "sentence": fault.sentence})
    return found


def _account_fault(facts: ClaimFacts, amount: int | None) -> _Fault | None:
    """Validity, then funds; ``amount`` None: they are set aside already."""
    if validity_over(facts.account, facts.now):
        until = facts.account.valid_until
        return _Fault(
            FlowStatus.ACCOUNT_VALIDITY_EXPIRED, "account_validity_expired", "validity", str(until),
            f"The account was valid until {until}; the record's turn came later.",
        )  # fmt: skip
    if amount is not None and facts.funds.free < max(amount, 0):
        return _Fault(
            FlowStatus.INSUFFICIENT_BALANCE, "insufficient_balance", "balance", str(facts.funds.free),
            "The account's balance and credit limit, less what is reserved, do not cover one unit of the call."
            if amount
            else "What is reserved exceeds the account's balance and credit limit.",
        )  # fmt: skip
    return None


def _number_fault(
    number: str, record: PickedRecord, facts: ClaimFacts, *, registers: Sequence[str], stale: str | None
) -> _Fault | None:
    """The first of steps 4, 6 and 8 that this number fails."""
    listed = {name for hit, name in record.hits if hit == number}
    listed.update(name for prefix, name in facts.prefixes if number.startswith(prefix))
    if "blacklist" in listed:
        version = _version(facts.lists, "blacklist")
        return _Fault(
            FlowStatus.PHONE_BLACKLISTED, "phone_blacklisted", "blacklist", f"version {version}",
            f"The number is on the account's phone blacklist (version {version}).",
        )  # fmt: skip
    if not facts.account.has(Switch.INTERNATIONAL_CALLING) and is_international(number, facts.account.country):
        return _Fault(
            FlowStatus.INTERNATIONAL_CALLS_DISABLED, "international_calls_disabled", "international", facts.account.country,
            f"The number belongs to another country than the account's ({facts.account.country}), which may not call abroad.",
        )  # fmt: skip
    if not registers or "whitelist" in listed:
        return None
    if stale is not None:
        return _Fault(FlowStatus.NCPR_CHECK_FAILED, "stale_register", "dnd", stale, stale)
    hit = next((register for register in registers if f"dnd:{register}" in listed), None)
    if hit is None:
        return None
    version = _version(facts.lists, "dnd")
    return _Fault(
        FlowStatus.NCPR_CHECK_FAILED, "ncpr_check_failed", "dnd", f"{hit} version {version}",
        f"The number is in the do-not-disturb register {hit} (version {version}) and not whitelisted.",
    )  # fmt: skip


def _stale(scrub: Scrub, facts: ClaimFacts) -> str | None:
    """Why the register's data may not be relied on, or None when it may."""
    if scrub.on_stale != "block":
        return None
    state = facts.lists.get("dnd")
    if state is None or state.fresh_at is None:
        return "No do-not-disturb register was ever loaded, and the policy blocks without fresh data."
    if facts.now - state.fresh_at > scrub.max_age:
        return f"The do-not-disturb register is of {state.fresh_at:%Y-%m-%dT%H:%M:%SZ}, older than the policy allows."
    return None


def _end(record: PickedRecord, fault: _Fault, event_id: UUID, extra: Mapping[str, object]) -> ClaimDecision:
    data = dict(extra) | {"check": fault.check, "value": fault.value, "sentence": fault.sentence, "rule": "claim"}
    status, reason = fault.status, fault.reason
    if not lawful(Family.FLOW, record.status, status):  # an attempt under way has fewer ends than a record that waits
        status, reason = FlowStatus.FAILURE, "not_retryable"
    return ClaimDecision(record, "end", status, reason, None, data, event_id)


def _version(lists: Mapping[str, ListState], name: str) -> int | None:
    state = lists.get(name)
    return None if state is None else state.version
