"""Tokens and bounce addresses: their size, keys that rotate, and what is refused."""

from __future__ import annotations

from uuid import UUID

import pytest

from central.domain.errors import OperatorError
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

MESSAGE = MessageId(UUID("0190f7a0-0000-7000-8000-00000000002a"))
OLD = TokenKey(1, b"1" * 32)
NEW = TokenKey(2, b"2" * 32)


def test_a_token_has_forty_safe_characters_and_says_what_it_is_for() -> None:
    token = make_token(TokenKeys((NEW,)), TokenKind.CLICK, MESSAGE, 7)
    assert len(token) == 40
    assert all(char.isascii() and (char.isalnum() or char in "-_") for char in token)
    assert read_token(TokenKeys((NEW,)), token) == MailToken(TokenKind.CLICK, MESSAGE, 7)


def test_tokens_of_an_old_key_hold_until_it_is_dropped() -> None:
    token = make_token(TokenKeys((OLD,)), TokenKind.OPEN, MESSAGE)
    assert read_token(TokenKeys((NEW, OLD)), token) == MailToken(TokenKind.OPEN, MESSAGE)
    assert read_token(TokenKeys((NEW,)), token) is None
    assert make_token(TokenKeys((NEW, OLD)), TokenKind.OPEN, MESSAGE) != token  # the first key signs


def test_the_highest_link_number_fits_and_the_next_does_not() -> None:
    keys = TokenKeys((NEW,))
    token = make_token(keys, TokenKind.CLICK, MESSAGE, LIMIT_LINKS)
    assert read_token(keys, token) == MailToken(TokenKind.CLICK, MESSAGE, LIMIT_LINKS)
    with pytest.raises(OverflowError):
        make_token(keys, TokenKind.CLICK, MESSAGE, LIMIT_LINKS + 1)


@pytest.mark.parametrize(
    "text", ["", "x", "A" * 39, "A" * 40, "A" * 41, "+" * 40, "=" * 40, "\u00e4" * 40, "A" * 39 + "\n"]
)
def test_what_is_no_token_says_nothing(text: str) -> None:
    assert read_token(TokenKeys((NEW,)), text) is None


def test_a_bounce_address_fits_a_local_part_in_any_letter_case() -> None:
    keys = TokenKeys((NEW,))
    address = bounce_address(keys, MESSAGE, "bounce.brand.example.com")
    local, _, domain = address.partition("@")
    assert len(local) <= 64  # RFC 5321, section 4.5.3.1.1
    assert domain == "bounce.brand.example.com"
    assert bounced_message(keys, address) == MESSAGE
    assert bounced_message(keys, address.upper()) == MESSAGE
    assert bounced_message(TokenKeys((OLD, NEW)), address) == MESSAGE
    assert bounced_message(TokenKeys((OLD,)), address) is None


@pytest.mark.parametrize(
    "text", ["", "b+@d", "b+1-2@d", f"b+{MESSAGE.hex}-{'0' * 16}@d", f"x+{MESSAGE.hex}-{'0' * 16}@d", "a@b@c"]
)
def test_a_forged_bounce_address_names_no_message(text: str) -> None:
    assert bounced_message(TokenKeys((NEW,)), text) is None


def test_a_token_is_no_bounce_address_of_the_same_key() -> None:
    keys = TokenKeys((NEW,))
    assert make_token(keys, TokenKind.OPEN, MESSAGE)[-14:] not in bounce_address(keys, MESSAGE, "d.example.com")


@pytest.mark.parametrize(
    "keys", [(), (OLD, OLD), (TokenKey(1, b"short"),), (TokenKey(256, b"x" * 32),), (TokenKey(-1, b"x" * 32),)]
)
def test_keys_that_cannot_sign_are_refused(keys: tuple[TokenKey, ...]) -> None:
    with pytest.raises(OperatorError, match="bad_token_key"):
        TokenKeys(keys)


def test_a_key_s_secret_is_in_no_text_of_it() -> None:
    assert "1111" not in repr(TokenKeys((OLD,)))
