"""What pacing learns while it dials: how often customers answer and when, how long agents talk and wrap up. Pure; path step 4b.

What ends first must not be taken for all. A dial counts when those that began with it have ended too; talks and wrap-ups are hazards
by age, from those that have ended and those that still last (Kaplan and Meier, 1958). The answer rate follows a filter that knows how
fast rates drift (Kalman, 1960).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from central.domain.pacing_tables import (
    BAND_OF,
    BANDS,
    LAST_RING_S,
    OLDEST_S,
    Tables,
    Times,
    lasted,
    tables_of,
)

_DRIFT: Final = 6.7e-5  # relative variance of the answer rate that a second adds: 20 % in ten minutes
_LEAST_RATE: Final = 0.005
_MOST_RATE: Final = 0.98
_MOST_VARIANCE: Final = 0.04
_GROWTH: Final = 1.1  # tables are made anew when there is so much more evidence
_FIRST: Final = 10.0
_MEMORY: Final = 20_000.0  # evidence above it is halved: laws of last week are not those of today
_END: Final = 4.0  # what the end of a talk or wrap-up counts for, against that of a dial


class DialEnd(msgspec.Struct, frozen=True):
    """A dial is over: after so many seconds, by a live answer or otherwise (busy, failed, no answer, a machine).

    ago_s: how long before the news that was. Dials that began in one second are judged together, so it should be right to the second.
    """

    after_s: float
    live: bool
    ago_s: float = 0.0


class News(msgspec.Struct, frozen=True, kw_only=True):
    """What happened since the last news, which was ``after_s`` seconds ago.

    talks, wraps: seconds of conversations and wrap-ups that ended. talking, wrapping: those that last, by age, as in the snapshot.
    """

    after_s: float
    dials: Sequence[DialEnd] = ()
    talks: Sequence[float] = ()
    wraps: Sequence[float] = ()
    talking: Mapping[int, int] = {}
    wrapping: Mapping[int, int] = {}


class Learned(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of a campaign; ``START`` before the first call. rate: share of dials answered live; variance: of that rate.

    live, dead: dials by the whole second in which they ended. fates: how many dials count in them. pending: dials that do not count
    yet, with the second on ``clock_s`` in which they began. tables: the chances that follow, made anew as evidence grows.
    """

    rate: float
    variance: float
    live: tuple[float, ...]
    dead: tuple[float, ...]
    talk: Times
    wrap: Times
    evidence: float
    next_tables: float
    tables: Tables
    clock_s: float = 0.0
    fates: int = 0
    pending: tuple[tuple[int, DialEnd], ...] = ()


def learn(learned: Learned, news: News) -> Learned:
    """What is known after the news; a time below 0 counts as 0. One batch for all that came in is the same as many."""
    clock = learned.clock_s + news.after_s
    rate = learned.rate
    variance = min(_MOST_VARIANCE, learned.variance + _DRIFT * rate * rate * news.after_s)
    live, dead = learned.live, learned.dead
    pending = (*learned.pending, *((_second_of(clock - dial.ago_s - dial.after_s), dial) for dial in news.dials))
    due = clock - learned.tables.settled_s - 1
    counted = [dial for second, dial in pending if second <= due]
    if counted:
        pending = tuple([one for one in pending if one[0] > due])
        live, dead = _counted(live, dead, counted)
        gain = len(counted) * variance / (len(counted) * variance + rate * (1 - rate))
        share = sum(dial.live for dial in counted) / len(counted)
        rate = min(_MOST_RATE, max(_LEAST_RATE, rate + gain * (share - rate)))
        variance *= 1 - gain
    evidence = learned.evidence + len(counted) + _END * (len(news.talks) + len(news.wraps))
    grown = Learned(
        rate=rate,
        variance=variance,
        live=live,
        dead=dead,
        talk=_longer(learned.talk, news.talks),
        wrap=_longer(learned.wrap, news.wraps),
        evidence=evidence,
        next_tables=learned.next_tables,
        tables=learned.tables,
        clock_s=clock,
        fates=learned.fates + len(counted),
        pending=pending,
    )
    return _retabled(grown, news) if evidence >= learned.next_tables else grown


def _second_of(begun: float) -> int:
    return math.floor(begun + 1e-6)  # a time that was whole stays so, whatever was added and taken away


def _counted(
    live: Sequence[float], dead: Sequence[float], dials: Sequence[DialEnd]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    answered, ended = list(live), list(dead)
    for dial in dials:
        (answered if dial.live else ended)[min(LAST_RING_S, max(0, int(dial.after_s)))] += 1
    return tuple(answered), tuple(ended)


def _longer(times: Times, ended: Sequence[float]) -> Times:
    if not ended:
        return times
    ends, seconds = list(times.ends), list(times.seconds)
    for one in ended:
        ends[BAND_OF[min(OLDEST_S, max(0, int(one)))]] += 1
        lasted(seconds, one, 1)
    return Times(tuple(ends), tuple(seconds))


def _retabled(learned: Learned, news: News) -> Learned:
    tables = tables_of(
        learned.live, learned.dead, _with(learned.talk, news.talking), _with(learned.wrap, news.wrapping)
    )
    kept = 0.5 if learned.evidence > _MEMORY else 1.0
    evidence = learned.evidence * kept
    return msgspec.structs.replace(
        learned,
        live=tuple(one * kept for one in learned.live),
        dead=tuple(one * kept for one in learned.dead),
        talk=learned.talk.part(kept),
        wrap=learned.wrap.part(kept),
        evidence=evidence,
        next_tables=evidence * _GROWTH + _FIRST,
        tables=tables,
    )


def _with(times: Times, lasting: Mapping[int, int]) -> Times:
    """As if the lasting ones had been watched up to now."""
    seconds = list(times.seconds)
    for age, many in lasting.items():
        lasted(seconds, age, many)
    return Times(times.ends, tuple(seconds))


def _start() -> Learned:
    """Wide guesses, worth ten dials and a few conversations: the first minutes overrule them."""
    live = (0.0,) * 3 + (10 / 22,) * 22 + (0.0,) * (LAST_RING_S - 24)
    dead = (10 / 40,) * 40 + (0.0,) * (LAST_RING_S - 39)
    none = Times((0.0,) * BANDS, (0.0,) * BANDS)
    return Learned(
        rate=0.25,
        variance=0.03,
        live=live,
        dead=dead,
        talk=none,
        wrap=none,
        evidence=0.0,
        next_tables=_FIRST,
        tables=tables_of(live, dead, none, none),
    )


START: Final = _start()
