"""The ports PromptIndex, PromptCatalogue and NamedContents on PostgreSQL: which content a prompt's name means (``queries/prompt.sql``)."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import asdict

from central.adapters.postgres.administration_rows import changing, fetch, touched
from central.adapters.postgres.pool import Connection, Pool, tenant, transaction
from central.adapters.postgres.statements import load_statements
from central.application.ports.administration import AuditEntry
from central.application.ports.speech import AudioFile, FlowInUse, HoldingVersion, StoredPrompt
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

    async def versions_holding(self, account_id: AccountId, name: str, sha256: str) -> Sequence[HoldingVersion]:
        """Versions that play this content under this name; see the port."""
        values = {"account_id": account_id, "name": name, "sha256": sha256}
        async with tenant(self._pool, account_id) as connection:
            return await fetch(connection, _SQL["versions_holding"], HoldingVersion, values)

    async def delete_prompt(self, account_id: AccountId, name: str, language: str, audit: AuditEntry) -> bool:
        """Take the name out of the library; see the port."""
        values = {"account_id": account_id, "name": name, "language": language}
        async with changing(self._pool, account_id, audit) as change:
            if not await touched(change.connection, _SQL["delete_prompt"], values):
                change.nothing()
            return True
        return False

    async def save_prompt(
        self, prompt: StoredPrompt, put: Callable[[], Awaitable[AudioFile]], audit: AuditEntry
    ) -> None:
        """Add or replace it; see the port."""
        async with changing(self._pool, prompt.account_id, audit) as change:
            await change.connection.execute(_SQL["guard_content"], {"sha256": prompt.sha256})
            await put()
            await change.connection.execute(_SQL["save_prompt"], asdict(prompt))


class PostgresContents:
    """NamedContents on a pool of ``central_worker``, which sees the names of all accounts."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def named(self, contents: Sequence[str]) -> frozenset[str]:
        """Those that a prompt or a frozen version names."""
        async with transaction(self._pool) as connection:
            return await _named(connection, contents)

    @contextlib.asynccontextmanager
    async def nameless(self, sha256: str) -> AsyncGenerator[bool]:
        """Whether nobody names it; see the port."""
        async with transaction(self._pool) as connection:
            await connection.execute(_SQL["guard_content"], {"sha256": sha256})
            yield not await _named(connection, [sha256])


async def _named(connection: Connection, contents: Sequence[str]) -> frozenset[str]:
    cursor = await connection.execute(_SQL["named_contents"], {"contents": list(contents)})
    return frozenset(row[0] for row in await cursor.fetchall())
