"""Files that an account keeps for its e-mails: stored by name, sent along by reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from central.application.ports.administration import AuditEntry
from central.domain.ids import AccountId


class AccountFile(msgspec.Struct, frozen=True):
    """A file without its content. sha256: of the content, in hex."""

    name: str
    media_type: str
    size_bytes: int
    sha256: str
    created_at: datetime


class FileStore(Protocol):
    """The files of an account."""

    async def put(
        self, account_id: AccountId, file: AccountFile, content: bytes, limit_bytes: int, audit: AuditEntry
    ) -> bool:
        """Add or replace it; False, and nothing is stored, when all files together would take more than the limit."""
        ...

    async def page(self, account_id: AccountId, after: str | None, limit: int) -> Sequence[AccountFile]:
        """Files by name."""
        ...

    async def content(self, account_id: AccountId, name: str) -> tuple[AccountFile, bytes] | None:
        """One file with its content."""
        ...

    async def sizes(self, wanted: Mapping[AccountId, Sequence[str]]) -> Mapping[tuple[AccountId, str], int]:
        """The sizes of those that are there, in bytes."""
        ...

    async def remove(self, account_id: AccountId, name: str, audit: AuditEntry) -> bool:
        """Delete it: e-mails that wait with it fail."""
        ...
