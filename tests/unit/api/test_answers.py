from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.application.reporting.documents import to_document
from central.application.reporting.explain_record import explain
from central.domain.errors import CentralError, InvalidInput
from central.domain.ids import AccountId
from central.entrypoints.api.masking import mask_document
from central.entrypoints.api.paging import cursor_number, cursor_text, encode_cursor, make_page
from central.entrypoints.api.presenting import amount, masked
from central.entrypoints.api.problems import CODES, FAMILIES, status_of
from central.entrypoints.api.rate_limits import TokenBuckets
from tests.fakes.observed import ManualClock
from tests.unit.reporting.stories import Story, policy, prepared


def test_a_bucket_gives_its_rate_and_no_more() -> None:
    clock, account = ManualClock(), AccountId(uuid4())
    buckets = TokenBuckets(clock.monotonic)
    assert [buckets.take(account, 60).allowed for _ in range(61)] == [True] * 60 + [False]
    refused = buckets.take(account, 60)
    assert (refused.remaining, refused.wait_s) == (0, 1)
    assert buckets.take(AccountId(uuid4()), 60).allowed
    clock.forward(timedelta(seconds=1))
    assert [buckets.take(account, 60).allowed for _ in range(2)] == [True, False]
    clock.forward(timedelta(hours=1))
    assert buckets.take(account, 60).remaining == 59


@pytest.mark.parametrize("text", ["", "%%%", "e30", "WzFd", "eyJuIjp0cnVlfQ", "eyJpZCI6MX0"])
def test_a_foreign_cursor_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="invalid_cursor"):
        cursor_text(text)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20), st.integers(0, 10**9))
def test_cursors_come_back_as_they_went(text: str, number: int) -> None:
    assert cursor_text(encode_cursor({"id": text})) == text
    assert cursor_number(encode_cursor({"n": number})) == number


def test_only_a_page_with_more_behind_it_has_a_next() -> None:
    full = make_page([1, 2, 3], 2, str, lambda row: {"n": row})
    last = make_page([1, 2], 2, str, lambda row: {"n": row})
    assert (full.items, cursor_number(full.next)) == (["1", "2"], 2)
    assert (last.items, last.next) == (["1", "2"], None)


@given(st.integers(-(10**12), 10**12))
def test_money_is_exact_decimal_text(micros: int) -> None:
    text = amount(micros)
    whole, _, places = text.partition(".")
    assert 2 <= len(places) <= 6
    digits = int(whole.removeprefix("-")) * 10**6 + int(places.ljust(6, "0"))
    assert (-digits if text.startswith("-") else digits) == micros


@pytest.mark.parametrize(("number", "shown"), [("919876543210", "9198******10"), ("1234567", "1234*67"), ("12", "**")])
def test_masked_numbers_show_head_and_tail(number: str, shown: str) -> None:
    assert masked(number) == shown


@given(st.from_regex(r"[1-9][0-9]{7,14}", fullmatch=True))
def test_no_known_number_is_left_in_a_masked_document(number: str) -> None:
    document = {
        "numbers": [number],
        "legs": [{"number_to": number, "messages": [f"INVITE sip:+{number}@carrier", b"raw"]}],
        "row": {"tel2": f"+{number}", "note": f"call {number}!"},
        "count": 3,
    }
    shown = mask_document(document)
    assert number not in str(shown)
    assert shown["count"] == 3


MALFORMED = (
    "+91 (98000) 18002",
    "98000/18002",
    "tel: +91-98000-18002 ext 7",
    "9800018002 or 9800018003",
    "call Asha",
    "12345",
)


@pytest.mark.parametrize("written", MALFORMED)
def test_a_malformed_number_is_masked_whole_in_every_part_of_a_refused_record(written: str) -> None:
    story = Story(status="INVALID_CONTACT_NUMBER", numbers=()).created(
        "INVALID_CONTACT_NUMBER",
        check="number_pattern",
        sentence=f"The number {written!r} is not one that can be called.",
        value=written,
        row={"numbers": [written], "start_time": ""},
        dropped=[{"position": 2, "number": written, "status": "X", "reason": "x", "sentence": f"Dropped: {written}."}],
        warnings=[f"Column tel2 holds {written}"],
    )
    told = to_document(explain(story.history(), prepared(), policy()))
    assert written in str(told)
    shown = str(mask_document(told))
    assert written not in shown
    assert "18002" not in shown
    assert "18003" not in shown
    assert masked(written) in shown


@pytest.mark.parametrize(
    "form", ["98000 18002", "09800018002", "+91-98000-18002", "sip:919800018002@carrier", "X-Callee: (91) 98000.18002"]
)
def test_a_number_is_found_in_whatever_form_a_text_holds_it(form: str) -> None:
    document = {"written_numbers": ["+91 (98000) 18002"], "note": f"to {form}!", "headers": [["To", form]]}
    assert "18002" not in str(mask_document(document))


def test_masking_leaves_moments_identifiers_and_names_of_steps_alone() -> None:
    document = {
        "numbers": ["2026-11-23", "0199aaaa", "20261123"],
        "created_at": "2026-11-23T10:00:00.000+00:00",
        "record_id": "0199aaaa-0000-7000-8000-000020261123",
        "data": {"from": "greeting", "to": "end"},
    }
    shown = mask_document(document)
    assert {key: shown[key] for key in ("created_at", "record_id", "data")} == {
        key: document[key] for key in ("created_at", "record_id", "data")
    }


def test_every_error_family_has_a_status_and_no_code_hides_a_defect() -> None:
    def families(kind: type[CentralError]) -> list[type[CentralError]]:
        return [kind, *(deeper for child in kind.__subclasses__() for deeper in families(child))]

    for family in families(CentralError):
        status, title = status_of(family("some_code", "A sentence."))
        assert 400 <= status < 600
        assert title
    assert all(400 <= status < 500 for status in CODES.values())
    assert [status for family, status, _ in FAMILIES if family is InvalidInput] == [422]
