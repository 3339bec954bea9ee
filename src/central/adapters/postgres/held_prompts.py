"""What a version holds of the prompt library: decided and written in the transaction that freezes it (path step 1).

The rows of the names are locked until it commits, so that a recording which is replaced or removed meanwhile is either gone
before the version is frozen, or held by it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

from psycopg.types.json import Jsonb

from central.adapters.postgres.administration_rows import fetch
from central.adapters.postgres.pool import Connection
from central.adapters.postgres.statements import load_statements
from central.application.ports.speech import StoredPrompt
from central.domain.ids import AccountId
from central.domain.prompts import HeldPrompt, preferred_language
from central.flow.preparation import named_prompts

_SQL = load_statements("prompt")


async def lock_prompts(
    connection: Connection, account_id: AccountId, document: bytes
) -> tuple[Sequence[HeldPrompt], Sequence[str]]:
    """What a document's recordings are now, and the names of those that the library lacks; both in order of the names."""
    uses = await asyncio.to_thread(named_prompts, document)
    asked = sorted({(use.name, use.language.lower()) for use in uses})
    if not asked:
        return (), ()
    values = {"account_id": account_id, "names": sorted({name for name, _ in asked})}
    found = await fetch(connection, _SQL["lock_prompts"], StoredPrompt, values)
    recorded = {(prompt.name, prompt.language): prompt for prompt in found}
    held: list[HeldPrompt] = []
    lacking: list[str] = []
    for name, language in asked:
        heard = preferred_language([known for other, known in recorded if other == name], language)
        if heard is None:
            lacking.append(name)
        else:
            prompt = recorded[name, heard]
            held.append(HeldPrompt(name, language, prompt.sha256, prompt.seconds))
    return held, lacking


async def hold_prompts(
    connection: Connection, account_id: AccountId, version_id: UUID, held: Sequence[HeldPrompt]
) -> None:
    """Write what a new version holds."""
    rows = [[one.name, one.language, one.sha256, one.seconds] for one in held]
    if rows:
        values = {"account_id": account_id, "version_id": version_id, "held": Jsonb(rows)}
        await connection.execute(_SQL["hold_prompts"], values)
