"""What an agent says of his call, and what follows from it: blacklist, call back, another try (domain 9.5; path step 4b).

Everything is one transaction: whoever repeats the call, or dies in the middle of it, leaves it done once or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from central.application.contact_center.keep_status import OrderedBy
from central.application.ports.administration import AuditEntry
from central.application.ports.agents import AgentTurn
from central.application.ports.dispositions import (
    DeskCall,
    DispositionStore,
    FollowUpCall,
    FollowUps,
    Owner,
    PastCall,
    Said,
    Saving,
    StoredChoice,
    StoreFollowUp,
    Tree,
    TreeStore,
    UnsaidCalls,
)
from central.application.ports.library import Library
from central.application.ports.world import Clock, Ids
from central.domain.agent_orders import RULES, Order
from central.domain.call_dispositions import MOST_NOTE, chosen, follow_up_time
from central.domain.errors import Conflict, InvalidInput
from central.domain.ids import RecordId, RequestId
from central.domain.statuses import AgentStatus
from central.domain.variable_rules import MASK

MOST_PAST: Final = 20
_AT_ONCE: Final = 500
_SAYABLE: Final = frozenset({AgentStatus.ON_CALL, AgentStatus.WRAPPING_UP})
_AT_HAND: Final = _SAYABLE | {AgentStatus.INCOMING}


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """What the agent chose. offer_id: of the call, None = his last. same_agent: the call back is his, if he is there then.

    done: his wrap-up ends with it.
    """

    key: str
    offer_id: UUID | None = None
    note: str = ""
    callback_at: datetime | None = None
    same_agent: bool = False
    done: bool = True


@dataclass(frozen=True, slots=True)
class CallAtDesk:
    """A call as its agent sees it: with the dispositions to choose from, and earlier conversations with the number."""

    call: DeskCall
    tree: Tree
    past: Sequence[PastCall]


@dataclass(frozen=True, slots=True)
class SaveDisposition:
    """The desk's use case."""

    store: DispositionStore
    trees: TreeStore
    follow_ups: FollowUps
    library: Library
    clock: Clock
    ids: Ids

    async def call(self, by: OrderedBy, agent_id: UUID) -> CallAtDesk:
        """The call that he has, is offered or writes up; secret variables masked. Raises Conflict ``no_call``."""
        call = await self._call(by, agent_id, None)
        if call.status not in _AT_HAND:
            raise _no_call()
        before = call.talked_at or self.clock.now()
        past = await self.store.past(by.account_id, call.number, before, MOST_PAST) if call.number else ()
        return CallAtDesk(await self._hidden(call), await self._tree(by, call), past)

    async def save(self, by: OrderedBy, agent_id: UUID, saying: Saying) -> DeskCall:
        """Save it, once; saying the same again changes nothing.

        Raises Conflict ``no_call``, ``call_not_answered``, ``call_written_up`` (too late), ``disposition_saved`` (another one was),
        InvalidInput ``note_too_long`` and as ``chosen`` and ``follow_up_time`` do.
        """
        call = await self._call(by, agent_id, saying.offer_id)
        if call.state == "saved":
            _same(call, saying)
            return await self._hidden(call)
        _sayable(call, saying)
        tree, now = await self._tree(by, call), self.clock.now()
        line, path = chosen(tree.choices, saying.key)
        choice = next(one for one in tree.choices if one.key == line.key)
        due = follow_up_time(line, saying.callback_at, now)
        request_id = RequestId(self.ids.uuid())
        prepared = None if due is None else await self._prepare(by, call, tree, request_id, due)
        async with self.store.saving(by.account_id, agent_id, call.offer_id) as saving:
            if saving.state not in {"open", "owed"}:
                raise Conflict("call_written_up", "The call is written up, or something was said of it meanwhile.")
            if choice.do_not_call and call.number:
                await saving.blacklist(
                    call.number, f"disposition {choice.key}", self._audit(by, agent_id, call, choice, now)
                )
            wanted = agent_id if saying.same_agent and choice.callback else None
            follow_up = await _followed(saving, choice, prepared, request_id, due, wanted)
            said = Said(
                choice=choice,
                path=path,
                note=saying.note,
                callback_at=saying.callback_at,
                follow_up=follow_up,
                at=now,
                by=by.name,
            )
            await saving.save(said, _event(call, said), self._audit(by, agent_id, call, choice, now))
            if saying.done:
                await saving.end_wrap_up(_turn(by, agent_id), now)
        done = replace(
            call, state="saved", key=choice.key, path=path, note=saying.note, callback_at=saying.callback_at,
            follow_up=follow_up, saved_at=now,
        )  # fmt: skip
        return await self._hidden(done)

    async def _call(self, by: OrderedBy, agent_id: UUID, offer_id: UUID | None) -> DeskCall:
        call = await self.store.call(by.account_id, agent_id, offer_id)
        if call is None:
            raise _no_call()
        return call

    async def _tree(self, by: OrderedBy, call: DeskCall) -> Tree:
        """The queue's dispositions go before the flow's."""
        for owner in (Owner(queue_id=call.queue_id), Owner(flow_id=call.flow_id)):
            if owner != Owner():
                tree = await self.trees.get(by.account_id, owner)
                if tree is not None and tree.choices:
                    return tree
        return Tree()

    async def _hidden(self, call: DeskCall) -> DeskCall:
        """The same with the flow's secrets masked."""
        if call.flow_version_id is None:
            return call
        secrets = (await self.library.flows([call.flow_version_id]))[call.flow_version_id].program.secrets
        variables, gathered = (
            {name: MASK if name in secrets and value else value for name, value in values.items()}
            for values in (call.variables, call.gathered)
        )
        return replace(call, variables=variables, gathered=gathered)

    async def _prepare(
        self, by: OrderedBy, call: DeskCall, tree: Tree, request_id: RequestId, due: datetime
    ) -> StoreFollowUp | str:
        flow = tree.callback_flow or call.flow_id
        if flow is None:
            return "no_flow: The call belongs to no flow any more."
        numbers = tuple(dict.fromkeys(number for number in (call.number, *call.numbers) if number))
        wanted = FollowUpCall(
            request_id=request_id,
            record_id=RecordId(call.record_id),
            flow=flow,
            testing=call.testing,
            numbers=numbers,
            start=due,
            client_identifier=call.client_identifier or "",
            time_zone=call.time_zone or "",
            variables=call.variables,
        )
        return await self.follow_ups.prepare(by.account_id, wanted)

    def _audit(self, by: OrderedBy, agent_id: UUID, call: DeskCall, choice: StoredChoice, at: datetime) -> AuditEntry:
        detail = {"disposition": choice.key, "record_id": str(call.record_id), "agent_id": str(agent_id)}
        return AuditEntry(self.ids.uuid(), at, by.name, "disposition_saved", f"call:{call.offer_id}", detail)


@dataclass(frozen=True, slots=True)
class CloseUnsaid:
    """Marks calls of which an agent had to say something and did not; run beside ``TendAgents``, for all accounts."""

    calls: UnsaidCalls
    clock: Clock

    async def run(self) -> int:
        """How many were marked."""
        marked, now = 0, self.clock.now()
        while True:
            batch = await self.calls.close_owed(now, _AT_ONCE)
            marked += batch
            if batch < _AT_ONCE:
                return marked


async def _followed(
    saving: Saving, choice: StoredChoice, prepared: StoreFollowUp | str | None, request_id: RequestId,
    due: datetime | None, agent_id: UUID | None,
) -> Mapping[str, object] | None:  # fmt: skip
    """Store the call that follows; answers what became of it, or None when none follows."""
    if prepared is None or due is None:
        return None
    why = "callback" if choice.callback else "retry"
    told: dict[str, object] = {"kind": why, "at": due.isoformat(timespec="milliseconds")}
    if isinstance(prepared, str):
        return told | {"refused": prepared}
    answer = await prepared(saving.chunk)
    await saving.link(request_id, why, agent_id)
    told |= {"request_id": str(request_id), "record_id": str(answer.record_id)}
    return told if answer.started else told | {"refused": answer.detail}


def _event(call: DeskCall, said: Said) -> Mapping[str, object]:
    """What the record's timeline keeps of it."""
    told: dict[str, object] = {
        "offer_id": str(call.offer_id), "agent": call.agent_name, "disposition": said.choice.key, "path": list(said.path),
        "version": said.choice.version, "contact": said.choice.contact, "success": said.choice.success,
    }  # fmt: skip
    optional = {"queue": call.queue, "note": said.note, "follow_up": said.follow_up}
    told |= {name: value for name, value in optional.items() if value}
    if said.choice.do_not_call:
        told["do_not_call"] = True
    return told


def _turn(by: OrderedBy, agent_id: UUID) -> AgentTurn:
    rule = RULES[Order.END_WRAP_UP]
    return AgentTurn(
        account_id=by.account_id, agent_id=agent_id, rule=rule, actor=by.name, supervisor=by.supervisor
    )  # fmt: skip


def _same(call: DeskCall, saying: Saying) -> None:
    if (call.key, call.note, call.callback_at) != (saying.key, saying.note, saying.callback_at):
        raise Conflict("disposition_saved", "Another disposition was saved for this call.", disposition=call.key)


def _sayable(call: DeskCall, saying: Saying) -> None:
    if call.state == "":
        raise Conflict("call_not_answered", "The agent has not answered this call.")
    if call.state == "none" or call.status not in _SAYABLE:
        raise Conflict("call_written_up", "The call is written up; nothing more can be said of it.")
    if len(saying.note) > MOST_NOTE:
        raise InvalidInput("note_too_long", f"A note has at most {MOST_NOTE} characters.", field="note")


def _no_call() -> Conflict:
    return Conflict("no_call", "The agent has no call, and none to write up.")
