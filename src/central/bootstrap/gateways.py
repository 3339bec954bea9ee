"""How gateways by HTTP are opened and judged, and how the receipts that they bring are read: with the address guard of webhooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from central.adapters.gateway.channel import GatewayCarrier
from central.adapters.gateway.config import GatewayConfig
from central.adapters.gateway.receipts import hear
from central.adapters.gateway.transport import Guard
from central.adapters.webhook.name_lookup import NameLookup
from central.adapters.webhook.reach import GuardedReach
from central.adapters.webhook.transport import CheckedResolver
from central.application.ports.carriers import ReceiptCame
from central.application.ports.message_store import OpenCarrier
from central.application.ports.reach import AddressRefused
from central.application.ports.receipt_calls import ReceiptCall
from central.application.ports.telemetry import Telemetry
from central.application.ports.world import Clock
from central.domain.errors import InvalidInput, NotFound


def check_gateway(
    settings: Mapping[str, object], secrets: Mapping[str, str], reach: GuardedReach, *, plain_http: bool
) -> tuple[str, int]:
    """The host and port that it lies at.

    Raises InvalidInput ``invalid_carrier`` for settings that cannot work, ``carrier_target_refused`` for a literal address that
    may not be reached.
    """
    return _judged(gateway_config("carrier", settings, secrets), _guard(reach, plain_http=plain_http))


def open_gateway(row: OpenCarrier, clock: Clock, telemetry: Telemetry, reach: GuardedReach) -> GatewayCarrier:
    """Raises InvalidInput as ``check_gateway`` does."""
    config, guard = gateway_config(row.name, row.settings, row.secrets), _guard(reach, plain_http=row.plain_http)
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


def _judged(config: GatewayConfig, guard: Guard) -> tuple[str, int]:
    try:
        return guard.check(config)
    except AddressRefused as error:
        raise InvalidInput("carrier_target_refused", f"{error}.", field="settings") from error
    except ValueError as error:
        raise _invalid(error) from error


def _guard(reach: GuardedReach, *, plain_http: bool) -> Guard:
    policy = reach.policy
    return Guard(lambda: CheckedResolver(NameLookup(), policy), policy.check_host, AddressRefused, plain_http)


def _invalid(error: Exception) -> InvalidInput:
    return InvalidInput("invalid_carrier", f"A setting of the carrier is wrong: {error}.", field="settings")
