"""What several steps look up and nobody changes while it is used: prepared flow versions, policies, trunks, DIDs.

Implementations keep what they have read; frozen versions never change, the rest is read again every few seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from central.application.ports.telephony import Trunk
from central.domain.ids import AccountId, FlowId
from central.domain.policies import Policy
from central.flow.prepared import PreparedFlow


@dataclass(frozen=True, slots=True)
class AccountTrunk:
    """A trunk with its owner, caps and prefix routes (prefix, priority: lower is tried first)."""

    account_id: AccountId
    trunk: Trunk
    channel_cap: int
    cps_cap: int
    routes: tuple[tuple[str, int], ...]


class NumberLists(Protocol):
    """What the account's lists say about a number that is called beside the record's own."""

    async def listed(self, account_id: AccountId, number: str, at: datetime) -> frozenset[str]:
        """The names of the lists (blacklist, whitelist) that hold it, or a prefix of it, now. Raises NeighbourError."""
        ...


class Library(Protocol):
    """Read-only lookups with a memory."""

    async def flows(self, ids: Iterable[UUID]) -> Mapping[UUID, PreparedFlow]:
        """Prepared versions by id; all of them are there."""
        ...

    async def dids(self, account_id: AccountId, flow_id: FlowId) -> Sequence[str]:
        """Numbers attached to the flow, in order."""
        ...

    async def policy(self, policy_id: str, version: int | None, at: datetime) -> Policy:
        """The pinned version, or the newest in force. Raises OperatorError ``unknown_policy``."""
        ...

    async def policies_of(self, accounts: Iterable[AccountId], at: datetime) -> Mapping[AccountId, Policy]:
        """The policy that each account pins."""
        ...

    async def trunks(self) -> Sequence[AccountTrunk]:
        """All enabled trunks of the shard."""
        ...
