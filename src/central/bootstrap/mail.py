"""What e-mail is signed with, and what of it comes back: the parts that the messenger and the API share."""

from __future__ import annotations

from functools import partial
from hashlib import sha256

from central.adapters.smtp.config import ReceiverConfig
from central.adapters.smtp.receiver import MailReceiver
from central.adapters.smtp.trial import MailTrials
from central.application.ports.world import Clock
from central.bootstrap.recordings import own_secret
from central.domain.errors import OperatorError
from central.domain.mail_domains import MailHouse
from central.domain.mail_tokens import TokenKey, TokenKeys, bounced_message
from central.settings import Settings


def token_keys(settings: Settings) -> TokenKeys:
    """What tokens and bounce addresses are signed with; without a secret in the settings, with one that this machine makes once."""
    secret = settings.mail_token_secret or own_secret(settings.state_dir / "mail-tokens.key")
    return TokenKeys((TokenKey(1, sha256(secret.encode()).digest()),))


def mail_trials(settings: Settings, clock: Clock) -> MailTrials:
    """What composes e-mails for trial while they are taken over."""
    return MailTrials(token_keys(settings), clock, settings.mail_link_address)


def bounce_receiver(settings: Settings, clock: Clock) -> MailReceiver | None:
    """The SMTP receiver of the bounce domain, None where none is set."""
    if not settings.bounce_domain:
        return None
    config = ReceiverConfig(
        name="bounces",
        hello=mail_house(settings).bounce_host,
        domains=(settings.bounce_domain,),
        host=settings.bounce_host,
        port=settings.bounce_port,
        connections=200,
        connections_per_host=100,
        messages_per_minute=settings.bounce_per_minute,
    )
    return MailReceiver(config, clock, partial(bounced_message, token_keys(settings)))


def mail_house(settings: Settings) -> MailHouse:
    """What is the same for all domains that send through this installation."""
    host = settings.bounce_host_name or settings.bounce_domain or "localhost"
    return MailHouse(bounce_host=host, spf_terms=tuple(settings.spf_terms.split()))


def name_servers(settings: Settings) -> list[tuple[str, int]]:
    """The name servers of the settings; none = the system's. Raises OperatorError ``bad_settings``."""
    found: list[tuple[str, int]] = []
    for one in filter(None, (part.strip() for part in settings.dns_servers.split(","))):
        host, _, port = one.rpartition(":")
        if not host or not port.isdecimal():
            raise OperatorError("bad_settings", f"CENTRAL_DNS_SERVERS: {one!r} is no ADDRESS:PORT.")
        found.append((host, int(port)))
    return found
