"""Agents who get free against customers who answer: the chances of a pacing decision. Pure; path step 4b.

At each horizon the number of agents without a customer is a sum of independent yes-or-nos: it is taken as normal, corrected for
its third moment (Edgeworth), and widened by how little the answer rate is known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from central.domain.pacing_learning import Learned
from central.domain.pacing_tables import BAND_OF, HORIZONS, LAST_RING_S, OLDEST_S, Row

_ROOT_HALF: Final = math.sqrt(0.5)
_SKEW: Final = 1 / (6 * math.sqrt(2 * math.pi))


class Horizon(msgspec.Struct, frozen=True, gc=False):
    """One of them: free agents less answers, by mean, variance and third moment.

    freed: agents expected to get free; answered: answers expected of the calls in flight; new: the chance that a call started now
    has been answered by then; within_s: seconds.
    """

    mean: float
    variance: float
    third: float
    freed: float
    answered: float
    new: float
    within_s: int

    def at_most(self, many: float, dials: int, doubt: float) -> float:
        """The chance that no more than so many agents are left over after that many more dials. doubt: relative variance of the rate."""
        spread = self.new * (1 - self.new)
        answers = self.answered + dials * self.new
        variance = self.variance + dials * spread + doubt * answers * answers + 1e-6
        deviation = math.sqrt(variance)
        z = (many + 0.5 - self.mean + dials * self.new) / deviation
        third = self.third - dials * spread * (1 - 2 * self.new)
        skew = (z * z - 1) * math.exp(-z * z / 2) * _SKEW * third / (variance * deviation)
        return min(1.0, max(0.0, math.erfc(-z * _ROOT_HALF) / 2 - skew))


class Prospect(msgspec.Struct, frozen=True, gc=False):
    """What the next seconds bring, at each horizon."""

    horizons: tuple[Horizon, ...]
    doubt: float

    @property
    def middle(self) -> Horizon:
        """Within which half of the answers come."""
        return self.horizons[HORIZONS // 2]

    def unserved(self, dials: int) -> float:
        """The chance that an answer to the last of these dials finds no agent."""
        doubt = self.doubt
        return sum([one.at_most(0, dials, doubt) for one in self.horizons]) / HORIZONS

    def overdrawn(self, dials: int, spare: int) -> float:
        """The chance that more than ``spare`` answers find no agent, at the worst horizon."""
        doubt = self.doubt
        return max([one.at_most(-spare - 1, dials, doubt) for one in self.horizons])


def prospect_of(
    learned: Learned, free: int, talking: Mapping[int, int], wrapping: Mapping[int, int], ringing: Mapping[int, int]
) -> Prospect:
    """Look ahead from a moment. free: idle agents less waiting customers; the rest by whole seconds of age."""
    tables, rate = learned.tables, learned.rate
    talks, wraps = _freed(tables.talk, talking), _freed(tables.wrap, wrapping)
    answers = _answers(tables.ring, rate, ringing)
    horizons: list[Horizon] = []
    for one, within_s in enumerate(tables.within_s):
        mean, variance, third = 3 * one, 3 * one + 1, 3 * one + 2
        freed = talks[mean] + wraps[mean]
        horizons.append(
            Horizon(
                free + freed - answers[mean],
                talks[variance] + wraps[variance] + answers[variance],
                talks[third] + wraps[third] - answers[third],
                freed,
                answers[mean],
                rate * tables.new[one],
                within_s,
            )
        )
    return Prospect(tuple(horizons), learned.variance / (rate * rate))


# The two sums below are most of what a decision costs: they are written out, horizon by horizon (mean, variance, third moment).


def _freed(rows: Sequence[Row], ages: Mapping[int, int]) -> Row:
    a1 = a2 = a3 = b1 = b2 = b3 = c1 = c2 = c3 = 0.0
    for age, many in ages.items():
        d1, d2, d3, e1, e2, e3, f1, f2, f3 = rows[BAND_OF[min(OLDEST_S, age)]]
        a1 += many * d1
        a2 += many * d2
        a3 += many * d3
        b1 += many * e1
        b2 += many * e2
        b3 += many * e3
        c1 += many * f1
        c2 += many * f2
        c3 += many * f3
    return a1, a2, a3, b1, b2, b3, c1, c2, c3


def _answers(rows: Sequence[Row], rate: float, ages: Mapping[int, int]) -> Row:
    """Of what rings: each call answers with the chance that it has left, given that it still rings."""
    a1 = a2 = a3 = b1 = b2 = b3 = c1 = c2 = c3 = 0.0
    for age, many in ages.items():
        live, dead, near, middle, far = rows[min(LAST_RING_S, age)]
        left = rate * live + (1 - rate) * dead
        if left <= 0:
            continue
        part = rate / left
        chance = part * near
        spread = many * chance * (1 - chance)
        a1 += many * chance
        a2 += spread
        a3 += spread * (1 - 2 * chance)
        chance = part * middle
        spread = many * chance * (1 - chance)
        b1 += many * chance
        b2 += spread
        b3 += spread * (1 - 2 * chance)
        chance = part * far
        spread = many * chance * (1 - chance)
        c1 += many * chance
        c2 += spread
        c3 += spread * (1 - 2 * chance)
    return a1, a2, a3, b1, b2, b3, c1, c2, c3
