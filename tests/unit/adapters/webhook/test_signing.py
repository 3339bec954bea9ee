"""Signatures are what the Standard Webhooks reference library, as the receiver's side, accepts; and nothing else is."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from central.adapters.webhook.signing import sign
from central.domain.endpoints import make_secret, rotate_secret
from central.domain.errors import InvalidInput

EVENT = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
BODY = '{"event_id":"01890a5d","name":"Zoë \\u0000 ₹"}'.encode()
NEW, OLD, OTHER = (make_secret(bytes([n]) * 32) for n in (1, 2, 3))


def verify(secret: str, body: bytes, headers: Mapping[str, str]) -> None:
    Webhook(secret).verify(body, dict(headers), json_parse=False)


def test_the_reference_library_verifies_our_signature() -> None:
    verify(NEW, BODY, sign(EVENT, datetime.now(UTC), BODY, [NEW]))


def test_while_secrets_rotate_a_receiver_with_either_verifies() -> None:
    headers = sign(EVENT, datetime.now(UTC), BODY, rotate_secret([OLD], NEW))
    verify(NEW, BODY, headers)
    verify(OLD, BODY, headers)
    with pytest.raises(WebhookVerificationError):
        verify(OTHER, BODY, headers)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp"])
def test_id_and_time_are_signed_too(name: str) -> None:
    headers = dict(sign(EVENT, datetime.now(UTC), BODY, [NEW]))
    headers[name] = {"webhook-id": "other", "webhook-timestamp": str(int(headers["webhook-timestamp"]) - 1)}[name]
    with pytest.raises(WebhookVerificationError):
        verify(NEW, BODY, headers)


def test_an_old_signature_is_too_old() -> None:
    with pytest.raises(WebhookVerificationError):
        verify(NEW, BODY, sign(EVENT, datetime.now(UTC) - timedelta(minutes=6), BODY, [NEW]))


def test_without_a_secret_nothing_is_signed() -> None:
    assert set(sign(EVENT, datetime.now(UTC), BODY, [])) == {"webhook-id", "webhook-timestamp"}


def test_the_known_vector() -> None:
    """The same figures by hand: HMAC-SHA256 with 32 bytes of 0x01 over ``id.timestamp.body``."""
    import hashlib  # noqa: PLC0415
    import hmac  # noqa: PLC0415

    at = datetime(2026, 1, 2, 3, 4, 5, 999_000, tzinfo=UTC)
    signed = b"01890a5d-ac96-774b-bcce-b302099a8057.1767323045.{}"
    expected = base64.b64encode(hmac.new(bytes([1]) * 32, signed, hashlib.sha256).digest()).decode()
    headers = sign(EVENT, at, b"{}", [NEW])
    assert headers["webhook-timestamp"] == "1767323045"
    assert headers["webhook-signature"] == f"v1,{expected}"


@given(st.binary(min_size=24, max_size=64), st.text())
def test_every_secret_and_body_verifies(key: bytes, text: str) -> None:
    body = text.encode("utf-8", errors="replace")
    secret = make_secret(key)
    verify(secret, body, sign(EVENT, datetime.now(UTC), body, [secret]))


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_AAAA", "whsec_***", "plain", NEW.removeprefix("whsec_")])
def test_a_damaged_secret_is_refused(secret: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        sign(EVENT, datetime.now(UTC), BODY, [secret])
    assert caught.value.code == "invalid_webhook_secret"


def test_only_the_newest_secrets_go_on_signing() -> None:
    secrets = rotate_secret(rotate_secret([OLD], OTHER), NEW)
    assert secrets == (NEW, OTHER)
    assert rotate_secret(secrets, NEW) == (NEW, OTHER)
