"""What a benchmark answers, and how repeated runs become one value."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Size:
    """How much to measure; ``quick`` runs are for trying the benchmark out, and their JSON says so."""

    quick: bool

    def of(self, full: int, quick: int) -> int:
        """The full number, or the quick one."""
        return quick if self.quick else full

    @property
    def runs(self) -> int:
        """Side-by-side runs of a figure."""
        return 3 if self.quick else 5


@dataclass(frozen=True, slots=True)
class Spec:
    """A figure and its fixed bar; ``measure`` does the work and answers (value, raw)."""

    id: str
    what: str
    bar: float
    better: Literal["higher", "lower"]
    measure: Callable[[Size, Progress], tuple[float, dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured figure; ``error`` says why there is no value."""

    spec: Spec
    value: float | None
    raw: dict[str, Any] = field(default_factory=dict[str, Any])
    error: str = ""

    @property
    def met(self) -> bool:
        """Whether the value reaches the bar."""
        if self.value is None:
            return False
        return self.value >= self.spec.bar if self.spec.better == "higher" else self.value <= self.spec.bar

    def as_json(self) -> dict[str, Any]:
        """One entry of ``build/bench.json``."""
        found = {
            "id": self.spec.id,
            "value": self.value,
            "bar": self.spec.bar,
            "better": self.spec.better,
            "raw": self.raw,
        }
        return found | ({"error": self.error} if self.error else {})


def median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the ratios of runs that stood side by side: a slow moment of the machine slows both."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least ``share`` of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-int(len(ordered) * share * 1000) // 1000) - 1))]
