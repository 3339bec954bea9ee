"""The TemplateStore port on PostgreSQL (``queries/sms_template.sql``), inside one account."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from central.adapters.postgres.administration_rows import changing, fetch, fetch_one, scalar, touched
from central.adapters.postgres.pool import Pool, tenant
from central.adapters.postgres.statements import load_statements
from central.application.ports.administration import AuditEntry
from central.application.ports.sms_templates import SmsTemplate
from central.domain.ids import AccountId

_SQL = load_statements("sms_template")


class PostgresTemplates:
    """Registered texts; ``pool`` is one of central_api."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def put(self, account_id: AccountId, template: SmsTemplate, most: int, audit: AuditEntry) -> bool | None:
        """Add or change it; see the port."""
        values = msgspec.structs.asdict(template) | {"account_id": account_id, "most": most}
        async with changing(self._pool, account_id, audit) as change:
            if (fresh := await scalar(change.connection, _SQL["put_template"], values)) is None:
                change.nothing()
            return bool(fresh)
        return None

    async def page(self, account_id: AccountId, after: str | None, limit: int) -> Sequence[SmsTemplate]:
        """Templates by id."""
        values = {"account_id": account_id, "after": after, "limit": limit}
        async with tenant(self._pool, account_id) as connection:
            return await fetch(connection, _SQL["template_page"], SmsTemplate, values)

    async def get(self, account_id: AccountId, template_id: str) -> SmsTemplate | None:
        """One template."""
        values = {"account_id": account_id, "id": template_id}
        async with tenant(self._pool, account_id) as connection:
            return await fetch_one(connection, _SQL["one_template"], SmsTemplate, values)

    async def remove(self, account_id: AccountId, template_id: str, audit: AuditEntry) -> bool:
        """Delete it; see the port."""
        async with changing(self._pool, account_id, audit) as change:
            if not await touched(
                change.connection, _SQL["drop_template"], {"account_id": account_id, "id": template_id}
            ):
                change.nothing()
            return True
        return False
