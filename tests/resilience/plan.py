"""What a seed breaks, and when: drawn before anything starts, so that the same seed always orders the same. Pure.

Each seed strikes one of the four stages of a call at an exact point (the stages take turns, so twenty seeds hit each of them
five times), and a few other processes and neighbours at random times.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

Stage = Literal["claim", "hand_over", "answer", "finish"]
STAGES: Final[tuple[Stage, ...]] = ("claim", "hand_over", "answer", "finish")
LEASE_S: Final = 3.0
_EARLY_S: Final = 0.1
STAND_S: Final = LEASE_S + 3.0  # lease, reaper, and the next owner's first ringing

NODES: Final = ("voice-node", "voice-node-b")
SERVANTS: Final = ("dispatcher", "tracker", "publisher", "jobs", "api")
NEIGHBOURS: Final = ("asterisk", "asterisk-b", "postgres")
POINTS: Final[Mapping[Stage, tuple[str, ...]]] = {
    "claim": (
        "dispatch.take_grants/after", "dispatch.pick/after", "dispatch.settle_claim/before", "dispatch.settle_claim/after",
        "dispatch.settle_claim/uncommitted", "dispatch.settle_claim/committed", "dispatch.wake_sleepers/after",
    ),
    "hand_over": (
        "journal.hand_over_legs/before", "journal.hand_over_legs/after", "journal.hand_over_legs/uncommitted",
        "journal.hand_over_legs/committed", "ari.originate/before", "ari.originate/after",
    ),
    "answer": (
        "journal.answer_legs/before", "journal.answer_legs/after", "journal.answer_legs/uncommitted",
        "journal.answer_legs/committed", "ari.play/before", "ari.play/after",
    ),
    "finish": (
        "journal.end_legs/before", "journal.end_legs/after", "journal.finish/before", "journal.finish/after",
        "journal.finish/uncommitted", "journal.finish/committed", "journal.sleep/uncommitted", "journal.sleep/committed",
    ),
}  # fmt: skip
STANDS: Final = (
    "node.finish/gathered", "dispatch.settle_claim/committed", "node.finish/gathered", "journal.hand_over_legs/committed",
    "node.finish/gathered", "node.hand_over/gathered", "node.finish/gathered", "node.answer/gathered",
)  # fmt: skip
"""Where a node stands still past its lease: it wakes with work in its hands that is somebody else's by then."""
ELSEWHERE: Final[Mapping[str, tuple[str, ...]]] = {
    "dispatcher": ("dispatch.grant/before", "dispatch.grant/uncommitted", "dispatch.grant/committed"),
    "tracker": ("tracking.reap/committed", "tracking.legs_of/after", "journal.finish/uncommitted", "journal.finish/committed",
                "tracking.fold_tallies/uncommitted"),
    "jobs": ("intake.rows_done/after", "transaction/uncommitted", "transaction/committed"),
    "publisher": ("transaction/uncommitted", "transaction/committed"),
    "api": ("transaction/uncommitted", "transaction/committed"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stroke:
    """One blow. ``at_s`` counts from the acceptance of the list; 0 = before it is sent.

    order: the process strikes itself at ``point`` after passing it ``passes`` times (action kill, sever or stand);
    kill: SIGKILL now; end: SIGTERM now, so that it drains; stop: SIGSTOP now, SIGCONT after ``for_s``; cut: the node's connection to its engine for ``for_s``;
    control: pause the request, resume it after ``for_s``. ``key`` names the stroke in the log of what struck.
    """

    at_s: float
    kind: Literal["order", "kill", "end", "stop", "cut", "control"]
    target: str
    point: str = ""
    passes: int = 0
    action: Literal["kill", "sever", "stand", ""] = ""
    for_s: float = 0.0
    key: str = ""

    def __str__(self) -> str:
        what = f"{self.action} at {self.point} after {self.passes}" if self.kind == "order" else self.kind
        return f"{self.at_s:5.2f} s  {self.target:13} {what}{f', for {self.for_s:.1f} s' if self.for_s else ''}"


@dataclass(frozen=True, slots=True)
class Plan:
    """All strokes of one seed, in order of time; ``records`` is the size of the list, ``slow_second`` its kind (load.py)."""

    seed: int
    stage: Stage
    records: int
    strokes: Sequence[Stroke]
    slow_second: bool = False

    def __str__(self) -> str:
        lines = "\n".join(f"  {stroke}" for stroke in self.strokes)
        return f"seed {self.seed}: {self.records} records, stage {self.stage}\n{lines}"


def draw(seed: int, *, records: int = 80) -> Plan:
    """The plan of a seed; every fifth is for the fence alone."""
    if seed % 5 == 4:
        return sleeper_plan(seed)
    chance = random.Random(f"resilience {seed}")
    stage = STAGES[seed % len(STAGES)]
    strokes = [_at_the_stage(chance, stage)]
    if seed % 3 == 0:  # a node that sleeps through its lease, at the point of danger
        strokes.append(_sleeper(chance, seed // 3))
    if seed % 4 == 1:  # while the list is taken in
        strokes.append(_at_intake(chance))
    strokes += [_anywhere(chance) for _ in range(chance.randint(2, 4))]
    return Plan(seed, stage, records, _named(seed, strokes))


def sleeper_plan(seed: int, *, records: int = 40) -> Plan:
    """Only what the fence is for: a node sleeps through its lease with results in hand, and the other goes on with the records."""
    chance = random.Random(f"sleeper {seed}")
    node = NODES[seed % len(NODES)]
    strokes = [Stroke(_EARLY_S, "order", node, "node.finish/gathered", chance.randint(0, 2), "stand", STAND_S)]
    return Plan(seed, "finish", records, _named(seed, strokes), slow_second=True)


def _named(seed: int, strokes: Sequence[Stroke]) -> list[Stroke]:
    ordered = sorted(strokes, key=lambda stroke: stroke.at_s)
    return [replace(stroke, key=f"{seed}/{n}") for n, stroke in enumerate(ordered)]


def _at_the_stage(chance: random.Random, stage: Stage) -> Stroke:
    point = chance.choice(POINTS[stage])
    action: Literal["kill", "sever"] = "sever" if chance.random() < 0.25 else "kill"
    return Stroke(_EARLY_S, "order", NODES[0], point, chance.randint(0, 4), action)


def _at_intake(chance: random.Random) -> Stroke:
    target = chance.choice(("jobs", "jobs", "api"))
    action: Literal["kill", "sever"] = "sever" if chance.random() < 0.3 else "kill"
    return Stroke(0.0, "order", target, chance.choice(ELSEWHERE[target]), chance.randint(0, 3), action)


def _sleeper(chance: random.Random, turn: int) -> Stroke:
    return Stroke(_EARLY_S, "order", NODES[1], STANDS[turn % len(STANDS)], chance.randint(0, 2), "stand", STAND_S)


def _anywhere(chance: random.Random) -> Stroke:
    at_s = chance.uniform(0, 6)
    match chance.choices(
        ("servant", "elsewhere", "neighbour", "node", "stop", "cut", "control"), (4, 4, 3, 3, 3, 2, 1)
    )[0]:
        case "servant":
            return Stroke(at_s, "kill", chance.choice(SERVANTS))
        case "elsewhere":
            target = chance.choice(sorted(ELSEWHERE))
            action: Literal["kill", "sever"] = "sever" if chance.random() < 0.3 else "kill"
            return Stroke(at_s, "order", target, chance.choice(ELSEWHERE[target]), chance.randint(0, 3), action)
        case "neighbour":
            return Stroke(at_s, "kill", chance.choice(NEIGHBOURS))
        case "node":
            return Stroke(at_s, "end" if chance.random() < 0.4 else "kill", chance.choice(NODES))
        case "stop":
            target = chance.choice((*NODES, "asterisk", "asterisk-b", "tracker", "dispatcher"))
            return Stroke(at_s, "stop", target, for_s=chance.choice((1.0, STAND_S)))
        case "cut":
            return Stroke(at_s, "cut", chance.choice(NODES), for_s=chance.uniform(0.5, 5))
        case _:
            return Stroke(at_s, "control", "request", for_s=chance.uniform(0.5, 3))
