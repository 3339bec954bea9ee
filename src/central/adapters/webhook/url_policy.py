"""What this installation lets a webhook address name when it is saved (port UrlPolicy); posting checks again, after resolution."""

from __future__ import annotations

from yarl import URL

from central.adapters.webhook.addresses import AddressPolicy, AddressRefused
from central.adapters.webhook.config import WebhookConfig
from central.domain.errors import InvalidInput


class WebhookUrlPolicy:
    """Refuses literal private, loopback and link-local addresses, unless the settings allow them."""

    def __init__(self, config: WebhookConfig) -> None:
        self._policy = AddressPolicy.from_settings(allow_private=config.allow_private, allowed=config.allowed_networks)

    def check(self, url: str) -> None:
        """Raises InvalidInput ``webhook_target_refused``."""
        try:
            self._policy.check_host(URL(url).host or "")
        except AddressRefused as error:
            raise InvalidInput("webhook_target_refused", str(error)) from error
