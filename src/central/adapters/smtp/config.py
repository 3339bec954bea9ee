"""What can be set about relays, the receiver of the bounce domain and mailboxes; bootstrap fills it from stored settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from central.domain.errors import OperatorError

_LIMIT_PEM_CHARS: Final = 200_000
_HOST: Final = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,39}\]")

_LONGEST_S: Final = 1800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxConfig:
    """An IMAP mailbox that is read. Raises OperatorError ``bad_mailbox_setting``.

    ``tls`` as for relays. What was stored is marked as seen, or deleted with ``delete``. ``trusting``: delivery reports without a signed
    address are matched by envelope id and Message-ID (for relays that rewrite the envelope sender).
    """

    host: str
    user: str
    password: str = field(default="", repr=False)
    name: str = "mailbox"
    port: int = 993
    tls: Literal["starttls", "implicit", "none"] = "implicit"
    check_certificate: bool = True
    authorities: str = ""
    folder: str = "INBOX"
    delete: bool = False
    trusting: bool = False
    poll_s: float = 30.0
    timeout_s: float = 30.0
    batch: int = 50
    size_bytes: int = 2 * 1024 * 1024
    retry_most_s: float = 600.0

    def __post_init__(self) -> None:
        if not _HOST.fullmatch(self.host) or not 0 < self.port < 65_536:  # noqa: PLR2004 - TCP's ports
            raise OperatorError("bad_mailbox_setting", f"Mailbox: {self.host!r}:{self.port} is no host and port.")
        if len(self.authorities) > _LIMIT_PEM_CHARS or not self.authorities.isascii():
            raise OperatorError("bad_mailbox_setting", "Mailbox: authorities are certificates in PEM.")
        if any(char in self.folder + self.user + self.password for char in "\0\r\n"):
            raise OperatorError("bad_mailbox_setting", "Mailbox: folder, user and password are one line each.")
        if self.batch < 1 or self.poll_s <= 0:
            raise OperatorError("bad_mailbox_setting", "Mailbox: batch is at least 1, poll_s more than 0.")


_TOPIC: Final = re.compile(r"arn:aws(?:-cn|-us-gov)?:sns:[a-z0-9-]{3,30}:[0-9]{12}:[A-Za-z0-9_-]{1,256}(?:\.fifo)?")
_LIMIT_TOPICS: Final = 20
_MOST_CONNECTIONS, _MOST_HELD, _MOST_BYTES = 500, 20_000, 256 * 1024 * 1024
"""All carriers of a shard share one process: no account may fill it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayConfig:
    """One relay. Raises OperatorError ``bad_relay_setting``.

    ``hello``: our own name in EHLO, a host name that resolves to us. ``tls``: ``starttls`` demands it, ``implicit`` speaks it from
    the first byte (port 465), ``none`` is for loopback and private networks. The certificate is checked against the
    system's authorities and ``authorities`` (certificates as a text, PEM) unless ``check_certificate`` is off. ``login`` "" takes the best that is offered; without TLS a
    password is sent only with ``clear_login``. ``direct``: the relay is the recipients' own server, so that 250 means Delivered.
    ``notices`` asks for delivery status notifications; where the relay does not offer them nothing is asked.

    What becomes of mail comes back to the bounce domain, to ``mailbox`` (its password is a secret of its own), and as events of
    the provider's ``topics`` (ARNs of Amazon SNS; SNS signs for every customer of Amazon's, so any other topic is a stranger).

    Caps: ``connections``; ``hold`` messages in the relay's hands, answers that are not stored yet included (0 = as many as its
    connections have open: if we die, of no more than those is it unknown whether they went), and no more than about
    ``hold_bytes`` of contents; ``per_s`` messages a second (0 = none); ``domain_per_s`` for single recipient domains and
    ``any_domain_per_s`` for each of the others. Times in seconds; those of replies are RFC 5321's, section 4.5.3.2.
    """

    name: str
    host: str
    hello: str
    port: int = 587
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    check_certificate: bool = True
    authorities: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    login: Literal["", "PLAIN", "LOGIN", "CRAM-MD5"] = ""
    clear_login: bool = False
    direct: bool = False
    notices: bool = True
    pipelining: bool = True
    connections: int = 10
    messages_per_connection: int = 1000
    per_s: float = 0.0
    domain_per_s: Mapping[str, float] = field(default_factory=dict[str, float])
    any_domain_per_s: float = 0.0
    hold: int = 0
    hold_bytes: int = 64 * 1024 * 1024
    idle_s: float = 30.0
    connect_timeout_s: float = 30.0
    reply_timeout_s: float = 300.0
    dot_timeout_s: float = 600.0
    retry_first_s: float = 1.0
    retry_most_s: float = 60.0
    refused_pause_s: float = 900.0
    mailbox: MailboxConfig | None = None
    mailbox_password: str = field(default="", repr=False)
    topics: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, host in (("host", self.host), ("hello", self.hello)):
            if not _HOST.fullmatch(host):
                raise _bad(f"{name} {host!r} is no host name")
        if not 0 < self.port < 65_536:  # noqa: PLR2004 - TCP's ports
            raise _bad(f"port {self.port} does not exist")
        if self.connections < 1 or self.messages_per_connection < 1 or self.hold < 0:
            raise _bad("connections and messages_per_connection are at least 1, hold is at least 0")
        if self.connections > _MOST_CONNECTIONS or self.hold > _MOST_HELD or not 0 < self.hold_bytes <= _MOST_BYTES:
            raise _bad(f"connections are at most {_MOST_CONNECTIONS}, hold {_MOST_HELD}, hold_bytes 1 to {_MOST_BYTES}")
        if min(self.per_s, self.any_domain_per_s, *self.domain_per_s.values(), 0.0) < 0:
            raise _bad("a rate is at least 0")
        times = (self.idle_s, self.connect_timeout_s, self.reply_timeout_s, self.dot_timeout_s)
        if not all(0 < one <= _LONGEST_S for one in times):
            raise _bad(f"times are more than 0 and at most {_LONGEST_S:.0f} s")
        if "\0" in self.user + self.password:
            raise _bad("user and password hold no NUL")
        if len(self.topics) > _LIMIT_TOPICS or not all(_TOPIC.fullmatch(one) for one in self.topics):
            raise _bad(
                f"topics are at most {_LIMIT_TOPICS} ARNs of SNS topics, like arn:aws:sns:eu-west-1:123456789012:mail"
            )
        if len(self.authorities) > _LIMIT_PEM_CHARS or not self.authorities.isascii():
            raise _bad(f"authorities are certificates in PEM, at most {_LIMIT_PEM_CHARS} characters")

    @property
    def most(self) -> int:
        """How many messages it has in its hands at once: with pipelining a connection has two transactions open."""
        return self.hold or self.connections * (2 if self.pipelining else 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverConfig:
    """The SMTP receiver of the bounce domain. Raises OperatorError ``bad_receiver_setting``.

    ``domains``: what it takes mail for. ``mailboxes``: local parts that are taken without a signed address (feedback loops are set up
    for a fixed one). ``certificate`` and ``key``: files for STARTTLS, empty = not offered. ``messages_per_minute`` and
    ``connections_per_host`` hold for each address that connects; ``store_timeout_s``: how long a message waits to be stored.
    """

    name: str
    hello: str
    domains: tuple[str, ...]
    host: str = "127.0.0.1"
    port: int = 0
    mailboxes: tuple[str, ...] = ("postmaster", "abuse", "fbl")
    certificate: str = ""
    key: str = ""
    size_bytes: int = 2 * 1024 * 1024
    connections: int = 50
    connections_per_host: int = 20
    messages_per_minute: int = 3000
    idle_s: float = 60.0
    store_timeout_s: float = 60.0

    def __post_init__(self) -> None:
        if not self.domains or not all(_HOST.fullmatch(one) for one in (*self.domains, self.hello)):
            raise OperatorError(
                "bad_receiver_setting", "Receiver: domains and hello are host names, and there is at least one domain."
            )
        if min(self.size_bytes, self.connections, self.connections_per_host, self.messages_per_minute) < 1:
            raise OperatorError("bad_receiver_setting", "Receiver: sizes and caps are at least 1.")


def _bad(sentence: str) -> OperatorError:
    return OperatorError("bad_relay_setting", f"Relay: {sentence}.")
