"""Keys and records of sender domains (port DomainRecords): made with OpenSSL, checked in the DNS."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from central.adapters.smtp.domain_records import check_records, records_of
from central.application.ports.composition import DkimKey, MailIdentity
from central.application.ports.mail_domains import MailDomain
from central.application.ports.names import NameLookup
from central.domain.mail_domains import JudgedRecord, MailHouse, WantedRecord

_BITS = 2048  # RFC 8301: at least 1024, and 2048 should be used


class SenderDomains:
    """The port on our own signing and a name lookup."""

    def __init__(self, house: MailHouse, names: NameLookup) -> None:
        self._house, self._names = house, names

    def new_key(self) -> str:
        """A fresh RSA key as PEM (PKCS #8)."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
        return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")

    def wanted(self, domain: MailDomain) -> Sequence[WantedRecord]:
        """What its owner must publish."""
        return records_of(_identity(domain), self._house)

    async def judged(self, domain: MailDomain) -> Sequence[JudgedRecord]:
        """The same beside what is published now."""
        return await check_records(self.wanted(domain), self._names)


def _identity(domain: MailDomain) -> MailIdentity:
    key = DkimKey(domain.selector, domain.private_key)
    return MailIdentity(domain=domain.domain, bounce_domain=domain.bounce_domain, keys=(key,))
