"""The contact center as flows see it: a door at which a customer waits for an agent and talks with him.

The room of agents and queues (path step 4b) will stand behind it. It owns agents, queues and strategies, rings the agents, and
joins their legs with the customer's, which stays with the voice node.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

import msgspec

from central.domain.ids import AccountId, LegId, RecordId

WaitStage = Literal["waiting", "conversation"]
QueueOutcome = Literal[
    "agent_allocated",
    "customer_left",
    "max_wait_time_reached",
    "no_agent_available",
    "queue_full",
    "agent_lost",
    "failed",
]
"""The outcomes of the errand ConnectAgent, see flow/errands.py."""


class Whisper(msgspec.Struct, frozen=True):
    """What the agent alone hears first: ``text`` to be spoken, or ``prompt`` of the library, in ``language``."""

    text: str = ""
    prompt: str = ""
    voice: str = ""
    language: str = "en"


class AgentWish(msgspec.Struct, frozen=True, kw_only=True):
    """A customer who wants an agent. leg: his, answered, on this voice node. Exactly one of queue and agent is set, by name.

    skills: names, each with a level if need be (``billing:3``). priority: 0 to 9, the highest first. max_wait_s: how long he
    waits at most. ring_timeout_s None = the queue's. music, caller_id "" = the queue's.
    """

    account_id: AccountId
    record_id: RecordId
    leg: LegId
    number: str
    max_wait_s: float
    queue: str = ""
    agent: str = ""
    skills: tuple[str, ...] = ()
    priority: int = 0
    music: str = ""
    announce_position: bool = False
    whisper: Whisper | None = None
    record: bool = False
    ring_timeout_s: float | None = None
    caller_id: str = ""


class AgentAnswer(msgspec.Struct, frozen=True):
    """How it ended. agent: who talked with him; waited_s: how long he waited; detail: a sentence without secrets."""

    outcome: QueueOutcome
    agent: str = ""
    waited_s: float = 0.0
    detail: str = ""


class ContactCenter(Protocol):
    """The door."""

    async def connect(self, wish: AgentWish, moved: Callable[[WaitStage], None]) -> AgentAnswer:
        """Let him wait and talk; returns when the conversation is over, or there is none. A queue that is not there has nobody.

        Tells ``moved("conversation")`` when both hear each other, and ``moved("waiting")`` when the agent was lost and another
        is looked for. Cancelled when the customer is gone or the flow waits no more: his place is free then, and an agent who
        rings or talks is let go. Raises NeighbourError when the room is away.
        """
        ...
