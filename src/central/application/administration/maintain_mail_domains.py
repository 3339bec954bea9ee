"""Domains that an account sends e-mail from: keys are made here, the owner publishes records, and a check proves the domain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from central.application.administration.acting import Actor, Auditor
from central.application.administration.checks import check_domain
from central.application.ports.mail_domains import DomainRecords, MailDomain, MailDomainStore
from central.domain.errors import Conflict, NotFound
from central.domain.mail_domains import JudgedRecord, WantedRecord, is_proved

SELECTOR: Final = "central1"
ED25519_SELECTOR: Final = "central1e"


@dataclass(frozen=True, slots=True)
class MaintainMailDomains:
    """The sender domains of an account. bounce_domain: the installation's, "" = each domain has one of its own."""

    store: MailDomainStore
    records: DomainRecords
    auditor: Auditor
    bounce_domain: str = ""

    async def create(self, actor: Actor, name: str) -> tuple[MailDomain, Sequence[WantedRecord]]:
        """Make its keys, and tell what to publish. Raises InvalidInput ``invalid_domain``, Conflict ``name_taken``."""
        name = check_domain(name)
        if any(known.domain == name for known in await self.store.all(actor.account_id)):
            raise Conflict("name_taken", "The account has this domain already.", field="domain")
        domain = MailDomain(
            domain=name,
            selector=SELECTOR,
            private_key=self.records.new_key("rsa"),
            ed25519_selector=ED25519_SELECTOR,
            ed25519_key=self.records.new_key("ed25519"),
            bounce_domain=self.bounce_domain or f"bounces.{name}",
            created_at=self.auditor.clock.now(),
        )
        audit = self.auditor.entry(actor, "mail_domain_created", f"mail-domain:{name}")
        await self.store.put(actor.account_id, domain, audit)
        return domain, self.records.wanted(domain)

    async def all(self, actor: Actor) -> Sequence[tuple[MailDomain, Sequence[WantedRecord]]]:
        """Every domain, with what it must publish."""
        return [(domain, self.records.wanted(domain)) for domain in await self.store.all(actor.account_id)]

    async def check(self, actor: Actor, name: str) -> tuple[MailDomain, Sequence[JudgedRecord]]:
        """Look at what is published: all that is needed proves it, a record that is wrong or gone takes the proof away.

        What the DNS does not answer changes nothing. Raises NotFound ``mail_domain_not_found``.
        """
        domain = await self._found(actor, name)
        judged = await self.records.judged(domain)
        now = self.auditor.clock.now()
        needed = [one for one in judged if one.wanted.needed]
        verified = domain.verified_at
        if is_proved(judged):
            verified = verified or now
        elif not any(one.state == "unknown" for one in needed):
            verified = None
        checked = msgspec.structs.replace(
            domain, checked_at=now, verified_at=verified, ed25519_verified_at=_ed25519_since(domain, judged, now)
        )
        audit = self.auditor.entry(
            actor, "mail_domain_checked", f"mail-domain:{domain.domain}", proved=verified is not None
        )
        await self.store.put(actor.account_id, checked, audit)
        return checked, judged

    async def remove(self, actor: Actor, name: str) -> None:
        """Raises NotFound ``mail_domain_not_found``."""
        audit = self.auditor.entry(actor, "mail_domain_removed", f"mail-domain:{name}")
        if not await self.store.remove(actor.account_id, name, audit):
            raise NotFound("mail_domain_not_found", "There is no such domain in this account.")

    async def _found(self, actor: Actor, name: str) -> MailDomain:
        for domain in await self.store.all(actor.account_id):
            if domain.domain == name.casefold():
                return domain
        raise NotFound("mail_domain_not_found", "There is no such domain in this account.")


def _ed25519_since(domain: MailDomain, judged: Sequence[JudgedRecord], now: datetime) -> datetime | None:
    """Since when the second key is published; a signature that nobody can check is not made."""
    before = domain.ed25519_verified_at
    for one in judged:
        if domain.ed25519_selector and one.wanted.name.startswith(f"{domain.ed25519_selector}._domainkey."):
            return (before or now) if one.state == "right" else before if one.state == "unknown" else None
    return None
