"""What every step tells its operators: events for the log, numbers for the metrics. Never an input to a decision.

Names are constants in ``snake_case``: an event is ``noun_participle`` (``records_claimed``), a metric says its unit
(``claim_ms``, ``queue_rows``). Personal data goes only into keys that contain ``pii`` (``number_pii=...``): those are masked
unless the operator switched masking off. Labels of metrics have few values: never an id of a record.
"""

from __future__ import annotations

from typing import Protocol


class Telemetry(Protocol):
    """Log and metrics of this process. All calls return at once; nothing here waits for a neighbour."""

    def bound(self, **keys: object) -> Telemetry:
        """The same, with these keys in every event: ``record_id``, ``leg_id``, ``worker``."""
        ...

    def event(self, name: str, **keys: object) -> None:
        """Something that an operator may want to know happened."""
        ...

    def warning(self, name: str, **keys: object) -> None:
        """Something is not as it should be, and is being dealt with."""
        ...

    def failure(self, name: str, error: BaseException, **keys: object) -> None:
        """Work was lost or put off because of this error; its code and traceback are kept."""
        ...

    def count(self, name: str, n: float = 1, **labels: str) -> None:
        """Add to a counter that only rises."""
        ...

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set the present value of a thing that rises and falls."""
        ...

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Add one measurement to a distribution; the name ends in its unit: ``_ms``, ``_s``, ``_seconds``, ``_bytes``, ``_rows``."""
        ...
