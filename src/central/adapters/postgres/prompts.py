"""The ports PromptIndex and PromptCatalogue on PostgreSQL: which content a prompt's name means (``queries/prompt.sql``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from psycopg.types.json import Jsonb

from central.adapters.postgres.administration_rows import changing, fetch, touched
from central.adapters.postgres.pool import Pool, tenant
from central.adapters.postgres.statements import load_statements
from central.application.ports.administration import AuditEntry
from central.application.ports.speech import FlowInUse, StoredPrompt
from central.domain.ids import AccountId

_SQL = load_statements("prompt")


class PostgresPrompts:
    """Prompts of the accounts, one account a transaction; ``pool`` is one of ``central_api`` or ``central_worker``."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def find_prompts(self, account_id: AccountId, names: Sequence[str]) -> Sequence[StoredPrompt]:
        """All languages of these prompts; see the port."""
        values = {"account_id": account_id, "names": list(names)}
        async with tenant(self._pool, account_id) as connection:
            return await fetch(connection, _SQL["find_prompts"], StoredPrompt, values)

    async def list_prompts(
        self, account_id: AccountId, after: tuple[str, str] | None, limit: int
    ) -> Sequence[StoredPrompt]:
        """By name and language; see the port."""
        name, language = after or (None, None)
        values = {"account_id": account_id, "after_name": name, "after_language": language, "limit": limit}
        async with tenant(self._pool, account_id) as connection:
            return await fetch(connection, _SQL["prompt_page"], StoredPrompt, values)

    async def documents_in_use(self, account_id: AccountId) -> Sequence[FlowInUse]:
        """Versions in production and those of open requests; see the port."""
        async with tenant(self._pool, account_id) as connection:
            return await fetch(connection, _SQL["documents_in_use"], FlowInUse, {"account_id": account_id})

    async def delete_prompt(self, account_id: AccountId, name: str, language: str, audit: AuditEntry) -> bool:
        """Take the name out of the library; see the port."""
        values = {"account_id": account_id, "name": name, "language": language}
        async with changing(self._pool, account_id, audit) as change:
            if not await touched(change.connection, _SQL["delete_prompt"], values):
                change.nothing()
            return True
        return False

    async def save_prompts(self, prompts: Sequence[StoredPrompt], audit: AuditEntry) -> None:
        """Add or replace prompts of one account; see the port."""
        if not prompts:
            return
        async with changing(self._pool, prompts[0].account_id, audit) as change:
            rows = [asdict(prompt) for prompt in prompts]
            await change.connection.execute(_SQL["save_prompts"], {"prompts": Jsonb(rows)})
