"""Which adapter serves which kind of carrier: one line each, for the messenger that opens them and the API that checks them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from central.adapters.smpp.channel import SmppCarrier
from central.adapters.smpp.config import SmppConfig
from central.application.ports.carrier_setup import CarrierKind
from central.application.ports.carriers import SmsCarrier
from central.application.ports.message_store import OpenCarrier
from central.application.ports.telemetry import Telemetry
from central.application.ports.world import Clock, Ids
from central.domain.errors import InvalidInput

Settings = Mapping[str, object]
Opener = Callable[[OpenCarrier, Clock, Ids, Telemetry], SmsCarrier]


def check_carrier(kind: CarrierKind, settings: Settings, secrets: Mapping[str, str]) -> None:
    """Raises InvalidInput ``invalid_carrier`` with the setting that is wrong, ``unknown_carrier_kind``."""
    if kind not in _CONFIGS:
        message = f"This installation has no carriers of the kind {kind}."
        raise InvalidInput("unknown_carrier_kind", message, field="kind")
    _config(_CONFIGS[kind], "carrier", settings, secrets)


def open_sms_carrier(row: OpenCarrier, clock: Clock, ids: Ids, telemetry: Telemetry) -> SmsCarrier:
    """Open a carrier as its row says. Raises InvalidInput for settings that are wrong."""
    check_carrier(row.kind, row.settings, row.secrets)
    return _OPENERS[row.kind](row, clock, ids, telemetry)


def _smpp(row: OpenCarrier, clock: Clock, ids: Ids, telemetry: Telemetry) -> SmsCarrier:
    carrier = SmppCarrier(_config(SmppConfig, row.name, row.settings, row.secrets), clock, ids, telemetry)
    carrier.start()
    return carrier


_CONFIGS: Mapping[CarrierKind, type[SmppConfig]] = {"smpp": SmppConfig}
_OPENERS: Mapping[CarrierKind, Opener] = {"smpp": _smpp}


def _config(into: type[SmppConfig], name: str, settings: Settings, secrets: Mapping[str, str]) -> SmppConfig:
    try:
        return msgspec.convert({**settings, **secrets, "name": name}, into)
    except (msgspec.ValidationError, ValueError) as error:
        raise InvalidInput(
            "invalid_carrier", f"A setting of the carrier is wrong: {error}.", field="settings"
        ) from error
