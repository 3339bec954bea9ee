"""Which exception of the HTTP client means which stable reason (``domain/delivery.NoAnswerReason``). Pure.

Source: the class tree of aiohttp's client exceptions (aiohttp client reference, "Client exceptions"); first match wins.
"""

from __future__ import annotations

import aiohttp

from central.application.ports.reach import AddressRefused
from central.domain.delivery import NoAnswerReason

FAILURES = (aiohttp.ClientError, OSError, TimeoutError, ValueError)
"""Everything that a far side, the network or an address can make the client raise; ValueError: what cannot be encoded."""

_REASONS: tuple[tuple[type[BaseException], NoAnswerReason], ...] = (
    (AddressRefused, "address_refused"),
    (aiohttp.InvalidURL, "bad_url"),
    (TimeoutError, "timeout"),
    (aiohttp.ClientConnectorDNSError, "unresolvable"),
    (aiohttp.ClientSSLError, "tls_failed"),
    (aiohttp.ClientError, "unreachable"),
    (OSError, "unreachable"),
    (ValueError, "bad_url"),
)


def reason_of(error: BaseException) -> NoAnswerReason:
    """The reason for one of ``FAILURES``; a refused address hides inside the client's own error."""
    inner = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(inner, AddressRefused):
        return "address_refused"
    for kind, reason in _REASONS:
        if isinstance(error, kind):
            return reason
    return "unreachable"
