"""Receipts: whatever carriers write is read or left open; ids are found in each way they may be written; tables are total."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.adapters.smpp import pdu as wire
from central.adapters.smpp.config import ErrorMeaning, Override, SmppConfig
from central.adapters.smpp.joining import Joining
from central.adapters.smpp.message_ids import MessageIds
from central.adapters.smpp.reasons import STATES, judge, row_of, state_of_number, state_of_word
from central.adapters.smpp.receipts import date_of, read, text_fields
from central.adapters.smpp.translate import Piece, inbound
from central.application.ports.carriers import ReceiptCame
from central.domain.statuses import SmsStatus

CONFIG = SmppConfig(
    name="c",
    host="h",
    system_id="s",
    errors={"1": ErrorMeaning(reason="unknown_subscriber", status=SmsStatus.INVALID_NUMBER)},
)
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TLVS = st.lists(
    st.tuples(
        st.sampled_from([0x001E, 0x0427, 0x0423, 0x0424, 0x020C, 0x020E, 0x020F, 0x1400]), st.binary(max_size=30)
    ),
    max_size=5,
).map(tuple)


def receipt(text: str, *, tlvs: wire.Tlvs = (), esm_class: int = 4) -> wire.Message:
    return wire.Message(command=wire.DELIVER_SM, esm_class=esm_class, short_message=text.encode("latin-1"), tlvs=tlvs)


def told(text: str, config: SmppConfig = CONFIG, **more: object) -> ReceiptCame:
    news = inbound(receipt(text, **more), config, MessageIds("exact"), "c#1", NOW)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    assert isinstance(news, ReceiptCame)
    return news


@given(st.binary(max_size=255), TLVS, st.integers(0, 255), st.integers(0, 255), st.booleans())
def test_anything_that_comes_in_is_a_receipt_or_a_text(
    octets: bytes, tlvs: wire.Tlvs, esm_class: int, coding: int, data: bool
) -> None:
    pdu = (
        wire.DataMessage(command=wire.DATA_SM, esm_class=esm_class, data_coding=coding, tlvs=tlvs)
        if data
        else wire.Message(
            command=wire.DELIVER_SM, esm_class=esm_class, data_coding=coding, short_message=octets, tlvs=tlvs
        )
    )
    news = inbound(pdu, CONFIG, MessageIds(), "c#1", NOW)
    if isinstance(news, ReceiptCame):
        assert news.same_ids[:1] == ((news.remote_id,) if news.remote_id else ())
        assert "\0" not in news.raw + news.state + news.remote_id + news.error
    else:
        assert isinstance(news, Piece)


FIELDS = {
    "id": "0A1b", "sub": "001", "dlvrd": "001", "submit date": "2611231015", "done date": "261123101530", "stat": "DELIVRD",
    "err": "000",
}  # fmt: skip


@given(
    st.permutations(sorted(FIELDS)),
    st.sampled_from([str.lower, str.upper, str.title]),
    st.sets(st.sampled_from(sorted(FIELDS))),
)
def test_fields_in_any_order_any_case_and_missing(order: list[str], case: object, missing: set[str]) -> None:
    assert callable(case)
    there = [name for name in order if name not in missing]
    fields = text_fields(" ".join(f"{case(name)}:{FIELDS[name]}" for name in there))
    assert fields == {("done" if name == "done date" else name): FIELDS[name] for name in there}


@given(st.text(max_size=300))
def test_any_text_has_some_fields(text: str) -> None:
    for value in text_fields(text).values():
        assert " " not in value


def test_the_text_of_a_person_cannot_replace_a_field() -> None:
    news = told(
        "id:77 sub:001 dlvrd:000 submit date:2611231015 done date:2611231016 stat:UNDELIV err:034 text:id:1 stat:DELIVRD"
    )
    assert (news.remote_id, news.state, news.status) == ("77", "UNDELIV", SmsStatus.UNDELIVERED)


def test_no_text_that_is_told_holds_nul() -> None:
    news = told("id:7\x008 stat:\x00X err:\x001")
    assert "\0" not in news.remote_id + news.state + news.error + news.raw + "".join(news.same_ids)
    joining: Joining[int] = Joining(5.0, "gsm7")
    piece = inbound(
        wire.Message(command=wire.DELIVER_SM, data_coding=8, short_message=b"\0a\0\0\0b"),
        CONFIG,
        MessageIds(),
        "c",
        NOW,
    )
    assert isinstance(piece, Piece)
    assert [whole.text for whole in joining.take(piece, 1, 0.0)] == ["a\ufffdb"]


def test_empty_and_spaced_fields() -> None:
    assert text_fields("id: stat: err:::") == {"id": "", "stat": "", "err": "::"}
    assert text_fields("ID: 77 ; Stat : delivrd, Err=005") == {"id": "77", "stat": "delivrd", "err": "005"}
    assert text_fields("paid:5 stats:x") == {}


def test_tlvs_go_first_and_a_difference_is_seen() -> None:
    tlvs = ((0x001E, b"abc\0"), (0x0427, b"\x05"), (0x0423, b"\x03\x00\x22"))
    news = told("id:77 stat:DELIVRD", tlvs=tlvs)
    assert (news.remote_id, news.status, news.error) == ("abc", SmsStatus.UNDELIVERED, "034")
    pdu = receipt("id:77 stat:DELIVRD", tlvs=tlvs)
    assert read(pdu, "id:77 stat:DELIVRD", zone_min=0).differs
    assert not read(receipt("id:77 stat:DELIVRD"), "id:77 stat:DELIVRD", zone_min=0).differs
    assert read(pdu, "id:77 stat:DELIVRD", zone_min=0, text_first=True).message_id == "77"
    assert "0x0427=05" in news.raw


@pytest.mark.parametrize(
    ("digits", "zone", "expected"),
    [
        ("2611231015", 0, datetime(2026, 11, 23, 10, 15, tzinfo=UTC)),
        ("261123101530", 330, datetime(2026, 11, 23, 4, 45, 30, tzinfo=UTC)),
        ("20261123101530", 0, datetime(2026, 11, 23, 10, 15, 30, tzinfo=UTC)),
        ("2613231015", 0, None),
        ("261123", 0, None),
        ("", 0, None),
        ("26112310xx", 0, None),
        ("\u0661\u0662\u0661\u0662\u0661\u0662\u0661\u0662\u0661\u0662", 0, None),
        ("00010100000000", 840, None),
    ],
)
def test_dates(digits: str, zone: int, expected: datetime | None) -> None:
    assert date_of(digits, zone) == expected


@given(st.text(max_size=20))
def test_any_date_is_a_date_or_none(digits: str) -> None:
    found = date_of(digits, 0)
    assert found is None or found.tzinfo is UTC


# -- ids -----------------------------------------------------------------------------------------------------------------
@given(
    st.integers(1, 2**63),
    st.sampled_from(["x", "X", "08x", "016X", "010d", "d", "020d"]),
    st.sampled_from(["x", "X", "08x", "d", "010d"]),
)
def test_an_id_is_found_in_each_way_it_may_be_written(number: int, answered: str, receipted: str) -> None:
    ids = MessageIds()
    forms = ids.forms(format(number, receipted))
    assert forms[0] == format(number, receipted)
    assert format(number, answered) in forms


@pytest.mark.parametrize(
    ("answered", "receipted", "form"),
    [("08x", "d", "hex_then_decimal"), ("d", "x", "decimal_then_hex"), ("08x", "08x", "exact"), ("08x", "08X", "same")],
)
def test_the_way_of_a_carrier_is_learnt_and_then_fixed(answered: str, receipted: str, form: str) -> None:
    ids = MessageIds()
    numbers = [random.Random(5).randrange(10**8, 2**32) + 7919 * n for n in range(40)]
    for number in numbers:
        ids.answered(format(number, answered), "")
    for number in numbers:
        assert format(number, answered) in ids.forms(format(number, receipted))
    assert ids.form == form
    assert format(numbers[0], answered) in ids.forms(format(numbers[0], receipted))
    assert len(ids.forms(format(numbers[0], receipted))) < 24


def test_an_id_of_the_usual_width_and_zeros_is_that_message_and_no_other() -> None:
    """A receipt that comes before its answer must not be taken for another message whose id reads alike."""
    ids = MessageIds()
    for number in range(1, 0x12):
        ids.answered(format(number, "08x"), "")
    assert ids.forms("00000012") == ("00000012",)  # its answer has not come yet; "0000000c" is another's
    assert ids.forms("00000011") == ("00000011",)
    mixed = MessageIds()
    for number in range(1, 0x40):
        mixed.answered(format(number, "08x"), "")
    for number in range(0x30, 0x40):  # decimal; as hexadecimal they are nobody's or somebody else's
        mixed.forms(str(number))
    assert "00000011" in mixed.forms("17")
    assert "00000017" not in mixed.forms("17")


def test_receipts_of_other_processes_teach_nothing() -> None:
    ids = MessageIds()
    for number in range(1_000):
        ids.forms(str(number + 10**6))
    assert ids.form == "learn"


@given(st.text(max_size=400))
def test_any_id_has_forms(text: str) -> None:
    forms = MessageIds().forms(text)
    assert forms[:1] == ((text[:255],) if text else ())
    assert len(forms) == len(set(forms)) < 80


# -- tables --------------------------------------------------------------------------------------------------------------
@given(st.integers(0, 0xFFFF_FFFF))
def test_every_command_status_has_a_meaning(status: int) -> None:
    refused = judge(status, {})
    assert refused.reason
    assert refused.code == f"0x{status:08X}"
    assert refused.status is not None or refused.retry  # a message that is not tried again has a status


def test_a_carriers_own_meaning_goes_first() -> None:
    own = {0x45: Override(retry=True, reason="try_again"), 0x400: Override(status=SmsStatus.INVALID_NUMBER)}
    assert judge(0x45, own).retry
    assert judge(0x45, own).status is SmsStatus.REJECTED
    assert judge(0x400, own).status is SmsStatus.INVALID_NUMBER
    assert judge(0x400, {}).status is SmsStatus.REJECTED


def test_what_may_be_tried_again_is_what_the_table_says() -> None:
    assert {status for status in range(0x600) if row_of(status).retry} == {
        0x04, 0x05, 0x08, 0x0D, 0x0E, 0x0F, 0x14, 0x53, 0x58, 0x64, 0x102,
    }  # fmt: skip


@given(st.integers(0, 255), st.text(max_size=30))
def test_every_state_has_a_status(number: int, word: str) -> None:
    assert state_of_number(number).status in SmsStatus
    assert state_of_word(word).status in SmsStatus


@pytest.mark.parametrize("number", sorted(STATES))
def test_the_word_of_a_state_means_the_state(number: int) -> None:
    for shown in (STATES[number].word, STATES[number].word.lower(), STATES[number].word[:7] + "XYZ"):
        assert state_of_word(shown).status is STATES[number].status


def test_error_codes_of_the_carrier_refine_a_failure_and_nothing_else() -> None:
    assert told("id:1 stat:UNDELIV err:001").status is SmsStatus.INVALID_NUMBER
    assert told("id:1 stat:UNDELIV err:001").reason == "unknown_subscriber"
    assert told("id:1 stat:DELIVRD err:001").status is SmsStatus.DELIVERED
    assert told("id:1 stat:UNDELIV err:002").status is SmsStatus.UNDELIVERED


def test_kinds_of_what_comes_in() -> None:
    assert told("id:1 stat:ENROUTE", esm_class=0x20).status is None
    assert told("id:1 stat:DELIVRD", esm_class=0x08).status is None
    assert told("", tlvs=((0x001E, b"9\0"), (0x0427, b"\x02")), esm_class=0).status is SmsStatus.DELIVERED
    forged = inbound(receipt("id:1 stat:DELIVRD", esm_class=0), CONFIG, MessageIds(), "c#1", NOW)
    assert isinstance(forged, Piece)  # a person who writes like a carrier is a person
