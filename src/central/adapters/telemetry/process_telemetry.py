"""The port Telemetry of a real process: structlog for events, prometheus-client for numbers."""

from __future__ import annotations

from typing import Self

from central.adapters.telemetry.log import Logger
from central.adapters.telemetry.metrics import Metrics
from central.domain.errors import CentralError


class ProcessTelemetry:
    """Events go to the log at once, numbers into this process's metrics."""

    def __init__(self, logger: Logger, metrics: Metrics | None) -> None:
        self._logger = logger
        self._metrics = metrics

    def bound(self, **keys: object) -> Self:
        """The same log and metrics, with these keys in every event."""
        return type(self)(self._logger.bind(**keys), self._metrics)

    def event(self, name: str, **keys: object) -> None:
        """A line at level info."""
        self._logger.info(name, **keys)

    def warning(self, name: str, **keys: object) -> None:
        """A line at level warning."""
        self._logger.warning(name, **keys)

    def failure(self, name: str, error: BaseException, **keys: object) -> None:
        """A line at level error with the error's code and traceback; an error of our tree shows no traceback."""
        if isinstance(error, CentralError):
            self._logger.error(name, code=error.code, error=error.message, **keys)
        else:
            self._logger.error(name, code="defect", error=repr(error), exc_info=error, **keys)

    def count(self, name: str, n: float = 1, **labels: str) -> None:
        """Add to a counter."""
        if self._metrics is not None:
            self._metrics.count(name, n, labels)

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge."""
        if self._metrics is not None:
            self._metrics.gauge(name, value, labels)

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Add to a distribution."""
        if self._metrics is not None:
            self._metrics.observe(name, value, labels)

    def render_metrics(self) -> bytes:
        """The body of ``GET /metrics``; empty when metrics are switched off."""
        return b"" if self._metrics is None else self._metrics.render()
