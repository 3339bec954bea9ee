"""Metrics: what was counted can be read, and a name keeps its meaning."""

from __future__ import annotations

import pytest

from central.adapters.telemetry.metrics import Metrics
from central.domain.errors import DefectError


def lines(metrics: Metrics) -> list[str]:
    return [line for line in metrics.render().decode().splitlines() if not line.startswith("#")]


def test_counts_gauges_and_distributions_are_rendered() -> None:
    metrics = Metrics()
    metrics.count("records_finished", 2, {"status": "COMPLETED"})
    metrics.count("records_finished", 1, {"status": "COMPLETED"})
    metrics.gauge("channels_used", 7, {})
    metrics.observe("claim_ms", 15, {})
    shown = lines(metrics)
    assert 'central_records_finished_total{status="COMPLETED"} 3.0' in shown
    assert "central_channels_used 7.0" in shown
    assert 'central_claim_ms_bucket{le="10.0"} 0.0' in shown
    assert 'central_claim_ms_bucket{le="20.0"} 1.0' in shown


def test_name_keeps_its_labels_and_its_kind() -> None:
    metrics = Metrics()
    metrics.count("calls", 1, {"trunk": "a"})
    with pytest.raises(DefectError):
        metrics.count("calls", 1, {"node": "a"})
    metrics.gauge("depth", 1, {})
    with pytest.raises(DefectError):
        metrics.observe("depth", 1, {})
