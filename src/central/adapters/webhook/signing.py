"""The headers of the Standard Webhooks specification (version 1.0.0), with which a receiver knows that an event is ours. Pure.

Step 6 of the path. Signature: HMAC-SHA256 over ``id.timestamp.body``, base64, with the prefix ``v1,``; one signature for
each secret that is valid now, so that secrets can be rotated without a gap.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from central.domain.endpoints import secret_key


def sign(event_id: UUID, at: datetime, body: bytes, secrets: Sequence[str]) -> Mapping[str, str]:
    """Build webhook-id, webhook-timestamp (whole seconds of ``at``) and, where there are secrets, webhook-signature.

    Raises InvalidInput ``invalid_webhook_secret``.
    """
    timestamp = str(int(at.timestamp()))
    headers = {"webhook-id": str(event_id), "webhook-timestamp": timestamp}
    if secrets:
        signed = f"{event_id}.{timestamp}.".encode() + body
        headers["webhook-signature"] = " ".join(_signature(secret, signed) for secret in secrets)
    return headers


def _signature(secret: str, signed: bytes) -> str:
    digest = hmac.digest(secret_key(secret), signed, "sha256")
    return "v1," + base64.b64encode(digest).decode("ascii")
