"""Keys and records of sender domains (port DomainRecords): made with OpenSSL, checked in the DNS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from central.adapters.smtp.domain_records import check_records, records_of
from central.adapters.smtp.signing import new_key
from central.application.ports.composition import DkimKey, MailIdentity
from central.application.ports.mail_domains import MailDomain
from central.application.ports.names import NameLookup
from central.domain.mail_domains import JudgedRecord, MailHouse, WantedRecord


class SenderDomains:
    """The port on our own signing and a name lookup."""

    def __init__(self, house: MailHouse, names: NameLookup) -> None:
        self._house, self._names = house, names

    def new_key(self, kind: Literal["rsa", "ed25519"]) -> str:
        """A fresh key as PEM (PKCS #8)."""
        return new_key("new", kind).private_pem

    def wanted(self, domain: MailDomain) -> Sequence[WantedRecord]:
        """What its owner must publish."""
        return records_of(_identity(domain), self._house)

    async def judged(self, domain: MailDomain) -> Sequence[JudgedRecord]:
        """The same beside what is published now."""
        return await check_records(self.wanted(domain), self._names)


def _identity(domain: MailDomain) -> MailIdentity:
    keys = [DkimKey(domain.selector, domain.private_key)]
    if domain.ed25519_selector:
        keys.append(DkimKey(domain.ed25519_selector, domain.ed25519_key))
    return MailIdentity(domain=domain.domain, bounce_domain=domain.bounce_domain, keys=tuple(keys))
