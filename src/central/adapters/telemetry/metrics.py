"""Counters, gauges and distributions of a process, in Prometheus' text form under the prefix ``central_``.

The processes of one machine can add up: with a shared folder (PROMETHEUS_MULTIPROC_DIR, which ``central up`` sets for its
children before they start) the API shows the sum over all of them; gauges count living processes only.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
    multiprocess,
)

from central.domain.errors import DefectError

CONTENT_TYPE = CONTENT_TYPE_LATEST
SHARED_FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Read by prometheus-client itself when it is imported."""

_BUCKETS: dict[str, Sequence[float]] = {
    "ms": (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000),
    "seconds": (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60),
    "s": (0.1, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600),
    "bytes": (1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9),
    "rows": (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000),
}

Metric = TypeVar("Metric", Counter, Gauge, Histogram)


class Metrics:
    """Metrics by name, made at their first use; one name keeps one kind and one set of labels (else DefectError)."""

    def __init__(self, shared_folder: Path | None = None) -> None:
        self._shared_folder = shared_folder
        self._registry = CollectorRegistry()
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series per counter that nobody asks for
        self._counters = _Family(self._counter)
        self._gauges = _Family(self._gauge)
        self._histograms = _Family(self._histogram)

    def count(self, name: str, n: float, labels: dict[str, str]) -> None:
        """Add to a counter, shown as ``central_<name>_total``."""
        self._counters.child(name, labels).inc(n)

    def gauge(self, name: str, value: float, labels: dict[str, str]) -> None:
        """Set a gauge."""
        self._gauges.child(name, labels).set(value)

    def observe(self, name: str, value: float, labels: dict[str, str]) -> None:
        """Add to a histogram with the buckets of the unit that ends the name."""
        self._histograms.child(name, labels).observe(value)

    def render(self) -> bytes:
        """The body of ``GET /metrics`` (content type ``CONTENT_TYPE``)."""
        if self._shared_folder is None:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry, str(self._shared_folder))  # type: ignore[no-untyped-call]
        return generate_latest(registry)

    def _counter(self, name: str, labels: Sequence[str]) -> Counter:
        return Counter(f"central_{name}", _text(name), labels, registry=self._registry)

    def _gauge(self, name: str, labels: Sequence[str]) -> Gauge:
        return Gauge(f"central_{name}", _text(name), labels, registry=self._registry, multiprocess_mode="livesum")

    def _histogram(self, name: str, labels: Sequence[str]) -> Histogram:
        buckets = _BUCKETS.get(name.rpartition("_")[2], _BUCKETS["ms"])
        return Histogram(f"central_{name}", _text(name), labels, registry=self._registry, buckets=buckets)


class _Family(Generic[Metric]):
    """Metrics of one kind by name, made at first use."""

    def __init__(self, make: Callable[[str, Sequence[str]], Metric]) -> None:
        self._make: Callable[[str, Sequence[str]], Metric] = make
        self._made: dict[str, Metric] = {}
        self._lock = threading.Lock()

    def child(self, name: str, labels: dict[str, str]) -> Metric:
        """The metric for these values of its labels; DefectError ``bad_metric`` when name or labels do not fit."""
        try:
            metric = self._made.get(name) or self._first(name, labels)
            return metric.labels(**labels) if labels else metric
        except ValueError as error:
            raise DefectError("bad_metric", f"metric {name} with labels {sorted(labels)}: {error}") from error

    def _first(self, name: str, labels: dict[str, str]) -> Metric:
        with self._lock:
            if name not in self._made:
                self._made[name] = self._make(name, tuple(labels))
            return self._made[name]


def _text(name: str) -> str:
    return name.replace("_", " ")


def forget_process(shared_folder: Path, pid: int) -> None:
    """Take a dead process's gauges out of the sum; its counters stay, so that totals never fall."""
    multiprocess.mark_process_dead(pid, str(shared_folder))  # type: ignore[no-untyped-call]
