"""The MailDomainStore port on PostgreSQL (``queries/mail_domain.sql``), inside one account."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from central.adapters.postgres.administration_rows import changing, fetch, touched
from central.adapters.postgres.pool import Pool, tenant
from central.adapters.postgres.statements import load_statements
from central.application.ports.administration import AuditEntry
from central.application.ports.mail_domains import MailDomain
from central.domain.ids import AccountId

_SQL = load_statements("mail_domain")


class PostgresMailDomains:
    """Sender domains; ``pool`` is one of central_api."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def put(self, account_id: AccountId, domain: MailDomain, audit: AuditEntry) -> None:
        """Store it, or what a check has found."""
        async with changing(self._pool, account_id, audit) as change:
            await change.connection.execute(
                _SQL["put_domain"], msgspec.structs.asdict(domain) | {"account_id": account_id}
            )

    async def all(self, account_id: AccountId) -> Sequence[MailDomain]:
        """All of them, by name."""
        async with tenant(self._pool, account_id) as connection:
            return await fetch(connection, _SQL["all_domains"], MailDomain, {"account_id": account_id})

    async def remove(self, account_id: AccountId, domain: str, audit: AuditEntry) -> bool:
        """Delete it."""
        async with changing(self._pool, account_id, audit) as change:
            if not await touched(change.connection, _SQL["drop_domain"], {"account_id": account_id, "domain": domain}):
                change.nothing()
            return True
        return False
