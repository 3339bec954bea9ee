"""Parts of short messages, against the tables of 3GPP TS 23.038 (GSM 03.38)."""

from __future__ import annotations

import pytest

from central.domain.short_messages import GSM7, GSM7_EXTENSION, Measured, measure

# TS 23.038, section 6.2.1: code -> character, read column by column from the printed table.
SAMPLES = {
    0x00: "@", 0x01: "£", 0x02: "$", 0x03: "¥", 0x04: "è", 0x05: "é", 0x06: "ù", 0x07: "ì", 0x08: "ò", 0x09: "Ç", 0x0A: "\n",
    0x0B: "Ø", 0x0C: "ø", 0x0D: "\r", 0x0E: "Å", 0x0F: "å", 0x10: "Δ", 0x11: "_", 0x12: "Φ", 0x13: "Γ", 0x14: "Λ", 0x15: "Ω",
    0x16: "Π", 0x17: "Ψ", 0x18: "Σ", 0x19: "Θ", 0x1A: "Ξ", 0x1C: "Æ", 0x1D: "æ", 0x1E: "ß", 0x1F: "É", 0x20: " ", 0x21: "!",
    0x22: '"', 0x23: "#", 0x24: "¤", 0x25: "%", 0x26: "&", 0x27: "'", 0x2F: "/", 0x30: "0", 0x39: "9", 0x3A: ":", 0x3F: "?",
    0x40: "¡", 0x41: "A", 0x5A: "Z", 0x5B: "Ä", 0x5C: "Ö", 0x5D: "Ñ", 0x5E: "Ü", 0x5F: "§", 0x60: "¿", 0x61: "a", 0x7A: "z",
    0x7B: "ä", 0x7C: "ö", 0x7D: "ñ", 0x7E: "ü", 0x7F: "à",
}  # fmt: skip
EXTENSION = {
    "\f": 0x0A,
    "^": 0x14,
    "{": 0x28,
    "}": 0x29,
    "\\": 0x2F,
    "[": 0x3C,
    "~": 0x3D,
    "]": 0x3E,
    "|": 0x40,
    "€": 0x65,
}


def test_the_default_alphabet_is_that_of_the_standard() -> None:
    assert len(GSM7) == 128
    assert len(set(GSM7)) == 128
    assert {code: GSM7[code] for code in SAMPLES} == SAMPLES
    assert GSM7[0x1B] == "\x1b"
    assert GSM7[0x30:0x3A] == "0123456789"


def test_the_extension_table_is_that_of_the_standard() -> None:
    assert GSM7_EXTENSION == EXTENSION


@pytest.mark.parametrize(
    ("text", "units", "parts"),
    [("", 0, 1), ("a" * 160, 160, 1), ("a" * 161, 161, 2), ("a" * 306, 306, 2), ("a" * 307, 307, 3), ("€" * 80, 160, 1),
     ("a" * 159 + "€", 161, 2), ("a" * 1530, 1530, 10), ("a" * 1531, 1531, 11)],
)  # fmt: skip
def test_gsm_texts(text: str, units: int, parts: int) -> None:
    assert measure(text) == Measured("gsm7", units, parts)


@pytest.mark.parametrize(
    ("text", "units", "parts"),
    [("ऄ", 1, 1), ("ऄ" * 70, 70, 1), ("ऄ" * 71, 71, 2), ("ऄ" * 134, 134, 2), ("ऄ" * 135, 135, 3), ("😀" * 35, 70, 1),
     ("😀" * 36, 72, 2), ("`", 1, 1), ("\x1b", 1, 1), ("\t", 1, 1), ("ç", 1, 1)],
)  # fmt: skip
def test_other_texts(text: str, units: int, parts: int) -> None:
    assert measure(text) == Measured("ucs2", units, parts)


def test_an_escaped_character_is_not_torn_apart() -> None:
    # 152 septets, an escape, 153 more: 307 septets would fit into three parts only by luck; torn, the first held 153
    assert measure("a" * 152 + "€" + "a" * 151).parts == 2
    assert measure("a" * 152 + "€" + "a" * 152).parts == 3
    assert measure("€" * 153).parts == 3  # 76 in a part, for 153 septets hold no half of one


def test_a_surrogate_pair_is_not_torn_apart() -> None:
    assert measure("अ" * 66 + "😀" + "अ" * 65).parts == 2
    assert measure("अ" * 66 + "😀" + "अ" * 66).parts == 3
    assert measure("😀" * 67).parts == 3
