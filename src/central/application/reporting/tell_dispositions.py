"""What agents said of a record's calls, as lines of its timeline (path step 7). Pure."""

from __future__ import annotations

from collections.abc import Sequence

from central.application.ports.reporting import EventRow
from central.application.reporting.event_data import Data, data_of, inner, text, texts
from central.application.reporting.explanation import Entry, Kind

_FOLLOWS = {"callback": "call back", "retry": "another try"}


def tell_dispositions(events: Sequence[EventRow]) -> tuple[Entry, ...]:
    """One line each: who said what, and what follows from it."""
    return tuple(_line(event, data_of(event)) for event in events if event.kind == "disposition_saved")


def _line(event: EventRow, data: Data) -> Entry:
    agent = text(data, "agent") or "an agent who is gone"
    if data.get("none") is True:
        title = f"{agent} saved no disposition"
        return Entry(event.at, Kind.FLOW, title, "his queue or flow requires one", data=dict(data))
    told = [f'note: "{text(data, "note")}"'] if text(data, "note") else []
    if data.get("do_not_call") is True:
        told.append("the number went to the blacklist")
    follow = inner(data, "follow_up")
    if follow:
        what = f"{_FOLLOWS.get(text(follow, 'kind'), text(follow, 'kind'))} at {text(follow, 'at')}"
        refused = text(follow, "refused")
        told.append(f"no {what}: {refused}" if refused else f"{what}, record {text(follow, 'record_id')}")
    return Entry(event.at, Kind.FLOW, f"{agent}: {' / '.join(texts(data, 'path'))}", "; ".join(told), data=dict(data))
