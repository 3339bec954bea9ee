"""What administration and the agents' desks need of the store: agents, queues with their members, pause codes, statuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

import msgspec

from central.application.ports.administration import AuditEntry
from central.domain.agent_orders import Effect, Rule
from central.domain.ids import AccountId


class AgentQueue(msgspec.Struct, frozen=True):
    """A queue that an agent serves. tier: 1 is asked first; place: his turn in round robin and linear."""

    id: UUID
    name: str
    tier: int
    place: int


class AgentRow(msgspec.Struct, frozen=True, kw_only=True):
    """An agent with his status. skills: name -> level from 1. number: E.164 digits or "". phone: what he works with, sip or number.

    wanted: PAUSED or LOGGED_OUT when that was asked for and waits. wrap_up_until: the end of a wrap-up that has a limit.
    has_phone: his SIP phone has credentials. said: the disposition of his last call is ``owed`` or ``saved``.
    """

    id: UUID
    key: str
    name: str
    kind: str
    groups: tuple[str, ...]
    skills: Mapping[str, int]
    number: str
    phone: str
    has_phone: bool
    status: str
    since: datetime
    reason: str
    pause_code: str
    wanted: str
    wanted_code: str
    misses: int
    wrap_up_until: datetime | None
    heard_at: datetime | None
    created_at: datetime
    said: str = ""
    queues: tuple[AgentQueue, ...] = ()


class AgentStore(Protocol):
    """The agents of an account."""

    async def create(self, account_id: AccountId, agent: AgentRow, audit: AuditEntry) -> None:
        """Store him, LOGGED_OUT. Raises Conflict ``key_taken``."""
        ...

    async def get(self, account_id: AccountId, agent_id: UUID) -> AgentRow | None:
        """One agent."""
        ...

    async def page(self, account_id: AccountId, after: UUID | None, limit: int) -> Sequence[AgentRow]:
        """Agents in the order they were made."""
        ...

    async def change(
        self, account_id: AccountId, agent_id: UUID, changes: Mapping[str, object], audit: AuditEntry
    ) -> AgentRow | None:
        """Set the named fields. Raises Conflict ``key_taken``."""
        ...

    async def set_phone_password(self, account_id: AccountId, agent_id: UUID, password: str, audit: AuditEntry) -> bool:
        """Replace the password of his SIP phone; False: no such agent."""
        ...

    async def remove(self, account_id: AccountId, agent_id: UUID, audit: AuditEntry) -> bool:
        """Delete him and end his keys; False: no such agent. Raises Conflict ``agent_at_work`` unless he is LOGGED_OUT."""
        ...


class QueueRow(msgspec.Struct, frozen=True, kw_only=True):
    """A queue. Times in seconds; ``max_length`` 0 = no limit; ``wrap_up_s`` None = none, 0 = until a disposition is saved.

    misses: so many missed offers in a row pause an agent, 0 = none do. ages_s: so many seconds of waiting are worth one step of
    priority, 0 = none are. music: a prompt's name or "". caller_id: digits of a DID of the account, "" = the flow's.
    script: what agents read to the customer.
    """

    id: UUID
    name: str
    strategy: str = "longest_idle"
    ring_timeout_s: int = 20
    max_wait_s: int = 300
    max_length: int = 0
    wrap_up_s: int | None = 60
    misses: int = 2
    ages_s: int = 0
    service_level_s: int = 20
    music: str = ""
    caller_id: str = ""
    script: str = ""
    created_at: datetime
    agents: int = 0


class Member(msgspec.Struct, frozen=True):
    """An agent of a queue."""

    agent_id: UUID
    tier: int = 1
    place: int = 0
    key: str = ""
    name: str = ""


class QueueStore(Protocol):
    """The queues of an account, and who serves them."""

    async def create(self, account_id: AccountId, queue: QueueRow, audit: AuditEntry) -> None:
        """Store it. Raises Conflict ``name_taken``, NotFound ``did_not_found`` for a caller id that is not the account's."""
        ...

    async def get(self, account_id: AccountId, queue_id: UUID) -> QueueRow | None:
        """One queue."""
        ...

    async def page(self, account_id: AccountId, after: UUID | None, limit: int) -> Sequence[QueueRow]:
        """Queues in the order they were made."""
        ...

    async def change(
        self, account_id: AccountId, queue_id: UUID, changes: Mapping[str, object], audit: AuditEntry
    ) -> QueueRow | None:
        """Set the named fields. Raises as ``create``."""
        ...

    async def remove(self, account_id: AccountId, queue_id: UUID, audit: AuditEntry) -> bool:
        """Delete it with its memberships; False: no such queue. Raises Conflict ``queue_in_use`` while somebody waits in it."""
        ...

    async def members(self, account_id: AccountId, queue_id: UUID) -> Sequence[Member] | None:
        """Its agents by tier, place and key; None: no such queue."""
        ...

    async def put_members(
        self, account_id: AccountId, queue_id: UUID, members: Sequence[Member], audit: AuditEntry, *, all_of_them: bool
    ) -> bool:
        """Add or change these, and with ``all_of_them`` drop the others; False: no such queue.

        Raises NotFound ``agent_not_found``.
        """
        ...

    async def drop_member(self, account_id: AccountId, queue_id: UUID, agent_id: UUID, audit: AuditEntry) -> bool:
        """Take an agent out; False: he is not in it."""
        ...


class PauseCode(msgspec.Struct, frozen=True):
    """A reason for a break. limit_s: how long it should last at most, 0 = no limit. productive: it counts as work."""

    code: str
    name: str
    limit_s: int = 0
    productive: bool = False


class PauseCodeStore(Protocol):
    """The pause codes of an account; those of the system need no row."""

    async def all(self, account_id: AccountId) -> Sequence[PauseCode]:
        """All by code."""
        ...

    async def put(self, account_id: AccountId, code: PauseCode, audit: AuditEntry) -> None:
        """Add or change it."""
        ...

    async def remove(self, account_id: AccountId, code: str, audit: AuditEntry) -> bool:
        """Delete it; what history says of it stays. False: there is none."""
        ...


class AgentTurn(msgspec.Struct, frozen=True, kw_only=True):
    """An order to an agent. code: of a pause; phone: what he logs in with; supervisor: not his own. audit: the line it leaves."""

    account_id: AccountId
    agent_id: UUID
    rule: Rule
    code: str = ""
    phone: str = ""
    actor: str = ""
    supervisor: bool = False
    audit: AuditEntry | None = None


class AgentTurned(msgspec.Struct, frozen=True):
    """What came of an order: the status before and now, what waits, and what he is paused for."""

    agent_id: UUID
    effect: Effect
    before: str
    status: str
    since: datetime
    wanted: str
    pause_code: str


class AgentEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A change of an agent's status; ``lasted_ms`` milliseconds he was in ``from_status``. disposition: what he said of the call."""

    id: UUID
    at: datetime
    from_status: str
    to_status: str
    reason: str
    pause_code: str
    lasted_ms: int
    actor: str
    offer_id: UUID | None
    disposition: str


class BoardRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the supervisor's board (domain 10). queue, flow, record_id and leg_id are those of his present call."""

    id: UUID
    key: str
    name: str
    phone: str
    number: str
    status: str
    since: datetime
    pause_code: str
    pause_limit_s: int
    wanted: str
    queues: tuple[str, ...]
    queue: str | None
    flow: str | None
    record_id: UUID | None
    leg_id: UUID | None


class AgentStatuses(Protocol):
    """The statuses of agents, with their history."""

    async def turn(self, turns: Sequence[AgentTurn], at: datetime) -> Sequence[AgentTurned]:
        """Carry orders out in one statement, one for each agent, with their events; agents that are not there are left out.

        All are of one account.
        """
        ...

    async def switch_phone(self, account_id: AccountId, agent_id: UUID, phone: str) -> bool:
        """Let him work with another phone; False: he is ringing or on a call (or not there)."""
        ...

    async def heard(self, agents: Sequence[tuple[AccountId, UUID]], at: datetime) -> Mapping[UUID, str]:
        """Signs of life; answers the status of each agent who is there."""
        ...

    async def tend(self, at: datetime, silence: timedelta, limit: int) -> int:
        """Log out who is not heard any more, end wrap-ups whose time is over, do what was asked for; how many moved.

        At most ``limit`` agents; rows that somebody else holds are left for the next time.
        """
        ...

    async def events(
        self, account_id: AccountId, agent_id: UUID, before: UUID | None, limit: int
    ) -> Sequence[AgentEvent]:
        """His history, newest first, the events before the one with that id."""
        ...

    async def board(self, account_id: AccountId, after: UUID | None, limit: int) -> Sequence[BoardRow]:
        """Agents who are logged in, by id."""
        ...
