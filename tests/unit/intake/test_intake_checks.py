"""The order of the checks, what happens to each number, and the verdict that explains it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from central.domain.incoming import IncomingRecord
from central.domain.intake_checks import judge, judge_rows, normalise_row
from central.domain.intake_facts import Check, IntakeFacts, ListHit, ListVersions, Verdict
from central.domain.status_rows import Family
from central.domain.statuses import INITIAL, MOVES
from central.domain.variable_rules import compile_rules
from central.flow.configuration import VariableDeclaration

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
A, B, C = "919876500001", "919876500002", "919876500003"
FOREIGN = "14155552671"
FACTS = IntakeFacts(
    now=NOW,
    country="IN",
    zone=ZoneInfo("Asia/Kolkata"),
    rules=compile_rules([VariableDeclaration("name", mandatory=True)]),
    lists=ListVersions(blacklist="b7", whitelist="w3", dnd="d9 2026-03-01"),
)


def record(*numbers: str, start: str = "", name: str = "Asha", **more: str) -> IncomingRecord:
    return IncomingRecord(1, numbers or (A,), start, variables={"name": name}, **more)


def verdict(
    row: IncomingRecord,
    facts: IntakeFacts = FACTS,
    hits: Mapping[str, ListHit] | None = None,
    remaining: int | None = None,
) -> Verdict:
    return judge_rows([normalise_row(row, facts)], facts, hits or {}, remaining)[0]


def test_a_plain_record_is_accepted_and_due_at_once() -> None:
    found = verdict(record())
    assert (found.status, found.reason, found.rule) == ("UNPROCESSED", "accepted", Check.ACCEPT)
    assert (found.numbers, found.due_at, found.expires_at) == ((A,), NOW, NOW + timedelta(hours=24))
    assert found.zones == ("Asia/Calcutta",)
    assert found.accepted


def test_a_later_start_is_scheduled_and_expires_a_day_after_it() -> None:
    found = verdict(record(start="+2h"))
    assert (found.status, found.due_at) == ("SCHEDULED", NOW + timedelta(hours=2))
    assert found.expires_at == NOW + timedelta(hours=26)


def test_a_start_earlier_today_is_due_now_and_keeps_what_was_asked() -> None:
    found = verdict(record(start="2026-03-01T09:00:00+05:30"))
    assert found.start is not None
    assert (found.status, found.due_at, found.start.offset_minutes) == ("UNPROCESSED", NOW, 330)
    assert found.start.at == datetime(2026, 3, 1, 3, 30, tzinfo=UTC)


LADDER: list[tuple[IncomingRecord, IntakeFacts, dict[str, ListHit], int | None, str, Check]] = [
    (record("12", start="x", name=""), FACTS, {}, 0, "INVALID_CALL_START_TIME_FORMAT", Check.START_TIME_FORMAT),
    (record("12", start="2026-02-01T00:00", name=""), FACTS, {}, 0, "INVALID_CALL_START_TIME", Check.START_TIME_NOT_PAST),
    (record("12", name=""), FACTS, {}, 0, "INVALID_CONTACT_NUMBER", Check.NUMBER_PATTERN),
    (record(FOREIGN, name=""), replace(FACTS, testing=True), {FOREIGN: ListHit("1415", None, "1")}, 0, "PHONE_BLACKLISTED", Check.PHONE_BLACKLIST),
    (record(FOREIGN, name=""), replace(FACTS, testing=True), {FOREIGN: ListHit(dnd="1")}, 0, "PHONE_NOT_WHITELISTED", Check.TESTING_WHITELIST),
    (record(FOREIGN, name=""), FACTS, {FOREIGN: ListHit(dnd="1")}, 0, "INTERNATIONAL_CALLS_DISABLED", Check.INTERNATIONAL),
    (record(A, name=""), replace(FACTS, marketing=True), {A: ListHit(dnd="1")}, 0, "FLOW_VARIABLE_VALIDATION_FAILED", Check.VARIABLES),
    (record(A), replace(FACTS, marketing=True), {A: ListHit(dnd="1")}, 0, "NCPR_CHECK_FAILED", Check.DND_SCRUB),
    (record(A), replace(FACTS, reject_duplicates=True), {A: ListHit(loaded=True)}, 0, "REJECTED", Check.DUPLICATE_SWITCH),
    (record(A), FACTS, {}, 0, "MAX_CAPACITY_REACHED", Check.PENDING_CAP),
    (record(A), FACTS, {}, 1, "UNPROCESSED", Check.ACCEPT),
]  # fmt: skip


@pytest.mark.parametrize(("row", "facts", "hits", "remaining", "status", "rule"), LADDER)
def test_each_check_beats_all_behind_it(
    row: IncomingRecord, facts: IntakeFacts, hits: dict[str, ListHit], remaining: int | None, status: str, rule: Check
) -> None:
    found = verdict(row, facts, hits, remaining)
    assert (found.status, found.rule) == (status, rule)
    assert found.sentence.endswith(".")
    assert found.accepted is (status == "UNPROCESSED")


@pytest.mark.parametrize("status", sorted({case[4] for case in LADDER} | {"FAILURE", "SCHEDULED"} - {"UNPROCESSED"}))
def test_every_verdict_is_a_lawful_first_move(status: str) -> None:
    assert status == "UNPROCESSED" or status in MOVES[Family.FLOW]["UNPROCESSED"]
    assert "UNPROCESSED" in INITIAL[Family.FLOW]


def test_bad_alternates_are_dropped_with_a_reason_and_a_good_one_moves_up() -> None:
    hits = {A: ListHit(blacklisted="9198765"), C: ListHit(dnd="3")}
    facts = replace(FACTS, marketing=True)
    found = verdict(record(A, "junk", "", B, C, FOREIGN, B), facts, hits)
    assert found.status == "UNPROCESSED"
    assert found.numbers == (B,)
    assert [(d.position, d.status, d.reason, d.list_version) for d in found.dropped] == [
        (1, "PHONE_BLACKLISTED", "blacklisted", "b7"),
        (2, "INVALID_CONTACT_NUMBER", "number_malformed", ""),
        (5, "NCPR_CHECK_FAILED", "dnd", "d9 2026-03-01"),
        (6, "INTERNATIONAL_CALLS_DISABLED", "international_disabled", ""),
        (7, "INVALID_CONTACT_NUMBER", "number_repeated", ""),
    ]


def test_a_record_without_a_good_number_ends_with_the_first_number_s_reason() -> None:
    hits = {A: ListHit(dnd="1"), B: ListHit(blacklisted=B)}
    facts = replace(FACTS, marketing=True)
    assert verdict(record(A, B), facts, hits).status == "NCPR_CHECK_FAILED"
    assert verdict(record(B, A), facts, hits).status == "PHONE_BLACKLISTED"
    assert verdict(record("x", A, B), facts, hits).status == "INVALID_CONTACT_NUMBER"
    found = verdict(record(B), facts, hits)
    assert (found.value, found.list_version, found.numbers, found.due_at) == (B, "b7", (), None)


def test_the_blacklist_beats_the_whitelist_and_the_whitelist_exempts_from_the_scrub() -> None:
    assert verdict(record(A), FACTS, {A: ListHit("91", "91")}).status == "PHONE_BLACKLISTED"
    facts = replace(FACTS, marketing=True, register_stale=True)
    assert verdict(record(A), facts, {A: ListHit(whitelisted=A, dnd="1")}).status == "UNPROCESSED"


def test_a_stale_register_fails_closed_for_marketing_only() -> None:
    stale = replace(FACTS, register_stale=True)
    assert verdict(record(A), stale).status == "UNPROCESSED"
    found = verdict(record(A), replace(stale, marketing=True))
    assert (found.status, found.reason) == ("NCPR_CHECK_FAILED", "stale_register")


def test_whitelisted_and_international_where_allowed_pass() -> None:
    facts = replace(FACTS, testing=True, international=True)
    assert verdict(record(FOREIGN), facts, {FOREIGN: ListHit(whitelisted="1")}).status == "UNPROCESSED"


def test_the_dummy_number_passes_number_checks_but_not_the_others() -> None:
    facts = replace(FACTS, dummy_number="0000000000", testing=True, marketing=True, register_stale=True)
    hits = {"0000000000": ListHit(blacklisted="0", dnd="1")}
    assert verdict(record("000-000 0000"), facts, hits).numbers == ("0000000000",)
    assert verdict(record("0000000000", name=""), facts, hits).rule is Check.VARIABLES
    assert verdict(record(A), facts, hits).status == "PHONE_NOT_WHITELISTED"


def test_more_than_ten_numbers_are_ignored_with_a_warning() -> None:
    numbers = [f"9198765000{n:02d}" for n in range(12)]
    found = verdict(record(*numbers))
    assert len(found.numbers) == 10
    assert found.warnings[0].startswith("too_many_numbers")
    assert verdict(record(*numbers[:10], "", "")).warnings == ()


@pytest.mark.parametrize("name", ["", "1st", "a b", "a-b", "né", "$x", "x" * 65, "flow.key"])
def test_a_variable_without_a_proper_name_ends_its_row(name: str) -> None:
    found = verdict(record(A)._replace(variables={"name": "x", name: "v"}))
    assert (found.status, found.reason, found.value) == ("REJECTED", "invalid_record", "variable_name_invalid")
    assert f'"{name[:64]}"' in found.sentence


def test_a_variable_name_may_have_64_letters_digits_and_underscores() -> None:
    assert verdict(record(A)._replace(variables={"name": "x", "_" + "aZ9" * 21: "v"})).accepted


@pytest.mark.parametrize("numbers", [("",), ("", "  "), ()])
def test_a_number_is_mandatory(numbers: tuple[str, ...]) -> None:
    found = verdict(IncomingRecord(1, numbers, variables={"name": "x"}))
    assert (found.status, found.reason) == ("INVALID_CONTACT_NUMBER", "number_missing")


def test_a_due_time_is_moved_into_the_calling_hours_of_the_right_zone() -> None:
    asked: list[tuple[datetime, tuple[str, ...]]] = []

    def opening(due: datetime, zones: tuple[str, ...]) -> datetime:
        asked.append((due, zones))
        return due + timedelta(hours=9)

    facts = replace(FACTS, opening=opening, international=True)
    found = verdict(record(), facts)
    assert (found.status, found.reason, found.due_at) == ("SCHEDULED", "calling_hours", NOW + timedelta(hours=9))
    verdict(record(time_zone="Europe/Berlin", start="+1h"), facts)
    verdict(record("99912345678"), facts)
    assert asked[1:] == [(NOW + timedelta(hours=1), ("Europe/Berlin",)), (NOW, ("Asia/Kolkata",))]


def test_an_opening_behind_the_expiry_or_the_request_s_end_is_a_failure() -> None:
    def closed(_due: datetime, _zones: tuple[str, ...]) -> datetime | None:
        return None

    def too_late(due: datetime, _zones: tuple[str, ...]) -> datetime | None:
        return due + timedelta(hours=24, seconds=1)

    never, late = replace(FACTS, opening=closed), replace(FACTS, opening=too_late)
    ended = replace(FACTS, end_at=NOW + timedelta(minutes=59))
    for facts, row in ((never, record()), (late, record()), (ended, record(start="+1h"))):
        found = verdict(row, facts)
        assert (found.status, found.reason, found.due_at) == ("FAILURE", "expired", None)


def test_the_cap_counts_down_over_the_chunk_and_only_for_accepted_rows() -> None:
    rows = [record(A), record("x"), record(B), record(C)]
    prepared = [normalise_row(row._replace(row=n), FACTS) for n, row in enumerate(rows, 1)]
    assert [found.status for found in judge_rows(prepared, FACTS, {}, 2)] == [
        "UNPROCESSED",
        "INVALID_CONTACT_NUMBER",
        "UNPROCESSED",
        "MAX_CAPACITY_REACHED",
    ]


def test_repeats_within_a_chunk_are_allowed_unless_the_request_rejects_them() -> None:
    rows = [record(A), record("+91 98765 00001"), record(B)]
    for facts, expected in ((FACTS, "UNPROCESSED"), (replace(FACTS, reject_duplicates=True), "REJECTED")):
        found = judge_rows([normalise_row(row, facts) for row in rows], facts, {})
        assert [one.status for one in found] == ["UNPROCESSED", expected, "UNPROCESSED"]
        assert found[1].reason == ("duplicate_number" if facts.reject_duplicates else "accepted")


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (record(client_identifier="x" * 257), "client_identifier_too_long"),
        (record(name="x" * 4097), "value_too_long"),
        (IncomingRecord(1, (A,), variables={f"v{n}": "x" * 4000 for n in range(17)}), "record_too_large"),
        (IncomingRecord(1, (A,), variables={f"v{n}": "\u0905" * 4000 for n in range(6)}), "record_too_large"),
        (record(name="a\0b"), "nul_character"),
        (record("9198765\x0000001"), "nul_character"),
        (record(name="half \ud83d"), "broken_text"),
        (record(time_zone="Mars/Olympus"), "time_zone_unknown"),
        (record(priority="high"), "priority_unreadable"),
        (record(priority="10"), "priority_unreadable"),
        (IncomingRecord(1, (), fault="wrong_cell_count: The row has 3 cells."), "wrong_cell_count"),
    ],
)
def test_a_row_that_is_no_record_is_rejected(row: IncomingRecord, code: str) -> None:
    found = verdict(row)
    assert (found.status, found.reason, found.value) == ("REJECTED", "invalid_record", code)
    assert found.sentence


def test_a_row_at_its_limits_is_accepted() -> None:
    assert verdict(record(name="x" * 4096, client_identifier="y" * 256, priority="9")).accepted
    assert normalise_row(record(priority="9"), FACTS).priority == 9


def test_only_the_numbers_of_rows_still_alive_are_asked_about() -> None:
    assert normalise_row(record("x", A, " ", B), FACTS).numbers == (A, B)
    failed = normalise_row(record(A, start="x"), FACTS)
    assert failed.verdict is not None
    assert failed.numbers == ()
    assert failed.verdict.numbers == (A,)
    assert judge(failed, FACTS).status == "INVALID_CALL_START_TIME_FORMAT"
