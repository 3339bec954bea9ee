"""The intake checks in their published order (section 7.2), as pure functions over a row and facts. Step 1 of the path.

Two calls, so that a chunk asks the lists once: ``normalise_row`` does all that needs no list (record shape, steps 1 to 3),
then the use case fetches the hits of all numbers of the chunk in one query, then ``judge_rows`` does steps 4 to 10.
Steps 3 to 6 and 8 judge each number; bad ones are dropped with a reason, good ones move up, and the row is rejected only
if none is left, with the first number's reason.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping

from central.domain.incoming import MAX_NAME_CHARS, MAX_NUMBERS, MAX_PRIORITY, IncomingRecord, shape_fault
from central.domain.intake_facts import Check, Dropped, IntakeFacts, ListHit, Prepared, Verdict
from central.domain.numbers import is_international, normalise, written_digits
from central.domain.start_time import StartFailure, StartTime, read_start
from central.domain.statuses import FlowStatus
from central.domain.zones import known_zone, zones_of

_TOO_MANY = f"too_many_numbers: A record holds {MAX_NUMBERS} numbers; the rest was ignored."
_NO_HIT = ListHit()
_NO_HITS: Mapping[str, ListHit] = {}
_FIRST = (1,)
FIELD_FAULTS = frozenset({"priority_unreadable", "time_zone_unknown", "variable_name_invalid"})
"""Values of ``invalid_record`` verdicts whose row is text as it should be: one field says nothing that can be used."""

_PRIORITIES = {str(value): value for value in range(MAX_PRIORITY + 1)} | {"": None}


def normalise_row(record: IncomingRecord, facts: IntakeFacts) -> Prepared:
    """Check the row's shape, its start time and its number pattern (steps 1 to 3), before any list is asked."""
    fault = shape_fault(record) or _field_fault(record)
    if fault is not None:
        return Prepared(record, rejected(record.row, "invalid_record", sentence=fault.partition(": ")[2], value=fault))
    raw = record.start_time
    start = read_start(raw, now=facts.now, zone=facts.zone, strict=facts.strict)
    numbers, positions, dropped = _read_numbers(record.numbers, facts)
    warnings = (_TOO_MANY,) if any(record.numbers[MAX_NUMBERS:]) else ()
    if isinstance(start, StartFailure):
        unreadable = start.status is FlowStatus.INVALID_CALL_START_TIME_FORMAT
        check = Check.START_TIME_FORMAT if unreadable else Check.START_TIME_NOT_PAST
        verdict = Verdict(
            record.row, start.status, start.reason, check, start.sentence, numbers, dropped, value=raw[:64]
        )
        return Prepared(record, verdict._replace(warnings=warnings))
    priority = _PRIORITIES[record.priority]
    failure = facts.rules.first_failure(record.variables)
    prepared = Prepared(record, None, start, numbers, positions, dropped, warnings, priority, failure)
    return prepared if numbers else prepared._replace(verdict=_none_left(prepared, dropped))


def judge_rows(
    rows: Iterable[Prepared], facts: IntakeFacts, hits: Mapping[str, ListHit], remaining: int | None = None
) -> list[Verdict]:
    """Judge a chunk in row order; ``remaining`` is how many more pending records the account may hold (None: no cap).

    Each accepted row uses up one of ``remaining``, and its first number counts as loaded for the rows behind it.
    """
    verdicts: list[Verdict] = []
    seen: set[str] = set()
    for prepared in rows:
        verdict = prepared.verdict or judge(prepared, facts, hits, remaining, seen)
        verdicts.append(verdict)
        if verdict.due_at is not None:
            if remaining is not None:
                remaining -= 1
            if facts.reject_duplicates:
                seen.add(verdict.numbers[0])
    return verdicts


def judge(
    prepared: Prepared,
    facts: IntakeFacts,
    hits: Mapping[str, ListHit] = _NO_HITS,
    remaining: int | None = None,
    seen: Container[str] = (),
) -> Verdict:
    """Judge one prepared row (steps 4 to 10): the first check that fails decides, else it is accepted."""
    if prepared.verdict is not None:
        return prepared.verdict
    numbers, positions, dropped = _scrub(prepared.numbers, prepared.positions, prepared.dropped, facts, hits)
    if not numbers:
        return _none_left(prepared, dropped)
    failure = prepared.failure
    if failure is not None:
        return _ended(prepared, failure.status, f"rule_{failure.rule}", Check.VARIABLES, failure.sentence)._replace(
            numbers=numbers, dropped=dropped, value=f"{failure.variable}={failure.value}"
        )
    if facts.marketing:
        numbers, positions, dropped = _scrub_dnd(numbers, positions, dropped, facts, hits)
        if not numbers:
            return _none_left(prepared, dropped)
    if facts.reject_duplicates and (numbers[0] in seen or hits.get(numbers[0], _NO_HIT).loaded):
        sentence = "An earlier row of this request has the same number, and the request rejects repeats."
        return _ended(prepared, FlowStatus.REJECTED, "duplicate_number", Check.DUPLICATE_SWITCH, sentence)._replace(
            numbers=numbers, dropped=dropped, value=numbers[0]
        )
    if remaining is not None and remaining <= 0:
        sentence = "Accepting this record would lift the account above its cap on pending records."
        return _ended(prepared, FlowStatus.MAX_CAPACITY_REACHED, "pending_cap", Check.PENDING_CAP, sentence)._replace(
            numbers=numbers, dropped=dropped
        )
    return _accept(prepared, numbers, dropped, facts)


def rejected(row: int, reason: str, *, sentence: str = "", value: str = "") -> Verdict:
    """REJECTED for a row that is no record (``invalid_record``), or that we failed on ourselves (``internal_error``)."""
    said = sentence or "An unexpected error stopped the checks of this record."
    return Verdict(row, FlowStatus.REJECTED, reason, Check.RECORD_SHAPE, said, value=value.partition(":")[0])


def _field_fault(record: IncomingRecord) -> str | None:
    if record.priority not in _PRIORITIES:
        return f"priority_unreadable: The priority must be a whole number from 0 to {MAX_PRIORITY}."
    if record.time_zone and known_zone(record.time_zone) is None:
        return "time_zone_unknown: The time zone is not a name of the IANA database."
    for name in record.variables:
        if not (name.isascii() and name.isidentifier() and len(name) <= MAX_NAME_CHARS):
            return f'variable_name_invalid: "{name[:64]}" is no name of a variable: letters, digits and _, at most 64, no digit first.'
    return None


_Numbers = tuple[tuple[str, ...], tuple[int, ...], tuple[Dropped, ...]]


def _read_numbers(raw: tuple[str, ...], facts: IntakeFacts) -> _Numbers:
    """Step 3 for each number; blank ones count as not given, a repeated one is dropped (never called twice)."""
    if len(raw) == 1:
        number = normalise(raw[0], facts.country)
        if number is not None and not facts.dummy_number:
            return (number,), _FIRST, ()
    kept: dict[str, int] = {}
    dropped: list[Dropped] = []
    for position, written in enumerate(raw[:MAX_NUMBERS], start=1):
        if not written or written.isspace():
            continue
        dummy = facts.dummy_number and written_digits(written) == facts.dummy_number
        number = facts.dummy_number if dummy else normalise(written, facts.country)
        if number is None:
            dropped.append(_bad_pattern(position, written))
        elif number in kept:
            dropped.append(_repeated(position, number))
        else:
            kept[number] = position
    if not kept and not dropped:
        dropped.append(_bad_pattern(1, ""))
    return tuple(kept), tuple(kept.values()), tuple(dropped)


def _bad_pattern(position: int, written: str) -> Dropped:
    reason = "number_malformed" if written else "number_missing"
    sentence = (
        f"tel{position} is not a phone number: 8 to 15 digits, not beginning with 0, country code first."
        if written
        else "The record has no phone number."
    )
    status = FlowStatus.INVALID_CONTACT_NUMBER
    return Dropped(position, written[:64], status, reason, Check.NUMBER_PATTERN, sentence, written[:64])


def _repeated(position: int, number: str) -> Dropped:
    sentence = f"tel{position} repeats an earlier number of the record."
    status = FlowStatus.INVALID_CONTACT_NUMBER
    return Dropped(position, number, status, "number_repeated", Check.NUMBER_PATTERN, sentence, number)


def _scrub(
    numbers: tuple[str, ...],
    positions: tuple[int, ...],
    dropped: tuple[Dropped, ...],
    facts: IntakeFacts,
    hits: Mapping[str, ListHit],
) -> _Numbers:
    """Steps 4 to 6 for each number."""
    home = facts.international or not any(is_international(number, facts.country) for number in numbers)
    if home and not facts.testing and hits.keys().isdisjoint(numbers):
        return numbers, positions, dropped
    bad = [
        found
        for number, position in zip(numbers, positions, strict=True)
        if (found := _list_fault(number, position, hits.get(number, _NO_HIT), facts)) is not None
    ]
    return _without(numbers, positions, dropped, bad) if bad else (numbers, positions, dropped)


def _list_fault(number: str, position: int, hit: ListHit, facts: IntakeFacts) -> Dropped | None:
    """Blacklist, then testing whitelist, then international capability; the dummy number passes all three."""
    if number == facts.dummy_number:
        return None
    if hit.blacklisted is not None:
        sentence = f"tel{position} is on the account's phone blacklist (entry {hit.blacklisted})."
        status, check = FlowStatus.PHONE_BLACKLISTED, Check.PHONE_BLACKLIST
        return Dropped(position, number, status, "blacklisted", check, sentence, number, facts.lists.blacklist)
    if facts.testing and hit.whitelisted is None:
        sentence = (
            f"tel{position} is not on the account's phone whitelist, and the testing draft calls no other number."
        )
        status, check = FlowStatus.PHONE_NOT_WHITELISTED, Check.TESTING_WHITELIST
        return Dropped(position, number, status, "not_whitelisted", check, sentence, number, facts.lists.whitelist)
    if not facts.international and is_international(number, facts.country):
        sentence = f"tel{position} has a country code other than {facts.country}; the account may not call abroad."
        status, check = FlowStatus.INTERNATIONAL_CALLS_DISABLED, Check.INTERNATIONAL
        return Dropped(position, number, status, "international_disabled", check, sentence, number)
    return None


def _scrub_dnd(
    numbers: tuple[str, ...],
    positions: tuple[int, ...],
    dropped: tuple[Dropped, ...],
    facts: IntakeFacts,
    hits: Mapping[str, ListHit],
) -> _Numbers:
    """Step 8 for each number of a marketing flow; whitelisted numbers are exempt, stale data fails closed."""
    if not facts.register_stale and hits.keys().isdisjoint(numbers):
        return numbers, positions, dropped
    bad = [
        found
        for number, position in zip(numbers, positions, strict=True)
        if (found := _dnd_fault(number, position, hits.get(number, _NO_HIT), facts)) is not None
    ]
    return _without(numbers, positions, dropped, bad) if bad else (numbers, positions, dropped)


def _dnd_fault(number: str, position: int, hit: ListHit, facts: IntakeFacts) -> Dropped | None:
    if hit.whitelisted is not None or number == facts.dummy_number:
        return None
    status, check, version = FlowStatus.NCPR_CHECK_FAILED, Check.DND_SCRUB, facts.lists.dnd
    if hit.dnd is not None:
        sentence = f"tel{position} is in the do-not-disturb register (category {hit.dnd or 'all'})."
        return Dropped(position, number, status, "dnd", check, sentence, number, version)
    if facts.register_stale:
        sentence = "The do-not-disturb data is older than the policy allows, so marketing calls are refused."
        return Dropped(position, number, status, "stale_register", check, sentence, number, version)
    return None


def _without(
    numbers: tuple[str, ...], positions: tuple[int, ...], dropped: tuple[Dropped, ...], bad: list[Dropped]
) -> _Numbers:
    gone = {found.position for found in bad}
    kept = [(n, p) for n, p in zip(numbers, positions, strict=True) if p not in gone]
    return tuple(n for n, _ in kept), tuple(p for _, p in kept), tuple(sorted((*dropped, *bad)))


def _none_left(prepared: Prepared, dropped: tuple[Dropped, ...]) -> Verdict:
    """No usable number: the first number's fault is the row's."""
    first = dropped[0]
    return Verdict(
        prepared.record.row,
        first.status,
        first.reason,
        first.rule,
        first.sentence,
        dropped=dropped,
        start=prepared.start,
        value=first.value,
        list_version=first.list_version,
        warnings=prepared.warnings,
    )


def _ended(prepared: Prepared, status: FlowStatus, reason: str, check: Check, sentence: str) -> Verdict:
    row, warnings = prepared.record.row, prepared.warnings
    return Verdict(row, status, reason, check, sentence, start=prepared.start, warnings=warnings)


def _accept(prepared: Prepared, numbers: tuple[str, ...], dropped: tuple[Dropped, ...], facts: IntakeFacts) -> Verdict:
    """Step 10: due at the start or at once, moved into the calling hours; FAILURE when that passes the expiry."""
    start = prepared.start or StartTime(facts.now, 0)
    wanted = max(facts.now, start.at)
    expires = wanted + facts.expires_after
    if facts.end_at is not None and facts.end_at < expires:
        expires = facts.end_at
    asked = prepared.record.time_zone
    zones = (asked,) if asked else zones_of(numbers[0]) or (facts.zone.key,)
    due = facts.opening(wanted, zones) if facts.opening else wanted
    row, warnings = prepared.record.row, prepared.warnings
    if due is None or due > expires:
        sentence = "The first moment at which calling is permitted lies behind the record's expiry."
        status, check = FlowStatus.FAILURE, Check.EXPIRY
        return Verdict(row, status, "expired", check, sentence, numbers, dropped, start, zones=zones, warnings=warnings)
    status, reason, sentence = _DUE_NOW if due <= facts.now else _DUE_LATER if due == wanted else _DUE_AT_OPENING
    return Verdict(
        row, status, reason, Check.ACCEPT, sentence, numbers, dropped, start, due, expires, zones, "", "", warnings
    )


_DUE_NOW = (FlowStatus.UNPROCESSED, "accepted", "All checks passed; the record is due and waits for its turn.")
_DUE_LATER = (FlowStatus.SCHEDULED, "start_requested", "All checks passed; the record waits for its start time.")
_DUE_AT_OPENING = (FlowStatus.SCHEDULED, "calling_hours", "All checks passed; the record waits for the calling hours.")
