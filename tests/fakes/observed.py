"""A telemetry that remembers what it was told, and a clock that moves only when told to."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Self


@dataclass(slots=True)
class ManualClock:
    """Time of a test: stands still until ``forward`` moves it."""

    at: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    def forward(self, by: timedelta) -> None:
        self.at += by


@dataclass(slots=True)
class ObservedTelemetry:
    """``events`` are (name, keys) of events, warnings and failures; ``counts`` the sums of counters by name and labels."""

    events: list[tuple[str, dict[str, object]]] = field(default_factory=list[tuple[str, dict[str, object]]])
    counts: dict[tuple[str, ...], float] = field(default_factory=dict[tuple[str, ...], float])

    def bound(self, **_keys: object) -> Self:
        return self

    def event(self, name: str, **keys: object) -> None:
        self.events.append((name, keys))

    def warning(self, name: str, **keys: object) -> None:
        self.events.append((name, keys))

    def failure(self, name: str, error: BaseException, **keys: object) -> None:
        self.events.append((name, {"error": error, **keys}))

    def count(self, name: str, n: float = 1, **labels: str) -> None:
        key = (name, *labels.values())
        self.counts[key] = self.counts.get(key, 0) + n

    def gauge(self, name: str, value: float, **labels: str) -> None:
        pass

    def observe(self, name: str, value: float, **labels: str) -> None:
        pass
