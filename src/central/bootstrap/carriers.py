"""Which adapter serves which kind of carrier: one line each, for the messenger that opens them and the API that checks them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from central.application.ports.carrier_setup import CarrierKind
from central.application.ports.carriers import SmsCarrier
from central.application.ports.message_store import OpenCarrier
from central.application.ports.telemetry import Telemetry
from central.application.ports.world import Clock, Ids
from central.domain.errors import InvalidInput

Parse = Callable[[Mapping[str, object], Mapping[str, str]], object]
Opener = Callable[[OpenCarrier, Clock, Ids, Telemetry], Awaitable[SmsCarrier]]
PARSERS: Mapping[CarrierKind, Parse] = {}
OPENERS: Mapping[CarrierKind, Opener] = {}


def check_carrier(kind: CarrierKind, settings: Mapping[str, object], secrets: Mapping[str, str]) -> None:
    """Raises InvalidInput with the field that is wrong."""
    parse = PARSERS.get(kind)
    if parse is None:
        raise InvalidInput(
            "unknown_carrier_kind", f"This installation has no carriers of the kind {kind}.", field="kind"
        )
    parse(settings, secrets)


async def open_sms_carrier(row: OpenCarrier, clock: Clock, ids: Ids, telemetry: Telemetry) -> SmsCarrier:
    """Open a carrier as its row says. Raises InvalidInput for settings that are wrong."""
    check_carrier(row.kind, row.settings, row.secrets)
    return await OPENERS[row.kind](row, clock, ids, telemetry)
