"""Store Variable: set variables of the record, and keep values about the customer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from central.flow.errands import UpdateContact
from central.flow.events import FlowEvent
from central.flow.program import Outcome
from central.flow.tree import Scalar
from central.flow.variables import Template
from central.flow.walk import Walk
from central.flow.widgets.update_contact import LIMIT_S
from central.flow.widgets.widget import Branch, Field, Fields, Widget

_LASTING: Final = "user.key."


@dataclass(frozen=True, slots=True)
class Assignment:
    """One value to be set; ``lasting`` = kept about the customer, beyond this record."""

    name: str
    template: Template
    lasting: bool


@dataclass(frozen=True, slots=True)
class StoreVariableNode:
    """A prepared Store Variable step."""

    assignments: tuple[Assignment, ...]

    def enter(self, walk: Walk) -> Outcome:
        """Assign in order, so that a later value may read an earlier one; wait only where something is to be kept."""
        kept: dict[str, str] = {}
        for one in self.assignments:
            value = walk.text(one.template)
            if not one.lasting:
                walk.store(one.name, value)
            elif walk.prefer(one.name, value):
                kept[one.name] = value
        if not kept:
            return "next"
        walk.send(UpdateContact(kept), LIMIT_S)
        return None

    def handle(self, walk: Walk, event: FlowEvent) -> Outcome:
        """What was to be kept is kept, or not: a step that stores goes on all the same."""
        done = walk.returned(event)
        if done is None:
            return None
        if done.outcome != "updated":
            walk.warn("contact_not_updated", detail=done.detail or done.outcome)
        return "next"


def _prepare(fields: Fields) -> StoreVariableNode:
    written = fields.mapping("set")
    if not written.entries:
        hint = "Such as `set: {Answer: confirmed}`."
        fields.find("field_missing", "There is nothing to store.", line=fields.line("set"), hint=hint)
    assignments: list[Assignment] = []
    for name, value in written.entries.items():
        line = written.lines.get(name, written.line)
        if isinstance(value, Scalar):
            text = "" if value.missing else value.text
            assignments.append(_assignment(fields, name, line, fields.as_template(text, value.line)))
        else:
            fields.find(
                "field_not_text", f"The value of {name!r} must be a text.", line=line, hint="One text a variable."
            )
    return StoreVariableNode(tuple(assignments))


def _assignment(fields: Fields, name: str, line: int, template: Template) -> Assignment:
    if name.startswith(_LASTING):
        return Assignment(fields.preferred(name.removeprefix(_LASTING), line, (template,)), template, lasting=True)
    return Assignment(fields.stored(name, line, (template,)), template, lasting=False)


STORE_VARIABLE = Widget(
    name="store_variable",
    title="Store Variable",
    doc="""Sets variables of the record (`$flow.key.<Name>`), in the order written. A value over 4,096 characters, or one
that would lift the record over 64 KiB, stores empty text and a warning. A name such as `user.key.Language` keeps the value
about the customer instead, as `update_contact` does; what cannot be kept leaves a warning, and the flow goes on.""",
    example="""confirmed:
  widget: store_variable
  set:
    Answer: confirmed
    Heard: "{{ $flow.key.Name }} at {{ $flow.syskey.now }}"
  next: thanks""",
    prepare=_prepare,
    fields=(
        Field(
            "set",
            "mapping of names to texts",
            "Names without prefix, or `user.key.<Name>`; values may hold variables.",
            required=True,
        ),
    ),
    branches=(Branch("next", "Stored."),),
    assigns=True,
)
