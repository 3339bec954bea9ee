"""What agents and their supervisors order of an agent's status, and what time brings (domain 9.3; path step 4b).

Calls move agents too, see the other use cases of this room; each move is one guarded statement that writes its event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from central.application.ports.administration import AuditEntry
from central.application.ports.agents import (
    AgentEvent,
    AgentRow,
    AgentStatuses,
    AgentStore,
    AgentTurn,
    AgentTurned,
    BoardRow,
    PauseCodeStore,
)
from central.application.ports.world import Clock, Ids
from central.domain.agent_orders import FORCED, RULES, SILENCE_S, Order
from central.domain.errors import Conflict, InvalidInput, NotFound
from central.domain.ids import AccountId
from central.domain.statuses import AgentStatus

_AT_ONCE: Final = 500
_SILENCE: Final = timedelta(seconds=SILENCE_S)
_REFUSALS: Final[Mapping[str, str]] = {
    "agent_logged_out": "The agent is logged out.",
    "agent_on_call": "The agent is on a call, or being rung.",
}


@dataclass(frozen=True, slots=True)
class OrderedBy:
    """Who orders. supervisor: somebody with power over others, not the agent himself."""

    account_id: AccountId
    name: str
    supervisor: bool = False


@dataclass(frozen=True, slots=True)
class KeepStatus:
    """Orders to one agent; every method answers him as he is then. All raise NotFound ``agent_not_found``.

    What a supervisor orders leaves a line in the audit trail.
    """

    agents: AgentStore
    codes: PauseCodeStore
    statuses: AgentStatuses
    clock: Clock
    ids: Ids

    async def log_in(self, by: OrderedBy, agent_id: UUID, phone: str = "", *, paused: bool = False) -> AgentRow:
        """Let him work, with the phone of his choice: ``sip``, ``number``, "" = the one he had. Who is at work goes on.

        paused: he begins PAUSED. Raises InvalidInput ``unknown_phone``; Conflict ``no_sip_phone`` or ``no_number`` for a phone
        that he does not have, ``agent_on_call`` for another phone in mid-call.
        """
        agent = await self._agent(by, agent_id)
        wanted = phone or agent.phone
        _check_phone(agent, wanted)
        order = Order.LOG_IN_PAUSED if paused else Order.LOG_IN
        turned = await self._turn(by, agent_id, order, phone=wanted)
        if turned.before != AgentStatus.LOGGED_OUT:
            await self.statuses.heard([(by.account_id, agent_id)], self.clock.now())
            switched = wanted == agent.phone or await self.statuses.switch_phone(by.account_id, agent_id, wanted)
            if not switched:
                raise Conflict("agent_on_call", _REFUSALS["agent_on_call"], status=turned.status)
        return await self._agent(by, agent_id)

    async def log_out(self, by: OrderedBy, agent_id: UUID, *, force: bool = False) -> AgentRow:
        """End his work, when his call is written up; with ``force``, which is a supervisor's, at once.

        A forced log-out in mid-call ends his leg: its node hears of it within its next rounds, and the customer waits again.
        """
        order = Order.LOG_OUT_AT_ONCE if force and by.supervisor else Order.LOG_OUT
        await self._turn(by, agent_id, order, code=FORCED if by.supervisor else "")
        return await self._agent(by, agent_id)

    async def pause(self, by: OrderedBy, agent_id: UUID, code: str = "") -> AgentRow:
        """Take him from work for a while, when his call is written up. ``code``: of the account; a supervisor's may be "".

        Raises InvalidInput ``pause_code_needed``, NotFound ``pause_code_not_found``, Conflict ``agent_logged_out``,
        ``already_paused`` for another code than the one he is paused with.
        """
        if not code and not by.supervisor:
            raise InvalidInput("pause_code_needed", "Say what the pause is for: a pause code.", field="code")
        if code and all(one.code != code for one in await self.codes.all(by.account_id)):
            raise NotFound("pause_code_not_found", "There is no such pause code in this account.")
        turned = await self._turn(by, agent_id, Order.PAUSE, code=code or FORCED)
        if turned.before == AgentStatus.PAUSED and turned.pause_code != (code or FORCED):
            message = f"The agent is paused with {turned.pause_code or 'no code'}; let him resume first."
            raise Conflict("already_paused", message, pause_code=turned.pause_code)
        return await self._agent(by, agent_id)

    async def resume(self, by: OrderedBy, agent_id: UUID) -> AgentRow:
        """Back to work; in mid-call: do not pause or log out afterwards.

        Raises Conflict ``agent_logged_out``, ``pause_is_forced`` when only a supervisor may end it.
        """
        turned = await self._turn(by, agent_id, Order.RESUME)
        if turned.status == AgentStatus.PAUSED and turned.pause_code == FORCED:
            raise Conflict("pause_is_forced", "A supervisor has ordered this pause; he must end it.")
        return await self._agent(by, agent_id)

    async def end_wrap_up(self, by: OrderedBy, agent_id: UUID) -> AgentRow:
        """The last call is written up; nothing to do when it was.

        Raises Conflict ``agent_logged_out``, ``agent_on_call``, ``disposition_needed`` for an agent who owes one.
        """
        agent = await self._agent(by, agent_id)
        if agent.status == AgentStatus.WRAPPING_UP and agent.said == "owed" and not by.supervisor:
            raise Conflict("disposition_needed", "Say first what came of the call: save a disposition.")
        await self._turn(by, agent_id, Order.END_WRAP_UP)
        return await self._agent(by, agent_id)

    async def hear(self, by: OrderedBy, agent_id: UUID) -> AgentRow:
        """A sign of life of his desk; due every 15 s, after a minute without one he is logged out unless he has a call."""
        await self.statuses.heard([(by.account_id, agent_id)], self.clock.now())
        return await self._agent(by, agent_id)

    async def get(self, by: OrderedBy, agent_id: UUID) -> AgentRow:
        """The agent as he is."""
        return await self._agent(by, agent_id)

    async def events(self, by: OrderedBy, agent_id: UUID, before: UUID | None, limit: int) -> Sequence[AgentEvent]:
        """His history, newest first."""
        await self._agent(by, agent_id)
        return await self.statuses.events(by.account_id, agent_id, before, limit)

    async def board(self, account_id: AccountId, after: UUID | None, limit: int) -> Sequence[BoardRow]:
        """The supervisor's board: who is logged in, and what he does."""
        return await self.statuses.board(account_id, after, limit)

    async def _agent(self, by: OrderedBy, agent_id: UUID) -> AgentRow:
        agent = await self.agents.get(by.account_id, agent_id)
        if agent is None:
            raise _not_found()
        return agent

    async def _turn(
        self, by: OrderedBy, agent_id: UUID, order: Order, *, code: str = "", phone: str = ""
    ) -> AgentTurned:
        rule, now = RULES[order], self.clock.now()
        audit = None
        if by.supervisor:
            detail = {name: value for name, value in (("code", code), ("phone", phone)) if value}
            audit = AuditEntry(self.ids.uuid(), now, by.name, f"agent_{order}", f"agent:{agent_id}", detail)
        turn = AgentTurn(
            account_id=by.account_id,
            agent_id=agent_id,
            rule=rule,
            code=code,
            phone=phone,
            actor=by.name,
            supervisor=by.supervisor,
            audit=audit,
        )
        found = await self.statuses.turn([turn], now)
        if not found:
            raise _not_found()
        refused = rule.refused.get(AgentStatus(found[0].before))
        if refused is not None:
            raise Conflict(refused, _REFUSALS[refused], status=found[0].status)
        return found[0]


@dataclass(frozen=True, slots=True)
class TendAgents:
    """What time brings to agents of all accounts; to be run every second or so by the contact center."""

    statuses: AgentStatuses
    clock: Clock

    async def run(self) -> int:
        """Log out who is silent, end wrap-ups by their limit, do what was asked for; how many agents moved."""
        moved, now = 0, self.clock.now()
        while True:
            batch = await self.statuses.tend(now, _SILENCE, _AT_ONCE)
            moved += batch
            if batch < _AT_ONCE:
                return moved


def _check_phone(agent: AgentRow, phone: str) -> None:
    if phone not in ("sip", "number"):
        raise InvalidInput("unknown_phone", "phone is one of sip, number.", field="phone")
    if phone == "sip" and not agent.has_phone:
        raise Conflict("no_sip_phone", "The agent's SIP phone has no credentials yet.")
    if phone == "number" and not agent.number:
        raise Conflict("no_number", "The agent has no telephone number.")


def _not_found() -> NotFound:
    return NotFound("agent_not_found", "There is no such agent in this account.")
