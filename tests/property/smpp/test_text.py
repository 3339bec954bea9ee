"""Texts as parts: the arithmetic of the standards, and that a handset would read what was written."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from central.adapters.smpp import text
from central.adapters.smpp.config import Alphabet, Joining
from central.domain.short_messages import GSM7, GSM7_EXTENSION, Encoding, divide, measure


def repeated(text: str, times: int) -> str:
    """Mostly longer than one part."""
    return text * times


GSM_TEXT = st.builds(
    repeated, st.text(st.sampled_from([*GSM7.replace("\x1b", ""), *GSM7_EXTENSION]), max_size=90), st.integers(1, 9)
)
# lone surrogates, NUL and all
ANY_TEXT = st.builds(repeated, st.text(st.characters(exclude_categories=()), max_size=60), st.integers(1, 7))
JOININGS: tuple[Joining, ...] = ("udh8", "udh16", "sar", "payload")


def made(value: str, joining: Joining, alphabet: Alphabet = "gsm7") -> tuple[Encoding, list[text.Part]]:
    return text.parts(value, measure(value).encoding, alphabet=alphabet, joining=joining, reference=0x1234)


@given(st.one_of(GSM_TEXT, ANY_TEXT))
@example("")
@example("\0")
@example("\ud83d")
@example("\U0001f600" * 36)
@example("a" * 69 + "\U0001f600")
@example("^" * 80)
@example("a" * 152 + "\u20ac" + "b")
def test_parts_are_as_many_as_were_counted(value: str) -> None:
    counted = measure(value)
    assert len(divide(value, counted.encoding)) == counted.parts
    assert "".join(divide(value, counted.encoding)) == value
    if counted.parts <= 255:
        assert len(made(value, "udh8")[1]) == counted.parts
        assert len(made(value, "sar")[1]) == counted.parts


@given(st.one_of(GSM_TEXT, ANY_TEXT), st.sampled_from(JOININGS), st.sampled_from(["gsm7", "latin1", "ascii"]))
def test_what_a_handset_puts_together_is_what_was_written(value: str, joining: Joining, alphabet: Alphabet) -> None:
    encoding, parts = made(value, joining, alphabet)
    coding = 8 if encoding == "ucs2" else 0
    shown = ""
    for number, part in enumerate(parts, 1):
        origin, octets = text.split_header(part.octets) if part.header else (text.sar_origin(part.tlvs), part.octets)
        if len(parts) > 1:
            assert origin is not None
            assert (origin.total, origin.number) == (len(parts), number)
            assert origin.reference == (0x34 if joining == "udh8" else 0x1234)
        whole = text.decode(octets, coding, alphabet)
        assert "\ufffd" not in whole or "\ufffd" in value or any("\ud800" <= char <= "\udfff" for char in value)
        shown += whole
    expected = "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in value)
    assert shown == expected


@given(st.one_of(GSM_TEXT, ANY_TEXT), st.sampled_from(JOININGS))
def test_no_part_is_longer_than_a_short_message(value: str, joining: Joining) -> None:
    encoding, parts = made(value, joining)
    most = 160 if encoding == "gsm7" else 140
    room = {"udh8": 159 if encoding == "gsm7" else 140, "udh16": 159 if encoding == "gsm7" else 139}
    for part in parts:
        if not part.payload:
            assert len(part.octets) <= (most if len(parts) == 1 else room.get(joining, most))


# TS 23.038 and TS 23.040: the longest text of n parts, and one character more.
TABLE: tuple[tuple[str, Joining, int, int], ...] = (
    ("a", "udh8", 160, 153), ("a", "udh16", 160, 152), ("a", "sar", 160, 153),
    ("\u0416", "udh8", 70, 67), ("\u0416", "udh16", 70, 66), ("\u0416", "sar", 70, 67),
)  # fmt: skip


@pytest.mark.parametrize(("char", "joining", "whole", "part"), TABLE)
def test_sizes_are_those_of_the_standard(char: str, joining: Joining, whole: int, part: int) -> None:
    assert len(made(char * whole, joining)[1]) == 1
    assert len(made(char * (whole + 1), joining)[1]) == 2
    for parts in range(2, 12):
        assert len(made(char * part * parts, joining)[1]) == parts
        assert len(made(char * (part * parts + 1), joining)[1]) == parts + 1


@pytest.mark.parametrize("joining", ["udh8", "udh16", "sar"])
def test_pairs_are_never_torn(joining: Joining) -> None:
    for lead in range(160):
        _, parts = made("a" * lead + "{" * 100, joining)
        for part in parts:
            _, octets = text.split_header(part.octets) if part.header else (None, part.octets)
            assert not octets.endswith(b"\x1b")
    for lead in range(70):
        _, parts = made("\u0416" * lead + "\U0001f600" * 50, joining)
        for part in parts:
            _, octets = text.split_header(part.octets) if part.header else (None, part.octets)
            octets.decode("utf-16-be")  # raises for half a pair


@pytest.mark.parametrize(
    "seen",
    [
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        "\U0001f1ee\U0001f1f3",
        "\u0928\u093f",
        "\u0915\u094d\u200d\u0937",
        "\U0001f44d\U0001f3fd",
        "e\u0301\u0327",
        "\u1112\u1161\u11ab",
    ],
)
def test_what_people_see_as_one_character_is_never_torn(seen: str) -> None:
    for lead in range(60, 75):
        value = "\u0416" * lead + seen * 40
        pieces = divide(value, "ucs2")
        assert "".join(pieces) == value
        assert len(pieces) == measure(value).parts
        for piece in pieces:
            assert piece.strip("\u0416").replace(seen, "") == ""


def test_what_is_longer_than_a_part_is_torn_all_the_same() -> None:
    value = "\u0416" + "e" + "\u0301" * 500
    assert [len(piece) for piece in divide(value, "ucs2")] == [67] * 7 + [33]
    assert measure(value).parts == 8


@pytest.mark.parametrize(
    "value", ["\U0001f1ee\U0001f1f3" * 200_000, "e" + "\u0301" * 400_000, "{" * 400_000, "\U0001f600" * 200_000]
)
def test_hostile_texts_are_counted_quickly(value: str) -> None:
    assert "".join(divide(value, measure(value).encoding)) == value


def test_a_payload_is_one_part_of_everything() -> None:
    _, parts = made("a" * 1000, "payload")
    assert [(len(part.octets), part.payload) for part in parts] == [(1000, True)]
    assert not made("a" * 160, "payload")[1][0].payload


def test_a_million_parts_are_refused_quickly() -> None:
    with pytest.raises(text.Unencodable):
        made("a" * 1_000_000, "udh8")


def test_a_text_that_is_no_gsm_text_is_refused_and_not_bent() -> None:
    for value in ("`", "\x1b", "\x00", "\u00c0", "caf\u00e9 \u0416"):
        with pytest.raises(text.Unencodable):
            text.parts(value, "gsm7", alphabet="gsm7", joining="udh8", reference=1)


def test_the_test_message_of_alphabets() -> None:
    """``@ $ _`` and the euro sign tell the alphabets of data_coding 0 apart."""
    assert text.encode("@$_\u20ac", "gsm7", "gsm7") == b"\x00\x02\x11\x1b\x65"
    assert text.encode("@$_", "gsm7", "latin1") == b"@$_"
    assert made("@$_\u20ac", "udh8", "latin1")[0] == "ucs2"  # Latin-1 has no euro sign
    assert made("@$_\u00e9", "udh8", "latin1") == ("gsm7", [text.Part(b"@$_\xe9")])
    assert made("@$_\u00e9", "udh8", "ascii")[0] == "ucs2"


@given(st.binary(max_size=300), OCTET := st.integers(0, 255), st.sampled_from(["gsm7", "latin1", "ascii"]))
def test_any_octets_in_any_data_coding_are_some_text(octets: bytes, coding: int, alphabet: Alphabet) -> None:
    text.decode(octets, coding, alphabet).encode("utf-8", "surrogatepass")
    text.split_header(octets)


@given(st.binary(max_size=20), st.binary(max_size=20), st.binary(max_size=20))
def test_any_sar_tlvs_are_an_origin_or_none(one: bytes, two: bytes, three: bytes) -> None:
    origin = text.sar_origin(((0x020C, one), (0x020E, two), (0x020F, three)))
    assert origin is None or 1 <= origin.number <= origin.total <= 255


def test_extension_characters_and_unknown_escapes() -> None:
    assert text.decode_gsm7(b"\x1b\x65\x1b\x28\x1b\x29") == "\u20ac{}"
    assert text.decode_gsm7(b"\x1bA\x1b\x1b\x1b") == "A  "
    assert text.decode_gsm7(b"a\xffb") == "a\ufffdb"
