"""The contact center as a live call sees it: a place in a queue, agents offered to it, and what became of the offers.

The room of agents and queues (path step 4b) stands behind it. It owns agents, queues and strategies; legs belong to the
conversation, which rings whom it is offered and tells what came of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, Protocol
from uuid import UUID

import msgspec

from central.domain.ids import AccountId, LegId, RecordId

QueueOutcome = Literal["max_wait_time_reached", "no_agent_available", "queue_full", "failed"]
"""How a wait ends without a conversation."""

OfferEnd = Literal["missed", "busy", "refused", "unreachable", "withdrawn"]
"""What became of an offer that nobody answered: no answer in time, the phone said busy or no, it could not be reached, or the
customer needs it no more."""

TalkEnd = Literal["agent_left", "customer_left", "agent_lost", "not_reached"]
"""Who ended a conversation; lost: the agent's leg broke; not_reached: there was none, he waited for a customer in vain."""


class AgentWish(msgspec.Struct, frozen=True, kw_only=True):
    """A customer who wants an agent. Exactly one of queue and agent is set, by name.

    leg: his, answered, on this voice node; None = he is called when the agent is there. skills: names, each with a level if need be (``billing:3``). priority: 0 to 9, the highest first. max_wait_s: how long he
    waits at most. ring_timeout_s None = the queue's.
    """

    account_id: AccountId
    record_id: RecordId
    leg: LegId | None
    number: str
    max_wait_s: float
    queue: str = ""
    agent: str = ""
    skills: tuple[str, ...] = ()
    priority: int = 0
    ring_timeout_s: float | None = None


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """An agent who may be rung. number: his telephone, "" = his SIP phone, whose endpoint is that of ``agent``."""

    id: UUID
    agent: UUID
    name: str
    number: str = ""
    ring_timeout_s: float = 20.0
    caller_id: str = ""


class Place(Protocol):
    """A customer's place in a queue."""

    async def offers(self) -> Sequence[Offer] | QueueOutcome:
        """Wait for agents to ring, several only where the queue rings all; or for the end of the wait."""
        ...

    def watch(self, offer: Offer, withdrawn: Callable[[], None]) -> None:
        """Have it called when the agent is logged out while he is rung, or talks: his call is to be ended."""
        ...

    async def taken(self, offer: Offer) -> bool:
        """The agent answered. False: the offer is not his any more (his node was away, he was logged out), let him go."""
        ...

    async def ended(self, offer: Offer, how: OfferEnd) -> None:
        """Nobody answered; the agent is free again, or paused when he misses too many."""
        ...

    async def over(self, offer: Offer, how: TalkEnd) -> None:
        """The conversation is over; when the agent was lost, the customer is in his place again."""
        ...

    async def leave(self) -> None:
        """The customer is gone, or the flow waits no more: open offers are withdrawn. Safe to repeat."""
        ...


class ContactCenter(Protocol):
    """The door."""

    async def enter(self, wish: AgentWish) -> Place:
        """Let him queue up. A queue that is not there has nobody. Raises NeighbourError when the room is away."""
        ...
