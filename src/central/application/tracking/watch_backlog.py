"""The figures that an operator watches at night, as gauges of the tracker (path step 5)."""

from __future__ import annotations

from central.application.ports.telemetry import Telemetry
from central.application.ports.tracking import TrackingStore


class WatchBacklog:
    """The use case; called every few seconds."""

    def __init__(self, store: TrackingStore, telemetry: Telemetry) -> None:
        self._store, self._telemetry = store, telemetry

    async def __call__(self) -> None:
        """Set the gauges; a missing partition is also said aloud. Raises NeighbourError when the store is away."""
        figures = await self._store.backlog()
        for name, value in figures.items():
            self._telemetry.gauge(name, value)
        if figures["partitions_missing"]:
            self._telemetry.warning("partitions_missing", tables=int(figures["partitions_missing"]))
