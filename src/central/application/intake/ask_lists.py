"""One question to the account's lists and registers for all numbers of a chunk (path step 1)."""

from __future__ import annotations

from collections.abc import Sequence

from central.application.ports.intake import ChunkStore, ListFindings
from central.domain.intake_facts import IntakeFacts


async def ask_lists(store: ChunkStore, numbers: Sequence[str], facts: IntakeFacts) -> ListFindings:
    """What they hold about the numbers; nothing is asked without any."""
    if not numbers:
        return ListFindings()
    entries = await store.hits(numbers, facts.registers, facts.now)
    return ListFindings(entries, await store.prefixes(facts.now))
