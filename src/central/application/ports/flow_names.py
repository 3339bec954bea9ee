"""What flows need to know of other flows that they name (path step 4, and administration)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from central.domain.ids import AccountId, FlowId


@dataclass(frozen=True, slots=True)
class NamedFlow:
    """A flow as it stands now. ``version_id``: its production version, None = it has none; ``running``: on and not paused."""

    id: FlowId
    name: str
    type: str
    archived: bool
    running: bool
    version_id: UUID | None


class FlowFinder(Protocol):
    """The flows of the accounts by name."""

    async def find_flow(self, account_id: AccountId, flow: str) -> NamedFlow | None:
        """By id, else by name; None when the account has no such flow. Raises NeighbourError when the store is away."""
        ...


class FlowNames(Protocol):
    """Which flows and queues the accounts have, for the check before a flow is published."""

    async def known_queues(self, account_id: AccountId, names: Sequence[str]) -> frozenset[str]:
        """Those of the names that a queue of the account has."""
        ...

    async def known_flows(self, account_id: AccountId, names: Sequence[str]) -> frozenset[str]:
        """Those of the names (or ids) that a flow of the account has which is not archived."""
        ...
