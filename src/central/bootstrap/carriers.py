"""Which adapter serves which kind of carrier: one line each, for the messenger that opens them and the API that checks them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, TypeVar, cast

import msgspec

from central.adapters.smpp.channel import SmppCarrier
from central.adapters.smpp.config import SmppConfig
from central.adapters.smpp.transport import tls_context as smpp_tls
from central.adapters.smtp.channel import SmtpRelay
from central.adapters.smtp.config import RelayConfig
from central.adapters.smtp.imap import tls_context as mailbox_tls
from central.adapters.smtp.mailbox import MailboxReader
from central.adapters.smtp.translate import Prove
from central.adapters.smtp.transport import tls_context as smtp_tls
from central.adapters.webhook.reach import GuardedReach
from central.application.ports.carrier_setup import CarrierKind, CheckCarrier
from central.application.ports.carriers import MailRelay, SmsCarrier
from central.application.ports.message_store import OpenCarrier
from central.application.ports.reach import AddressRefused
from central.application.ports.telemetry import Telemetry
from central.application.ports.world import Clock, Ids
from central.bootstrap.gateways import check_gateway, open_gateway
from central.domain.errors import CentralError, InvalidInput

Settings = Mapping[str, object]
Secrets = Mapping[str, str]
Config = TypeVar("Config")
_MAILBOX: Final = frozenset(
    {"host", "port", "user", "tls", "check_certificate", "authorities", "folder", "delete", "trusting", "poll_s"}
)
_LEAST_POLL_S: Final = 2

_LOOK_UP_S = 3.0
"""A name that is not found in this time is saved all the same: it is judged again at each connection."""
_SECRET = frozenset({"password", "tls_key", "mailbox_password"})


def carrier_check(reach: GuardedReach) -> CheckCarrier:
    """Judges settings; ``reach``: which addresses this installation lets customers reach."""

    async def check(kind: CarrierKind, settings: Settings, secrets: Secrets, /, *, plain_http: bool) -> None:
        """Raises InvalidInput.

        ``invalid_carrier`` with the setting that is wrong, ``secret_in_settings``, ``carrier_target_refused``,
        ``unknown_carrier_kind``.
        """
        if kind == "http":
            targets = [check_gateway(settings, secrets, reach, plain_http=plain_http)]
        elif kind in _CONFIGS:
            for name in sorted(_SECRET & settings.keys()):
                message = f"{name} is a secret: it stands in secrets, which are never shown."
                raise InvalidInput("secret_in_settings", message, field="settings")
            targets = _CONFIGS[kind]("carrier", settings, secrets)
        else:
            message = f"This installation has no carriers of the kind {kind}."
            raise InvalidInput("unknown_carrier_kind", message, field="kind")
        for host, port in targets:
            await _check_target(reach, host, port)

    return check


async def _check_target(reach: GuardedReach, host: str, port: int) -> None:
    try:
        reach.check_host(host)
        async with asyncio.timeout(_LOOK_UP_S):
            await reach.addresses(host, port)
    except AddressRefused as error:
        raise InvalidInput("carrier_target_refused", f"{error}.", field="settings") from error
    except ValueError as error:
        raise _wrong(str(error)) from error
    except (OSError, TimeoutError):
        return  # not found now; it may be later, and nothing is connected to that was not judged


def open_sms_carrier(row: OpenCarrier, clock: Clock, ids: Ids, telemetry: Telemetry, reach: GuardedReach) -> SmsCarrier:
    """Open a carrier as its row says. Raises InvalidInput for settings that are wrong."""
    if row.kind == "http":
        return open_gateway(row, clock, telemetry, reach)
    config = _config(SmppConfig, row.name, row.settings, row.secrets)
    carrier = SmppCarrier(config, clock, ids, telemetry, reach)
    carrier.start()
    return carrier


def open_relay(row: OpenCarrier, clock: Clock, reach: GuardedReach) -> MailRelay:
    """Open a relay as its row says. Raises InvalidInput for settings that are wrong."""
    config = _relay(row.name, row.settings, row.secrets)
    relay = SmtpRelay(config, clock, reach)
    relay.open()
    return relay


def open_mailbox(row: OpenCarrier, clock: Clock, prove: Prove, reach: GuardedReach) -> MailboxReader | None:
    """The mailbox that reports of a relay come back to, None where it has none. Raises InvalidInput for settings that are wrong."""
    config = _relay(row.name, row.settings, row.secrets)
    if config.mailbox is None:
        return None
    mailbox = MailboxReader(replace(config.mailbox, password=config.mailbox_password), clock, prove, reach)
    mailbox.open()
    return mailbox


def relay_topics(row: OpenCarrier) -> frozenset[str]:
    """The topics whose events a relay believes; none where its settings are of an older version."""
    try:
        return frozenset(_relay(row.name, row.settings, row.secrets).topics)
    except InvalidInput:
        return frozenset()


def _smpp(name: str, settings: Settings, secrets: Secrets) -> list[tuple[str, int]]:
    config = _config(SmppConfig, name, settings, secrets)
    _certified(lambda: smpp_tls(config))
    return [(config.host, config.port)]


def _smtp(name: str, settings: Settings, secrets: Secrets) -> list[tuple[str, int]]:
    config = _relay(name, settings, secrets)
    _certified(lambda: smtp_tls(config))
    if mailbox := config.mailbox:
        _certified(lambda: mailbox_tls(mailbox))
        return [(config.host, config.port), (mailbox.host, mailbox.port)]
    return [(config.host, config.port)]


def _relay(name: str, settings: Settings, secrets: Secrets) -> RelayConfig:
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


_CONFIGS: Mapping[CarrierKind, Callable[[str, Settings, Secrets], list[tuple[str, int]]]] = {
    "smpp": _smpp,
    "smtp": _smtp,
}


def _config(into: type[Config], name: str, settings: Settings, secrets: Secrets) -> Config:
    known = {one.name for one in (*msgspec.inspect.type_info(into).fields,)}  # type: ignore[attr-defined]
    if unknown := sorted({*settings, *secrets} - known):
        raise InvalidInput("invalid_carrier", f"A carrier has no setting {unknown[0]}.", field="settings")
    try:
        return msgspec.convert({**settings, **secrets, "name": name}, into)
    except CentralError as error:
        raise _wrong(error.message) from error
    except (msgspec.ValidationError, ValueError) as error:
        raise _wrong(str(error)) from error


def _certified(make: Callable[[], object]) -> None:
    """Certificates are read when they are saved, too."""
    try:
        make()
    except CentralError as error:
        raise _wrong(error.message) from error


def _wrong(what: str) -> InvalidInput:
    return InvalidInput("invalid_carrier", f"A setting of the carrier is wrong: {what.rstrip('.')}.", field="settings")
