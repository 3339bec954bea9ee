"""What the contact center needs of the store: places in queues, offers, and agents that move with them (path step 4b)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

import msgspec

from central.application.ports.contact_center import Offer
from central.domain.agent_moves import AgentNow, Terms
from central.domain.agents import FreeAgent, QueueRule, WaitingCall
from central.domain.ids import AccountId, LegId, RecordId


class NewPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who wants an agent: of a queue, or one agent, by name. skills: name -> least level."""

    account_id: AccountId
    id: UUID
    record_id: RecordId
    leg_id: LegId | None
    number: str
    queue: str
    agent: str
    skills: Mapping[str, int]
    priority: int
    patience_until: datetime
    ring_timeout_s: float | None


class Desk(msgspec.Struct, frozen=True):
    """One account at work: who waits, who is free, and by which rules."""

    account_id: AccountId
    queues: Mapping[UUID, QueueRule]
    waiting: Sequence[WaitingCall]
    free: Sequence[FreeAgent]


class NewOffer(msgspec.Struct, frozen=True):
    """Ring this agent for this place. place: his turn in the queue's row, for round robin."""

    account_id: AccountId
    id: UUID
    place_id: UUID
    agent_id: UUID
    turn: int | None = None


class OpenOffer(msgspec.Struct, frozen=True, kw_only=True):
    """An offer that has not ended, under lock. rivals: other open offers of its place."""

    account_id: AccountId
    id: UUID
    place_id: UUID
    agent_id: UUID
    taken: bool
    place_state: str
    rivals: int
    agent: AgentNow
    terms: Terms


class AgentMove(msgspec.Struct, frozen=True, kw_only=True):
    """A move of an agent. missed, answered: count it. wrap_up_s: None = no wrap-up, 0 = one without limit."""

    account_id: AccountId
    agent_id: UUID
    from_status: str
    to_status: str
    reason: str
    offer_id: UUID | None
    pause_code: str = ""
    wrap_up_s: float | None = None
    missed: bool = False
    answered: bool = False


class PlaceMove(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a place. passed: this agent was rung in vain."""

    account_id: AccountId
    id: UUID
    state: str
    outcome: str = ""
    agent_id: UUID | None = None
    passed: UUID | None = None


class OfferEnded(msgspec.Struct, frozen=True):
    """An offer is over."""

    account_id: AccountId
    id: UUID
    outcome: str


class OfferNews(msgspec.Struct, frozen=True):
    """What a node hears: agents to ring by place, and places that are not its own any more, with their outcome.

    withdrawn: places and offers whose agent was logged out while he was rung, or talked.
    """

    offers: Sequence[tuple[UUID, Offer]]
    over: Mapping[UUID, str]
    withdrawn: Sequence[tuple[UUID, UUID]] = ()


class OfferBatch(Protocol):
    """One transaction over locked offers."""

    offers: Sequence[OpenOffer]

    async def write(
        self,
        agents: Sequence[AgentMove],
        places: Sequence[PlaceMove],
        taken: Sequence[tuple[AccountId, UUID]],
        ended: Sequence[OfferEnded],
        at: datetime,
    ) -> None:
        """Store all that was decided."""
        ...


class ChoiceStore(Protocol):
    """What whoever chooses agents needs of a shard."""

    async def desks(self, at: datetime) -> Sequence[Desk]:
        """Every account in which somebody waits who is not being offered to anybody."""
        ...

    async def offer(self, offers: Sequence[NewOffer], at: datetime) -> int:
        """Write offers to agents who are still free, for places that still wait; how many were."""
        ...


class OfferStore(ChoiceStore, Protocol):
    """Places and offers of a shard."""

    async def enter(self, places: Sequence[NewPlace], node: str, lease: timedelta, at: datetime) -> Mapping[UUID, str]:
        """Store places; answers "" for one that waits, else why it does not: ``no_agent_available``, ``queue_full``."""
        ...

    async def hear(self, node: str, mine: Collection[UUID], lease: timedelta, at: datetime) -> OfferNews:
        """Renew the places of a node, and tell what is new about them."""
        ...

    def open_offers(self, ids: Sequence[UUID]) -> AbstractAsyncContextManager[OfferBatch]:
        """These offers under lock; those that have ended are left out."""
        ...

    def offers_of(self, places: Sequence[UUID]) -> AbstractAsyncContextManager[OfferBatch]:
        """The open offers of these places under lock."""
        ...

    async def stranded(self, at: datetime, limit: int) -> Sequence[tuple[AccountId, UUID, str]]:
        """Places to be ended, and how: ``lost`` (their node is gone), ``no_agent_available`` (all agents have logged out)."""
        ...
