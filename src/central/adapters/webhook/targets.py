"""The UrlPolicy port: refuses, when an endpoint is saved, an address that could never be posted to. Pure.

Names pass here; what they resolve to is judged at each connection by ``transport.py``.
"""

from __future__ import annotations

from yarl import URL

from central.adapters.webhook.addresses import AddressPolicy, AddressRefused
from central.domain.errors import InvalidInput


class WebhookTargets:
    """What this installation lets a webhook address name."""

    def __init__(self, policy: AddressPolicy) -> None:
        self._policy = policy

    def check(self, url: str) -> None:
        """Raises InvalidInput ``webhook_target_refused`` for a literal private, loopback or link-local address."""
        try:
            self._policy.check_host(URL(url).raw_host or "")
        except AddressRefused as error:
            raise InvalidInput("webhook_target_refused", f"Events cannot be sent there: {error}.") from error
        except ValueError as error:
            raise InvalidInput("invalid_webhook_url", "The address cannot be read.") from error
