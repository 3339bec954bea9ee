"""Metrics of several processes of one machine add up, and a dead process's gauges leave the sum."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from central.adapters.telemetry.metrics import SHARED_FOLDER_VARIABLE, Metrics, forget_process

COUNT = """
from central.adapters.telemetry.metrics import Metrics
import os, sys
metrics = Metrics()
metrics.count('calls', int(sys.argv[1]), {'trunk': 'a'})
metrics.gauge('channels_used', int(sys.argv[1]), {})
print(os.getpid())
"""


def run(folder: Path, n: int) -> int:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), SHARED_FOLDER_VARIABLE: str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", COUNT, str(n)], env=environment, capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def test_processes_add_up_and_the_dead_leave_the_gauges(tmp_path: Path) -> None:
    first, _ = run(tmp_path, 2), run(tmp_path, 3)
    shown = Metrics(tmp_path).render().decode().splitlines()
    assert 'central_calls_total{trunk="a"} 5.0' in shown
    assert "central_channels_used 5.0" in shown
    forget_process(tmp_path, first)
    shown = Metrics(tmp_path).render().decode().splitlines()
    assert 'central_calls_total{trunk="a"} 5.0' in shown
    assert "central_channels_used 3.0" in shown
