"""Make Call for Dialer: bring an agent of a queue and the record's customer together, with a budget for each side."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, cast

from central.domain.accounts import Switch
from central.domain.attempts import DialerResult
from central.domain.reattempts import Alternates, ReattemptRule
from central.domain.statuses import CallStatus
from central.flow.commands import Dial, HangUp
from central.flow.errands import CUSTOMER_LEFT, NOT_CONFIGURED, TIMED_OUT, DialMode, ReachBoth
from central.flow.events import ErrandMoved, FlowEvent, LegAnswered, LegEnded, PlaybackEnded
from central.flow.program import Ends, Failed, Outcome
from central.flow.run import Leg, Playing
from central.flow.variables import Template
from central.flow.walk import Walk
from central.flow.widgets.agent_connect import WAIT_GRACE_S, read_music, read_skills, skills_of, sound_of
from central.flow.widgets.inputs import WholeInput, read_whole, whisper_of
from central.flow.widgets.make_call import When
from central.flow.widgets.spoken import Spoken, read_spoken_at
from central.flow.widgets.widget import Branch, Field, Fields, Widget

MODES: Final[tuple[DialMode, ...]] = ("agent_first", "progressive", "predictive")
_WHEN: Final[tuple[When, ...]] = ("last", "every")
_SECOND: Final = timedelta(seconds=1)
_LONGEST_RING: Final = 180 * _SECOND
_USUAL_WAIT: Final = 60 * _SECOND
_LONGEST_WAIT: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class MakeCallForDialerNode:
    """A prepared Make Call for Dialer step."""

    queue: str
    mode: DialMode
    skills: tuple[Template, ...]
    priority: WholeInput
    max_wait_s: float
    agent_ring_s: float | None
    ring_timeout_s: float
    caller_id: Template | None
    whisper: Spoken | None
    sorry: Spoken | None
    music: Template | None
    unconnected_branch: When
    rule: ReattemptRule

    def enter(self, walk: Walk) -> Outcome:
        """Ask for an agent; the customer is called when he is there."""
        if walk.phase != "main" or walk.leg.state != "none" or walk.dialer:
            return Failed("dialed_already", "A run brings its agent and its customer together once.")
        errand = ReachBoth(
            queue=self.queue,
            mode=self.mode,
            skills=skills_of(walk, self.skills),
            priority=self.priority.value(walk),
            max_wait_s=self.max_wait_s,
            agent_ring_s=self.agent_ring_s,
            whisper=whisper_of(walk, self.whisper),
            music=sound_of(walk, self.music),
        )
        walk.send(errand, self.max_wait_s + WAIT_GRACE_S, stage="waiting")
        return None

    def handle(self, walk: Walk, event: FlowEvent) -> Outcome:
        """The agent is there, a number was answered or was not reached, or it is all over."""
        match event:
            case PlaybackEnded():
                return self._no_agent(walk)
            case ErrandMoved():
                return self._dial_next(walk)
            case LegAnswered():
                walk.note("dial", position=event.position, result="answered")
                return None
            case LegEnded() if walk.leg.answered_at is None:
                walk.note("dial", position=event.position, result=event.status)
                return self._dial_next(walk)
            case _:
                return self._over(walk, event)

    def _over(self, walk: Walk, event: FlowEvent) -> Outcome:
        done = walk.returned(event)
        if done is None:
            return None
        if done.outcome in {"connected", "agent_lost", CUSTOMER_LEFT}:
            walk.dialer = "agent_lost" if done.outcome == "agent_lost" else "connected"
            return "connected"
        if done.outcome in {"agent_missing", "agent_left", "abandoned"}:
            walk.dialer = cast("DialerResult", done.outcome)
            return self._apologise(walk) if done.outcome == "abandoned" else self._no_agent(walk)
        if done.outcome in {TIMED_OUT, "failed"} and walk.leg.state == "none":
            walk.dialer = "agent_missing"  # the contact center is away: nobody could take the call
            return self._no_agent(walk)
        if done.outcome == NOT_CONFIGURED:
            return Failed("queue_not_configured", "This installation has no contact center.")
        return Failed(f"dialer_{done.outcome}", done.detail)

    def _apologise(self, walk: Walk) -> Outcome:
        """The customer answered and nobody is there for him: he hears why, and is let go."""
        words = whisper_of(walk, self.sorry)
        if words is None or not walk.listening:
            return self._no_agent(walk)
        walk.wait = Playing(walk.play((words,)))
        return None

    def _dial_next(self, walk: Walk) -> Outcome:
        """Call the next number that may be called; the agent hears of nothing but his waiting."""
        tried = {result.position for result in walk.results}
        numbers = [p for p in range(len(walk.facts.numbers)) if p not in tried and p not in walk.facts.struck]
        if self.rule.alternates is Alternates.SKIP_AFTER_REJECTION and walk.results:
            first = walk.results[0]
            numbers = [] if first.position == 0 and first.status == CallStatus.USER_REJECTED else numbers
        if not numbers:
            walk.dialer = "customer_missed"
            return self._unreached(walk, "customer_failed", last=not self._may_come_again(walk))
        caller_id = walk.text(self.caller_id).strip() if self.caller_id is not None else ""
        walk.leg = Leg("dialing", numbers[0], walk.at)
        walk.note("dial", position=numbers[0], number=walk.facts.numbers[numbers[0]])
        walk.commands.append(Dial(numbers[0], self.ring_timeout_s, caller_id or None))
        return None

    def _may_come_again(self, walk: Walk) -> bool:
        retryable = {status.value for status in self.rule.retry_on}
        return not walk.facts.last_attempt and any(result.status in retryable for result in walk.results)

    def _no_agent(self, walk: Walk) -> Outcome:
        if walk.leg.state == "dialing":
            walk.commands.append(HangUp(first_left=True))
        return self._unreached(walk, "agent_failed", last=walk.facts.last_agent_attempt)

    def _unreached(self, walk: Walk, branch: str, *, last: bool) -> Outcome:
        walk.unconnected = True
        if last or self.unconnected_branch == "every":
            return branch
        walk.note("dial", result=walk.dialer, branch="runs on the last attempt only")
        return Ends("not_reached")


def _prepare(fields: Fields) -> MakeCallForDialerNode:
    calls = fields.flow.calls
    queue = fields.template("queue", required=True)
    if queue is not None and queue.literal is None:
        message = "The queue of a dialer step is a name, not a variable."
        hint = "What a record needs must be known before it is claimed."
        fields.find("queue_not_fixed", message, line=fields.line("queue"), hint=hint)
    fields.names_queue("queue", queue)
    mode: DialMode = fields.choice("mode", MODES, MODES[0])
    if mode == "predictive":
        fields.needs(Switch.PREDICTIVE_DIALING, "dials ahead of its agents", "mode")
    agent_ring = fields.duration("agent_ring_timeout", timedelta(), _SECOND, _LONGEST_RING)
    return MakeCallForDialerNode(
        queue=(queue.literal or "").strip() if queue is not None else "",
        mode=mode,
        skills=read_skills(fields),
        priority=read_whole(fields, "priority", 0, 0, 9),
        max_wait_s=fields.duration("max_wait", _USUAL_WAIT, _SECOND, _LONGEST_WAIT) / _SECOND,
        agent_ring_s=agent_ring / _SECOND or None,
        ring_timeout_s=fields.duration("ring_timeout", calls.ring_timeout, _SECOND, _LONGEST_RING) / _SECOND,
        caller_id=fields.caller_id(),
        whisper=read_spoken_at(fields, "whisper"),
        sorry=read_spoken_at(fields, "sorry"),
        music=read_music(fields),
        unconnected_branch=fields.choice("unconnected_branch", _WHEN, "last"),
        rule=calls.reattempts,
    )


MAKE_CALL_FOR_DIALER = Widget(
    name="make_call_for_dialer",
    title="Make Call for Dialer",
    doc="""The step of a dialer flow: brings an agent of a queue and the record's customer together. With `mode: agent_first` a free
agent is rung first; he hears the whisper, then music or ringing, while the record's numbers are called in order, and talks with
whoever answers. With `progressive` an agent is reserved and rung when the customer answers. With `predictive` customers are called
ahead of agents becoming free, as the policy allows. `connected` is taken when their conversation is over, as in Agent Connect.

The two sides have budgets of their own: `calls.attempts` and `calls.interval` for the customer, `calls.agent_attempts` and
`calls.agent_interval` for the agent. No agent took the call, or he left while the customer was called: the agent's budget pays
(AGENT_REATTEMPT_SCHEDULED, in the end AGENT_FAILURE). The customer was not reached: his own pays (CUSTOMER_REATTEMPT_SCHEDULED, in
the end CUSTOMER_FAILURE). The branches `agent_failed` and `customer_failed` run on the last attempt only, or with
`unconnected_branch: every` on each; steps on them cannot turn the attempt into a success. A record is claimed only when the queue
has somebody for it.""",
    example="""dial:
  widget: make_call_for_dialer
  queue: sales
  whisper: {say: "{{ $flow.key.Name }}, who asked for an offer."}
  on: {connected: end, agent_failed: end, customer_failed: end}""",
    prepare=_prepare,
    fields=(
        Field("queue", "name", "Whose agents talk with the customers.", required=True),
        Field("mode", "agent_first, progressive or predictive", "Who is called first.", "agent_first"),
        Field("skills", "list, text with variables", "What the agent must have; `billing:3` asks for a level."),
        Field("priority", "0 to 9, text with variables", "Who has more is served first.", "0"),
        Field("max_wait", "1s to 10m", "How long an agent is looked for.", "60s"),
        Field("agent_ring_timeout", "1s to 180s", "How long an agent is rung.", "the queue's"),
        Field("ring_timeout", "1s to 180s", "How long one of the record's numbers is rung.", "that of `calls`"),
        Field("caller_id", "text with variables", "The DID to show; `anonymous` shows none.", "chosen by the platform"),
        Field("whisper", "{say: ...} or {file: ...}", "What the agent alone hears, before the customer is called."),
        Field("music", "prompt name, text with variables", "What he hears while the customer is called.", "ringing"),
        Field("sorry", "{say: ...} or {file: ...}", "What a customer hears for whom no agent is there in time."),
        Field("unconnected_branch", "last or every", "On which attempts the two failure branches run.", "last"),
    ),
    branches=(
        Branch("connected", "They talked, and the conversation is over.", required=True),
        Branch("agent_failed", "No agent took the call, or he left before the customer answered.", required=True),
        Branch("customer_failed", "The customer was not reached.", required=True),
    ),
    call=True,
    waits=False,
)
