"""Store Variable: set variables of the record."""

from __future__ import annotations

from dataclasses import dataclass

from central.flow.events import FlowEvent
from central.flow.program import Outcome
from central.flow.tree import Scalar
from central.flow.variables import Template
from central.flow.walk import Walk
from central.flow.widgets.widget import Branch, Field, Fields, Widget


@dataclass(frozen=True, slots=True)
class StoreVariableNode:
    """A prepared Store Variable step."""

    assignments: tuple[tuple[str, Template], ...]

    def enter(self, walk: Walk) -> Outcome:
        """Assign in order, so that a later value may read an earlier one."""
        for name, template in self.assignments:
            walk.store(name, walk.text(template))
        return "next"

    def handle(self, walk: Walk, event: FlowEvent) -> Outcome:
        """Never waits."""
        del walk, event
        return None


def _prepare(fields: Fields) -> StoreVariableNode:
    written = fields.mapping("set")
    if not written.entries:
        hint = "Such as `set: {Answer: confirmed}`."
        fields.find("field_missing", "There is nothing to store.", line=fields.line("set"), hint=hint)
    assignments: list[tuple[str, Template]] = []
    for name, value in written.entries.items():
        line = written.lines.get(name, written.line)
        if isinstance(value, Scalar):
            text = "" if value.missing else value.text
            template = fields.as_template(text, value.line)
            assignments.append((fields.stored(name, line, (template,)), template))
        else:
            fields.find(
                "field_not_text", f"The value of {name!r} must be a text.", line=line, hint="One text a variable."
            )
    return StoreVariableNode(tuple(assignments))


STORE_VARIABLE = Widget(
    name="store_variable",
    title="Store Variable",
    doc="""Sets variables of the record (`$flow.key.<Name>`), in the order written. A value over 4,096 characters, or one
that would lift the record over 64 KiB, stores empty text and a warning.""",
    example="""confirmed:
  widget: store_variable
  set:
    Answer: confirmed
    Heard: "{{ $flow.key.Name }} at {{ $flow.syskey.now }}"
  next: thanks""",
    prepare=_prepare,
    fields=(
        Field("set", "mapping of names to texts", "Names without prefix; values may hold variables.", required=True),
    ),
    branches=(Branch("next", "Stored."),),
    assigns=True,
)
