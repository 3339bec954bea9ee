"""Webhook endpoints: which addresses may be saved, which events exist, how a signing secret looks. Pure.

Used where an endpoint is saved (API, CLI) and, for the signature, by the webhook adapter. Addresses behind the host name
are judged later, at each connection, by the adapter: only then are they known.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from central.domain.errors import InvalidInput

EVENT_TYPES = (
    "record.final",
    "request.status",
    "sms.status",
    "email.status",
    "sms.received",
    "record.status",
    "attempt.ended",
    "leg.ended",
    "agent.status",
    "mask.status",
    "upload.done",
)
"""The events that can be subscribed to (domain specification, section 15)."""

SECRET_PREFIX = "whsec_"  # noqa: S105 - the prefix that the Standard Webhooks specification gives symmetric secrets
_SECRET_BYTES = range(24, 65)  # Standard Webhooks: between 24 bytes (192 bits) and 64 bytes (512 bits)
_MAX_URL = 2048


@dataclass(frozen=True, slots=True)
class EndpointAuth:
    """How an endpoint wants us to log in: not at all, or by HTTP basic authentication (RFC 7617)."""

    kind: Literal["none", "basic"] = "none"
    username: str = ""
    password: str = field(default="", repr=False)


NO_AUTH = EndpointAuth()


def parse_auth(document: Mapping[str, object] | None) -> EndpointAuth:
    """Read ``{"kind": "none"}`` or ``{"kind": "basic", "username": ..., "password": ...}``; None means none.

    Raises InvalidInput ``invalid_webhook_auth``.
    """
    kind = "none" if document is None else document.get("kind", "none")
    if document is None or kind == "none":
        return NO_AUTH
    username, password = document.get("username"), document.get("password", "")
    if kind != "basic" or not isinstance(username, str) or not isinstance(password, str) or not username:
        raise InvalidInput("invalid_webhook_auth", "Authentication is none, or basic with a user name and a password.")
    if ":" in username or not (username + password).isprintable():
        raise InvalidInput("invalid_webhook_auth", "A user name has no colon, and both are printable (RFC 7617).")
    return EndpointAuth("basic", username, password)


def check_url(url: str, *, plain_http: bool, longest: int = _MAX_URL) -> str:
    """Return the address if it may be used; ``plain_http`` is the account's switch, ``longest`` in characters.

    Raises InvalidInput ``invalid_webhook_url`` or ``plain_http_webhooks_disabled``.
    """
    if len(url) > longest or not url.isascii() or not url.isprintable() or " " in url:
        raise InvalidInput("invalid_webhook_url", f"An address has at most {longest} printable ASCII characters.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidInput("invalid_webhook_url", "The address cannot be read.") from error
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname or port == 0:
        raise InvalidInput("invalid_webhook_url", "An address starts with https:// and names a host.")
    if parts.username is not None or parts.password is not None:
        raise InvalidInput("invalid_webhook_url", "Log-in data belongs into the authentication fields, not the URL.")
    if parts.scheme.lower() == "http" and not plain_http:
        raise InvalidInput("plain_http_webhooks_disabled", "This account may only use https addresses.")
    return url


def check_events(events: Sequence[str]) -> tuple[str, ...]:
    """Return the event types, each once, in the published order. Raises InvalidInput ``unknown_event_type``."""
    unknown = sorted(set(events) - set(EVENT_TYPES))
    if unknown or not events:
        raise InvalidInput("unknown_event_type", "Name at least one known event type.", unknown=unknown)
    return tuple(name for name in EVENT_TYPES if name in set(events))


def make_secret(random_bytes: bytes) -> str:
    """Write 24 to 64 random bytes as a Standard Webhooks secret. Raises InvalidInput ``invalid_webhook_secret``."""
    if len(random_bytes) not in _SECRET_BYTES:
        raise InvalidInput("invalid_webhook_secret", "A signing secret has 24 to 64 bytes.")
    return SECRET_PREFIX + base64.b64encode(random_bytes).decode("ascii")


def secret_key(secret: str) -> bytes:
    """The HMAC key inside a ``whsec_`` secret. Raises InvalidInput ``invalid_webhook_secret``."""
    if not secret.startswith(SECRET_PREFIX):
        raise InvalidInput("invalid_webhook_secret", f"A signing secret starts with {SECRET_PREFIX}.")
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput("invalid_webhook_secret", "A signing secret is base64 after its prefix.") from error
    if len(key) not in _SECRET_BYTES:
        raise InvalidInput("invalid_webhook_secret", "A signing secret has 24 to 64 bytes.")
    return key


def rotate_secret(secrets: Sequence[str], fresh: str, *, keep: int = 2) -> tuple[str, ...]:
    """Put a new secret in front; the newest ``keep`` go on signing, so that the receiver can change over in its time."""
    secret_key(fresh)
    return (fresh, *(old for old in secrets if old != fresh))[:keep]
