"""Update Contact: keep values about the customer beyond this call (the original's ``updateUserPreferences``)."""

from __future__ import annotations

from dataclasses import dataclass

from central.flow.errands import UpdateContact
from central.flow.events import FlowEvent
from central.flow.program import Failed, Outcome
from central.flow.tree import Scalar
from central.flow.variables import Template
from central.flow.walk import Walk
from central.flow.widgets.widget import Branch, Field, Fields, Widget

LIMIT_S = 30.0
"""How long a step waits for a contact to be stored."""


@dataclass(frozen=True, slots=True)
class UpdateContactNode:
    """A prepared Update Contact step."""

    assignments: tuple[tuple[str, Template], ...]

    def enter(self, walk: Walk) -> Outcome:
        """Assign in order, so that a later value may read an earlier one, and let it be kept."""
        values: dict[str, str] = {}
        for name, template in self.assignments:
            value = walk.text(template)
            if walk.prefer(name, value):
                values[name] = value
        if not values:
            return Failed("contact_not_updated", "None of the values may be kept.")
        walk.send(UpdateContact(values), LIMIT_S)
        return None

    def handle(self, walk: Walk, event: FlowEvent) -> Outcome:
        """The values are kept, or not."""
        done = walk.returned(event)
        if done is None:
            return None
        return "next" if done.outcome == "updated" else Failed("contact_not_updated", done.detail or done.outcome)


def _prepare(fields: Fields) -> UpdateContactNode:
    written = fields.mapping("set")
    if not written.entries:
        hint = "Such as `set: {Language: hi}`."
        fields.find("field_missing", "There is nothing to keep.", line=fields.line("set"), hint=hint)
    assignments: list[tuple[str, Template]] = []
    for name, value in written.entries.items():
        line = written.lines.get(name, written.line)
        if isinstance(value, Scalar):
            template = fields.as_template("" if value.missing else value.text, value.line)
            assignments.append((fields.preferred(name, line, (template,)), template))
        else:
            message = f"The value of {name[:64]!r} must be a text."
            fields.find("field_not_text", message, line=line, hint="One text a variable.")
    return UpdateContactNode(tuple(assignments))


UPDATE_CONTACT = Widget(
    name="update_contact",
    title="Update Contact",
    doc="""Keeps values about the customer (`$user.key.<Name>`) under the number that this record is about
(`$flow.syskey.contact_number`), for all later calls of all flows of the account. Only the values named here change: what
other calls keep about the same customer at the same moment stays. An empty text removes a value. The rest of this flow reads
the new values at once; other calls read them from their next attempt on. A contact holds 64 KiB, a value 4,096 characters.""",
    example="""remember:
  widget: update_contact
  set:
    Language: hi
    LastAnswer: "{{ $flow.key.Answer }}"
  next: bye""",
    prepare=_prepare,
    fields=(
        Field("set", "mapping of names to texts", "Names without prefix; values may hold variables.", required=True),
    ),
    branches=(Branch("next", "The values are kept."), Branch("error", "They could not be kept.")),
    can_fail=True,
    failure="continue",
    onward="next",
)
