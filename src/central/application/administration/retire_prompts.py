"""Recordings that no name of a library and no version of a flow stands for any more: their files go (background job)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from central.application.ports.speech import NamedContents, PromptContents
from central.application.ports.world import Clock

GRACE: Final = timedelta(days=1)
"""How long a file outlives its last name: far longer than a call that plays it."""
_BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class RetirePrompts:
    """The use case. A file goes only while nobody can store the same content anew, and nobody names it."""

    names: NamedContents
    contents: PromptContents
    clock: Clock

    async def __call__(self) -> int:
        """Look at every file that was not known to be named for ``GRACE``; how many went. Raises OSError."""
        waiting = await self.contents.unseen(self.clock.now() - GRACE)
        count = 0
        for start in range(0, len(waiting), _BATCH):
            batch = waiting[start : start + _BATCH]
            named = await self.names.named(batch)
            await self.contents.seen(named)
            for content in batch:
                if content not in named:
                    async with self.names.nameless(content) as nameless:
                        if nameless:
                            await self.contents.remove(content)
                            count += 1
        return count
