"""The entry points: Start, On Remote Hangup, On Flow Complete. Each only leads on."""

from __future__ import annotations

from dataclasses import dataclass

from central.flow.events import FlowEvent
from central.flow.program import Outcome
from central.flow.walk import Walk
from central.flow.widgets.widget import Branch, Fields, Widget


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


def _prepare(_fields: Fields) -> EntryNode:
    return EntryNode()


START = Widget(
    name="start",
    title="Start",
    doc="Where the main path begins, once a record was claimed. Every flow has exactly one.",
    example="start: {widget: start, next: call}",
    prepare=_prepare,
    branches=(Branch("next", "The first step.", required=True),),
    entry=True,
)

ON_REMOTE_HANGUP = Widget(
    name="on_remote_hangup",
    title="On Remote Hangup",
    doc="""Where a path begins when the customer's leg ended from the far side before the flow had reached an end. The call
is over: no call or media steps. The path has 60 seconds and cannot change the record's status.""",
    example="on_remote_hangup: {widget: on_remote_hangup, next: note_left}",
    prepare=_prepare,
    branches=(Branch("next", "The first step of the path.", required=True),),
    entry=True,
)

ON_FLOW_COMPLETE = Widget(
    name="on_flow_complete",
    title="On Flow Complete",
    doc="""Where a path begins when the record's status is decided, once per record that had an attempt; a reattempt does not
run it. It sees `$flow.syskey.status` and `$flow.syskey.reason`. No call or media steps. It has 60 seconds and cannot
change the status.""",
    example="on_flow_complete: {widget: on_flow_complete, next: remember}",
    prepare=_prepare,
    branches=(Branch("next", "The first step of the path.", required=True),),
    entry=True,
)
