"""Start: where the main path begins."""

from __future__ import annotations

from central.flow.widgets.entry import prepare_entry
from central.flow.widgets.widget import Branch, Widget

START = Widget(
    name="start",
    title="Start",
    doc="Where the main path begins, once a record was claimed. Every flow has exactly one.",
    example="start: {widget: start, next: call}",
    prepare=prepare_entry,
    branches=(Branch("next", "The first step.", required=True),),
    entry=True,
)
