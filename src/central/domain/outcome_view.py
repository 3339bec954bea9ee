"""The facts of an attempt as the rows of domain 7.4 look at them, and how a row states what becomes of the record (path step 5)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from central.domain.attempts import AGENT_SIDE, AttemptEnd, AttemptFacts, Budget, LegResult, Loss, Outcome
from central.domain.dispositions import consumes_attempt, permanently_bad
from central.domain.due_times import place_due
from central.domain.reattempts import FREE_PLATFORM_FAULTS, ReattemptRule
from central.domain.statuses import CALL, FLOW, CallStatus, FlowStatus

_CONSUMING: Final = frozenset(status for status in CALL if consumes_attempt(status))
_BAD: Final = frozenset(status for status in CALL if permanently_bad(status))
_NO_STRUCK: Final[frozenset[int]] = frozenset()
_UNTRIED_ENDS: Final = frozenset({AttemptEnd.FUNDS_SHORT, AttemptEnd.STOPPED, AttemptEnd.VALIDITY_OVER})


class View(msgspec.Struct, frozen=True):
    """The facts with what several rows need of them, worked out once."""

    facts: AttemptFacts
    connected: LegResult | None
    machine: bool
    platform_only: bool
    free: bool
    charged: bool
    struck: frozenset[int]
    result: str
    numbers_left: int
    budget: Budget

    @property
    def rule(self) -> ReattemptRule:
        """That of the budget which the attempt concerns."""
        dialer = self.facts.dialer
        return dialer.rule if dialer is not None and self.budget == "agent" else self.facts.rule

    @property
    def charged_after(self) -> int:
        """What is spent of that budget with this attempt."""
        return _charged_before(self.facts, self.budget) + self.charged

    @property
    def attempts_left(self) -> int:
        """What is left of it."""
        return self.rule.attempts - self.charged_after

    @property
    def waits_as(self) -> FlowStatus:
        """The status of a record that is tried again."""
        if self.facts.dialer is None:
            return FlowStatus.REATTEMPT_SCHEDULED
        if self.budget == "agent":
            return FlowStatus.AGENT_REATTEMPT_SCHEDULED
        return FlowStatus.CUSTOMER_REATTEMPT_SCHEDULED

    @property
    def fails_as(self) -> FlowStatus:
        """The status of a record whose attempts are used up."""
        if self.facts.dialer is None:
            return FlowStatus.FAILURE
        return FlowStatus.AGENT_FAILURE if self.budget == "agent" else FlowStatus.CUSTOMER_FAILURE


def look(facts: AttemptFacts) -> View:
    """Work out what the rows need."""
    connected: LegResult | None = None
    human: LegResult | None = None
    consuming = False
    struck: list[int] = []
    for leg in facts.legs:
        if leg.status is CallStatus.CONNECTED:
            connected = leg
            human = human if leg.machine else leg
        elif leg.status in _BAD:
            struck.append(leg.position)
        consuming = consuming or leg.status in _CONSUMING
    lost = facts.loss
    platform_only = lost is not Loss.AFTER_ANSWER and lost is not Loss.POSSIBLY_SENT and not consuming
    platform_only = platform_only and (bool(facts.legs) or lost is Loss.NOT_SENT)
    free = platform_only and not facts.inbound and facts.platform_faults < FREE_PLATFORM_FAULTS
    untried = not facts.legs and lost is None and facts.end in _UNTRIED_ENDS
    dialer = facts.dialer
    agent_side = dialer is not None and lost is None and dialer.result in AGENT_SIDE
    free = free and not agent_side
    budget: Budget = "agent" if agent_side or (dialer is not None and lost is Loss.NOT_SENT) else "customer"
    most = dialer.rule.attempts if dialer is not None and budget == "agent" else facts.rule.attempts
    room = _charged_before(facts, budget) < most
    untried = untried or _spends_nothing(facts)
    gone = frozenset(struck) if struck else _NO_STRUCK
    return View(
        facts=facts,
        connected=human or connected,
        machine=human is None and connected is not None,
        platform_only=platform_only,
        free=free,
        charged=facts.attempts_made > 0 and room and not free and not untried,
        struck=gone,
        result=_result(facts, connected, human),
        numbers_left=facts.numbers - len(gone | facts.struck) if gone or facts.struck else facts.numbers,
        budget=budget,
    )


def _charged_before(facts: AttemptFacts, budget: Budget) -> int:
    return facts.dialer.charged if facts.dialer is not None and budget == "agent" else facts.attempts_charged


def _spends_nothing(facts: AttemptFacts) -> bool:
    """A dialer's run in which both were reached, or neither was tried (domain 8.2)."""
    dialer = facts.dialer
    if dialer is None or facts.loss is not None or facts.end is AttemptEnd.LOST:
        return False
    again = facts.rule.retry_short_hangup and dialer.result == "connected"
    return dialer.result in {"connected", "agent_lost"} and not again


def _result(facts: AttemptFacts, connected: LegResult | None, human: LegResult | None) -> str:
    if human is not None:
        return CallStatus.CONNECTED
    if connected is not None:
        return "machine"
    if facts.loss is Loss.POSSIBLY_SENT:
        return "unknown"
    if facts.loss is Loss.AFTER_ANSWER:
        return CallStatus.CONNECTED
    if facts.legs:
        return facts.legs[0].status
    if facts.without_call:
        return "none"
    return CallStatus.CHANNEL_UNAVAILABLE if facts.loss is Loss.NOT_SENT else "none"


# -- what the rows share -------------------------------------------------------------------------------------------------
def not_reached(view: View) -> bool:
    """Nobody was there, or nobody whom the flow counts."""
    return view.connected is None or view.facts.end is AttemptEnd.NOT_REACHED


def retryable(view: View) -> bool:
    """Any number's result allows a retry; a machine treated as not reached does, because the flow asked for that."""
    if view.machine:
        return True
    retry_on = view.facts.rule.retry_on
    if not view.facts.legs:
        return view.facts.loss is Loss.NOT_SENT and CallStatus.CHANNEL_UNAVAILABLE in retry_on
    return any(leg.status in retry_on for leg in view.facts.legs)


def used(view: View) -> str:
    """Why there is no further attempt."""
    whose = "" if view.facts.dialer is None else f" of the {view.budget}'s budget"
    return (
        f"all {view.rule.attempts} attempts{whose} are used" if view.attempts_left <= 0 else "no usable number is left"
    )


def stopped(view: View) -> Outcome:
    """Rows 1 and 2."""
    if view.facts.attempts_made > 0:
        sentence = f"Stopped by the account's user after {_times(view.facts.attempts_made)}."
        return final(view, FlowStatus.PARTIAL_COMPLETE, "stopped_by_user", "1", sentence)
    sentence = "Stopped by the account's user before the first attempt."
    return final(view, FlowStatus.REJECTED, "stopped_by_user", "2", sentence)


def again(view: View, wanted: datetime, reason: str, row: str, what: str) -> Outcome:
    """A further attempt is wanted: give way to a stop (row 1), the expiry (row 4) and a pause, in this order."""
    facts = view.facts
    if facts.stopping:
        return stopped(view)
    placed = place_due(wanted, facts.limits, facts.next_opening)
    if placed.due_at is None:
        return final(view, FlowStatus.FAILURE, placed.reason, "4", f"{what}; {placed.sentence}.")
    status = FlowStatus.PAUSE if facts.paused else view.waits_as
    pause = ", held back while paused" if facts.paused else ""
    return Outcome(
        status=status,
        reason=reason,
        final=False,
        due_at=placed.due_at,
        charged=view.charged,
        platform_fault=view.free,
        struck=view.struck,
        result=view.result,
        rule=f"7.4 row {row}",
        sentence=f"{what}; the next attempt is {placed.sentence}{pause}.",
        resume_as=view.waits_as if facts.paused else None,
        budget=view.budget,
        abandoned=_abandoned(facts),
    )


def final(view: View, status: FlowStatus, reason: str, row: str, sentence: str) -> Outcome:
    """The record ends."""
    return Outcome(
        status=status,
        reason=reason,
        final=FLOW[status].final,
        due_at=None,
        charged=view.charged,
        platform_fault=view.free,
        struck=view.struck,
        result=view.result,
        rule=f"7.4 row {row}",
        sentence=sentence,
        budget=view.budget,
        abandoned=_abandoned(view.facts),
    )


def _abandoned(facts: AttemptFacts) -> bool:
    return facts.dialer is not None and facts.dialer.result == "abandoned"


def _times(n: int) -> str:
    return "1 attempt" if n == 1 else f"{n} attempts"
