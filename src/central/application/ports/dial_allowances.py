"""How many dials a paced queue may begin: written by the pacing process, spent by claims (path step 2; ADR 46)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

import msgspec

from central.domain.ids import AccountId

Paced = Literal["predictive", "progressive"]
"""predictive: so many dials as the allowance says; progressive: one for each free agent, whatever it says."""


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """A decision about one queue: ``granted`` dials until ``expires_at``. ``used``: how many of them claims have begun."""

    account_id: AccountId
    queue_id: UUID
    mode: Paced
    granted: int
    decided_at: datetime
    expires_at: datetime
    used: int = 0


class DialAllowances(Protocol):
    """The allowances of a shard."""

    async def allow(self, decided: Sequence[Allowance]) -> None:
        """Write decisions, one a queue; each takes the place of the one before, and its use begins at 0."""
        ...

    async def allowances(self) -> Sequence[Allowance]:
        """The last decision about every queue, with what was used of it."""
        ...
