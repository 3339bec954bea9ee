"""What this installation lets a webhook address name when it is saved (port UrlPolicy); posting checks again, after resolution."""

from __future__ import annotations

from yarl import URL

from central.adapters.webhook.addresses import AddressPolicy
from central.adapters.webhook.config import WebhookConfig
from central.adapters.webhook.reach import is_host_name
from central.application.ports.reach import AddressRefused
from central.domain.errors import InvalidInput


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
            _check_name(host)


def _check_name(name: str) -> None:
    if not is_host_name(name):
        message = (
            "Each label of a host name has 1 to 63 letters, digits, - or _; the whole name has at most 253 characters."
        )
        raise InvalidInput("invalid_webhook_url", message)
