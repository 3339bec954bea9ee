"""/agents: who takes calls, with which skills and phones; /pause-codes: what their breaks are for."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from litestar import Router, delete, get, patch, post, put
from litestar.params import FromPath, JSONBody
from litestar.status_codes import HTTP_200_OK
from msgspec import UNSET, Meta, Struct, UnsetType

from central.application.administration.maintain_agents import NewAgent
from central.application.ports.agents import AgentRow, PauseCode
from central.application.ports.telephony import phone_user
from central.domain.rights import Right
from central.entrypoints.api.account_routes import Name, given
from central.entrypoints.api.gate import CallerHere, UseCases, needs, needs_any
from central.entrypoints.api.paging import Cursor, Limit, Page, cursor_uuid, make_page
from central.entrypoints.api.presenting import Count, Moment, masked, moment, moment_or_none

SEE_AGENTS = (Right.AGENTS_SUPERVISE, Right.CALL_CENTRE_CHANGE, Right.REPORTS_READ)
"""One of these shows agents and queues."""

ARRANGE_AGENTS = (Right.CALL_CENTRE_CHANGE, Right.AGENTS_SUPERVISE)
"""One of these says who serves which queue, with what skills."""

Level = Annotated[int, Meta(ge=1, le=10)]
Skills = Annotated[dict[Annotated[str, Meta(max_length=40)], Level], Meta(max_length=50)]
Groups = Annotated[list[Annotated[str, Meta(min_length=1, max_length=100)]], Meta(max_length=50)]
Key = Annotated[str, Meta(min_length=1, max_length=64)]
Phone = Literal["sip", "number"]


class QueueOfAgent(Struct, frozen=True):
    """A queue that the agent serves. ``tier`` 1 is asked first; ``place``: his turn in round robin and linear."""

    id: UUID
    name: str
    tier: int
    place: int


class AgentView(Struct, frozen=True):
    """An agent. ``status`` since ``since``; ``wanted``: PAUSED or LOGGED_OUT follows when his call is written up.

    ``phone``: what he works with now. ``phone_user``: the user name of his SIP phone, which has a password when ``has_phone``.
    ``number`` is masked for callers without `numbers:unmask` and `call_centre:change`, but not for himself.
    """

    id: UUID
    key: str
    name: str
    kind: str
    groups: tuple[str, ...]
    skills: dict[str, int]
    number: str
    phone: str
    phone_user: str
    has_phone: bool
    status: str
    since: Moment
    reason: str
    pause_code: str
    wanted: str
    wrap_up_until: Moment | None
    heard_at: Moment | None
    queues: list[QueueOfAgent]
    created_at: Moment


class NewAgentBody(Struct, forbid_unknown_fields=True, frozen=True):
    """An agent. ``key`` names him in flows; ``skills``: name to level (1 to 10).

    ``kind``: a ``dynamic`` agent logs in and out at a desk, a ``direct`` one is a ``number`` that is called. ``phone``: what he
    works with unless he says otherwise, his ``sip`` phone or his ``number``.
    """

    key: Key
    name: Name
    kind: Literal["dynamic", "direct"] = "dynamic"
    groups: Groups = []
    skills: Skills = {}
    number: Annotated[str, Meta(max_length=32)] = ""
    phone: Phone = "sip"


class AgentChange(Struct, forbid_unknown_fields=True, frozen=True):
    """Absent fields stay; ``groups`` and ``skills`` replace all. Supervisors change ``skills`` and ``groups``."""

    key: Key | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    kind: Literal["dynamic", "direct"] | UnsetType = UNSET
    groups: Groups | UnsetType = UNSET
    skills: Skills | UnsetType = UNSET
    number: Annotated[str, Meta(max_length=32)] | UnsetType = UNSET
    phone: Phone | UnsetType = UNSET


class PhoneView(Struct, frozen=True):
    """What a SIP phone registers with. ``password`` is shown this once (null in a repeated answer); ``username`` never changes."""

    username: str
    password: str


@get("/agents", guards=[needs_any(*SEE_AGENTS)], summary="Agents", tags=["Agents"])
async def list_agents(
    services: UseCases, caller: CallerHere, cursor: Cursor = None, limit: Limit = 50
) -> Page[AgentView]:
    """Agents in the order they were made."""
    rows = await services.call_centre.agents.page(caller.actor, cursor_uuid(cursor), limit + 1)
    return make_page(rows, limit, lambda row: agent_view(row, caller), lambda row: {"id": row.id})


@post("/agents", guards=[needs(Right.CALL_CENTRE_CHANGE)], summary="Make an agent", tags=["Agents"])
async def create_agent(data: JSONBody[NewAgentBody], services: UseCases, caller: CallerHere) -> AgentView:
    """He begins logged out, in no queue."""
    new = NewAgent(
        key=data.key,
        name=data.name,
        kind=data.kind,
        groups=tuple(data.groups),
        skills=data.skills,
        number=data.number,
        phone=data.phone,
    )
    return agent_view(await services.call_centre.agents.create(caller.actor, new, caller.account.country), caller)


@patch("/agents/{agent_id:uuid}", guards=[needs_any(*ARRANGE_AGENTS)], summary="Change an agent", tags=["Agents"])
async def change_agent(
    agent_id: FromPath[UUID], data: JSONBody[AgentChange], services: UseCases, caller: CallerHere
) -> AgentView:
    """A call in progress is not touched; a phone that he changes is rung from the next call on."""
    changes = given(data)
    if not changes.keys() <= {"skills", "groups"}:
        caller.require(Right.CALL_CENTRE_CHANGE)
    agents = services.call_centre.agents
    return agent_view(await agents.change(caller.actor, agent_id, changes, caller.account.country), caller)


@post(
    "/agents/{agent_id:uuid}/phone",
    guards=[needs(Right.CALL_CENTRE_CHANGE)],
    summary="Give an agent's SIP phone a password",
    tags=["Agents"],
    opt={"secret_fields": ["password"]},
)
async def renew_phone(agent_id: FromPath[UUID], services: UseCases, caller: CallerHere) -> PhoneView:
    """The password before is void."""
    return PhoneView(*await services.call_centre.agents.new_phone(caller.actor, agent_id))


@delete("/agents/{agent_id:uuid}", guards=[needs(Right.CALL_CENTRE_CHANGE)], summary="Remove an agent", tags=["Agents"])
async def remove_agent(agent_id: FromPath[UUID], services: UseCases, caller: CallerHere) -> None:
    """Possible while he is logged out; the keys of his desk end."""
    await services.call_centre.agents.remove(caller.actor, agent_id)


class PauseCodeView(Struct, frozen=True):
    """What a break is for. ``limit_s``: seconds it should last at most, 0 = no limit; ``productive``: it counts as work."""

    code: str
    name: str
    limit_s: int
    productive: bool


class PauseCodeBody(Struct, forbid_unknown_fields=True, frozen=True):
    """What a break is for; the board shows who is longer away than ``limit_s`` seconds."""

    name: Name
    limit_s: Count = 0
    productive: bool = False


@get("/pause-codes", guards=[needs_any(*SEE_AGENTS, Right.DESK)], summary="Pause codes of the account", tags=["Agents"])
async def list_pause_codes(services: UseCases, caller: CallerHere) -> Page[PauseCodeView]:
    """All by code. The system adds MANUAL_CALL, MISSED_OFFERS and FORCED itself."""
    return Page([_pause_code_view(code) for code in await services.call_centre.pause_codes.all(caller.actor)])


@put(
    "/pause-codes/{code:str}",
    guards=[needs(Right.CALL_CENTRE_CHANGE)],
    summary="Add or change a pause code",
    tags=["Agents"],
    status_code=HTTP_200_OK,
)
async def put_pause_code(
    code: FromPath[str], data: JSONBody[PauseCodeBody], services: UseCases, caller: CallerHere
) -> PauseCodeView:
    """Capital letters, digits and underscores."""
    row = PauseCode(code, data.name, data.limit_s, data.productive)
    return _pause_code_view(await services.call_centre.pause_codes.put(caller.actor, row))


@delete(
    "/pause-codes/{code:str}", guards=[needs(Right.CALL_CENTRE_CHANGE)], summary="Remove a pause code", tags=["Agents"]
)
async def remove_pause_code(code: FromPath[str], services: UseCases, caller: CallerHere) -> None:
    """Who is paused with it stays so; history keeps the word."""
    await services.call_centre.pause_codes.remove(caller.actor, code)


def agent_view(row: AgentRow, caller: CallerHere) -> AgentView:
    """An agent as answers show him."""
    shown = caller.agent_id == row.id or not caller.rights.isdisjoint({Right.NUMBERS_UNMASK, Right.CALL_CENTRE_CHANGE})
    return AgentView(
        id=row.id,
        key=row.key,
        name=row.name,
        kind=row.kind,
        groups=row.groups,
        skills=dict(row.skills),
        number=row.number if shown else masked(row.number),
        phone=row.phone,
        phone_user=phone_user(row.id),
        has_phone=row.has_phone,
        status=row.status,
        since=moment(row.since),
        reason=row.reason,
        pause_code=row.pause_code,
        wanted=row.wanted,
        wrap_up_until=moment_or_none(row.wrap_up_until),
        heard_at=moment_or_none(row.heard_at),
        queues=[QueueOfAgent(queue.id, queue.name, queue.tier, queue.place) for queue in row.queues],
        created_at=moment(row.created_at),
    )


def _pause_code_view(row: PauseCode) -> PauseCodeView:
    return PauseCodeView(row.code, row.name, row.limit_s, row.productive)


agent_router = Router(
    "/",
    route_handlers=[
        list_agents,
        create_agent,
        change_agent,
        renew_phone,
        remove_agent,
        list_pause_codes,
        put_pause_code,
        remove_pause_code,
    ],
)
