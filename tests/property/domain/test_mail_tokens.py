"""What is made is read back the same; whatever differs in one bit says nothing."""

from __future__ import annotations

import base64
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from central.domain.ids import MessageId
from central.domain.mail_tokens import (
    LIMIT_LINKS,
    MailToken,
    TokenKey,
    TokenKeys,
    TokenKind,
    bounce_address,
    bounced_message,
    make_token,
    read_token,
)

KEYS = TokenKeys((TokenKey(3, bytes(range(32))), TokenKey(200, bytes(range(1, 41)))))
messages = st.uuids().map(lambda one: MessageId(UUID(int=one.int)))
kinds = st.sampled_from(TokenKind)
numbers = st.integers(0, LIMIT_LINKS)


@given(kinds, messages, numbers)
def test_a_token_is_read_as_it_was_made(kind: TokenKind, message: MessageId, number: int) -> None:
    assert read_token(KEYS, make_token(KEYS, kind, message, number)) == MailToken(kind, message, number)


@given(kinds, messages, numbers, st.integers(0, 30 * 8 - 1))
def test_a_token_with_one_other_bit_is_refused(kind: TokenKind, message: MessageId, number: int, bit: int) -> None:
    octets = bytearray(base64.urlsafe_b64decode(make_token(KEYS, kind, message, number)))
    octets[bit // 8] ^= 1 << bit % 8
    assert read_token(KEYS, base64.urlsafe_b64encode(octets).decode()) is None


@given(kinds, messages, st.integers(0, 39), st.characters())
def test_a_token_with_one_other_character_is_refused(
    kind: TokenKind, message: MessageId, place: int, char: str
) -> None:
    token = make_token(KEYS, kind, message)
    changed = token[:place] + char + token[place + 1 :]
    assert (read_token(KEYS, changed) is None) == (changed != token)


@given(messages, st.integers(0, 24 * 8 - 1))
def test_a_bounce_address_with_one_other_bit_names_nothing(message: MessageId, bit: int) -> None:
    address = bounce_address(KEYS, message, "bounce.example.com")
    octets = bytearray.fromhex(address[2:34] + address[35:51])
    octets[bit // 8] ^= 1 << bit % 8
    assert bounced_message(KEYS, f"b+{octets[:16].hex()}-{octets[16:].hex()}@bounce.example.com") is None
    assert bounced_message(KEYS, address) == message


@given(st.text(), st.text())
def test_no_text_is_taken_for_ours(token: str, address: str) -> None:
    assert read_token(KEYS, token) is None
    assert bounced_message(KEYS, address) is None
