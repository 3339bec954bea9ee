"""From counts to chances: tables over ages that make a pacing decision a few sums. Pure; path step 4b.

Horizons are the times within which a sixth, a half and five sixths of the live answers come: when a call that starts now may need
an agent. Ages of agents fall into bands, finer where they are young; calls are told apart by whole seconds of ringing.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Final

import msgspec

HORIZONS: Final = 3
_SHARES: Final = tuple((2 * one + 1) / (2 * HORIZONS) for one in range(HORIZONS))
_SETTLED: Final = 0.99
LAST_RING_S: Final = 63
"""Older calls count as this old."""
_PATIENCE_S: Final = 1.5  # of the 2 s a customer waits, an agent who gets free in time to be offered
_EDGES: Final = (
    *range(0, 20, 2),
    *(20, 24, 28, 32, 36, 40, 45, 50, 55, 60, 70, 80, 90, 105, 120, 135, 150),
    *(180, 210, 240, 300, 360, 420, 480, 600, 900, 1800),
)
BANDS: Final = len(_EDGES) - 1
OLDEST_S: Final = 1200
"""Older talks and wrap-ups count as this old: in the last band."""
BAND_OF: Final = tuple(min(BANDS, bisect_right(_EDGES, age)) - 1 for age in range(OLDEST_S + 1))
_SPAN_S: Final = LAST_RING_S + 4  # no horizon looks further
_BANDS_ON: Final = BAND_OF + BAND_OF[-1:] * (_SPAN_S - 1)
_MIDDLES: Final = (*((low + high) // 2 for low, high in pairwise(_EDGES[:-1])), OLDEST_S - 1)
_GUESSED_TALK_S: Final = 120.0
_GUESSED_WRAP_S: Final = 30.0

Row = tuple[float, ...]


class Times(msgspec.Struct, frozen=True):
    """How long something lasts: how many ended in each band of age, and how many seconds were watched in it."""

    ends: tuple[float, ...]
    seconds: tuple[float, ...]

    def part(self, share: float) -> Times:
        """The same law, from so much of the evidence."""
        return Times(tuple(one * share for one in self.ends), tuple(one * share for one in self.seconds))


class Tables(msgspec.Struct, frozen=True, kw_only=True):
    """Chances by age.

    For each horizon in turn: within_s: its length in seconds; new: share of live answers that a call started now has given by then. talk, wrap: by band, the
    chance that the agent is free by then, its variance and third moment. ring: by second, the share of live answers still to come,
    the share of other ends still to come, then for each horizon the share of live answers that come by then. settled_s: by when
    nearly all dials have ended.
    """

    within_s: tuple[int, ...]
    new: tuple[float, ...]
    talk: tuple[Row, ...]
    wrap: tuple[Row, ...]
    ring: tuple[Row, ...]
    settled_s: int


def lasted(seconds: list[float], length_s: float, many: float) -> None:
    """Add ``many`` that were watched for ``length_s`` to the seconds watched in each band, in place."""
    for band in range(BANDS):
        low = _EDGES[band]
        if length_s <= low:
            break
        seconds[band] += many * (min(length_s, _EDGES[band + 1]) - low if band < BANDS - 1 else length_s - low)


def tables_of(live: Sequence[float], dead: Sequence[float], talk: Times, wrap: Times) -> Tables:
    """Make them; about 2 ms. live, dead: dials by the second of their end, none of the two without any."""
    come, gone = _grown(live), _grown(dead)
    within = tuple(_time_of(come, share) for share in _SHARES)
    talk_hazard, wrap_hazard = _summed(talk, _GUESSED_TALK_S), _summed(wrap, _GUESSED_WRAP_S)
    wrapped = [[_over(wrap_hazard, 0, one - second) for second in range(int(one) + 1)] for one in map(_late, within)]
    return Tables(
        within_s=within,
        new=tuple(come[horizon] for horizon in within),
        talk=tuple(_moments([_both_over(talk_hazard, age, over) for over in wrapped]) for age in _MIDDLES),
        wrap=tuple(_moments([_over(wrap_hazard, age, _late(one)) for one in within]) for age in _MIDDLES),
        ring=tuple(_ring_row(come, gone, age, within) for age in range(LAST_RING_S + 1)),
        settled_s=_time_of(_grown([one + other for one, other in zip(live, dead, strict=True)]), _SETTLED),
    )


def _grown(counts: Sequence[float]) -> list[float]:
    """Share that ended before each whole second."""
    total, sum_, grown = sum(counts), 0.0, [0.0]
    for one in counts:
        sum_ += one
        grown.append(min(1.0, sum_ / total))
    return grown


def _time_of(grown: Sequence[float], share: float) -> int:
    return max(2, next((second for second, value in enumerate(grown) if value >= share), LAST_RING_S))


def _ring_row(come: Sequence[float], gone: Sequence[float], age: int, within: Sequence[int]) -> Row:
    """A call of a whole-second age is half a second older than that, on average."""

    def half(grown: Sequence[float], second: int) -> float:
        return (grown[second] + grown[second + 1]) / 2 if second < LAST_RING_S else 1.0

    so_far = half(come, age)
    return 1 - so_far, 1 - half(gone, age), *(half(come, age + one) - so_far for one in within)


def _summed(times: Times, guess_s: float) -> list[float]:
    """Summed hazard up to each second of age; where little was seen, with the ends per second of all ages."""
    overall = (sum(times.ends) + 3) / (sum(times.seconds) + 3 * guess_s)
    hazard = [(ends + 2) / (seconds + 2 / overall) for ends, seconds in zip(times.ends, times.seconds, strict=True)]
    return [0.0, *accumulate([hazard[band] for band in _BANDS_ON])]


def _over(summed: Sequence[float], age: int, within_s: float) -> float:
    """The chance that what has lasted for ``age`` seconds ends in time."""
    last = age + int(within_s)
    return 1 - math.exp(summed[age] - summed[last] - (summed[last + 1] - summed[last]) * (within_s % 1))


def _late(within_s: int) -> float:
    return within_s + _PATIENCE_S


def _both_over(talk: Sequence[float], age: int, wrapped: Sequence[float]) -> float:
    """The chance that the rest of a talk and the wrap-up after it are over in time. wrapped: the latter's, by when the talk ends."""
    chance, left = 0.0, 1.0
    for second in range(1, len(wrapped)):
        still = math.exp(talk[age] - talk[age + second])
        chance += (left - still) * (wrapped[second - 1] + wrapped[second]) / 2
        left = still
    return chance


def _moments(chances: Sequence[float]) -> Row:
    """Mean, variance and third moment of a yes or no, for each chance."""
    row: list[float] = []
    for one in chances:
        spread = one * (1 - one)
        row += (one, spread, spread * (1 - 2 * one))
    return tuple(row)
