"""The JSON body of a webhook event: the envelope that all events share around what its kind tells. Pure; step 6 of the path.

Source: domain specification, section 15 (``record.final`` and its keys) and G6 (times); ``type`` is what the Standard
Webhooks specification recommends to send. Absent data means an absent key.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from central.domain.ids import EventId
from central.domain.statuses import FLOW, FlowStatus


def render_body(event_id: EventId, occurred_at: datetime, event_type: str, told: Mapping[str, object]) -> bytes:
    """Write the UTF-8 JSON document of an event; the same input gives the same bytes, so that retries are identical.

    ``told`` are the keys of its kind. A record's status brings its ``record_class`` along. Raises ValueError for a status
    that the catalogue does not know.
    """
    document: dict[str, object] = {
        "event_id": str(event_id),
        "type": event_type,
        "occurred_at": occurred_at.astimezone(UTC).isoformat(timespec="milliseconds"),
    }
    for key, value in told.items():
        document[key] = value
        if key == "status" and event_type.startswith("record."):
            document["record_class"] = FLOW[FlowStatus(str(value))].record_class.value
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
