"""Transfer Call: let the customer talk with a number, a queue, an agent, or go on in another flow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from central.flow.errands import (
    CUSTOMER_LEFT,
    FLOW_REFUSALS,
    NOT_CONFIGURED,
    BridgeNumber,
    ConnectAgent,
    TransferToFlow,
)
from central.flow.events import FlowEvent
from central.flow.program import Failed, Outcome
from central.flow.variables import Template
from central.flow.walk import Walk
from central.flow.widgets.agent_connect import LONGEST_WAIT, USUAL_WAIT, WAIT_GRACE_S
from central.flow.widgets.inputs import (
    DurationInput,
    name_of,
    number_of,
    read_duration,
    read_name,
    read_number,
    whisper_of,
)
from central.flow.widgets.spoken import Spoken, read_spoken_at
from central.flow.widgets.widget import Branch, Field, Fields, Widget

Kind = Literal["number", "queue", "agent", "flow"]
_KINDS: Final[tuple[Kind, ...]] = ("number", "queue", "agent", "flow")
_TALKED: Final = frozenset({"answered", "agent_allocated", CUSTOMER_LEFT})
_QUEUED: Final = frozenset(
    {"agent_allocated", "max_wait_time_reached", "no_agent_available", "queue_full", "agent_lost"}
)
_NOT_CONFIGURED: Final[dict[Kind, tuple[str, str]]] = {
    "number": ("bridge_not_configured", "This installation cannot connect a further number."),
    "queue": ("queue_not_configured", "This installation has no contact center."),
    "agent": ("queue_not_configured", "This installation has no contact center."),
    "flow": ("flow_transfer_not_available", "This installation cannot let a call go on in another flow."),
}
_SHORTEST: Final = timedelta(seconds=1)
LONGEST_RING: Final = timedelta(minutes=3)
BRIDGE_GRACE_S: Final = 30.0
"""Until both hear each other, beyond the ringing: the INVITE, the whisper, the report. Its runner ends the ringing itself."""
_LIMIT_FLOW_S: Final = 15.0


@dataclass(frozen=True, slots=True)
class TransferCallNode:
    """A prepared Transfer Call step: ``to`` names what ``kind`` says."""

    kind: Kind
    to: Template
    ring_timeout: DurationInput
    max_wait: DurationInput
    caller_id: Template | None
    whisper: Spoken | None

    def enter(self, walk: Walk) -> Outcome:
        """Ask for the other side."""
        if walk.leg.state != "up":
            return Failed("no_leg", "There is no customer to transfer.")
        if self.kind == "number":
            return self._to_number(walk)
        name = name_of(walk, self.kind, self.to)
        if isinstance(name, Failed):
            return name
        if self.kind == "flow":
            walk.send(TransferToFlow(name), _LIMIT_FLOW_S)
            return None
        max_wait_s = self.max_wait.seconds(walk)
        errand = ConnectAgent(
            queue=name if self.kind == "queue" else "",
            agent=name if self.kind == "agent" else "",
            max_wait_s=max_wait_s,
            ring_timeout_s=self.ring_timeout.seconds(walk),
            caller_id=self._caller_id(walk),
            whisper=whisper_of(walk, self.whisper),
        )
        walk.send(errand, max_wait_s + WAIT_GRACE_S, stage="waiting")
        return None

    def handle(self, walk: Walk, event: FlowEvent) -> Outcome:
        """The conversation is over, or there was none; a flow that could be entered is told by ``interpreter.enter`` instead."""
        done = walk.returned(event)
        if done is None:
            return None
        if done.outcome in FLOW_REFUSALS:
            return Failed(done.outcome, done.detail)
        if self.kind in {"queue", "agent"}:
            outcome = "agent_allocated" if done.outcome in _TALKED else done.outcome
            walk.queue_outcome = outcome if outcome in _QUEUED else "no_agent_available"
        if done.outcome in _TALKED and self.kind != "flow":
            return "answered"
        if done.outcome == NOT_CONFIGURED:
            return Failed(*_NOT_CONFIGURED[self.kind])
        return Failed(
            f"transfer_{done.outcome}", done.detail or f"It was not answered: {done.outcome.replace('_', ' ')}."
        )

    def _to_number(self, walk: Walk) -> Outcome:
        number = number_of(walk, self.to)
        if isinstance(number, Failed):
            return number
        ring_s = self.ring_timeout.seconds(walk)
        walk.note("bridge", number=number[1])
        whisper = whisper_of(walk, self.whisper)
        walk.send(BridgeNumber(number[0], ring_s, self._caller_id(walk), whisper), ring_s + BRIDGE_GRACE_S)
        return None

    def _caller_id(self, walk: Walk) -> str:
        return walk.text(self.caller_id).strip() if self.caller_id is not None else ""


def _prepare(fields: Fields) -> TransferCallNode:
    given: list[Kind] = [kind for kind in _KINDS if fields.present(kind)]
    kind = given[0] if given else _KINDS[0]
    if len(given) != 1:
        message = "A call is transferred to one number, queue, agent or flow."
        hint = "Add one of `number:`, `queue:`, `agent:`, `flow:`." if not given else f"Keep one of {', '.join(given)}."
        fields.find("transfer_target_unclear", message, line=fields.line(given[1]) if given else 0, hint=hint)
    to = read_number(fields, kind) if kind == "number" else read_name(fields, kind)
    _without_effect(fields, kind)
    if kind == "flow":
        fields.needless.add("answered")
        fields.names_flow(kind, to)
    elif kind == "queue":
        fields.names_queue(kind, to)
    return TransferCallNode(
        kind=kind,
        to=to or Template((), ""),
        ring_timeout=read_duration(fields, "ring_timeout", fields.flow.calls.ring_timeout, _SHORTEST, LONGEST_RING),
        max_wait=read_duration(fields, "max_wait", USUAL_WAIT, _SHORTEST, LONGEST_WAIT),
        caller_id=fields.caller_id(),
        whisper=read_spoken_at(fields, "whisper"),
    )


def _without_effect(fields: Fields, kind: Kind) -> None:
    useless = {"number": ("max_wait",), "flow": ("max_wait", "ring_timeout", "caller_id", "whisper")}.get(kind, ())
    for name in useless:
        if fields.present(name):
            message = f"{name!r} has no effect where a call is transferred to a {kind}."
            fields.find("field_without_effect", message, line=fields.line(name), hint="Remove it.", severity="warning")


TRANSFER_CALL = Widget(
    name="transfer_call",
    title="Transfer Call",
    doc="""Rings a number, or asks a queue or one agent, while the customer hears it ringing, and lets them talk; or lets the call
go on in another flow. `answered` is taken when their conversation is over; whoever hangs up in it ends the step normally. If
the customer does, steps without media still run on that branch, and when nothing else follows it was the flow's end. On
`failed` (busy, not answered in time, nobody there) the customer is still on the line. Keys pressed in a conversation are for
the other side: no menu takes them, and the history shows them as `x`.

With `flow`, the call goes on in the production version of that flow, as it stands at that moment, and does not come back:
`answered` is not taken. Variables, the keys pressed so far, and the limits of 1,000 steps and 120 minutes go on; counters begin
anew; Answer Call and the first Make Call pass at once, because the customer is there. On Remote Hangup and On Flow Complete
are those of the flow in which the call is then. The record stays one of the flow that took it in: its status rules,
reattempts and reports hold. What either flow declares secret stays masked; what only the other one holds secret is not kept with
the record. `failed` is taken where there is no such flow (`flow_unknown`), or it is archived (`flow_archived`), switched off or
paused (`flow_not_running`), not published (`flow_not_published`), or of a type that calls cannot enter (`flow_kind`).""",
    example="""to_desk:
  widget: transfer_call
  number: "918000000010"
  ring_timeout: 20s
  whisper: {say: "A call from the clinic's line."}
  on: {answered: bye, failed: sorry}""",
    prepare=_prepare,
    fields=(
        Field("number", "number, text with variables", "Whom to ring, country code first. One of these four."),
        Field("queue", "name, text with variables", "The queue whose agents are asked."),
        Field("agent", "name, text with variables", "The agent who is asked."),
        Field("flow", "name or id, text with variables", "The inbound or multicast flow in which the call goes on."),
        Field(
            "ring_timeout", "1s to 3m, text with variables", "How long one number or agent is rung.", "that of `calls`"
        ),
        Field("max_wait", "1s to 1h, text with variables", "How long the customer waits for an agent at most.", "5m"),
        Field("caller_id", "text with variables", "The DID to show; `anonymous` shows none.", "chosen by the platform"),
        Field("whisper", "{say: ...} or {file: ...}", "What the called party alone hears before they are joined."),
    ),
    branches=(
        Branch("answered", "They talked, and the conversation is over. Not with `flow`.", required=True),
        Branch("failed", "They did not talk; the customer is still there."),
    ),
    media=True,
    waits=True,
    can_fail=True,
    failure="fail",
    failing="failed",
)
