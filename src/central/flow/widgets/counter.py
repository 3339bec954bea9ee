"""Counter: count how often the flow came by, and go on by the count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from central.flow.events import FlowEvent
from central.flow.program import Outcome
from central.flow.variables import NAME
from central.flow.walk import Walk
from central.flow.widgets.widget import Branch, Field, Fields, Widget

LIMIT_COUNT: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class CounterNode:
    """A prepared Counter step."""

    name: str
    start: int
    step: int
    limit: int
    variable: str

    def enter(self, walk: Walk) -> Outcome:
        """Count on, and compare."""
        count = walk.count(self.name, self.start, self.step)
        walk.note("count", name=self.name, count=count, limit=self.limit)
        if self.variable:
            walk.store(self.variable, str(count))
        reached = count >= self.limit if self.step > 0 else count <= self.limit
        return "limit_reached" if reached else "below_limit"

    def handle(self, walk: Walk, event: FlowEvent) -> Outcome:
        """Never waits."""
        del walk, event
        return None


def _prepare(fields: Fields) -> CounterNode:
    name = fields.text("name", fields.step)
    if not NAME.fullmatch(name):
        hint = "A letter or underscore, then letters, digits, underscores."
        fields.find(
            "counter_name_invalid", f"{name[:64]!r} cannot name a counter.", line=fields.line("name"), hint=hint
        )
    start = fields.signed("start", 0, LIMIT_COUNT)
    step = fields.signed("step", 1, LIMIT_COUNT)
    limit = fields.signed("limit", 0, LIMIT_COUNT, required=True)
    if step == 0:
        message = "A counter that counts by 0 never reaches its limit."
        fields.find("counter_stands_still", message, line=fields.line("step"), hint="Write `step: 1`, or leave it out.")
    elif fields.present("limit") and (limit - start) * step <= 0:
        message = f"From {start} by {step}, the limit {limit} is reached the first time."
        hint = "Choose a limit that lies ahead."
        fields.find("counter_limit_behind", message, line=fields.line("limit"), hint=hint, severity="warning")
    variable = fields.text("store")
    if variable:
        fields.stored(variable, fields.line("store"))
    return CounterNode(name, start, step, limit, variable)


COUNTER = Widget(
    name="counter",
    title="Counter",
    doc="""Counts on by `step` each time the flow comes by, beginning at `start`, and takes `limit_reached` once the count is
at the limit or beyond it (below it, when it counts down). With the defaults, `limit: 3` lets a loop run twice and takes
`limit_reached` at the third visit. Counters live for one execution; several steps may count on the same `name`.""",
    example="""rounds:
  widget: counter
  limit: 3
  on: {below_limit: menu, limit_reached: bye}""",
    prepare=_prepare,
    fields=(
        Field("name", "name", "Steps with the same name share a counter.", "the step's name"),
        Field("start", "whole number", "What it counts from.", "0"),
        Field("step", "whole number, not 0", "What each visit adds; below 0 counts down.", "1"),
        Field("limit", "whole number", "Where `limit_reached` begins.", required=True),
        Field("store", "variable name", "Where to keep the count."),
    ),
    branches=(
        Branch("below_limit", "The limit is still ahead.", required=True),
        Branch("limit_reached", "The count is at the limit or beyond.", required=True),
    ),
    bounds="below_limit",
)
