"""Which addresses the carriers of accounts may lie at: public ones, and networks that the operator names."""

from __future__ import annotations

from central.adapters.webhook.addresses import AddressPolicy
from central.adapters.webhook.reach import GuardedReach
from central.settings import Settings


def carrier_reach(settings: Settings) -> GuardedReach:
    """The guard of carriers."""
    return GuardedReach(
        AddressPolicy.from_settings(
            allow_private=settings.allow_private_webhooks,
            allowed=settings.carrier_networks.replace(",", " ").split(),
        )
    )
