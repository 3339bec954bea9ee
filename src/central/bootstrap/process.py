"""What every process has: its log and metrics, and an orderly end on SIGTERM and SIGINT."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

from central.adapters.telemetry.log import LogPlan, open_log
from central.adapters.telemetry.metrics import Metrics
from central.adapters.telemetry.process_telemetry import ProcessTelemetry
from central.settings import Settings


def open_telemetry(settings: Settings, process: str) -> ProcessTelemetry:
    """Log and metrics of this process; once, at its start."""
    plan = LogPlan(process=process, level=settings.log_level, format=settings.log_format, show_pii=settings.log_pii)
    metrics = Metrics(settings.metrics_dir) if settings.metrics else None
    return ProcessTelemetry(open_log(plan), metrics)


def on_stop_signal(stop: Callable[[], None]) -> None:
    """Let SIGTERM and SIGINT call ``stop``; needs the running loop of the main thread."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
