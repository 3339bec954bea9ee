"""What can be set about posting webhooks; bootstrap fills it from the settings."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WebhookConfig:
    """``timeout_s`` covers one post with name lookup, redirects and answer (10 s: domain specification, section 15).

    ``allow_private`` lets events go to private and loopback addresses and is for development. ``allowed_networks`` opens
    single networks instead (CIDR). ``ca_file`` adds a certificate authority to those of the system; empty = none.
    ``per_host`` bounds the connections to one host and port (0 = no bound): those who wait for one wait within their time.
    """

    timeout_s: float = 10.0
    max_redirects: int = 3
    max_answer_bytes: int = 64 * 1024
    allow_private: bool = False
    allowed_networks: tuple[str, ...] = ()
    ca_file: str = ""
    per_host: int = 0
    keep_connections: bool = True
