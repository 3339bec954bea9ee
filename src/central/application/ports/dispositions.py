"""What administration and the desks need of the store for dispositions, and of intake for the calls that follow from them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from central.application.ports.administration import AuditEntry
from central.application.ports.agents import AgentTurn
from central.application.ports.intake import ChunkStore
from central.application.ports.internal_functions import StartAnswer
from central.domain.call_dispositions import Choice
from central.domain.ids import AccountId, RecordId, RequestId


class Owner(msgspec.Struct, frozen=True):
    """Whose tree it is: exactly one of both is set."""

    queue_id: UUID | None = None
    flow_id: str | None = None


class StoredChoice(Choice, frozen=True, kw_only=True):
    """A line as stored. ``version`` counts what the key meant so far."""

    id: UUID
    version: int = 1
    retired_at: datetime | None = None


class Tree(msgspec.Struct, frozen=True, kw_only=True):
    """A tree in force. required: an agent cannot end his wrap-up before he has chosen. callback_flow "" = the flow of the call."""

    required: bool = False
    callback_flow: str = ""
    choices: tuple[StoredChoice, ...] = ()
    changed_at: datetime | None = None


class TreeStore(Protocol):
    """The trees of an account."""

    async def get(self, account_id: AccountId, owner: Owner, *, retired: bool = False) -> Tree | None:
        """The tree, with ``retired`` what was in force before too; empty without one; None: no such queue or flow."""
        ...

    async def put(
        self, account_id: AccountId, owner: Owner, tree: Tree, choices: Sequence[Choice], audit: AuditEntry
    ) -> bool:
        """Make this the tree: what has gone or changed is retired where it was chosen before, else deleted.

        False: no such queue or flow. ``choices`` in their order. Raises NotFound ``flow_not_found`` for the callback flow.
        """
        ...


class PastCall(msgspec.Struct, frozen=True, kw_only=True):
    """An earlier conversation of an agent with the same number."""

    record_id: UUID
    talked_at: datetime
    agent: str | None
    queue: str | None
    flow: str | None
    state: str
    path: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskCall:
    """The call that an agent has, is offered, or had last. variables: as they came in; gathered: set in the call so far.

    status: the agent's, "" = the call is an earlier one. state: of what he says of it ("" = he has not answered). why: callback or retry, where an agent asked for it.
    """

    offer_id: UUID
    record_id: UUID
    leg_id: UUID | None
    status: str
    agent_name: str
    queue_id: UUID | None
    queue: str | None
    script: str
    number: str
    talked_at: datetime | None
    state: str
    key: str
    note: str
    path: tuple[str, ...]
    callback_at: datetime | None
    follow_up: Mapping[str, object] | None
    saved_at: datetime | None
    request_id: UUID | None
    flow_id: str | None
    flow: str | None
    flow_version_id: UUID | None
    testing: bool
    client_identifier: str | None
    time_zone: str | None
    numbers: tuple[str, ...]
    variables: Mapping[str, str]
    gathered: Mapping[str, str]
    why: str | None


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent said of a call, with what followed."""

    choice: StoredChoice
    path: tuple[str, ...]
    note: str
    callback_at: datetime | None
    follow_up: Mapping[str, object] | None
    at: datetime
    by: str


class Saving(Protocol):
    """One transaction in which a disposition is saved with all that follows from it; rolled back by any exception."""

    state: str
    """Of the call's disposition, under lock; "gone" when the call is not his last any more or is written up."""

    @property
    def chunk(self) -> ChunkStore:
        """Intake's view of this transaction."""
        ...

    async def blacklist(self, number: str, note: str, audit: AuditEntry) -> None:
        """Add a number to the account's blacklist; nothing to do when it is there."""
        ...

    async def link(self, request_id: RequestId, why: str, agent_id: UUID | None) -> None:
        """Say why a request was made, and who should have its call."""
        ...

    async def save(self, said: Said, event: Mapping[str, object], audit: AuditEntry) -> None:
        """Store it, with its event in the record's timeline."""
        ...

    async def end_wrap_up(self, turn: AgentTurn, at: datetime) -> None:
        """End his wrap-up, if he is in it."""
        ...


class DispositionStore(Protocol):
    """What agents say of their calls."""

    async def call(self, account_id: AccountId, agent_id: UUID, offer_id: UUID | None) -> DeskCall | None:
        """This call of the agent; by default the one that he has or is offered, else his last. None: there is no such call."""
        ...

    async def past(self, account_id: AccountId, number: str, before: datetime, limit: int) -> Sequence[PastCall]:
        """Conversations with this number, newest first."""
        ...

    def saving(self, account_id: AccountId, agent_id: UUID, offer_id: UUID) -> AbstractAsyncContextManager[Saving]:
        """Open the transaction; the agent and the call are locked."""
        ...


class UnsaidCalls(Protocol):
    """Calls of which nobody said anything, in all accounts of the shard."""

    async def close_owed(self, at: datetime, limit: int) -> int:
        """Mark calls whose agents owe a disposition and have gone on without; how many."""
        ...


class FollowUpCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call that follows from a disposition: of the same contact, at a time. flow: by id or name."""

    request_id: RequestId
    record_id: RecordId
    flow: str
    testing: bool
    numbers: tuple[str, ...]
    start: datetime
    client_identifier: str
    time_zone: str
    variables: Mapping[str, str]


StoreFollowUp = Callable[[ChunkStore], Awaitable[StartAnswer]]
"""Stores what was prepared, within the caller's transaction."""


class FollowUps(Protocol):
    """Intake's door for calls that follow (``application/intake/follow_up.py``)."""

    async def prepare(self, account_id: AccountId, wanted: FollowUpCall) -> StoreFollowUp | str:
        """All that can be judged before the transaction; text: why there can be no such call."""
        ...
