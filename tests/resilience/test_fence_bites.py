"""The promises notice when the fence is gone: the same program, its SQL without fencing tokens, breaks them."""

from __future__ import annotations

from pathlib import Path

from tests.resilience.house_of_chaos import HouseOfChaos
from tests.resilience.plan import sleeper_plan
from tests.resilience.run_seed import Outcome, SeedRun

TRIES = 4


def test_a_build_without_the_fence_check_fails_this_suite(asterisk_root: Path) -> None:
    with HouseOfChaos(asterisk_root, fenced=False) as house:
        run = SeedRun(house)
        outcomes: list[Outcome] = []
        while len(outcomes) < TRIES and not any(outcome.wrong for outcome in outcomes):
            outcomes.append(run(sleeper_plan(len(outcomes))))
        run.close()
    assert any(outcome.wrong for outcome in outcomes), "\n".join(map(str, outcomes))
