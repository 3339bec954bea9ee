"""/queues: where calls wait for agents, by which rules, and who serves them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from litestar import Router, delete, get, patch, post, put
from litestar.params import FromPath, JSONBody
from litestar.status_codes import HTTP_200_OK
from msgspec import UNSET, Meta, Struct, UnsetType, structs

from central.application.ports.agents import Member, QueueRow
from central.domain.agents import Strategy
from central.domain.rights import Right
from central.entrypoints.api.account_routes import Name, given
from central.entrypoints.api.agent_routes import ARRANGE_AGENTS, SEE_AGENTS
from central.entrypoints.api.gate import CallerHere, UseCases, needs, needs_any
from central.entrypoints.api.paging import Cursor, Limit, Page, cursor_uuid, make_page
from central.entrypoints.api.presenting import Count, Moment, moment

Number = Annotated[str, Meta(max_length=32)]
Script = Annotated[str, Meta(max_length=20_000)]


class QueueView(Struct, frozen=True):
    """A queue; see "Make a queue" for the fields. ``agents``: how many serve it."""

    id: UUID
    name: str
    strategy: str
    ring_timeout_s: int
    max_wait_s: int
    max_length: int
    wrap_up_s: int | None
    misses: int
    ages_s: int
    service_level_s: int
    music: str
    caller_id: str
    script: str
    agents: int
    created_at: Moment


class NewQueue(Struct, forbid_unknown_fields=True, frozen=True):
    """A queue. Times in seconds.

    ``strategy``: ring_all, round_robin, longest_idle, fewest_calls, random, linear or skill_based. ``max_length`` 0 = no limit.
    ``wrap_up_s`` null = none, 0 = until a disposition is saved. ``misses``: missed offers in a row that pause an agent, 0 = none do.
    ``ages_s``: waiting that is worth one step of priority, 0 = none is. ``music``: a prompt. ``caller_id``: a DID that agents see.
    ``script``: what agents read to the customer; their desks show it.
    """

    name: Name
    strategy: Strategy = Strategy.LONGEST_IDLE
    ring_timeout_s: Count = 20
    max_wait_s: Count = 300
    max_length: Count = 0
    wrap_up_s: Count | None = 60
    misses: Count = 2
    ages_s: Count = 0
    service_level_s: Count = 20
    music: str = ""
    caller_id: Number = ""
    script: Script = ""


class QueueChange(Struct, forbid_unknown_fields=True, frozen=True):
    """Absent fields stay."""

    name: Name | UnsetType = UNSET
    strategy: Strategy | UnsetType = UNSET
    ring_timeout_s: Count | UnsetType = UNSET
    max_wait_s: Count | UnsetType = UNSET
    max_length: Count | UnsetType = UNSET
    wrap_up_s: Count | UnsetType | None = UNSET
    misses: Count | UnsetType = UNSET
    ages_s: Count | UnsetType = UNSET
    service_level_s: Count | UnsetType = UNSET
    music: str | UnsetType = UNSET
    caller_id: Number | UnsetType = UNSET
    script: Script | UnsetType = UNSET


class MemberView(Struct, frozen=True):
    """An agent of a queue."""

    agent_id: UUID
    key: str
    name: str
    tier: int
    place: int


class MemberPlace(Struct, forbid_unknown_fields=True, frozen=True):
    """``tier`` 1 (asked first) to 9; ``place``: his turn in round robin and linear."""

    tier: Annotated[int, Meta(ge=1, le=9)] = 1
    place: Annotated[int, Meta(ge=0, le=32_767)] = 0


class MemberBody(Struct, forbid_unknown_fields=True, frozen=True):
    """An agent of a queue. ``tier`` 1 (asked first) to 9; ``place``: his turn in round robin and linear."""

    agent_id: UUID
    tier: Annotated[int, Meta(ge=1, le=9)] = 1
    place: Annotated[int, Meta(ge=0, le=32_767)] = 0


class MembersBody(Struct, forbid_unknown_fields=True, frozen=True):
    """All agents of a queue."""

    agents: Annotated[list[MemberBody], Meta(max_length=1000)]


@get("/queues", guards=[needs_any(*SEE_AGENTS)], summary="Queues", tags=["Queues"])
async def list_queues(
    services: UseCases, caller: CallerHere, cursor: Cursor = None, limit: Limit = 50
) -> Page[QueueView]:
    """Queues in the order they were made."""
    rows = await services.call_centre.queues.page(caller.actor, cursor_uuid(cursor), limit + 1)
    return make_page(rows, limit, _queue_view, lambda row: {"id": row.id})


@post("/queues", guards=[needs(Right.CALL_CENTRE_CHANGE)], summary="Make a queue", tags=["Queues"])
async def create_queue(data: JSONBody[NewQueue], services: UseCases, caller: CallerHere) -> QueueView:
    """Flows send calls to it by its name."""
    fields = structs.asdict(data)
    row = QueueRow(id=services.ids.uuid(), created_at=services.clock.now(), **fields)
    return _queue_view(await services.call_centre.queues.create(caller.actor, row, caller.account.country))


@get("/queues/{queue_id:uuid}", guards=[needs_any(*SEE_AGENTS)], summary="One queue", tags=["Queues"])
async def get_queue(queue_id: FromPath[UUID], services: UseCases, caller: CallerHere) -> QueueView:
    """One queue."""
    return _queue_view(await services.call_centre.queues.get(caller.actor, queue_id))


@patch("/queues/{queue_id:uuid}", guards=[needs(Right.CALL_CENTRE_CHANGE)], summary="Change a queue", tags=["Queues"])
async def change_queue(
    queue_id: FromPath[UUID], data: JSONBody[QueueChange], services: UseCases, caller: CallerHere
) -> QueueView:
    """Calls that wait are served by the new rules."""
    queues = services.call_centre.queues
    return _queue_view(await queues.change(caller.actor, queue_id, given(data), caller.account.country))


@delete("/queues/{queue_id:uuid}", guards=[needs(Right.CALL_CENTRE_CHANGE)], summary="Remove a queue", tags=["Queues"])
async def remove_queue(queue_id: FromPath[UUID], services: UseCases, caller: CallerHere) -> None:
    """Possible while nobody waits or talks in it."""
    await services.call_centre.queues.remove(caller.actor, queue_id)


@get("/queues/{queue_id:uuid}/agents", guards=[needs_any(*SEE_AGENTS)], summary="Agents of a queue", tags=["Queues"])
async def list_members(queue_id: FromPath[UUID], services: UseCases, caller: CallerHere) -> Page[MemberView]:
    """By tier, place and key."""
    return _members(await services.call_centre.queues.members(caller.actor, queue_id))


@put(
    "/queues/{queue_id:uuid}/agents",
    guards=[needs_any(*ARRANGE_AGENTS)],
    summary="Say who serves a queue",
    tags=["Queues"],
    status_code=HTTP_200_OK,
)
async def put_members(
    queue_id: FromPath[UUID], data: JSONBody[MembersBody], services: UseCases, caller: CallerHere
) -> Page[MemberView]:
    """These agents and no others."""
    members = [Member(one.agent_id, one.tier, one.place) for one in data.agents]
    queues = services.call_centre.queues
    return _members(await queues.put_members(caller.actor, queue_id, members, all_of_them=True))


@put(
    "/queues/{queue_id:uuid}/agents/{agent_id:uuid}",
    guards=[needs_any(*ARRANGE_AGENTS)],
    summary="Add an agent to a queue",
    tags=["Queues"],
    status_code=HTTP_200_OK,
)
async def put_member(
    queue_id: FromPath[UUID],
    agent_id: FromPath[UUID],
    data: JSONBody[MemberPlace],
    services: UseCases,
    caller: CallerHere,
) -> Page[MemberView]:
    """Or give him another tier and place; answers all agents of the queue."""
    member = Member(agent_id, data.tier, data.place)
    queues = services.call_centre.queues
    return _members(await queues.put_members(caller.actor, queue_id, [member], all_of_them=False))


@delete(
    "/queues/{queue_id:uuid}/agents/{agent_id:uuid}",
    guards=[needs_any(*ARRANGE_AGENTS)],
    summary="Take an agent out of a queue",
    tags=["Queues"],
)
async def drop_member(
    queue_id: FromPath[UUID], agent_id: FromPath[UUID], services: UseCases, caller: CallerHere
) -> None:
    """A call that he has from it goes on."""
    await services.call_centre.queues.drop_member(caller.actor, queue_id, agent_id)


def _queue_view(row: QueueRow) -> QueueView:
    return QueueView(
        id=row.id,
        name=row.name,
        strategy=row.strategy,
        ring_timeout_s=row.ring_timeout_s,
        max_wait_s=row.max_wait_s,
        max_length=row.max_length,
        wrap_up_s=row.wrap_up_s,
        misses=row.misses,
        ages_s=row.ages_s,
        service_level_s=row.service_level_s,
        music=row.music,
        caller_id=row.caller_id,
        script=row.script,
        agents=row.agents,
        created_at=moment(row.created_at),
    )


def _members(rows: Sequence[Member]) -> Page[MemberView]:
    return Page([MemberView(row.agent_id, row.key, row.name, row.tier, row.place) for row in rows])


queue_router = Router(
    "/",
    route_handlers=[
        list_queues,
        create_queue,
        get_queue,
        change_queue,
        remove_queue,
        list_members,
        put_members,
        put_member,
        drop_member,
    ],
)
