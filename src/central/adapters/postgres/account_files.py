"""The ports FileStore and AttachmentLoader on PostgreSQL (``queries/account_file.sql``): contents stand beside their rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from central.adapters.postgres.administration_rows import changing, fetch, touched
from central.adapters.postgres.pool import Pool, tenant, transaction
from central.adapters.postgres.statements import load_statements
from central.application.ports.account_files import AccountFile
from central.application.ports.administration import AuditEntry
from central.application.ports.composition import Loaded, Missing
from central.domain.ids import AccountId

_SQL = load_statements("account_file")


class PostgresFiles:
    """Files of an account; ``pool`` is one of central_api."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def put(
        self, account_id: AccountId, file: AccountFile, content: bytes, limit_bytes: int, audit: AuditEntry
    ) -> bool:
        """Add or replace it; see the port."""
        values = {
            "account_id": account_id, "name": file.name, "media_type": file.media_type, "size_bytes": file.size_bytes,
            "sha256": file.sha256, "created_at": file.created_at, "content": content, "limit": limit_bytes,
        }  # fmt: skip
        async with changing(self._pool, account_id, audit) as change:
            await change.connection.execute(_SQL["one_writer"], values)
            if not await touched(change.connection, _SQL["put_file"], values):
                change.nothing()
            return True
        return False

    async def page(self, account_id: AccountId, after: str | None, limit: int) -> Sequence[AccountFile]:
        """Files by name."""
        values = {"account_id": account_id, "after": after, "limit": limit}
        async with tenant(self._pool, account_id) as connection:
            return await fetch(connection, _SQL["file_page"], AccountFile, values)

    async def content(self, account_id: AccountId, name: str) -> tuple[AccountFile, bytes] | None:
        """One file with its content."""
        async with tenant(self._pool, account_id) as connection:
            found = await fetch(connection, _SQL["one_file"], _whole, {"account_id": account_id, "name": name})
        return found[0] if found else None

    async def sizes(self, wanted: Mapping[AccountId, Sequence[str]]) -> Mapping[tuple[AccountId, str], int]:
        """The sizes of those that are there."""
        found: dict[tuple[AccountId, str], int] = {}
        for account_id, names in wanted.items():
            async with tenant(self._pool, account_id) as connection:
                values = {"account_id": account_id, "names": list(names)}
                cursor = await connection.execute(_SQL["file_sizes"], values)
                found |= {(account_id, name): size for name, size in await cursor.fetchall()}
        return found

    async def remove(self, account_id: AccountId, name: str, audit: AuditEntry) -> bool:
        """Delete it; see the port."""
        async with changing(self._pool, account_id, audit) as change:
            if not await touched(change.connection, _SQL["drop_file"], {"account_id": account_id, "name": name}):
                change.nothing()
            return True
        return False


class PostgresAttachments:
    """AttachmentLoader: references are ``ACCOUNT/NAME``. ``pool``: of central_worker, and its own (whoever composes holds another's)."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def load(self, references: Sequence[str], limit_bytes: int) -> Sequence[Loaded | Missing]:
        """Each content, in the same order; see the port."""
        pairs = [reference.partition("/") for reference in references]
        values = {
            "accounts": [UUID(account) for account, _, _ in pairs],
            "names": [name for _, _, name in pairs],
            "limit": limit_bytes,
        }
        found: dict[str, Loaded | Missing] = {}
        async with transaction(self._pool) as connection:
            cursor = await connection.execute(_SQL["load_files"], values)
            async for account, name, media_type, content in cursor:
                reference = f"{account}/{name}"
                found[reference] = Missing("too_large") if content is None else Loaded(bytes(content), media_type)
        return [found.get(reference, Missing("not_found")) for reference in references]


def _whole(*, content: bytes, **columns: object) -> tuple[AccountFile, bytes]:
    return AccountFile(**columns), bytes(content)  # type: ignore[arg-type]
