"""Start Flow: let another outbound flow call somebody, now or later (the original's ``createOutbound``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from central.flow.durations import parse_duration
from central.flow.errands import StartFlow
from central.flow.events import FlowEvent
from central.flow.program import Failed, Outcome
from central.flow.tree import Scalar
from central.flow.variables import NAME, Reference, Template, parse_template
from central.flow.walk import Walk
from central.flow.widgets.widget import Branch, Field, Fields, Widget

LONGEST: Final = timedelta(days=30)
LIMIT_S: Final = 30.0
"""How long the step waits for the record to be stored."""
_SECOND: Final = timedelta(seconds=1)
_CONTACT: Final = parse_template("{{ $flow.syskey.contact_number }}")
_CLIENT: Final = Reference("flow.syskey", "client_identifier")


@dataclass(frozen=True, slots=True)
class StartFlowNode:
    """A prepared Start Flow step; ``client`` None = the record's own client identifier."""

    flow: Template
    number: Template
    delay: Template | None
    variables: Mapping[str, Template]
    client: Template | None
    store: str

    def enter(self, walk: Walk) -> Outcome:
        """Ask for the record."""
        flow, number = walk.text(self.flow).strip(), walk.text(self.number).strip()
        if not flow or not number:
            return Failed("flow_not_started", "There is no flow to start, or no number to call.")
        text = walk.text(self.delay).strip() if self.delay is not None else ""
        delay = _minutes(text) if text else timedelta()
        if delay is None:
            return Failed("delay_invalid", f"{text[:40]!r} is no delay of at most 30 days.")
        client = (walk.value_of(_CLIENT) or "") if self.client is None else walk.text(self.client)
        variables = {name: walk.text(value) for name, value in self.variables.items()}
        walk.send(StartFlow(flow, number, delay / _SECOND, variables, client), LIMIT_S)
        return None

    def handle(self, walk: Walk, event: FlowEvent) -> Outcome:
        """The record waits for its turn, or was refused."""
        done = walk.returned(event)
        if done is None:
            return None
        if done.outcome != "started":
            return Failed("flow_not_started", done.detail or done.outcome)
        if self.store:
            walk.store(self.store, done.values.get("record_id", ""))
        return "started"


def _minutes(text: str) -> timedelta | None:
    """A duration, or a number of minutes; None beyond LONGEST."""
    delay = parse_duration(f"{text}m" if text.isdigit() else text)
    return delay if delay is not None and delay <= LONGEST else None


def _prepare(fields: Fields) -> StartFlowNode:
    flow = fields.template("flow", required=True) or parse_template("")
    fields.names_flow("flow", flow)
    number = fields.template("number") or _CONTACT
    delay = fields.template("delay")
    if delay is not None and delay.literal is not None and _minutes(delay.literal.strip()) is None:
        hint = "Write minutes, or a number with its unit, such as 30m, 2h or 1d."
        fields.find("delay_invalid", "`delay` must be at most 30 days.", line=fields.line("delay"), hint=hint)
    store = fields.text("store")
    if store:
        fields.stored(store, fields.line("store"))
    return StartFlowNode(flow, number, delay, _variables(fields), fields.template("client_identifier"), store)


def _variables(fields: Fields) -> Mapping[str, Template]:
    written = fields.mapping("variables")
    found: dict[str, Template] = {}
    for name, value in written.entries.items():
        line = written.lines.get(name, written.line)
        if not NAME.fullmatch(name):
            hint = "Name it without prefix: a letter or underscore, then letters, digits, underscores."
            fields.find("variable_name_invalid", f"{name[:64]!r} cannot name a variable.", line=line, hint=hint)
        if isinstance(value, Scalar):
            template = found[name] = fields.as_template("" if value.missing else value.text, value.line)
            if used := fields.secrets_in((template,)):
                hint = f"Declare {name[:64]!r} with `secret: true` in the other flow."
                message = f"{used[0]} is secret; the other flow shows it unless it is secret there too."
                fields.find("secret_laid_open", message, line=value.line, hint=hint, severity="warning")
        else:
            message = f"The value of {name[:64]!r} must be a text."
            fields.find("field_not_text", message, line=line, hint="One text a variable.")
    return found


START_FLOW = Widget(
    name="start_flow",
    title="Start Flow",
    doc="""Makes a record of another outbound flow, so that somebody is called: this customer again or another number, at once
or up to 30 days later. The record passes the same checks as one that comes by the API, in a request of its own with the source
`internal`, and is made once, whatever happens to this call. It is refused, with the reason in the timeline, where the other
flow is not published, switched off or without a number, where a check refuses the number or the variables, and where flows start
each other more than 10 times in a row or 100 times in all. A record that is being tested starts the other flow's draft. This
call goes on without waiting for the other one.""",
    example="""ask_again:
  widget: start_flow
  flow: appointment_reminder
  delay: 2h
  variables:
    Name: "{{ $flow.key.Name }}"
  store: NextCall
  on: {started: bye, failed: tell_agent}""",
    prepare=_prepare,
    fields=(
        Field("flow", "text", "The other flow's name or id; may hold variables.", required=True),
        Field("number", "text", "Whom it calls; may hold variables.", "this customer"),
        Field("delay", "minutes, or duration", "How much later, up to 30 days; may hold variables.", "at once"),
        Field("variables", "mapping of names to texts", "The new record's variables; values may hold variables."),
        Field("client_identifier", "text", "The new record's client identifier.", "this record's"),
        Field("store", "variable name", "Where to keep the new record's id."),
    ),
    branches=(
        Branch("started", "The record passed its checks and waits for its turn."),
        Branch("failed", "No record was made, or it was refused.", stores=False),
    ),
    can_fail=True,
    failure="continue",
    failing="failed",
    onward="started",
)
