"""Every process and neighbour is struck under load at seeded points; nothing is lost, nothing doubled, every promise holds.

``CENTRAL_TEST_SEEDS`` says how many seeds (20; ``make soak``: 200), ``CENTRAL_TEST_FIRST_SEED`` with which to begin: a failure
is repeated with that seed alone. A seed's plan is printed with its failure, the log of its installation stands in build/.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.resilience.house_of_chaos import REPOSITORY, HouseOfChaos
from tests.resilience.plan import POINTS, Plan, draw
from tests.resilience.run_seed import Outcome, SeedRun

FIRST = int(os.environ.get("CENTRAL_TEST_FIRST_SEED", "0"))
SEEDS = range(FIRST, FIRST + int(os.environ.get("CENTRAL_TEST_SEEDS", "20")))
_HOUSE_LASTS = 25  # seeds on one installation
_LOGS = REPOSITORY / "build" / "resilience"


class Chaos:
    """Seeds share an installation, because a start costs more than a seed; after a failure the next one gets a fresh one."""

    def __init__(self, asterisk_root: Path) -> None:
        self._root = asterisk_root
        self._house: HouseOfChaos | None = None
        self._run: SeedRun | None = None
        self._seeds = 0
        self.points: Counter[str] = Counter()
        self.late: list[str] = []

    def run(self, plan: Plan) -> Outcome:
        """One seed; whatever goes wrong, its log is kept and the installation is given up."""
        if self._seeds >= _HOUSE_LASTS:
            self.close()
        if self._house is None or self._run is None:
            self._house = HouseOfChaos(self._root).__enter__()
            self._run = SeedRun(self._house)
        self._seeds += 1
        try:
            outcome = self._run(plan)
        except BaseException:
            self._give_up(plan)
            raise
        if outcome.wrong:
            self._give_up(plan)
            (_LOGS / f"seed-{plan.seed}.txt").write_text(f"{outcome}\n")
        return outcome

    def close(self) -> None:
        """Ask for the pushes of all its seeds, then end the installation."""
        house, run = self._house, self._run
        if house is None or run is None:
            return
        try:
            self.late += run.pushes()
        finally:
            self._leave(house)

    def _give_up(self, plan: Plan) -> None:
        if self._house is not None:
            _LOGS.mkdir(parents=True, exist_ok=True)
            shutil.copy(self._house.central.log, _LOGS / f"seed-{plan.seed}.log")
            self._leave(self._house)

    def _leave(self, house: HouseOfChaos) -> None:
        self.points.update(str(struck["point"]) for struck in house.struck())
        if self._run is not None:
            self._run.close()
        self._house, self._run, self._seeds = None, None, 0
        house.__exit__()


@pytest.fixture(scope="module")
def chaos(asterisk_root: Path) -> Iterator[Chaos]:
    one = Chaos(asterisk_root)
    yield one
    one.close()


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_and_nothing_doubled(chaos: Chaos, seed: int) -> None:
    outcome = chaos.run(draw(seed))
    assert not outcome.wrong, str(outcome)


def test_every_push_arrived_in_order_and_each_stage_was_hit(chaos: Chaos) -> None:
    chaos.close()
    assert not chaos.late, "\n".join(chaos.late[:40])
    if len(SEEDS) >= 20:
        missed = [stage for stage, points in POINTS.items() if not any(chaos.points[point] for point in points)]
        assert not missed, f"{missed} of {dict(chaos.points)}"
