"""What the three entry points share: a step that only leads on."""

from __future__ import annotations

from dataclasses import dataclass

from central.flow.events import FlowEvent
from central.flow.program import Outcome
from central.flow.walk import Walk
from central.flow.widgets.widget import Fields


@dataclass(frozen=True, slots=True)
class EntryNode:
    """Leads on at once."""

    def enter(self, walk: Walk) -> Outcome:
        """Take ``next``."""
        del walk
        return "next"

    def handle(self, walk: Walk, event: FlowEvent) -> Outcome:
        """Never waits, so nothing concerns it."""
        del walk, event
        return None


def prepare_entry(_fields: Fields) -> EntryNode:
    """An entry point has no fields of its own."""
    return EntryNode()
