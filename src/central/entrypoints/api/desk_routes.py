"""/agents/{id}/...: what an agent does at his own desk, and a supervisor for him; /board: who is at work."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from litestar import Router, get, post
from litestar.params import FromPath, JSONBody
from litestar.status_codes import HTTP_200_OK
from msgspec import Meta, Struct

from central.application.contact_center.keep_status import OrderedBy
from central.application.ports.agents import AgentEvent, BoardRow
from central.domain.errors import Forbidden
from central.domain.rights import Right
from central.entrypoints.api.agent_routes import SEE_AGENTS, AgentView, Phone, agent_view
from central.entrypoints.api.gate import CallerHere, UseCases, needs_any
from central.entrypoints.api.paging import Cursor, Limit, Page, cursor_uuid, make_page
from central.entrypoints.api.presenting import Moment, masked, moment

_DESK = needs_any(Right.DESK, Right.AGENTS_SUPERVISE)


class Login(Struct, forbid_unknown_fields=True, frozen=True):
    """``phone``: what he works with from now on, null = what he worked with last. ``paused``: begin with a pause."""

    phone: Phone | None = None
    paused: bool = False


class Logout(Struct, forbid_unknown_fields=True, frozen=True):
    """``force``: at once, also in mid-call; for supervisors."""

    force: bool = False


class Pause(Struct, forbid_unknown_fields=True, frozen=True):
    """``code``: one of the account's pause codes; a supervisor may leave it out, then it is FORCED."""

    code: Annotated[str, Meta(max_length=32)] = ""


class AgentEventView(Struct, frozen=True):
    """A change of status at ``at``: ``from_status`` had lasted ``lasted_ms``. ``actor``: who ordered it, empty = his calls.

    ``disposition``: where a conversation ended, what the agent said of it.
    """

    id: UUID
    at: Moment
    from_status: str
    to_status: str
    reason: str
    pause_code: str
    lasted_ms: int
    actor: str
    offer_id: UUID | None
    disposition: str


class BoardView(Struct, frozen=True):
    """An agent at work. ``queue``, ``flow``, ``record_id`` and ``leg_id`` are those of his present call.

    ``device``: ``sip``, or the number that is dialled. ``pause_state``: the code, while he is paused. ``duration_ms`` in ``status``;
    ``over_limit``: his pause is longer than its code allows.
    """

    id: UUID
    agent_key: str
    name: str
    device: str
    status: str
    since: Moment
    duration_ms: int
    pause_state: str
    over_limit: bool
    wanted: str
    queues: tuple[str, ...]
    queue: str | None
    flow: str | None
    record_id: UUID | None
    leg_id: UUID | None


@get("/agents/{agent_id:uuid}", guards=[needs_any(*SEE_AGENTS, Right.DESK)], summary="One agent", tags=["Agents"])
async def get_agent(agent_id: FromPath[UUID], services: UseCases, caller: CallerHere) -> AgentView:
    """An agent with his status and queues; a desk looks at its own."""
    row = await services.call_centre.status.get(_by(caller, agent_id), agent_id)
    _own(caller, agent_id, *SEE_AGENTS)
    return agent_view(row, caller)


@post("/agents/{agent_id:uuid}/login", guards=[_DESK], summary="Log in", tags=["Desk"], status_code=HTTP_200_OK)
async def log_in(agent_id: FromPath[UUID], data: JSONBody[Login], services: UseCases, caller: CallerHere) -> AgentView:
    """Who is at work already goes on with what he does: a desk that was lost comes back. Another phone: not in mid-call."""
    by = await _ordered(services, caller, agent_id)
    starts_paused = caller.account.settings.get("agents_start_paused") is True
    paused = data.paused or starts_paused
    return agent_view(await services.call_centre.status.log_in(by, agent_id, data.phone or "", paused=paused), caller)


@post("/agents/{agent_id:uuid}/logout", guards=[_DESK], summary="Log out", tags=["Desk"], status_code=HTTP_200_OK)
async def log_out(
    agent_id: FromPath[UUID], data: JSONBody[Logout], services: UseCases, caller: CallerHere
) -> AgentView:
    """In mid-call it follows when the call is written up; ``wanted`` says so."""
    by = await _ordered(services, caller, agent_id)
    if data.force:
        caller.require(Right.AGENTS_SUPERVISE)
        by = OrderedBy(by.account_id, by.name, supervisor=True)
    return agent_view(await services.call_centre.status.log_out(by, agent_id, force=data.force), caller)


@post("/agents/{agent_id:uuid}/pause", guards=[_DESK], summary="Pause", tags=["Desk"], status_code=HTTP_200_OK)
async def pause(agent_id: FromPath[UUID], data: JSONBody[Pause], services: UseCases, caller: CallerHere) -> AgentView:
    """In mid-call it follows when the call is written up; ``wanted`` says so."""
    by = await _ordered(services, caller, agent_id)
    return agent_view(await services.call_centre.status.pause(by, agent_id, data.code), caller)


@post("/agents/{agent_id:uuid}/resume", guards=[_DESK], summary="Resume", tags=["Desk"], status_code=HTTP_200_OK)
async def resume(agent_id: FromPath[UUID], services: UseCases, caller: CallerHere) -> AgentView:
    """End the pause; in mid-call: stay after it."""
    by = await _ordered(services, caller, agent_id)
    return agent_view(await services.call_centre.status.resume(by, agent_id), caller)


@post(
    "/agents/{agent_id:uuid}/end-wrap-up",
    guards=[_DESK],
    summary="End the wrap-up",
    tags=["Desk"],
    status_code=HTTP_200_OK,
)
async def end_wrap_up(agent_id: FromPath[UUID], services: UseCases, caller: CallerHere) -> AgentView:
    """The call is written up; what was asked for meanwhile follows."""
    by = await _ordered(services, caller, agent_id)
    return agent_view(await services.call_centre.status.end_wrap_up(by, agent_id), caller)


@post(
    "/agents/{agent_id:uuid}/heartbeat",
    guards=[_DESK],
    summary="Show that the desk is there",
    tags=["Desk"],
    status_code=HTTP_200_OK,
)
async def heartbeat(agent_id: FromPath[UUID], services: UseCases, caller: CallerHere) -> AgentView:
    """Every 15 seconds; after 60 without one an agent who is not on a call is logged out."""
    by = await _ordered(services, caller, agent_id)
    return agent_view(await services.call_centre.status.hear(by, agent_id), caller)


@get(
    "/agents/{agent_id:uuid}/events",
    guards=[needs_any(Right.DESK, *SEE_AGENTS)],
    summary="History of an agent",
    tags=["Agents"],
)
async def list_events(
    agent_id: FromPath[UUID], services: UseCases, caller: CallerHere, cursor: Cursor = None, limit: Limit = 50
) -> Page[AgentEventView]:
    """Changes of his status, newest first; a desk looks at its own."""
    status, by = services.call_centre.status, _by(caller, agent_id)
    rows = await status.events(by, agent_id, cursor_uuid(cursor), limit + 1)
    _own(caller, agent_id, *SEE_AGENTS)
    return make_page(rows, limit, _event_view, lambda row: {"id": row.id})


@get(
    "/board",
    guards=[needs_any(Right.AGENTS_SUPERVISE, Right.REPORTS_READ)],
    summary="The supervisor's board",
    tags=["Agents"],
)
async def show_board(
    services: UseCases, caller: CallerHere, cursor: Cursor = None, limit: Limit = 50
) -> Page[BoardView]:
    """Who is logged in, what he does and for how long."""
    now = services.clock.now()
    rows = await services.call_centre.status.board(caller.account_id, cursor_uuid(cursor), limit + 1)
    unmask = Right.NUMBERS_UNMASK in caller.rights

    def view(row: BoardRow) -> BoardView:
        lasted_ms = max(0, round((now - row.since).total_seconds() * 1000))
        number = row.number if unmask else masked(row.number)
        return BoardView(
            id=row.id,
            agent_key=row.key,
            name=row.name,
            device=number if row.phone == "number" else "sip",
            status=row.status,
            since=moment(row.since),
            duration_ms=lasted_ms,
            pause_state=row.pause_code,
            over_limit=0 < row.pause_limit_s * 1000 < lasted_ms,
            wanted=row.wanted,
            queues=row.queues,
            queue=row.queue,
            flow=row.flow,
            record_id=row.record_id,
            leg_id=row.leg_id,
        )

    return make_page(rows, limit, view, lambda row: {"id": row.id})


async def _ordered(services: UseCases, caller: CallerHere, agent_id: UUID) -> OrderedBy:
    """By whom an order is; an agent orders for himself, a supervisor for everybody. Raises NotFound, Forbidden."""
    by = _by(caller, agent_id)
    await services.call_centre.status.get(by, agent_id)
    _own(caller, agent_id, Right.AGENTS_SUPERVISE)
    return by


def _by(caller: CallerHere, agent_id: UUID) -> OrderedBy:
    return OrderedBy(caller.account_id, caller.actor.name, supervisor=caller.agent_id != agent_id)


def _own(caller: CallerHere, agent_id: UUID, *others: Right) -> None:
    """His own desk, or one of the rights over others. Raises Forbidden ``not_your_agent``."""
    own = caller.agent_id == agent_id and Right.DESK in caller.rights
    if not own and caller.rights.isdisjoint(others):
        raise Forbidden("not_your_agent", "This key opens no desk of this agent.")


def _event_view(row: AgentEvent) -> AgentEventView:
    return AgentEventView(
        id=row.id,
        at=moment(row.at),
        from_status=row.from_status,
        to_status=row.to_status,
        reason=row.reason,
        pause_code=row.pause_code,
        lasted_ms=row.lasted_ms,
        actor=row.actor,
        offer_id=row.offer_id,
        disposition=row.disposition,
    )


desk_router = Router(
    "/",
    route_handlers=[
        get_agent,
        log_in,
        log_out,
        pause,
        resume,
        end_wrap_up,
        heartbeat,
        list_events,
        show_board,
    ],
)
