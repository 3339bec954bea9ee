"""Between stored deliveries and HTTP, pure: request headers on the way out, retry-after and failure text on the way in."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from central.adapters.webhook.signing import sign
from central.application.ports.outbox import Delivery
from central.domain.endpoints import EndpointAuth

USER_AGENT = "Central-Webhooks/1"
_DETAIL_CHARS = 200


def request_headers(delivery: Delivery, at: datetime) -> dict[str, str]:
    """All headers of a post but the authorization. Raises InvalidInput ``invalid_webhook_secret``."""
    return {
        "content-type": "application/json",
        "user-agent": USER_AGENT,
        "webhook-event": delivery.event_type,
        **sign(delivery.id, at, delivery.body, delivery.secrets),
    }


def authorization(auth: EndpointAuth) -> dict[str, str]:
    """The basic authentication header (RFC 7617, UTF-8), or nothing."""
    if auth.kind == "none":
        return {}
    credentials = base64.b64encode(f"{auth.username}:{auth.password}".encode()).decode("ascii")
    return {"authorization": f"Basic {credentials}"}


def retry_after(headers: Mapping[str, str], at: datetime) -> timedelta | None:
    """What Retry-After asks for (RFC 9110, section 10.2.3: seconds or a date), None when absent or unreadable."""
    value = next((text for name, text in headers.items() if name.lower() == "retry-after"), "").strip()
    if value.isascii() and value.isdigit() and len(value) <= len("99999999"):
        return timedelta(seconds=int(value))
    try:
        wanted = parsedate_to_datetime(value)
    except ValueError:
        return None
    if wanted.tzinfo is None:
        return None
    return max(wanted - at, timedelta(0))


def failure_text(body: bytes) -> str:
    """The beginning of a failure's body as one printable line, for the endpoint's owner."""
    text = body[: _DETAIL_CHARS * 4].decode("utf-8", errors="replace")
    printable = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(printable.split())[:_DETAIL_CHARS]
