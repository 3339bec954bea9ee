"""What can be set about relays, the receiver of the bounce domain and mailboxes; bootstrap fills it from stored settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from central.domain.errors import OperatorError

_HOST: Final = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,39}\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayConfig:
    """One relay. Raises OperatorError ``bad_relay_setting``.

    ``hello``: our own name in EHLO, a host name that resolves to us. ``tls``: ``starttls`` demands it, ``implicit`` speaks it from
    the first byte (port 465), ``none`` is for loopback and private networks. The certificate is checked against ``ca_file`` and
    the system's authorities unless ``check_certificate`` is off. ``login`` "" takes the best that is offered; without TLS a
    password is sent only with ``clear_login``. ``direct``: the relay is the recipients' own server, so that 250 means Delivered.
    ``notices`` asks for delivery status notifications; where the relay does not offer them nothing is asked.

    Caps: ``connections``; ``hold`` messages in the relay's hands, answers that are not stored yet included; ``per_s`` messages a second (0 = none); ``domain_per_s`` for single recipient domains and
    ``any_domain_per_s`` for each of the others. Times in seconds; those of replies are RFC 5321's, section 4.5.3.2.
    """

    name: str
    host: str
    hello: str
    port: int = 587
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    check_certificate: bool = True
    ca_file: str = ""
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
    hold: int = 500
    idle_s: float = 30.0
    connect_timeout_s: float = 30.0
    reply_timeout_s: float = 300.0
    dot_timeout_s: float = 600.0
    retry_first_s: float = 1.0
    retry_most_s: float = 60.0
    refused_pause_s: float = 900.0

    def __post_init__(self) -> None:
        for name, host in (("host", self.host), ("hello", self.hello)):
            if not _HOST.fullmatch(host):
                raise _bad(f"{name} {host!r} is no host name")
        if not 0 < self.port < 65_536:  # noqa: PLR2004 - TCP's ports
            raise _bad(f"port {self.port} does not exist")
        if self.connections < 1 or self.messages_per_connection < 1 or self.hold < 1:
            raise _bad("connections, messages_per_connection and hold are at least 1")
        if min(self.per_s, self.any_domain_per_s, *self.domain_per_s.values(), 0.0) < 0:
            raise _bad("a rate is at least 0")
        if "\0" in self.user + self.password:
            raise _bad("user and password hold no NUL")


def _bad(sentence: str) -> OperatorError:
    return OperatorError("bad_relay_setting", f"Relay: {sentence}.")
