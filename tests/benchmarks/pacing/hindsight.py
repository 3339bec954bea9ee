"""The peer's best settings in hindsight: its whole grid played in every cell, kept as a table that a stopped run continues.

``make bench-pacing FULL=1`` plays it anew: about half an hour of one core, in a file of its own until the last line is there.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from functools import cache
from itertools import product
from pathlib import Path
from statistics import fmean

from tests.benchmarks.pacing.contact_centre import Run, Shift
from tests.benchmarks.pacing.policies import Brake, Peer, PeerSettings

TABLE = Path(__file__).with_name("hindsight.csv")
WORK = Path("build/pacing-hindsight.csv")
SIZES = (5, 10, 25, 50, 100)
RATES = (0.1, 0.2, 0.4)
CELLS = tuple(product(SIZES, RATES))
SEEDS = (1, 2)
CAP = 0.03
HOURS = 8.0
COLUMNS = (
    "agents",
    "rate",
    "brake",
    "available_only",
    "maximum",
    "intensity",
    "difference",
    "seed",
    "occupancy",
    "share",
)

Cell = tuple[int, float]


@dataclass(frozen=True, slots=True)
class Played:
    """One line of the table."""

    cell: Cell
    settings: PeerSettings
    seed: int
    occupancy: float
    share: float


def settings_of(cell: Cell) -> Iterator[PeerSettings]:
    """The grid: 120 distinct settings in most cells, more where levels above 6 may pay."""
    agents, rate = cell
    highest = (7, 8, 10, 12) if rate < 0.2 else (7, 8, 10) if rate < 0.4 and agents >= 25 else ()
    for maximum, intensity, difference, brake in product((2, 2.5, 3, 3.5, 4, 5, 6, *highest), (0, -60), (0, -1), Brake):
        yield PeerSettings(brake, True, maximum, intensity, difference)
    for maximum, intensity, difference, brake in product((3, 10), (0, -60, 40), (0, -1), Brake):
        yield PeerSettings(brake, False, maximum, intensity, difference)


def table(file: Path = TABLE) -> dict[tuple[Cell, PeerSettings, int], Played]:
    """What has been played so far."""
    if not file.exists():
        return {}
    with file.open(encoding="utf-8", newline="") as lines:
        found = [_line(row) for row in csv.DictReader(lines)]
    return {(one.cell, one.settings, one.seed): one for one in found}


@cache
def best(cell: Cell) -> tuple[PeerSettings, float] | None:
    """The settings with the highest mean occupancy among those that keep the cap in every seed, and that mean; None = no such."""
    played: dict[PeerSettings, list[Played]] = {}
    for one in table().values():
        if one.cell == cell and one.share <= CAP:
            played.setdefault(one.settings, []).append(one)
    fit = {key: fmean(one.occupancy for one in runs) for key, runs in played.items() if len(runs) == len(SEEDS)}
    return max(fit.items(), key=lambda item: item[1]) if fit else None


def default_brake(cell: Cell) -> Brake:
    """The method with which the peer's other defaults abandon least; of those within 0.1 %, the one with the highest occupancy."""
    runs = [
        one
        for one in table().values()
        if one.cell == cell and one.seed == SEEDS[0] and one.settings == PeerSettings(one.settings.brake)
    ]
    return min(runs, key=lambda one: (round(one.share, 3), -one.occupancy)).settings.brake if runs else Brake.HARD


def missing(file: Path = TABLE) -> list[tuple[Cell, PeerSettings]]:
    """What of the grid the table lacks."""
    known = table(file)
    return [(cell, one) for cell in CELLS for one in settings_of(cell) if not _played(known, cell, one)]


def play(task: tuple[Cell, PeerSettings]) -> list[Played]:
    """Play a setting. Above the cap with one seed it is not compliant: the next is left out."""
    cell, settings = task
    found: list[Played] = []
    for seed in SEEDS:
        outcome = Run(Shift(cell[0], cell[1], HOURS, seed), Peer(settings)).play()
        found.append(Played(cell, settings, seed, round(outcome.occupancy, 4), round(outcome.share, 4)))
        if found[-1].share > CAP:
            break
    return found


def recompute(play_all: Callable[[Sequence[tuple[Cell, PeerSettings]]], Iterable[list[Played]]]) -> None:
    """Play the whole grid anew into ``WORK``, then put it in the table's place. A stopped run, or a table that lacks lines, goes on."""
    WORK.parent.mkdir(exist_ok=True)
    if not WORK.exists():
        unfinished = TABLE.exists() and missing(TABLE)
        WORK.write_text(TABLE.read_text("utf-8") if unfinished else ",".join(COLUMNS) + "\n", "utf-8")
    for runs in play_all(missing(WORK)):
        with WORK.open("a", encoding="utf-8", newline="") as lines:
            csv.writer(lines, lineterminator="\n").writerows(_row(one) for one in runs)
    _settle(table(WORK))
    WORK.unlink()


def _settle(known: Mapping[tuple[Cell, PeerSettings, int], Played]) -> None:
    with TABLE.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(COLUMNS)
        for cell in CELLS:
            for settings in settings_of(cell):
                writer.writerows(_row(known[key]) for seed in SEEDS if (key := (cell, settings, seed)) in known)
    best.cache_clear()


def _played(known: Mapping[tuple[Cell, PeerSettings, int], Played], cell: Cell, settings: PeerSettings) -> bool:
    runs = [known.get((cell, settings, seed)) for seed in SEEDS]
    return None not in runs or any(one is not None and one.share > CAP for one in runs)


def _row(one: Played) -> tuple[object, ...]:
    return (*one.cell, *astuple(one.settings), one.seed, f"{one.occupancy:.4f}", f"{one.share:.4f}")


def _line(row: Mapping[str, str]) -> Played:
    settings = PeerSettings(
        Brake(row["brake"]),
        row["available_only"] == "True",
        float(row["maximum"]),
        int(row["intensity"]),
        int(row["difference"]),
    )
    cell = (int(row["agents"]), float(row["rate"]))
    return Played(cell, settings, int(row["seed"]), float(row["occupancy"]), float(row["share"]))
