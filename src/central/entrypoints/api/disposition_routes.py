"""/queues/{id}/dispositions and /flows/{id}/dispositions: what agents may say of a call; /agent/call: what they work with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, cast
from uuid import UUID

from litestar import Router, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.status_codes import HTTP_200_OK
from msgspec import Meta, Struct, structs

from central.application.contact_center.keep_status import OrderedBy
from central.application.contact_center.save_disposition import Saying
from central.application.ports.dispositions import DeskCall, Owner, PastCall, StoredChoice, Tree
from central.domain.call_dispositions import MOST_CHOICES, MOST_NOTE, Choice
from central.domain.errors import Forbidden
from central.domain.rights import Right
from central.entrypoints.api.account_routes import Name
from central.entrypoints.api.agent_routes import SEE_AGENTS
from central.entrypoints.api.gate import CallerHere, UseCases, needs, needs_any
from central.entrypoints.api.masking import mask_document
from central.entrypoints.api.presenting import Count, Moment, given_moment, masked, moment, moment_or_none

Key = Annotated[str, Meta(min_length=1, max_length=40)]
Note = Annotated[str, Meta(max_length=MOST_NOTE)]
_SEE = needs_any(*SEE_AGENTS, Right.DESK)


class Disposition(Struct, forbid_unknown_fields=True, frozen=True):
    """One line of a tree. ``parent``: the key of the line above it, "" = first level; what has lines below it is only a heading.

    ``contact``: the right person was reached; ``success``: the goal was. Of these three at most one: ``do_not_call`` puts the number on
    the account's blacklist; ``callback`` asks the agent for a time; ``retry_after_s`` calls again after so many seconds, 0 = not.
    """

    key: Key
    name: Name
    parent: Annotated[str, Meta(max_length=40)] = ""
    contact: bool = False
    success: bool = False
    do_not_call: bool = False
    callback: bool = False
    retry_after_s: Count = 0


class DispositionsBody(Struct, forbid_unknown_fields=True, frozen=True):
    """A whole tree, in the order in which desks show it.

    ``required``: agents cannot end their wrap-up before they have chosen. ``callback_flow``: id or name of the flow in which call backs
    and retries run, "" = the flow of the call.
    """

    dispositions: Annotated[list[Disposition], Meta(max_length=MOST_CHOICES)]
    required: bool = False
    callback_flow: Annotated[str, Meta(max_length=100)] = ""


class DispositionView(Struct, frozen=True):
    """A line in force, or one that was (``retired_at``). ``version`` counts what its key meant so far."""

    id: UUID
    key: str
    name: str
    parent: str
    contact: bool
    success: bool
    do_not_call: bool
    callback: bool
    retry_after_s: int
    version: int
    retired_at: Moment | None


class DispositionsView(Struct, frozen=True):
    """A tree; see "Say what agents may choose" for the fields. ``changed_at`` null = there is none yet."""

    dispositions: list[DispositionView]
    required: bool
    callback_flow: str
    changed_at: Moment | None


class SaidView(Struct, frozen=True):
    """What was said of a call. ``state``: open (may be said), owed (must be), saved, none (it was not, although it had to be).

    ``follow_up``: what follows, ``kind`` callback or retry, ``at``, ``record_id`` of the new record, or why it was ``refused``.
    """

    state: str
    disposition: str
    path: tuple[str, ...]
    note: str
    callback_at: Moment | None
    follow_up: dict[str, Any] | None
    saved_at: Moment | None


class PastCallView(Struct, frozen=True):
    """An earlier conversation of an agent with the same number, newest first."""

    record_id: UUID
    at: Moment
    agent: str | None
    queue: str | None
    flow: str | None
    state: str
    path: tuple[str, ...]
    note: str


class AgentCallView(Struct, frozen=True):
    """The call that the agent has, is offered or writes up. Numbers are masked without `numbers:unmask`, secrets always.

    ``status``: the agent's. ``variables`` came in with the record, ``gathered`` were set in the call so far. ``why``: callback or retry,
    where an agent had asked for this call. ``dispositions``: what may be said of it; ``history``: conversations with the same number.
    """

    offer_id: UUID
    record_id: UUID
    leg_id: UUID | None
    request_id: UUID | None
    status: str
    queue: str | None
    flow_id: str | None
    flow: str | None
    script: str
    number: str
    client_identifier: str | None
    answered_at: Moment | None
    variables: dict[str, str]
    gathered: dict[str, str]
    why: str | None
    required: bool
    said: SaidView
    dispositions: list[DispositionView]
    history: list[PastCallView]


class SayBody(Struct, forbid_unknown_fields=True, frozen=True):
    """What came of the call. ``callback_at``: when the contact is called back, for dispositions with ``callback``.

    ``offer_id``: of the call, null = the last one. ``same_agent``: the call back is his if he is free then. ``done``: it ends the wrap-up.
    """

    disposition: Key
    note: Note = ""
    callback_at: datetime | None = None
    same_agent: bool = False
    done: bool = True
    offer_id: UUID | None = None


@get("/queues/{queue_id:uuid}/dispositions", guards=[_SEE], summary="What agents may choose", tags=["Queues"])
async def get_queue_dispositions(
    queue_id: FromPath[UUID], services: UseCases, caller: CallerHere, retired: FromQuery[bool] = False  # noqa: FBT002 - a query
) -> DispositionsView:  # fmt: skip
    """The tree of a queue; with ``retired`` also what it was before."""
    tree = await services.call_centre.dispositions.get(caller.actor, Owner(queue_id=queue_id), retired=retired)
    return _tree_view(tree)


@put(
    "/queues/{queue_id:uuid}/dispositions",
    guards=[needs(Right.CALL_CENTRE_CHANGE)],
    summary="Say what agents may choose",
    tags=["Queues"],
    status_code=HTTP_200_OK,
)
async def put_queue_dispositions(
    queue_id: FromPath[UUID], data: JSONBody[DispositionsBody], services: UseCases, caller: CallerHere
) -> DispositionsView:
    """This tree and nothing else, from the next save on. What was chosen before stays as it was, and is retired."""
    return await _put(services, caller, Owner(queue_id=queue_id), data)


@get("/flows/{flow:str}/dispositions", guards=[_SEE], summary="What agents may choose", tags=["Flows"])
async def get_flow_dispositions(
    flow: FromPath[str], services: UseCases, caller: CallerHere, retired: FromQuery[bool] = False  # noqa: FBT002 - a query
) -> DispositionsView:  # fmt: skip
    """The tree of a flow, for calls that come through no queue or through one without a tree."""
    tree = await services.call_centre.dispositions.get(caller.actor, Owner(flow_id=flow), retired=retired)
    return _tree_view(tree)


@put(
    "/flows/{flow:str}/dispositions",
    guards=[needs(Right.CALL_CENTRE_CHANGE)],
    summary="Say what agents may choose",
    tags=["Flows"],
    status_code=HTTP_200_OK,
)
async def put_flow_dispositions(
    flow: FromPath[str], data: JSONBody[DispositionsBody], services: UseCases, caller: CallerHere
) -> DispositionsView:
    """This tree and nothing else, from the next save on."""
    return await _put(services, caller, Owner(flow_id=flow), data)


@get("/agent/call", guards=[needs(Right.DESK)], summary="The agent's call", tags=["Desk"])
async def show_call(services: UseCases, caller: CallerHere) -> AgentCallView:
    """Of the agent whose desk this key opens: contact, values, script, dispositions, earlier conversations."""
    by = _by(caller)
    found = await services.call_centre.said.call(by, _agent(caller))
    unmask = Right.NUMBERS_UNMASK in caller.rights
    return _call_view(found.call, found.tree, found.past, unmask=unmask)


@post(
    "/agent/disposition",
    guards=[needs(Right.DESK)],
    summary="Say what came of the call",
    tags=["Desk"],
    status_code=HTTP_200_OK,
)
async def save_disposition(data: JSONBody[SayBody], services: UseCases, caller: CallerHere) -> SaidView:
    """During the call or its wrap-up, once. What follows from it is done with it: blacklist, call back, another try."""
    saying = Saying(
        key=data.disposition,
        offer_id=data.offer_id,
        note=data.note,
        callback_at=given_moment(data.callback_at, "callback_at"),
        same_agent=data.same_agent,
        done=data.done,
    )
    return _said_view(await services.call_centre.said.save(_by(caller), _agent(caller), saying))


async def _put(services: UseCases, caller: CallerHere, owner: Owner, data: DispositionsBody) -> DispositionsView:
    choices = [Choice(**structs.asdict(one)) for one in data.dispositions]
    tree = Tree(required=data.required, callback_flow=data.callback_flow)
    return _tree_view(await services.call_centre.dispositions.put(caller.actor, owner, tree, choices))


def _agent(caller: CallerHere) -> UUID:
    if caller.agent_id is None:
        raise Forbidden("no_desk", "This key opens no agent's desk.")
    return caller.agent_id


def _by(caller: CallerHere) -> OrderedBy:
    return OrderedBy(caller.account_id, caller.actor.name)


def _tree_view(tree: Tree) -> DispositionsView:
    choices = [_choice_view(one) for one in tree.choices]
    return DispositionsView(choices, tree.required, tree.callback_flow, moment_or_none(tree.changed_at))


def _choice_view(one: StoredChoice) -> DispositionView:
    return DispositionView(
        id=one.id,
        key=one.key,
        name=one.name,
        parent=one.parent,
        contact=one.contact,
        success=one.success,
        do_not_call=one.do_not_call,
        callback=one.callback,
        retry_after_s=one.retry_after_s,
        version=one.version,
        retired_at=moment_or_none(one.retired_at),
    )


def _said_view(call: DeskCall) -> SaidView:
    return SaidView(
        state=call.state,
        disposition=call.key,
        path=call.path,
        note=call.note,
        callback_at=moment_or_none(call.callback_at),
        follow_up=None if call.follow_up is None else dict(call.follow_up),
        saved_at=moment_or_none(call.saved_at),
    )


def _call_view(call: DeskCall, tree: Tree, past: Sequence[PastCall], *, unmask: bool) -> AgentCallView:
    told: Mapping[str, object] = {
        "number": call.number, "variables": call.variables, "gathered": call.gathered,
        "client_identifier": call.client_identifier, "notes": [one.note for one in past],
    }  # fmt: skip
    shown = cast("dict[str, Any]", told if unmask else mask_document(told))
    return AgentCallView(
        offer_id=call.offer_id,
        record_id=call.record_id,
        leg_id=call.leg_id,
        request_id=call.request_id,
        status=call.status,
        queue=call.queue,
        flow_id=call.flow_id,
        flow=call.flow,
        script=call.script,
        number=call.number if unmask else masked(call.number),
        client_identifier=shown["client_identifier"],
        answered_at=moment_or_none(call.talked_at),
        variables=dict(shown["variables"]),
        gathered=dict(shown["gathered"]),
        why=call.why,
        required=tree.required,
        said=_said_view(call),
        dispositions=[_choice_view(one) for one in tree.choices],
        history=[_past_view(one, note) for one, note in zip(past, shown["notes"], strict=True)],
    )


def _past_view(one: PastCall, note: str) -> PastCallView:
    return PastCallView(
        record_id=one.record_id,
        at=moment(one.talked_at),
        agent=one.agent,
        queue=one.queue,
        flow=one.flow,
        state=one.state,
        path=one.path,
        note=note,
    )


disposition_router = Router(
    "/",
    route_handlers=[
        get_queue_dispositions,
        put_queue_dispositions,
        get_flow_dispositions,
        put_flow_dispositions,
        show_call,
        save_disposition,
    ],
)
