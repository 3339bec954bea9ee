"""What operators see of each bind: counts and distributions, written once for everything that one read brought."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from central.adapters.smpp import events as told
from central.adapters.smpp.bind import Bind
from central.adapters.smpp.events import Event
from central.adapters.smpp.pdu import RMSGQFUL, RTHROTTLED
from central.application.ports.telemetry import Telemetry

_SLOW: dict[int, str] = {RTHROTTLED: "throttled", RMSGQFUL: "queue_full"}


class Meter:
    """Metrics of one carrier, labelled with its name and the bind's."""

    def __init__(self, telemetry: Telemetry, carrier: str) -> None:
        self._telemetry, self._carrier = telemetry, carrier

    def submitted(self, parts: int) -> None:
        """So many submit_sm were taken from the platform."""
        if parts:
            self._telemetry.count("smpp_submits", parts, carrier=self._carrier)

    def odd(self, bind: Bind, words: Sequence[str]) -> None:
        """Something about a receipt that a person should look at."""
        for word in words:
            self._telemetry.count("smpp_oddities", 1, kind=word, carrier=self._carrier, bind=bind.name)

    def heard(self, bind: Bind, events: Sequence[Event]) -> None:
        """Everything that one read, or one timer, brought."""
        keys = {"carrier": self._carrier, "bind": bind.name}
        counts: Counter[str] = Counter()
        slowest = -1.0
        for event in events:
            if type(event) is told.Answered:
                counts["answered" if event.status == 0 else _SLOW.get(event.status, "refused")] += 1
                slowest = max(slowest, event.latency_s)
                if event.status == 0 and not event.message_id:
                    self._telemetry.warning("smpp_answer_without_id", **keys)
            elif type(event) is told.Arrived:
                counts["arrived"] += 1
            elif isinstance(event, told.Unsure | told.Unsent):
                counts["uncertain" if type(event) is told.Unsure else "not_sent"] += len(event.tickets)
            else:
                self._link(bind, event, keys)
        for kind, count in counts.items():
            self._telemetry.count("smpp_outcomes", count, kind=kind, **keys)
        if slowest >= 0:
            self._telemetry.observe("smpp_answer_ms", slowest * 1000, **keys)
            self._telemetry.gauge("smpp_window_used", len(bind.session.window.flights), **keys)

    def _link(self, bind: Bind, event: Event, keys: dict[str, str]) -> None:
        match event:
            case told.Enquired(round_trip_s=seconds):
                self._telemetry.observe("smpp_enquire_link_ms", seconds * 1000, **keys)
            case told.Odd(word=word):
                self._telemetry.count("smpp_oddities", 1, kind=word, **keys)
            case told.PaceMoved():
                self._telemetry.gauge("smpp_rate_per_s", bind.session.pace.bucket.rate or 0.0, **keys)
            case told.Down(reason=reason, was_bound=False):
                self._telemetry.warning("smpp_unreachable", reason=reason, **keys)
            case told.Up() | told.Down() | told.Refused():
                self._telemetry.event("smpp_bind_moved", state=bind.session.state.value, **keys)
                self._telemetry.gauge("smpp_bound", float(type(event) is told.Up), **keys)
            case _:
                pass
