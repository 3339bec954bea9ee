"""Files of an account that e-mails bring along: taken in, listed, shown, taken out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from central.application.administration.acting import Actor, Auditor
from central.application.ports.account_files import AccountFile, FileStore
from central.domain.errors import Conflict, InvalidInput, NotFound

LIMIT_FILE_BYTES: Final = 15 * 1024 * 1024
"""With base64 and its HTML a message of one such file still fits into what relays take."""
LIMIT_ALL_BYTES: Final = 500 * 1024 * 1024
_NAME: Final = re.compile(r"(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9_ ./-]{0,127}")
_MEDIA_TYPE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,63}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,63}")
_OCTETS: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class KeepFiles:
    """The files of an account."""

    store: FileStore
    auditor: Auditor

    async def put(self, actor: Actor, name: str, media_type: str, content: bytes) -> AccountFile:
        """Add or replace a file.

        Raises InvalidInput ``invalid_name``, ``invalid_media_type``, ``file_empty``, ``file_too_large``, Conflict ``files_full``.
        """
        checked_name(name)
        kind = media_type.partition(";")[0].strip().lower() or _OCTETS
        if not _MEDIA_TYPE.fullmatch(kind) or kind.startswith(("multipart/", "message/")):
            raise InvalidInput("invalid_media_type", "This is no media type of a file.", field="media_type")
        if not content:
            raise InvalidInput("file_empty", "The file is empty.")
        if len(content) > LIMIT_FILE_BYTES:
            raise InvalidInput(
                "file_too_large", f"A file has at most {LIMIT_FILE_BYTES} bytes.", limit=LIMIT_FILE_BYTES
            )
        digest = hashlib.sha256(content).hexdigest()
        file = AccountFile(name, kind, len(content), digest, self.auditor.clock.now())
        audit = self.auditor.entry(actor, "file_stored", f"file:{name}", bytes=len(content), sha256=digest)
        if not await self.store.put(actor.account_id, file, content, LIMIT_ALL_BYTES, audit):
            raise Conflict(
                "files_full", f"All files together have at most {LIMIT_ALL_BYTES} bytes.", limit=LIMIT_ALL_BYTES
            )
        return file

    async def page(self, actor: Actor, after: str | None, limit: int) -> Sequence[AccountFile]:
        """Files by name."""
        return await self.store.page(actor.account_id, after, limit)

    async def content(self, actor: Actor, name: str) -> tuple[AccountFile, bytes]:
        """Raises NotFound ``file_not_found``."""
        found = await self.store.content(actor.account_id, name) if _NAME.fullmatch(name) else None
        if found is None:
            raise NotFound("file_not_found", "There is no such file in this account.")
        return found

    async def remove(self, actor: Actor, name: str) -> None:
        """E-mails that wait with it fail. Raises NotFound ``file_not_found``."""
        audit = self.auditor.entry(actor, "file_removed", f"file:{name}")
        if not _NAME.fullmatch(name) or not await self.store.remove(actor.account_id, name, audit):
            raise NotFound("file_not_found", "There is no such file in this account.")


def checked_name(name: str) -> str:
    """The name that flows and e-mails call a file by. Raises InvalidInput ``invalid_name``."""
    if not _NAME.fullmatch(name) or name.endswith(("/", " ")):
        raise InvalidInput("invalid_name", "A name has 1 to 128 of letters, digits, blank, _ - . and /.", field="name")
    return name
