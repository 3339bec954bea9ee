"""What this installation lets a webhook address name when it is saved (port UrlPolicy); posting checks again, after resolution."""

from __future__ import annotations

import re

from yarl import URL

from central.adapters.webhook.addresses import AddressPolicy, AddressRefused
from central.adapters.webhook.config import WebhookConfig
from central.domain.errors import InvalidInput

_LABEL = re.compile(
    r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE
)  # RFC 1035, 2.3.4; "_" is in use all the same
_NAME_CHARS = 253  # RFC 1035, section 2.3.4: 255 octets on the wire


class WebhookUrlPolicy:
    """Refuses literal private, loopback and link-local addresses, unless the settings allow them."""

    def __init__(self, config: WebhookConfig) -> None:
        self._policy = AddressPolicy.from_settings(allow_private=config.allow_private, allowed=config.allowed_networks)

    def check(self, url: str) -> None:
        """Raises InvalidInput ``webhook_target_refused``, or ``invalid_webhook_url`` for a host that no resolver can ask for."""
        try:
            address = URL(url)
            host, _ = address.raw_host or "", address.host  # the second decodes labels that begin with xn--
        except ValueError as error:
            raise InvalidInput("invalid_webhook_url", "The host of the address cannot be read.") from error
        try:
            self._policy.check_host(host)
        except AddressRefused as error:
            raise InvalidInput("webhook_target_refused", str(error)) from error
        if ":" not in host:
            _check_name(host.removesuffix("."))


def _check_name(name: str) -> None:
    if len(name) > _NAME_CHARS or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        message = (
            "Each label of a host name has 1 to 63 letters, digits, - or _; the whole name has at most 253 characters."
        )
        raise InvalidInput("invalid_webhook_url", message)
