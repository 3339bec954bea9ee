"""What administration needs for domains that an account sends e-mail from: the store, keys, and the DNS."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol

import msgspec

from central.application.ports.administration import AuditEntry
from central.domain.ids import AccountId
from central.domain.mail_domains import JudgedRecord, WantedRecord


class MailDomain(msgspec.Struct, frozen=True, kw_only=True):
    """A domain. private_key, ed25519_key: PEM, never shown. verified_at: None = nothing may be sent from it (yet).

    ed25519_verified_at: None = its record is not published (yet), and mail is signed with RSA alone. ed25519_selector "" = no such key.
    """

    domain: str
    selector: str
    private_key: str
    bounce_domain: str
    algorithm: str = "rsa"
    ed25519_selector: str = ""
    ed25519_key: str = ""
    ed25519_verified_at: datetime | None = None
    created_at: datetime
    verified_at: datetime | None = None
    checked_at: datetime | None = None


class MailDomainStore(Protocol):
    """Domains of an account."""

    async def put(self, account_id: AccountId, domain: MailDomain, audit: AuditEntry) -> None:
        """Store it, or what a check has found."""
        ...

    async def all(self, account_id: AccountId) -> Sequence[MailDomain]:
        """All of them, by name."""
        ...

    async def remove(self, account_id: AccountId, domain: str, audit: AuditEntry) -> bool:
        """Delete it: what waits to be sent from it fails."""
        ...


class DomainRecords(Protocol):
    """Makes keys, tells what must be published, and looks at what is."""

    def new_key(self, kind: Literal["rsa", "ed25519"]) -> str:
        """A fresh private key, as PEM."""
        ...

    def wanted(self, domain: MailDomain) -> Sequence[WantedRecord]:
        """What its owner must publish."""
        ...

    async def judged(self, domain: MailDomain) -> Sequence[JudgedRecord]:
        """The same beside what is published now."""
        ...
