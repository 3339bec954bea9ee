"""How gateways by HTTP are opened and judged, and how the receipts that they bring are read: with the address guard of webhooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from central.adapters.gateway.channel import GatewayCarrier
from central.adapters.gateway.config import GatewayConfig
from central.adapters.gateway.receipts import hear
from central.adapters.gateway.transport import Guard
from central.adapters.webhook.addresses import AddressPolicy, AddressRefused
from central.adapters.webhook.config import WebhookConfig
from central.adapters.webhook.name_lookup import NameLookup
from central.adapters.webhook.transport import CheckedResolver
from central.application.ports.carriers import ReceiptCame
from central.application.ports.message_store import OpenCarrier
from central.application.ports.receipt_calls import ReceiptCall
from central.application.ports.telemetry import Telemetry
from central.application.ports.world import Clock
from central.domain.errors import InvalidInput, NotFound


def check_gateway(
    settings: Mapping[str, object], secrets: Mapping[str, str], web: WebhookConfig, *, plain_http: bool
) -> None:
    """Raises InvalidInput ``invalid_carrier`` for settings that cannot work, or an address that may not be reached."""
    _judged(gateway_config("carrier", settings, secrets), _guard(web, plain_http=plain_http))


def open_gateway(row: OpenCarrier, clock: Clock, telemetry: Telemetry, web: WebhookConfig) -> GatewayCarrier:
    """Raises InvalidInput ``invalid_carrier``."""
    config, guard = gateway_config(row.name, row.settings, row.secrets), _guard(web, plain_http=row.plain_http)
    _judged(config, guard)
    carrier = GatewayCarrier(config, guard, clock, telemetry)
    carrier.start()
    return carrier


def hear_receipts(row: OpenCarrier, call: ReceiptCall, at: datetime) -> Sequence[ReceiptCame]:
    """The receipts of a call (port HearReceipts)."""
    try:
        config = gateway_config(row.name, row.settings, row.secrets)
    except InvalidInput as error:  # settings of an older version: nothing can be proved with them
        raise NotFound("gateway_not_found", "There is no such gateway that brings receipts.") from error
    return hear(config, call, at)


def gateway_config(name: str, settings: Mapping[str, object], secrets: Mapping[str, str]) -> GatewayConfig:
    """Raises InvalidInput ``invalid_carrier``."""
    try:
        return msgspec.convert({**settings, "secrets": secrets, "name": name}, GatewayConfig)
    except (msgspec.ValidationError, ValueError) as error:
        raise _invalid(error) from error


def _judged(config: GatewayConfig, guard: Guard) -> None:
    try:
        guard.check(config)
    except ValueError as error:
        raise _invalid(error) from error


def _guard(web: WebhookConfig, *, plain_http: bool) -> Guard:
    policy = AddressPolicy.from_settings(allow_private=web.allow_private, allowed=web.allowed_networks)
    return Guard(lambda: CheckedResolver(NameLookup(), policy), policy.check_host, AddressRefused, plain_http)


def _invalid(error: Exception) -> InvalidInput:
    return InvalidInput("invalid_carrier", f"A setting of the carrier is wrong: {error}.", field="settings")
