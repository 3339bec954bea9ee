"""Hang Up: end the call, and with it the main path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from central.flow.events import FlowEvent
from central.flow.program import Ends, HangUpCause, Outcome
from central.flow.walk import Walk
from central.flow.widgets.widget import Field, Fields, Widget

_CAUSES: Final[tuple[HangUpCause, ...]] = ("normal", "busy", "reject")


@dataclass(frozen=True, slots=True)
class HangUpNode:
    """A prepared Hang Up step."""

    cause: HangUpCause

    def enter(self, walk: Walk) -> Outcome:
        """End the path; the interpreter hangs up a leg that is there."""
        del walk
        return Ends("end", self.cause)

    def handle(self, walk: Walk, event: FlowEvent) -> Outcome:
        """Never waits itself: the end of the leg is awaited by the interpreter."""
        del walk, event
        return None


def _prepare(fields: Fields) -> HangUpNode:
    return HangUpNode(fields.choice("cause", _CAUSES, "normal"))


HANG_UP = Widget(
    name="hang_up",
    title="Hang Up",
    doc="Ends the call from our side. The flow has reached an end: the record is COMPLETED if the customer was connected.",
    example="bye: {widget: hang_up}",
    prepare=_prepare,
    fields=(Field("cause", "normal, busy or reject", "What the network is told.", "normal"),),
    terminal=True,
)
