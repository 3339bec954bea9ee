"""The facts of an attempt that ended, and the outcome that ``outcomes.decide`` draws from them (path step 5).

Plain values: the flow room's MainPathEnded and the legs' dispositions are copied in here by the caller.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Literal

import msgspec

from central.domain.due_times import Limits, NextOpening, always_open
from central.domain.reattempts import ReattemptRule
from central.domain.statuses import CallStatus, FlowStatus

FAILED_REASONS: Final = frozenset({"flow_error", "step_limit", "duration_limit"})


class AttemptEnd(StrEnum):
    """How the work on the record stopped; the first six are the flow's end kinds.

    ``validity_over`` and (without an attempt) ``funds_short`` and ``stopped`` also judge a record that still waits.
    ``lost`` = the engine or node was lost and the flow has said nothing: ``loss`` tells which kind.
    """

    END = "end"
    CUSTOMER_LEFT = "customer_left"
    NOT_REACHED = "not_reached"
    FAILED = "failed"
    FUNDS_SHORT = "funds_short"
    STOPPED = "stopped"
    VALIDITY_OVER = "validity_over"
    LOST = "lost"


class Loss(StrEnum):
    """What is known about the leg in hand when its engine or node was lost (7.4 rows 6a, 6b, 6c).

    ``messages_sent``: there was no leg to lose, and a message of the attempt had been handed over.
    """

    AFTER_ANSWER = "after_answer"
    NOT_SENT = "not_sent"
    POSSIBLY_SENT = "possibly_sent"
    MESSAGES_SENT = "messages_sent"


class LegResult(msgspec.Struct, frozen=True):
    """One leg that was dialled, in dialling order. ``answered_s`` None = never answered."""

    position: int
    status: CallStatus
    answered_s: float | None = None
    by: Literal["us", "them"] = "them"
    machine: bool = False


Budget = Literal["customer", "agent"]
"""What an attempt is charged to; flows without a dialer have the customer's alone."""

DialerResult = Literal["", "agent_missing", "agent_left", "customer_missed", "agent_lost", "abandoned", "connected"]
"""How a dialer's step went: not tried; no agent took the call; he left while the customer rang; no customer was reached; the
agent's leg broke in the conversation; the customer answered and no agent was there in time; they talked."""

AGENT_SIDE: Final[frozenset[DialerResult]] = frozenset({"agent_missing", "agent_left", "abandoned"})
"""Results that spend an attempt of the agent's budget (domain 8.2)."""


class DialerFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a dialer adds (domain 8.2). rule: the agent's budget; charged: what was spent of it *before* this attempt.

    hold: how long an abandoned customer is left alone at least (policy, domain 9.1).
    """

    result: DialerResult
    rule: ReattemptRule
    charged: int
    hold: timedelta = timedelta()


class AttemptFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the decision depends on.

    ``attempts_made`` counts the attempt rows of the record and epoch, this one included: 0 judges a record that never
    had one. ``attempts_charged`` and ``platform_faults`` are the counts *before* this attempt. ``struck`` are the
    positions already struck off, out of ``numbers`` in all. ``paused`` and ``stopping`` are the request's (or flow's)
    control state now. ``parted``: the customer hung up in a conversation, and the flow went on from there without him.
    ``inbound``: the customer called us, so nothing is tried again. ``limits.expires_at`` already includes paused time.
    ``next_opening`` is the calling window. ``without_call``: the flow has no call, so there never is a leg. ``dialer``: of a
    dialer flow; then ``rule`` and ``attempts_charged`` are the customer's budget, and ``legs`` the customer's.
    """

    end: AttemptEnd
    ended_at: datetime
    rule: ReattemptRule
    attempts_made: int
    attempts_charged: int
    reason: str = ""
    detail: str = ""
    legs: tuple[LegResult, ...] = ()
    loss: Loss | None = None
    platform_faults: int = 0
    limits: Limits = Limits()
    next_opening: NextOpening = always_open
    paused: bool = False
    stopping: bool = False
    short_hangup_s: float = 3.0
    numbers: int = 1
    struck: frozenset[int] = frozenset()
    inbound: bool = False
    parted: bool = False
    without_call: bool = False
    dialer: DialerFacts | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of the record.

    ``due_at`` is None exactly when ``final``. In ``PAUSE`` it is the remembered due time and ``resume_as`` the status
    that would have been set. ``charged`` = the attempt counts against ``budget``; ``platform_fault`` = it was one of the
    free ones. ``abandoned`` = the customer answered, and no agent was there in time. ``struck`` = positions struck off by this attempt. ``result`` = the attempt's status: the connected leg's
    word, else that of the first number dialled, or ``machine``, ``unknown``, ``none`` (nothing dialled).
    ``rule`` names the row of domain 7.4, ``sentence`` explains the status to a person.
    """

    status: FlowStatus
    reason: str
    final: bool
    due_at: datetime | None
    charged: bool
    platform_fault: bool
    struck: frozenset[int]
    result: str
    rule: str
    sentence: str
    resume_as: FlowStatus | None = None
    budget: Budget = "customer"
    abandoned: bool = False
