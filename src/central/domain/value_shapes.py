"""Shapes of single text values: e-mail address, web address, decimal number. Pure, linear time, no name is resolved."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from urllib.parse import urlsplit

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

_PLAIN_ADDRESS = re.compile(
    r"[A-Za-z0-9]+(?:[._+-][A-Za-z0-9]+)*@(?:[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*\.)+([A-Za-z]{2,24})", re.ASCII
)
"""A subset of what the library accepts; each alternation is decided by its first character, so matching is linear."""

_PLAIN_ADDRESS_CHARS = 64
_ADDRESS_CHARS = 320
"""Longer than any address: 64 octets local part, 255 domain (RFC 5321, section 4.5.3.1)."""

_SPECIAL = frozenset(SPECIAL_USE_DOMAIN_NAMES)
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)", re.ASCII)
_FORBIDDEN_IN_HEADER = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""C0, C1, separators of lines and paragraphs, and halves of surrogate pairs."""
_FORBIDDEN_IN_URL = re.compile(r"[\x00-\x20\x7f-\xa0\\\"<>^`{|}\u2028\u2029]")
_HOST = re.compile(r"(?=.{1,253}\.?$)(?:[^\W_](?:[\w-]{0,61}[^\W_])?)(?:\.[^\W_](?:[\w-]{0,61}[^\W_])?)*\.?")
_ALL_NUMERIC = re.compile(r"[0-9.]+")


def is_email(text: str) -> bool:
    """Tell whether the text is one e-mail address (RFC 5321 and 6531, by the email-validator library, without DNS)."""
    if len(text) <= _PLAIN_ADDRESS_CHARS:
        plain = _PLAIN_ADDRESS.fullmatch(text)
        if plain and plain[1].lower() not in _SPECIAL:
            return True
    return len(text) <= _ADDRESS_CHARS and _library_accepts(text)


def wire_address(text: str) -> str | None:
    """The address in ASCII, its domain as IDNA (RFC 5891); None when it is none or its local part needs SMTPUTF8 (RFC 6531)."""
    if len(text) <= _PLAIN_ADDRESS_CHARS:
        plain = _PLAIN_ADDRESS.fullmatch(text)
        if plain and plain[1].lower() not in _SPECIAL:
            return text
    return _library_s_ascii(text) if len(text) <= _ADDRESS_CHARS else None


def listed_address(text: str) -> str:
    """The address as lists keep it: small letters, the domain as IDNA, so that both its forms are one; as it is when it is none."""
    text = text.strip()
    return (wire_address(text) or text).lower()


@lru_cache(maxsize=1024)
def _library_s_ascii(text: str) -> str | None:
    try:
        return validate_email(text, check_deliverability=False, allow_smtputf8=False).ascii_email
    except EmailNotValidError:
        return None


@lru_cache(maxsize=1024)
def _library_accepts(text: str) -> bool:
    try:
        validate_email(text, check_deliverability=False)
    except EmailNotValidError:
        return False
    return True


def is_header_text(text: str) -> bool:
    """Tell whether the text can be the value of a mail header (RFC 5322): nothing in it ends a line or cannot be read."""
    return _FORBIDDEN_IN_HEADER.search(text) is None


def is_web_address(text: str) -> bool:
    """Tell whether the text is an absolute http or https URL with a host (RFC 3986)."""
    if _FORBIDDEN_IN_URL.search(text):
        return False
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    if parts.scheme not in {"http", "https"} or port == 0:
        return False
    if ":" in host:
        return "[" in parts.netloc  # urlsplit has checked the IPv6 address
    return _is_ipv4(host) if _ALL_NUMERIC.fullmatch(host) else _HOST.fullmatch(host) is not None


def _is_ipv4(host: str) -> bool:
    octets = host.split(".")
    return len(octets) == 4 and all(octet and len(octet) < 4 and int(octet) < 256 for octet in octets)  # noqa: PLR2004


def decimal_of(text: str) -> Decimal | None:
    """Read a plain decimal number (sign, digits, one point), None for anything else: no exponent, no grouping."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None
