"""Queues: how calls wait for agents and are handed out, and which agents serve them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import msgspec

from central.application.administration.acting import Actor, Auditor
from central.application.administration.checks import check_name, check_number
from central.application.ports.agents import Member, QueueRow, QueueStore
from central.domain.agents import Strategy
from central.domain.errors import InvalidInput, NotFound

MOST_MEMBERS: Final = 1000
_LAST_TIER: Final = 9
_LAST_PLACE: Final = 32_767
_BOUNDS: Final[Mapping[str, tuple[int, int]]] = {
    "ring_timeout_s": (3, 300),
    "max_wait_s": (1, 86_400),
    "max_length": (0, 100_000),
    "wrap_up_s": (0, 3600),
    "misses": (0, 100),
    "ages_s": (0, 86_400),
    "service_level_s": (1, 86_400),
}
"""Least and most of each number of a queue."""


@dataclass(frozen=True, slots=True)
class MaintainQueues:
    """The queues of an account."""

    store: QueueStore
    auditor: Auditor

    async def create(self, actor: Actor, queue: QueueRow, country: str) -> QueueRow:
        """Store a queue; ``id`` and ``created_at`` are given here.

        Raises InvalidInput, Conflict ``name_taken``, NotFound ``did_not_found`` for a caller id that is not the account's.
        """
        values = _checked(msgspec.structs.asdict(queue), country)
        made = msgspec.structs.replace(
            queue,
            id=self.auditor.ids.uuid(),
            caller_id=str(values["caller_id"]),
            created_at=self.auditor.clock.now(),
            agents=0,
        )
        audit = self.auditor.entry(actor, "queue_created", f"queue:{made.id}", name=made.name)
        await self.store.create(actor.account_id, made, audit)
        return made

    async def get(self, actor: Actor, queue_id: UUID) -> QueueRow:
        """Raises NotFound ``queue_not_found``."""
        return _found(await self.store.get(actor.account_id, queue_id))

    async def page(self, actor: Actor, after: UUID | None, limit: int) -> Sequence[QueueRow]:
        """Queues in the order they were made."""
        return await self.store.page(actor.account_id, after, limit)

    async def change(self, actor: Actor, queue_id: UUID, changes: Mapping[str, object], country: str) -> QueueRow:
        """Set the named fields; calls that wait are served by the new ones. Raises as ``create``, and NotFound ``queue_not_found``."""
        values = _checked(changes, country)
        audit = self.auditor.entry(actor, "queue_changed", f"queue:{queue_id}", fields=sorted(changes))
        return _found(await self.store.change(actor.account_id, queue_id, values, audit))

    async def remove(self, actor: Actor, queue_id: UUID) -> None:
        """Delete a queue. Raises NotFound ``queue_not_found``, Conflict ``queue_in_use`` while somebody waits or talks in it."""
        audit = self.auditor.entry(actor, "queue_removed", f"queue:{queue_id}")
        if not await self.store.remove(actor.account_id, queue_id, audit):
            _found(None)

    async def members(self, actor: Actor, queue_id: UUID) -> Sequence[Member]:
        """Its agents by tier, place and key. Raises NotFound ``queue_not_found``."""
        members = await self.store.members(actor.account_id, queue_id)
        if members is None:
            _found(None)
        return members or ()

    async def put_members(
        self, actor: Actor, queue_id: UUID, members: Sequence[Member], *, all_of_them: bool
    ) -> Sequence[Member]:
        """Add or change agents of a queue, with ``all_of_them`` it has no others; answers all of them.

        Raises InvalidInput (``too_many_agents``, ``duplicate_agent``, ``invalid_tier``, ``invalid_place``), NotFound
        ``queue_not_found`` and ``agent_not_found``.
        """
        _check_members(members)
        audit = self.auditor.entry(actor, "queue_agents_put", f"queue:{queue_id}", agents=len(members), all=all_of_them)
        if not await self.store.put_members(actor.account_id, queue_id, members, audit, all_of_them=all_of_them):
            _found(None)
        return await self.members(actor, queue_id)

    async def drop_member(self, actor: Actor, queue_id: UUID, agent_id: UUID) -> None:
        """Take an agent out. Raises NotFound ``agent_not_found`` when he is not in it."""
        audit = self.auditor.entry(actor, "queue_agent_removed", f"queue:{queue_id}", agent_id=str(agent_id))
        if not await self.store.drop_member(actor.account_id, queue_id, agent_id, audit):
            raise NotFound("agent_not_found", "There is no such agent in this queue.")


def _found(queue: QueueRow | None) -> QueueRow:
    if queue is None:
        raise NotFound("queue_not_found", "There is no such queue in this account.")
    return queue


def _checked(changes: Mapping[str, object], country: str) -> dict[str, object]:
    """The same with the caller id as digits. Raises InvalidInput."""
    values = dict(changes)
    if "name" in values:
        check_name(str(values["name"]))
    if values.get("strategy", Strategy.LONGEST_IDLE) not in set(Strategy):
        raise InvalidInput("unknown_strategy", f"A strategy is one of {', '.join(Strategy)}.", field="strategy")
    for field, (least, most) in _BOUNDS.items():
        value = values.get(field, least)
        if isinstance(value, int) and not least <= value <= most:
            code = "value_too_small" if value < least else "value_too_large"
            raise InvalidInput(code, f"{field} is {least} to {most}.", field=field)
    if values.get("music"):
        check_name(str(values["music"]), "music")
    if values.get("caller_id"):
        values["caller_id"] = check_number(str(values["caller_id"]), country, "caller_id")
    return values


def _check_members(members: Sequence[Member]) -> None:
    if len(members) > MOST_MEMBERS:
        raise InvalidInput("too_many_agents", f"A queue has at most {MOST_MEMBERS} agents.", field="agents")
    if len({one.agent_id for one in members}) < len(members):
        raise InvalidInput("duplicate_agent", "An agent stands in a queue once.", field="agents")
    for one in members:
        if not 1 <= one.tier <= _LAST_TIER:
            raise InvalidInput("invalid_tier", f"A tier is 1 (asked first) to {_LAST_TIER}.", field="tier")
        if not 0 <= one.place <= _LAST_PLACE:
            raise InvalidInput("invalid_place", f"A place is 0 to {_LAST_PLACE}.", field="place")
