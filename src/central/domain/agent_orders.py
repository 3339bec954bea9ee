"""What an agent, or a supervisor for him, may order of his status, and when it takes effect (domain 9.3). Pure.

The rows of ``RULES`` travel to the store with each order: there the row is locked, judged by them, and moved along the table
``move``. What a supervisor has forced, only a supervisor takes back.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from central.domain.statuses import AgentStatus

FORCED: Final = "FORCED"
"""System pause code: a supervisor's doing."""

SYSTEM_PAUSE_CODES: Final = frozenset({"MANUAL_CALL", "MISSED_OFFERS", FORCED})

SILENCE_S: Final = 60
"""Seconds without a sign of life after which a dynamic agent who is not on a call is logged out."""

BUSY: Final = frozenset({AgentStatus.INCOMING, AgentStatus.ON_CALL, AgentStatus.WRAPPING_UP})
"""A call is his until he has written it up; what he asks for meanwhile waits."""

_NOWHERE: Final[frozenset[AgentStatus]] = frozenset()
_AT_WORK: Final = frozenset(AgentStatus) - {AgentStatus.LOGGED_OUT}


class Order(StrEnum):
    """What may be ordered."""

    LOG_IN = "log_in"
    LOG_IN_PAUSED = "log_in_paused"
    LOG_OUT = "log_out"
    LOG_OUT_AT_ONCE = "log_out_at_once"
    PAUSE = "pause"
    RESUME = "resume"
    END_WRAP_UP = "end_wrap_up"


class Effect(StrEnum):
    """What came of an order."""

    MOVED = "moved"
    LATER = "later"
    KEPT = "kept"


class Rule(msgspec.Struct, frozen=True):
    """``goal``: the status it leads to. From ``at_once`` it does so now, from ``later`` when the call is written up, else not.

    ``next_wanted``: what was asked for before goes first, ``goal`` is for want of that. ``refused``: codes of statuses that
    forbid the order; in all others that neither move nor wait there is nothing to do.
    """

    goal: AgentStatus
    reason: str
    at_once: frozenset[AgentStatus]
    later: frozenset[AgentStatus] = _NOWHERE
    next_wanted: bool = False
    refused: Mapping[AgentStatus, str] = {}


_OUT: Final[Mapping[AgentStatus, str]] = {AgentStatus.LOGGED_OUT: "agent_logged_out"}
_MID_CALL: Final[Mapping[AgentStatus, str]] = {
    AgentStatus.INCOMING: "agent_on_call",
    AgentStatus.ON_CALL: "agent_on_call",
}

RULES: Final[Mapping[Order, Rule]] = {
    Order.LOG_IN: Rule(AgentStatus.IDLE, "logged_in", frozenset({AgentStatus.LOGGED_OUT})),
    Order.LOG_IN_PAUSED: Rule(AgentStatus.PAUSED, "logged_in", frozenset({AgentStatus.LOGGED_OUT})),
    Order.LOG_OUT: Rule(
        AgentStatus.LOGGED_OUT, "logged_out", frozenset({AgentStatus.IDLE, AgentStatus.PAUSED}), later=BUSY
    ),
    Order.LOG_OUT_AT_ONCE: Rule(AgentStatus.LOGGED_OUT, "forced", _AT_WORK),
    Order.PAUSE: Rule(AgentStatus.PAUSED, "paused", frozenset({AgentStatus.IDLE}), later=BUSY, refused=_OUT),
    Order.RESUME: Rule(AgentStatus.IDLE, "resumed", frozenset({AgentStatus.PAUSED}), later=BUSY, refused=_OUT),
    Order.END_WRAP_UP: Rule(
        AgentStatus.IDLE,
        "wrap_up_ended",
        frozenset({AgentStatus.WRAPPING_UP}),
        next_wanted=True,
        refused={**_OUT, **_MID_CALL},
    ),
}
