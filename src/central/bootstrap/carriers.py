"""Which adapter serves which kind of carrier: one line each, for the messenger that opens them and the API that checks them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, TypeVar, cast

import msgspec

from central.adapters.smpp.channel import SmppCarrier
from central.adapters.smpp.config import SmppConfig
from central.adapters.smtp.channel import SmtpRelay
from central.adapters.smtp.config import RelayConfig
from central.adapters.smtp.mailbox import MailboxReader
from central.adapters.smtp.translate import Prove
from central.adapters.webhook.config import WebhookConfig
from central.application.ports.carrier_setup import CarrierKind, CheckCarrier
from central.application.ports.carriers import MailRelay, SmsCarrier
from central.application.ports.message_store import OpenCarrier
from central.application.ports.telemetry import Telemetry
from central.application.ports.world import Clock, Ids
from central.bootstrap.gateways import check_gateway, open_gateway
from central.domain.errors import CentralError, InvalidInput

Settings = Mapping[str, object]
Secrets = Mapping[str, str]
Config = TypeVar("Config")
_MAILBOX: Final = frozenset(
    {"host", "port", "user", "tls", "check_certificate", "folder", "delete", "trusting", "poll_s"}
)
_LEAST_POLL_S: Final = 2


def carrier_check(web: WebhookConfig) -> CheckCarrier:
    """Judges settings; ``web``: which addresses this installation lets customers reach."""

    def check(kind: CarrierKind, settings: Settings, secrets: Secrets, /, *, plain_http: bool) -> None:
        """Raises InvalidInput ``invalid_carrier`` with the setting that is wrong, ``unknown_carrier_kind``."""
        if kind == "http":
            check_gateway(settings, secrets, web, plain_http=plain_http)
        elif kind in _CONFIGS:
            _CONFIGS[kind]("carrier", settings, secrets)
        else:
            message = f"This installation has no carriers of the kind {kind}."
            raise InvalidInput("unknown_carrier_kind", message, field="kind")

    return check


def open_sms_carrier(row: OpenCarrier, clock: Clock, ids: Ids, telemetry: Telemetry, web: WebhookConfig) -> SmsCarrier:
    """Open a carrier as its row says. Raises InvalidInput for settings that are wrong."""
    if row.kind == "http":
        return open_gateway(row, clock, telemetry, web)
    carrier = SmppCarrier(_smpp(row.name, row.settings, row.secrets), clock, ids, telemetry)
    carrier.start()
    return carrier


def open_relay(row: OpenCarrier, clock: Clock) -> MailRelay:
    """Open a relay as its row says. Raises InvalidInput for settings that are wrong."""
    try:
        relay = SmtpRelay(_smtp(row.name, row.settings, row.secrets), clock)
    except OSError as error:  # a file of certificates, ssl.SSLError included
        raise InvalidInput(
            "invalid_carrier", f"A setting of the carrier is wrong: {error}.", field="settings"
        ) from error
    relay.open()
    return relay


def open_mailbox(row: OpenCarrier, clock: Clock, prove: Prove) -> MailboxReader | None:
    """The mailbox that reports of a relay come back to, None where it has none. Raises InvalidInput for settings that are wrong."""
    config = _smtp(row.name, row.settings, row.secrets)
    if config.mailbox is None:
        return None
    mailbox = MailboxReader(replace(config.mailbox, password=config.mailbox_password), clock, prove)
    mailbox.open()
    return mailbox


def relay_topics(row: OpenCarrier) -> frozenset[str]:
    """The topics whose events a relay believes; none where its settings are of an older version."""
    try:
        return frozenset(_smtp(row.name, row.settings, row.secrets).topics)
    except InvalidInput:
        return frozenset()


def _smpp(name: str, settings: Settings, secrets: Secrets) -> SmppConfig:
    return _config(SmppConfig, name, settings, secrets)


def _smtp(name: str, settings: Settings, secrets: Secrets) -> RelayConfig:
    mailbox = settings.get("mailbox")
    named = (
        {str(key) for key in cast("Mapping[object, object]", mailbox)} if isinstance(mailbox, Mapping) else set[str]()
    )
    if unknown := sorted(named - _MAILBOX):
        raise InvalidInput("invalid_carrier", f"A mailbox has no setting {unknown[0]}.", field="settings")
    config = _config(RelayConfig, name, settings, secrets)
    if config.mailbox is not None and config.mailbox.poll_s < _LEAST_POLL_S:
        raise InvalidInput(
            "invalid_carrier", f"A mailbox is looked at every {_LEAST_POLL_S} s at most.", field="settings"
        )
    return config


_CONFIGS: Mapping[CarrierKind, Callable[[str, Settings, Secrets], object]] = {"smpp": _smpp, "smtp": _smtp}


def _config(into: type[Config], name: str, settings: Settings, secrets: Secrets) -> Config:
    known = {one.name for one in (*msgspec.inspect.type_info(into).fields,)}  # type: ignore[attr-defined]
    if unknown := sorted({*settings, *secrets} - known):
        raise InvalidInput("invalid_carrier", f"A carrier has no setting {unknown[0]}.", field="settings")
    try:
        return msgspec.convert({**settings, **secrets, "name": name}, into)
    except CentralError as error:
        raise InvalidInput(
            "invalid_carrier", f"A setting of the carrier is wrong: {error.message}.", field="settings"
        ) from error
    except (msgspec.ValidationError, ValueError) as error:
        raise InvalidInput(
            "invalid_carrier", f"A setting of the carrier is wrong: {error}.", field="settings"
        ) from error
