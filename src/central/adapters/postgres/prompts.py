"""The PromptIndex port on PostgreSQL: which content hash a prompt's name means (``queries/prompt.sql``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from central.adapters.postgres.pool import Pool, tenant
from central.adapters.postgres.statements import load_statements
from central.application.ports.speech import StoredPrompt
from central.domain.ids import AccountId

_SQL = load_statements("prompt")


class PostgresPrompts:
    """Prompts of the accounts, one account a transaction; ``pool`` is one of ``central_api`` or ``central_worker``."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def find_prompts(self, account_id: AccountId, names: Sequence[str]) -> Sequence[StoredPrompt]:
        """All languages of these prompts; see the port."""
        async with (
            tenant(self._pool, account_id) as connection,
            connection.cursor(row_factory=class_row(StoredPrompt)) as cursor,
        ):
            await cursor.execute(_SQL["find_prompts"], {"account_id": account_id, "names": list(names)})
            return await cursor.fetchall()

    async def save_prompts(self, prompts: Sequence[StoredPrompt]) -> None:
        """Add or replace prompts of one account; see the port."""
        if not prompts:
            return
        async with tenant(self._pool, prompts[0].account_id) as connection:
            rows = [asdict(prompt) for prompt in prompts]
            await connection.execute(_SQL["save_prompts"], {"prompts": Jsonb(rows)})
