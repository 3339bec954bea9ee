"""Whatever comes in: one verdict a row, lawful, complete, and the same for the same facts."""

from __future__ import annotations

import csv
import io
import json
import re
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given, settings
from hypothesis import strategies as st

from central.adapters.files.rows import inspect_file, open_rows
from central.adapters.files.shape import ReadingOptions
from central.domain.exports import neutralise
from central.domain.incoming import MAX_NUMBERS, IncomingRecord
from central.domain.intake_checks import judge_rows, normalise_row
from central.domain.intake_facts import IntakeFacts, ListHit
from central.domain.numbers import country_of, display, is_international, normalise
from central.domain.start_time import StartTime, read_start
from central.domain.status_rows import Family
from central.domain.statuses import MOVES
from central.domain.value_shapes import decimal_of, is_email, is_web_address
from central.domain.variable_rules import compile_rules
from central.domain.zones import known_zone, zones_of
from central.flow.configuration import VariableDeclaration, VariableRule

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Kolkata")
RULES = compile_rules([VariableDeclaration("v", rules=(VariableRule("length", {"max": 5}), VariableRule("email")))])
DIGITS = st.text("0123456789", min_size=6, max_size=17)
NUMBERS = DIGITS | st.text(" +-()0123456789\u00a0\u2011x\0", max_size=24) | st.text(max_size=20)
STARTS = st.text(max_size=30) | st.sampled_from(["", "+20s", "2026-03-02T10:00:00Z"]) | st.datetimes().map(str)


@given(NUMBERS, st.sampled_from(["IN", "US"]))
def test_a_normalised_number_fits_the_pattern_and_is_stable_in_international_form(raw: str, country: str) -> None:
    number = normalise(raw, country)
    if number is not None:
        assert re.fullmatch(r"[1-9][0-9]{7,14}", number)
        assert normalise("+" + number, country) == number
        assert re.sub(r"[^0-9]", "", raw, flags=re.ASCII) in {number, number.removeprefix("91")}


@given(DIGITS)
def test_separators_never_change_the_digits(digits: str) -> None:
    spaced = "+" + " - ".join(digits)
    assert normalise(spaced, "US") == normalise(digits, "US")


@given(st.from_regex(r"[1-9][0-9]{7,14}", fullmatch=True))
def test_every_usable_number_has_an_answer_everywhere(e164: str) -> None:
    assert display(e164).startswith("+")
    country = country_of(e164)
    if country is not None:
        assert not is_international(e164, country)
    assert all(known_zone(zone) for zone in zones_of(e164))


@given(STARTS, st.booleans())
@example("9999-12-31T23:59:59-14:00", False)
@example("0001-01-01T00:00:00+14:00", False)
def test_a_start_value_is_read_or_refused_and_never_far_in_the_past(raw: str, strict: bool) -> None:
    found = read_start(raw, now=NOW, zone=ZONE, strict=strict)
    if isinstance(found, StartTime):
        assert found.at.tzinfo is UTC
        assert found.at >= NOW - (timedelta(seconds=60) if strict else timedelta(hours=28))
    else:
        assert found.status in {"INVALID_CALL_START_TIME", "INVALID_CALL_START_TIME_FORMAT"}


@given(st.integers(0, 120_000_000_000), st.integers(-14 * 60, 14 * 60))
def test_a_written_moment_comes_back_whatever_its_offset(later_ms: int, minutes: int) -> None:
    moment = NOW + timedelta(milliseconds=later_ms)
    written = (moment + timedelta(minutes=minutes)).replace(tzinfo=None).isoformat(timespec="milliseconds")
    sign, size = "-" if minutes < 0 else "+", abs(minutes)
    offset = f"{sign}{size // 60:02d}:{size % 60:02d}"
    for form in (written + offset, written + "Z" + offset, written.replace("T", " ") + offset):
        assert read_start(form, now=NOW, zone=ZONE) == StartTime(moment, minutes)


ROWS = st.builds(
    IncomingRecord,
    st.just(1),
    st.lists(NUMBERS | st.sampled_from(["919876543210", "14155552671"]), max_size=12).map(tuple),
    STARTS,
    st.text(max_size=5) | st.just("c" * 257),
    st.sampled_from(["", "Asia/Kolkata", "nowhere"]),
    st.sampled_from(["", "5", "x"]),
    st.dictionaries(st.sampled_from(["v", "w"]), st.text(max_size=8), max_size=2),
    st.sampled_from(["", "", "", "broken: The row is broken."]),
)


def opens_soon(due: datetime, _zones: tuple[str, ...]) -> datetime | None:
    return due + timedelta(hours=3)


def opens_tomorrow(due: datetime, _zones: tuple[str, ...]) -> datetime | None:
    return due + timedelta(hours=30)


FACTS = st.builds(
    IntakeFacts,
    now=st.just(NOW),
    country=st.just("IN"),
    zone=st.just(ZONE),
    rules=st.just(RULES),
    testing=st.booleans(),
    marketing=st.booleans(),
    international=st.booleans(),
    strict=st.booleans(),
    register_stale=st.booleans(),
    reject_duplicates=st.booleans(),
    dummy_number=st.sampled_from(["", "0000000000"]),
    opening=st.sampled_from([None, opens_tomorrow, opens_soon]),
)
HITS = st.builds(ListHit, *[st.none() | st.just("1")] * 3, st.booleans())


@settings(max_examples=300)
@given(st.lists(ROWS, max_size=4), FACTS, HITS, st.none() | st.integers(0, 3))
def test_every_row_gets_one_lawful_explained_verdict(
    rows: list[IncomingRecord], facts: IntakeFacts, hit: ListHit, remaining: int | None
) -> None:
    prepared = [normalise_row(row, facts) for row in rows]
    hits = {number: hit for one in prepared for number in one.numbers[:1]}
    verdicts = judge_rows(prepared, facts, hits, remaining)
    assert verdicts == judge_rows(prepared, facts, hits, remaining)
    assert len(verdicts) == len(rows)
    accepted = 0
    for row, found in zip(rows, verdicts, strict=True):
        assert found.status == "UNPROCESSED" or found.status in MOVES[Family.FLOW]["UNPROCESSED"]
        assert found.reason
        assert found.sentence
        assert found.accepted is (found.status in {"UNPROCESSED", "SCHEDULED"})
        if found.accepted:
            accepted += 1
            assert found.numbers
            assert found.due_at is not None
            assert found.expires_at is not None
            assert NOW <= found.due_at <= found.expires_at
            assert found.zones
        assert len(set(found.numbers)) == len(found.numbers)
        given_numbers = sum(bool(number.strip()) for number in row.numbers[:MAX_NUMBERS])
        if found.reason != "invalid_record" and given_numbers:
            assert len(found.numbers) + len(found.dropped) == given_numbers
    assert remaining is None or accepted <= remaining


@given(st.text(max_size=40) | st.emails())
def test_the_fast_address_check_agrees_with_the_library(text: str) -> None:
    try:
        validate_email(text, check_deliverability=False)
        expected = True
    except EmailNotValidError:
        expected = False
    assert is_email(text) is expected


@given(st.from_regex(r"[A-Za-z0-9._+-]{1,12}@[A-Za-z0-9.-]{1,12}\.[A-Za-z]{2,5}", fullmatch=True))
@settings(max_examples=500)
@example("a@b--c.com")
@example("a@xn--c.com")
@example("a@b.local")
def test_addresses_near_the_fast_pattern_are_judged_as_by_the_library(text: str) -> None:
    try:
        validate_email(text, check_deliverability=False)
        expected = True
    except EmailNotValidError:
        expected = False
    assert is_email(text) is expected


@given(st.text(max_size=30))
def test_shapes_never_raise(text: str) -> None:
    assert is_web_address(text) in {True, False}
    assert is_web_address("http://" + text) in {True, False}
    number = decimal_of(text)
    assert number is None or number.is_finite()


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(CELLS, CELLS), max_size=8),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_a_csv_writer_wrote_comes_back(rows: list[tuple[str, str]], delimiter: str, encoding: str) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([("tel1", "name"), *rows])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "list.csv")
        path.write_bytes(text.getvalue().encode(encoding))
        options = ReadingOptions(variables=("name",))
        found = [row for batch in open_rows(path, inspect_file(path, options), options) for row in batch]
    assert [(row.numbers[0], row.variables["name"]) for row in found] == rows


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS), max_size=8))
def test_what_a_json_writer_wrote_comes_back(rows: list[tuple[str, str]]) -> None:
    lines = "\n".join(json.dumps({"tel1": tel, "name": name}) for tel, name in rows) + "\n\n"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "list.ndjson")
        path.write_text(lines)
        options = ReadingOptions(variables=("name",))
        found = [row for batch in open_rows(path, inspect_file(path, options), options) for row in batch]
    assert [(row.numbers[0], row.variables["name"]) for row in found] == rows


@given(st.text(max_size=10))
def test_an_exported_cell_never_begins_like_a_formula_and_loses_nothing(cell: str) -> None:
    safe = neutralise(cell)
    assert safe.endswith(cell)
    assert not safe.startswith(("=", "+", "-", "@", "\t", "\r"))
