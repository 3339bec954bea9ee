"""How many customers to dial now, ahead of the agents who will be free for them: the predictive dialer's policy. Pure; path step 4b.

``decide`` is asked twice a second and knows only the snapshot. It dials while the chance that one more answer finds no agent stays
within what the answers of the day have earned, and while what rings already cannot overdraw that budget (docs/subsystems/pacing.md).
Laws: 47 CFR 64.1200(a)(7) and Ofcom's statement on persistent misuse count a call as abandoned 2 s after its answer, in 3 % of live answers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from central.domain.pacing_chances import Prospect, prospect_of
from central.domain.pacing_learning import START, Learned

TICK_S: Final = 0.5
"""How often to decide, in seconds."""
STALE_S: Final = 3.0
"""Older news of agents and calls than this, in seconds, is not good enough to dial ahead on."""

_CHANCE: Final = 0.02  # of an answer without an agent, where the budget stands at its reserve; it settles by itself around what the cap allows
_SLOPE: Final = 0.35  # each unserved answer more or less in the budget changes that chance by so much, as an exponent
_RESERVE: Final = 0.6  # unserved answers kept back: so many times a power of the number of agents,
_RESERVE_POWER: Final = 0.75  # as a larger team has larger surprises
_LEAST_CHANCE: Final = 0.002
_MOST_CHANCE: Final = 0.15  # however much was saved up
_STEEP: Final = 9.0  # more is above every chance
_OVERDRAFT: Final = 0.0006  # the chance that the calls in flight overdraw the budget, at each horizon
_FEWEST_FATES: Final = 20  # dials; before that the answer rate is a guess
_SCARCE: Final = 0.05  # an answer rate below it counts as this much, in the most that is ever dialled at once


class Rule(StrEnum):
    """What made the decision."""

    LOOK_AHEAD = "look_ahead"
    EMPTY_BUDGET = "empty_budget"
    LEARNING = "learning"
    DAY_CAP = "day_cap"
    STALE_DATA = "stale_data"
    NO_CAP = "no_cap"


class Limit(StrEnum):
    """Why it was not one call more."""

    CHANCE = "chance"
    RESERVE = "reserve"
    LINES = "lines"
    AGENTS = "agents"


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign at one moment. Ages are whole seconds -> how many are that old.

    idle: agents who can take a call now. talking: agents in a conversation, those whose phone rings for a waiting customer with age 0.
    wrapping: agents in wrap-up. ringing: customers being dialled. waiting: customers who answered and have nobody yet.
    answers, abandons: live answers, and how many of them found no agent in time, in the regulator's window (as a rule the day of
    the campaign). cap: abandons per live answer that are allowed, 0.03 = 3 %; 0 = none are, so nothing is dialled ahead.
    lines: the most calls that may be started now (free channels, due contacts, calls per second). age_s: how old this picture is.
    """

    idle: int
    talking: Mapping[int, int] = {}
    wrapping: Mapping[int, int] = {}
    ringing: Mapping[int, int] = {}
    waiting: int = 0
    answers: int = 0
    abandons: int = 0
    cap: float = 0.03
    lines: int = 1_000_000
    age_s: float = 0.0
    learned: Learned = START


class Why(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The numbers behind a decision, few enough to be stored with each.

    budget: unserved answers earned and not spent. allowed, chance: of one more answer finding nobody, as it may be and as it is
    after these dials. soon_free, soon_answered: agents and answers expected within ``within_s`` seconds. rate: share of dials answered.
    """

    rule: Rule
    limit: Limit
    dials: int
    idle: int
    waiting: int
    ringing: int
    budget: float
    rate: float
    allowed: float = 0.0
    chance: float = 0.0
    soon_free: float = 0.0
    soon_answered: float = 0.0
    within_s: int = 0

    @property
    def sentence(self) -> str:
        """The decision for people."""
        return f"{_dialled(self)}; {_because(self)}."


class Decision(msgspec.Struct, frozen=True):
    """Start so many calls, and why."""

    dials: int
    why: Why


def decide(snapshot: Snapshot) -> Decision:
    """How many calls to start now: 0 to ``snapshot.lines``. It never looks at a clock and remembers nothing."""
    ringing = sum(snapshot.ringing.values())
    safe = max(0, snapshot.idle - snapshot.waiting - ringing)
    budget = snapshot.cap * snapshot.answers - snapshot.abandons
    rule = _rule(snapshot, budget)
    if rule is not Rule.LOOK_AHEAD:
        return _progressive(snapshot, rule, budget, safe, ringing)
    prospect = prospect_of(
        snapshot.learned, snapshot.idle - snapshot.waiting, snapshot.talking, snapshot.wrapping, snapshot.ringing
    )
    staff = snapshot.idle + sum(snapshot.talking.values()) + sum(snapshot.wrapping.values())
    allowed = allowed_chance(budget, staff)
    dials, limit = _most(prospect, allowed, math.floor(budget), min(snapshot.lines, _ceiling(snapshot, staff)))
    if dials < safe:
        dials, limit = min(safe, snapshot.lines), Limit.AGENTS if safe <= snapshot.lines else Limit.LINES
    middle = prospect.middle
    return Decision(
        dials,
        Why(
            rule=rule,
            limit=limit,
            dials=dials,
            idle=snapshot.idle,
            waiting=snapshot.waiting,
            ringing=ringing,
            budget=round(budget, 2),
            rate=round(snapshot.learned.rate, 4),
            allowed=round(allowed, 4),
            chance=round(prospect.unserved(dials), 4),
            soon_free=round(middle.freed, 1),
            soon_answered=round(middle.answered + dials * middle.new, 1),
            within_s=middle.within_s,
        ),
    )


def allowed_chance(budget: float, staff: int) -> float:
    """The chance, 0 to 1, that an answer may find nobody: small while the budget is below its reserve, which grows with the team.

    What happens corrects it: every answer adds the cap to the budget, every unserved one takes 1 away.
    """
    steps = _SLOPE * (budget - _RESERVE * staff**_RESERVE_POWER)
    return min(_MOST_CHANCE, max(_LEAST_CHANCE, _CHANCE * math.exp(min(steps, _STEEP))))


def _rule(snapshot: Snapshot, budget: float) -> Rule:
    if snapshot.age_s > STALE_S:
        return Rule.STALE_DATA
    if snapshot.cap <= 0:
        return Rule.NO_CAP
    if budget <= 0:
        return Rule.DAY_CAP if snapshot.abandons else Rule.EMPTY_BUDGET
    return Rule.LOOK_AHEAD if snapshot.learned.fates >= _FEWEST_FATES else Rule.LEARNING


def _progressive(snapshot: Snapshot, rule: Rule, budget: float, safe: int, ringing: int) -> Decision:
    """One line for each free agent."""
    dials = min(safe, snapshot.lines)
    why = Why(
        rule=rule,
        limit=Limit.AGENTS if dials == safe else Limit.LINES,
        dials=dials,
        idle=snapshot.idle,
        waiting=snapshot.waiting,
        ringing=ringing,
        budget=round(budget, 2),
        rate=round(snapshot.learned.rate, 4),
    )
    return Decision(dials, why)


def _ceiling(snapshot: Snapshot, staff: int) -> int:
    """No sane decision dials more at once."""
    return int(3 * staff / max(snapshot.learned.rate, _SCARCE))


def _most(prospect: Prospect, allowed: float, spare: int, most: int) -> tuple[int, Limit]:
    """The largest number of dials that keeps to both chances, and what forbids one more; both grow with the number."""

    def broken(dials: int) -> Limit | None:
        if prospect.overdrawn(dials, spare) > _OVERDRAFT:
            return Limit.RESERVE
        return Limit.CHANCE if prospect.unserved(dials) > allowed else None

    low, step, limit = 0, 1, Limit.LINES
    while low + step <= most:
        found = broken(low + step)
        if found is not None:
            limit = found
            break
        low, step = low + step, step * 2
    while step > 1:
        step //= 2
        if low + step <= most:
            found = broken(low + step)
            low, limit = (low + step, limit) if found is None else (low, found)
    return low, limit


def _dialled(why: Why) -> str:
    calls = "1 call" if why.dials == 1 else f"{why.dials} calls"
    return (
        f"Start {calls if why.dials else 'none'}: {why.idle} idle, {why.waiting} waiting, {why.ringing} ringing, "
        f"{why.rate:.0%} of dials answered"
    )


def _because(why: Why) -> str:
    match why.rule:
        case Rule.STALE_DATA:
            return "the picture of the agents is too old to dial ahead, so one line for each free agent"
        case Rule.NO_CAP:
            return "no unserved answer is allowed, so one line for each free agent"
        case Rule.EMPTY_BUDGET:
            return "no answer has earned anything yet, so one line for each free agent"
        case Rule.LEARNING:
            return "too few dials have ended to know the answer rate, so one line for each free agent"
        case Rule.DAY_CAP:
            return f"the cap is reached ({why.budget:+.2f} unserved answers), so one line for each free agent"
        case Rule.LOOK_AHEAD:
            return f"{_expected(why)}; {_LIMITS[why.limit]}, with {why.budget:.1f} unserved answers to spare"


def _expected(why: Why) -> str:
    return (
        f"within {why.within_s} s {why.soon_free:.1f} agents get free and {why.soon_answered:.1f} customers answer; "
        f"one more answer finds nobody with {why.chance:.1%}, {why.allowed:.1%} is allowed"
    )


_LIMITS: Final = {
    Limit.CHANCE: "that chance sets the number",
    Limit.RESERVE: "what rings already could overdraw the budget",
    Limit.LINES: "no more lines",
    Limit.AGENTS: "one line for each free agent",
}
