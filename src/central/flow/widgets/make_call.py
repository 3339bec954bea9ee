"""Make Call: call the record's numbers in order until one connects."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from central.domain.reattempts import Alternates, ReattemptRule
from central.domain.statuses import CallStatus
from central.flow.commands import Dial
from central.flow.events import FlowEvent, LegAnswered, LegEnded
from central.flow.program import Ends, Failed, Outcome
from central.flow.run import Dialing, Leg
from central.flow.variables import Template
from central.flow.walk import Walk
from central.flow.widgets.further_leg import FurtherLeg, read_further_leg
from central.flow.widgets.widget import Branch, Field, Fields, Widget

When = Literal["last", "every"]
_WHEN: Final[tuple[When, ...]] = ("last", "every")
_BRANCHES: Final = {
    CallStatus.BUSY.value: "busy",
    CallStatus.RING_TIMEOUT.value: "no_answer",
    CallStatus.NO_USER_RESPONDING.value: "no_answer",
}
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class MakeCallNode:
    """A prepared Make Call step."""

    ring_timeout_s: float
    caller_id: Template | None
    detect_machine: bool
    machine_wired: bool
    unconnected_branch: When
    rule: ReattemptRule
    further: FurtherLeg | None = None

    def enter(self, walk: Walk) -> Outcome:
        """Dial the first number that may be dialled."""
        if walk.phase != "main":
            return Failed("no_call_here", "The customer's call is over.")
        if self.further is not None:
            return self.further.enter(walk)
        if walk.leg.state == "up":
            if walk.place is None:  # of a call that comes from another flow it is to be expected
                walk.warn("already_connected")
            return "connected"
        return self._dial_next(walk)

    def handle(self, walk: Walk, event: FlowEvent) -> Outcome:
        """The number dialled was answered, or was not reached."""
        if self.further is not None:
            return self.further.handle(walk, event)
        if isinstance(event, LegAnswered):
            machine = event.machine and self.detect_machine
            walk.note("dial", position=event.position, result="answered", machine=machine)
            return "machine" if machine and self.machine_wired else "connected"
        if not isinstance(event, LegEnded):
            return None
        walk.note("dial", position=event.position, result=event.status)
        return self._dial_next(walk)

    def _dial_next(self, walk: Walk) -> Outcome:
        position = self._next_position(walk)
        if position is None:
            return self._not_reached(walk)
        caller_id = walk.text(self.caller_id).strip() if self.caller_id is not None else ""
        walk.leg = Leg("dialing", position, walk.at)
        walk.wait = Dialing(position)
        walk.note("dial", position=position, number=walk.facts.numbers[position])
        walk.commands.append(Dial(position, self.ring_timeout_s, caller_id or None, self.detect_machine))
        return None

    def _next_position(self, walk: Walk) -> int | None:
        """The first number neither struck off nor dialled in this attempt; a number is never dialled twice in one."""
        tried = {result.position for result in walk.results}
        if tried and self.rule.alternates is Alternates.SKIP_AFTER_REJECTION:
            first = walk.results[0]
            if first.position == 0 and first.status == CallStatus.USER_REJECTED:
                return None
        for position in range(len(walk.facts.numbers)):
            if position not in tried and position not in walk.facts.struck:
                return position
        return None

    def _not_reached(self, walk: Walk) -> Outcome:
        """Nobody was reached: the attempt's status is that of the first number dialled (domain 8.1)."""
        walk.unconnected = True
        walk.wait = None
        if self.unconnected_branch == "last" and self._may_come_again(walk):
            walk.note("dial", result="not_reached", branch="runs on the last attempt only")
            return Ends("not_reached")
        return _BRANCHES.get(walk.results[0].status, "failed") if walk.results else "failed"

    def _may_come_again(self, walk: Walk) -> bool:
        retryable = {status.value for status in self.rule.retry_on}
        return not walk.facts.last_attempt and any(result.status in retryable for result in walk.results)


def _prepare(fields: Fields) -> MakeCallNode:
    calls = fields.flow.calls
    caller_id = fields.caller_id()
    further = read_further_leg(fields, caller_id)
    ring = fields.duration("ring_timeout", calls.ring_timeout, _SECOND, 180 * _SECOND)
    return MakeCallNode(
        ring_timeout_s=ring / _SECOND,
        caller_id=caller_id,
        detect_machine=fields.flag("detect_machine", default=False),
        machine_wired="machine" in fields.targets,
        unconnected_branch=fields.choice("unconnected_branch", _WHEN, "last"),
        rule=calls.reattempts,
        further=further,
    )


MAKE_CALL = Widget(
    name="make_call",
    title="Make Call",
    doc="""Calls the record's numbers in order until one answers; numbers struck off earlier are skipped, and no number is
dialled twice within an attempt. When nobody answers, the attempt is over and the reattempt rule decides about another. The
branch of the first number's result (`busy`, `no_answer`, else `failed`) runs on the last attempt only, or with
`unconnected_branch: every` on each; steps on it cannot turn the attempt into a success.

With `to`, it rings a further number while the customer is connected, and lets the two talk: `connected` is taken when their
conversation is over, as in Transfer Call; on `busy`, `no_answer` and `failed` the customer is still there.""",
    example="""call:
  widget: make_call
  ring_timeout: 25s
  on: {connected: greet, busy: end, no_answer: end, failed: end}""",
    prepare=_prepare,
    fields=(
        Field(
            "to",
            "number, text with variables",
            "A further number to connect with the customer.",
            "the record's numbers",
        ),
        Field("ring_timeout", "1s to 180s", "How long one number is rung, from the INVITE.", "that of `calls`"),
        Field("caller_id", "text with variables", "The DID to show; `anonymous` shows none.", "chosen by the platform"),
        Field("detect_machine", "true or false", "Whether answering machines are told from people.", "false"),
        Field("unconnected_branch", "last or every", "On which attempts `busy`, `no_answer`, `failed` run.", "last"),
        Field(
            "whisper",
            "{say: ...} or {file: ...}",
            "With `to`: what the called party alone hears before they are joined.",
        ),
    ),
    branches=(
        Branch("connected", "A number answered; with `to`, the conversation is over.", required=True),
        Branch("machine", "A machine answered, with `detect_machine`; unwired, `connected` is taken."),
        Branch("busy", "The first number was busy; with `to`, the further one."),
        Branch("no_answer", "The first number rang out or did not respond; with `to`, the further one."),
        Branch(
            "failed", "It failed otherwise, or nothing could be dialled; with `to`, also where the other is not wired."
        ),
    ),
    call=True,
    waits=False,
)
