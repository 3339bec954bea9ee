"""Signed names inside e-mails: tokens of tracked links, open pixels and unsubscribe links, and bounce addresses (VERP). Pure.

A token says which message it belongs to and what it is for, and nothing that it names can be changed without the secret: there
is no open redirect, as the target of a link comes from a table by message and link number, never from the address.
A bounce address is the envelope's sender of one message, so that whatever comes back to it is about that message.

Token: base64url (RFC 4648, section 5, no padding) of kind, key id (1 octet each), message id (16), link number (2, big-endian)
and the first 10 octets of HMAC-SHA256 (RFC 2104) over them: 40 characters. Bounce address: ``b+ID-MAC@domain``, ID 32 and MAC
16 hex digits, in any letter case, as mail servers may change it. Both kinds of MAC are told apart by their first octets.
Source: the project's decisions about messages, sections 6 and 7.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final
from uuid import UUID

from central.domain.errors import OperatorError
from central.domain.ids import MessageId

TOKEN_CHARS: Final = 40
LIMIT_LINKS: Final = 0xFFFF
"""The highest link number."""

_MIN_SECRET_BYTES: Final = 32
_MAX_KEY_ID: Final = 0xFF
_ID_BYTES: Final = 16
_BODY_BYTES: Final = 2 + _ID_BYTES + 2
_MAC_BYTES: Final = 10
_TOKEN: Final = re.compile(rf"[A-Za-z0-9_-]{{{TOKEN_CHARS}}}", re.ASCII)
_BOUNCE_MAC_BYTES: Final = 8
_BOUNCE: Final = re.compile(r"b\+([0-9a-f]{32})-([0-9a-f]{16})@([^@\s]+)", re.ASCII | re.IGNORECASE)
_OF_TOKENS: Final = b"central mail token\0"
_OF_BOUNCES: Final = b"central mail bounce\0"


class TokenKind(IntEnum):
    """What a token is for. TRAP: a link that no person sees, so that only machines follow it."""

    OPEN = 1
    CLICK = 2
    TRAP = 3
    UNSUBSCRIBE = 4


@dataclass(frozen=True, slots=True)
class TokenKey:
    """One secret of at least 32 octets, and the number (0 to 255) by which tokens name it."""

    id: int
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class TokenKeys:
    """The keys that are valid now: the first signs, all verify. Rotate: put the new one first, drop the old one after months.

    Raises OperatorError ``bad_token_key``: none, a short secret, a number out of range or twice.
    """

    keys: tuple[TokenKey, ...]

    def __post_init__(self) -> None:
        numbers = [key.id for key in self.keys]
        if not numbers or len(set(numbers)) < len(numbers):
            raise OperatorError("bad_token_key", "There must be at least one key for tokens, each with its own number.")
        for key in self.keys:
            if not 0 <= key.id <= _MAX_KEY_ID or len(key.secret) < _MIN_SECRET_BYTES:
                raise OperatorError(
                    "bad_token_key",
                    f"A key for tokens has a number from 0 to 255 and at least {_MIN_SECRET_BYTES} octets of secret.",
                )


@dataclass(frozen=True, slots=True)
class MailToken:
    """What a token says. number: of the link (from 1), 0 for kinds that have none."""

    kind: TokenKind
    message: MessageId
    number: int = 0


def make_token(keys: TokenKeys, kind: TokenKind, message: MessageId, number: int = 0) -> str:
    """Write a token, 40 characters of the URL-safe alphabet; number 0 to 65,535."""
    key = keys.keys[0]
    body = bytes((kind, key.id)) + message.bytes + number.to_bytes(2, "big")
    return base64.urlsafe_b64encode(body + _mac(key, _OF_TOKENS + body, _MAC_BYTES)).decode("ascii")


def read_token(keys: TokenKeys, token: str) -> MailToken | None:
    """What a token says, None when it is none of ours: another length or alphabet, an unknown key or kind, a wrong MAC."""
    if not _TOKEN.fullmatch(token):
        return None
    octets = base64.urlsafe_b64decode(token)
    body, mac = octets[:_BODY_BYTES], octets[_BODY_BYTES:]
    key = next((key for key in keys.keys if key.id == body[1]), None)
    if key is None or not hmac.compare_digest(mac, _mac(key, _OF_TOKENS + body, _MAC_BYTES)):
        return None
    try:
        kind = TokenKind(body[0])
    except ValueError:  # signed by a later release
        return None
    return MailToken(kind, MessageId(UUID(bytes=body[2 : 2 + _ID_BYTES])), int.from_bytes(body[-2:], "big"))


def bounce_address(keys: TokenKeys, message: MessageId, domain: str) -> str:
    """The envelope's sender of a message: ``b+ID-MAC@domain``."""
    mac = _mac(keys.keys[0], _OF_BOUNCES + message.bytes, _BOUNCE_MAC_BYTES)
    return f"b+{message.hex}-{mac.hex()}@{domain}"


def bounced_message(keys: TokenKeys, address: str) -> MessageId | None:
    """The message that a bounce address is about, None when it is none that we made. The domain is the caller's to judge."""
    found = _BOUNCE.fullmatch(address)
    if found is None:
        return None
    message = UUID(hex=found[1])
    mac = binascii.unhexlify(found[2])
    wanted = [_mac(key, _OF_BOUNCES + message.bytes, _BOUNCE_MAC_BYTES) for key in keys.keys]
    same = [hmac.compare_digest(mac, one) for one in wanted]  # all of them: the time tells nothing of which key
    return MessageId(message) if any(same) else None


def _mac(key: TokenKey, text: bytes, size: int) -> bytes:
    return hmac.digest(key.secret, text, "sha256")[:size]
