"""What becomes of an agent after an offer or a conversation (domain 9.3). Pure; the table ``move`` guards it in SQL."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from central.domain.statuses import AgentStatus

MISSED_OFFERS: Final = "MISSED_OFFERS"
"""System pause code of an agent who missed too many offers in a row."""

OfferFault = Literal["missed", "busy", "refused", "unreachable"]


class AgentNow(msgspec.Struct, frozen=True):
    """An agent in hand. wanted: PAUSED or LOGGED_OUT, asked for while he could not; misses: offers missed in a row.

    said: the disposition of his call is ``owed`` or ``saved``, "" = he may save one.
    """

    status: str
    wanted: str = ""
    wanted_code: str = ""
    misses: int = 0
    said: str = ""


class Terms(msgspec.Struct, frozen=True):
    """What his queue asks of an agent. wrap_up_s None = none, 0 = until a disposition is saved. misses 0 = as many as he likes."""

    wrap_up_s: float | None = None
    misses: int = 2


class Next(msgspec.Struct, frozen=True):
    """Where he goes. wrap_up_s: how long at most, 0 = until it is ended; None = this is no wrap-up."""

    status: AgentStatus
    reason: str
    pause_code: str = ""
    wrap_up_s: float | None = None


def after_offer(agent: AgentNow, terms: Terms, fault: OfferFault | None) -> Next:
    """Nobody answered: ``fault`` tells how it is his doing; None = the offer went away, which is nobody's."""
    if agent.wanted:
        return _as_wanted(agent)
    if fault is not None and 0 < terms.misses <= agent.misses + 1:
        return Next(AgentStatus.PAUSED, "missed_offers", MISSED_OFFERS)
    return Next(AgentStatus.IDLE, f"offer_{fault or 'withdrawn'}")


def after_talk(agent: AgentNow, terms: Terms) -> Next:
    """The conversation is over: he writes it up where his queue asks for that, and what he asked for follows then.

    Who owes a disposition writes up in any case; who has saved it has nothing left to do where the wrap-up waits for that alone.
    """
    limit = terms.wrap_up_s
    if agent.said == "owed":
        limit = limit or 0
    elif agent.said == "saved" and limit == 0:
        limit = None
    if limit is not None:
        return Next(AgentStatus.WRAPPING_UP, "conversation_over", wrap_up_s=limit)
    return _as_wanted(agent) if agent.wanted else Next(AgentStatus.IDLE, "conversation_over")


def after_vain(agent: AgentNow) -> Next:
    """He was on the line for a customer who was not reached: there is nothing to write up."""
    return _as_wanted(agent) if agent.wanted else Next(AgentStatus.IDLE, "customer_not_reached")


def after_wrap_up(agent: AgentNow, reason: str) -> Next:
    """Wrap-up is over, by himself or by its limit."""
    return _as_wanted(agent) if agent.wanted else Next(AgentStatus.IDLE, reason)


def _as_wanted(agent: AgentNow) -> Next:
    return Next(AgentStatus(agent.wanted), "asked_for", agent.wanted_code)
