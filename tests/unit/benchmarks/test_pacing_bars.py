"""The judge of the pacing benchmark and its picture, on made-up results."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.benchmarks.pacing import hindsight, plan
from tests.benchmarks.pacing.bars import bars
from tests.benchmarks.pacing.contact_centre import Outcome
from tests.benchmarks.pacing.decision_cost import Cost
from tests.benchmarks.pacing.picture import draw
from tests.benchmarks.pacing.plan import Name
from tests.benchmarks.pacing.policies import PeerSettings

COSTS = [Cost(100, 10, 0.1, 0.4, 90.0), Cost(500, 10, 0.2, 0.9, 400.0)]


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hindsight found 84 % in every cell."""

    def best(_: hindsight.Cell) -> tuple[PeerSettings, float]:
        return PeerSettings(), 0.84

    monkeypatch.setattr("tests.benchmarks.pacing.bars.best", best)


def _judged(ours: float = 0.86, share: float = 0.028, **others: float) -> dict[str, bool]:
    occupancy: Mapping[Name, float] = {
        "progressive": others.get("progressive", 0.5),
        "peer_default": others.get("default", 0.55),
        "peer_hindsight": others.get("hindsight", 0.84),
        "look_ahead": ours,
    }
    played = [(task, Outcome(occupancy[task.name], share, share, 1000, 28, 5000)) for task in plan.tasks(1, 1)]
    return {bar.what: bar.met for bar in bars(plan.summaries(played), COSTS)}


def test_all_bars_are_met() -> None:
    judged = _judged()
    assert len(judged) == 8
    assert all(judged.values())


def test_one_run_above_the_cap_misses_the_bars_of_the_cap() -> None:
    missed = [what for what, met in _judged(share=0.031).items() if not met]
    assert len([what for what in missed if "abandoned" in what]) == 4


def test_occupancy_below_the_bar_is_missed() -> None:
    missed = [what for what, met in _judged(ours=0.849).items() if not met]
    assert [what[:9] for what in missed] == ["25 agents", "25 agents"]


def test_a_point_behind_hindsight_is_missed() -> None:
    assert not _judged(hindsight=0.875)["never more than 1 point below the peer's best settings in hindsight"]


def test_too_little_above_the_defaults_is_missed_unless_progressive_is_good_enough() -> None:
    what = "at least 5 points above the peer's defaults wherever progressive is below 75 %"
    assert not _judged(default=0.82, hindsight=0.85)[what]
    assert _judged(default=0.82, hindsight=0.85, progressive=0.76)[what]


def test_the_picture_is_a_picture() -> None:
    played = [(task, Outcome(0.8, 0.02, 0.02, 1000, 20, 5000)) for task in plan.tasks(1, 1)]
    root = ET.fromstring(draw(plan.summaries(played)))
    assert root.tag.endswith("svg")
    assert len([one for one in root.iter() if one.get("class") == "ours"]) == 19


def test_every_barred_cell_has_fifty_seeds_and_no_task_is_doubled() -> None:
    tasks = plan.tasks()
    assert len(set(tasks)) == len(tasks)
    for cell in plan.BARRED:
        seeds = {
            one.shift.seed
            for one in tasks
            if (one.shift.agents, one.shift.rate) == cell and not one.shift.drift and not one.shift.coming
        }
        assert len(seeds) == 50


def test_the_grid_has_as_many_settings_as_the_comparison_asks_for(tmp_path: Path) -> None:
    counts = {len(list(hindsight.settings_of(cell))) for cell in hindsight.CELLS}
    assert min(counts) >= 84
    assert hindsight.missing(tmp_path / "none.csv")[0][0] == (5, 0.1)
