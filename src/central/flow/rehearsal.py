"""A flow played without a world: a made-up customer, virtual time, no engine. Pure; for test cases and for trying a flow out.

The player does what the driver of a voice node does with the flow's commands, except that nobody is called: the customer's
side comes by the methods (``answers``, ``presses``, ``hangs_up``, ...), and time passes only when ``listens`` or ``waits`` say
so. What a text takes to be said is guessed from its length.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Literal, assert_never

from central.domain.accounts import Switch
from central.domain.attempts import AttemptEnd, AttemptFacts, DialerFacts, LegResult, Outcome
from central.domain.outcomes import decide
from central.domain.statuses import CallStatus
from central.flow.commands import (
    Answer,
    CancelTimer,
    Command,
    Dial,
    DropErrand,
    EndErrand,
    HangUp,
    MainPathEnded,
    Note,
    PlayMedia,
    Ring,
    RunEnded,
    RunErrand,
    StartTimer,
    StopMedia,
)
from central.flow.configuration import CallSettings
from central.flow.document import END
from central.flow.errands import TRANSFERRED, TransferToFlow
from central.flow.events import (
    Begun,
    DigitReceived,
    ErrandDone,
    ErrandMoved,
    FlowEvent,
    LegAnswered,
    LegEnded,
    PlaybackEnded,
    Side,
    StatusDecided,
    TimerFired,
)
from central.flow.interpreter import begin, enter, step
from central.flow.media import Playable, Sound, Speech
from central.flow.program import Program
from central.flow.run import Collecting, Dialing, Place, Run, RunFacts

Moment = Literal["answer", "errand", "media", "digits", "time", "over"]
"""What the flow waits for: the called side, an errand, the end of a playback, keys, a timer, or nothing any more."""

_S_A_CHAR: Final = 0.06
_PROMPT_S: Final = 3.0
_SILENCE = re.compile(r"silence:([0-9.]+)")
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the dialogue: seconds since the start, who (``flow`` says, ``caller`` does, ``note`` tells), and what."""

    at_s: float
    who: Literal["flow", "caller", "note"]
    text: str


@dataclass(slots=True)
class Rehearsal:
    """One run of a flow. Methods of the customer's side do nothing once the run is over.

    numbers: how many the record has. variables: the record's. contact: what is stored about the customer. inbound: the customer
    calls us. lacks: what the account may not do. at: when it begins, aware. outcome: what becomes of the
    record, once the main path is over.
    """

    program: Program
    calls: CallSettings
    at: datetime
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    numbers: Sequence[str] = ("15550100001",)
    contact: Mapping[str, str] = field(default_factory=dict[str, str])
    inbound: bool = False
    lacks: frozenset[Switch] = frozenset()
    lines: list[Line] = field(default_factory=list[Line])
    path: list[str] = field(default_factory=list[str])
    taken: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    said: list[str] = field(default_factory=list[str])
    warnings: list[str] = field(default_factory=list[str])
    outcome: Outcome | None = None
    over: bool = False
    run: Run = field(init=False)
    begun: datetime = field(init=False)
    _dialled: Dial | None = field(default=None, init=False)
    _errand: RunErrand | None = field(default=None, init=False)
    _playing: dict[int, float] = field(default_factory=dict[int, float], init=False)
    _timers: dict[int, datetime] = field(default_factory=dict[int, datetime], init=False)
    _legs: list[LegResult] = field(default_factory=list[LegResult], init=False)

    def __post_init__(self) -> None:
        self.begun = self.at
        system = {
            "record_id": "rehearsal",
            "contact_number": self.numbers[0],
            "attempt_number": "1",
            "flow_version": "draft",
        }
        facts = RunFacts(
            tuple(self.numbers),
            dict(self.variables),
            system,
            user=dict(self.contact),
            user_system={"number": self.numbers[0]},
            last_attempt=True,
            last_agent_attempt=True,
            inbound=self.inbound,
            lacks=self.lacks,
        )
        self.run = begin(self.program, facts)
        self._feed(Begun(self.at))

    # -- what the flow waits for -------------------------------------------------------------------------------------------
    @property
    def awaits(self) -> Moment:
        """What must come next for the run to go on."""
        if self.over:
            return "over"
        if isinstance(self.run.wait, Dialing) or (self._errand is not None and self.run.leg.state == "dialing"):
            return "answer"
        if self._errand is not None and not self.asks:
            return "errand"
        if self._playing:
            return "media"
        return "digits" if isinstance(self.run.wait, Collecting) else "time"

    @property
    def asks(self) -> bool:
        """Whether keys pressed now would be taken as an entry (also while the question is still being played)."""
        return isinstance(self.run.wait, Collecting)

    @property
    def asks_others(self) -> bool:
        """Whether an errand is out, so that it may come back now; of a menu with speech, beside the keys."""
        return self._errand is not None and not self.over

    # -- the customer's side -----------------------------------------------------------------------------------------------
    def answers(self, *, machine: bool = False) -> None:
        """Take the call; a machine only where the step looks for one."""
        if self._dialled is not None:
            self._tell("caller", "answers" + (" (a machine)" if machine else ""))
            self._pass(_SECOND)
            self._feed(LegAnswered(self._dialled.position, self.at, machine and self._dialled.detect_machine))

    def refuses(self, status: CallStatus) -> None:
        """The call ends unanswered, with this connection status."""
        if self._dialled is not None and self.awaits == "answer":
            self._tell("caller", f"is not reached: {status}")
            self._pass(_SECOND)
            self._end_leg(status, "them")

    def presses(self, keys: str) -> None:
        """Press keys now."""
        if self.run.leg.state == "up" and not self.over:
            self._tell("caller", f"presses {keys}")
            for key in keys:
                self._feed(DigitReceived(key, self.at))

    def listens(self) -> None:
        """Hear the present playback out."""
        if self._playing:
            number, seconds = next(iter(self._playing.items()))
            self._pass(timedelta(seconds=seconds), number)
            if self._playing.pop(number, None) is not None:
                self._feed(PlaybackEnded(number, True, self.at))

    def waits(self) -> None:
        """Let time pass until something happens: the playback ends, or the next timer runs out."""
        if self._playing:
            self.listens()
        elif self._timers and not self.over:
            timer, due = min(self._timers.items(), key=lambda item: item[1])
            self._tell("note", f"{max(0.0, (due - self.at) / _SECOND):.0f} s pass")
            self.at = max(self.at, due)
            del self._timers[timer]
            self._feed(TimerFired(timer, self.at))

    def replies(self, outcome: str, values: Mapping[str, str] | None = None) -> None:
        """The errand that the flow waits for comes back."""
        if self._errand is not None and not self.over:
            self._tell("note", f"it comes back: {outcome}")
            command, self._errand = self._errand, None
            self._pass(_SECOND)
            done = ErrandDone(command.number, outcome, self.at, values or {})
            if outcome == TRANSFERRED and isinstance(command.errand, TransferToFlow):
                self._go_on_elsewhere(done, command.errand.flow)
            else:
                self._feed(done)

    def _go_on_elsewhere(self, done: ErrandDone, flow: str) -> None:
        """The other flow is not played: it stands for one that ends the call at once."""
        self._tell("note", f"the call goes on in flow {flow}")
        elsewhere = replace(self.program, steps={}, start=END, on_remote_hangup="", on_flow_complete="")
        self.run, commands = enter(self.program, self.run, done, elsewhere, Place("", flow, ""))
        self.program = elsewhere
        self._do(commands)

    def talks(self) -> None:
        """The errand that the flow waits for has brought somebody: they and the customer hear each other."""
        if self._errand is not None and not self.over:
            number = self._errand.number
            self._pass(_SECOND)
            self._tell("note", "they talk")
            self._feed(ErrandMoved(number, "conversation", self.at))

    def agent_comes(self) -> None:
        """The errand of a dialer has an agent: the customer is called now."""
        if self._errand is not None and not self.over:
            number = self._errand.number
            self._pass(_SECOND)
            self._tell("note", "an agent is there")
            self._feed(ErrandMoved(number, "agent", self.at))

    def hangs_up(self) -> None:
        """Leave."""
        if self.run.leg.state in {"offered", "up"} and not self.over:
            self._tell("caller", "hangs up")
            self._end_leg(CallStatus.CONNECTED if self.run.leg.state == "up" else CallStatus.CANCELLED, "them")

    # -- what the flow asks for --------------------------------------------------------------------------------------------
    def _feed(self, event: FlowEvent) -> None:
        self.run, commands = step(self.program, self.run, event)
        self._do(commands)

    def _do(self, commands: Sequence[Command]) -> None:
        for command in commands:
            match command:
                case Note():
                    self._note(command)
                case Dial():
                    self._dialled = command
                    self._tell("note", f"calls {self.numbers[command.position]}")
                case Ring():
                    self._tell("note", "rings")
                case Answer():
                    self._tell("note", "answers the call")
                    self._feed(LegAnswered(0, self.at))
                case PlayMedia() | StopMedia():
                    self._media(command)
                case StartTimer() | CancelTimer():
                    self._time(command)
                case RunErrand() | DropErrand() | EndErrand():
                    self._errands(command)
                case HangUp():
                    self._tell("note", "the flow hangs up")
                    self._end_leg(CallStatus.CONNECTED if self.run.leg.answered_at else CallStatus.CANCELLED, "us")
                case MainPathEnded():
                    self._conclude(command)
                case RunEnded():
                    self.over = True
                    self._timers.clear()
                case _:
                    assert_never(command)

    def _errands(self, command: RunErrand | DropErrand | EndErrand) -> None:
        if isinstance(command, EndErrand):
            self._tell("note", "that is long enough")
            return
        self._errand = command if isinstance(command, RunErrand) else None
        if self._errand is not None:
            self._tell("note", f"asks for {_words(self._errand)}")

    def _media(self, command: PlayMedia | StopMedia) -> None:
        if isinstance(command, StopMedia):
            self._playing.pop(command.playback, None)
            return
        self._playing[command.playback] = sum(map(_length_s, command.items))
        for item in command.items:
            self._say(item)

    def _time(self, command: StartTimer | CancelTimer) -> None:
        if isinstance(command, CancelTimer):
            self._timers.pop(command.timer, None)
        else:
            self._timers[command.timer] = self.at + timedelta(seconds=command.after_s)

    def _note(self, note: Note) -> None:
        match note.kind:
            case "step":
                self.path.append(note.step)
            case "branch":
                self.taken.add((note.step, str(note.data["branch"])))
            case "variable":
                self._tell("note", f"{note.data['name']} = {note.data['value']}")
            case "warning":
                self.warnings.append(str(note.data["code"]))
                detail = note.data.get("detail") or note.data.get("variables") or ""
                self._tell("note", f"warning: {note.data['code']} {detail}".rstrip())
            case _:
                pass

    def _say(self, item: Playable) -> None:
        said = item.text if isinstance(item, Speech) else f"[{item.shown if isinstance(item, Sound) else item.name}]"
        self.said.append(said)
        self._tell("flow", said)

    def _end_leg(self, status: CallStatus, by: Side) -> None:
        leg = self.run.leg
        talked = (self.at - leg.answered_at) / _SECOND if leg.answered_at is not None else None
        self._playing.clear()
        self._dialled = None
        self._legs.append(LegResult(leg.position, status, talked, by, leg.machine))
        self._feed(LegEnded(leg.position, self.at, status, by, talked))

    def _conclude(self, end: MainPathEnded) -> None:
        self.outcome = decide(
            AttemptFacts(
                end=AttemptEnd(end.kind),
                reason=end.reason,
                detail=end.detail,
                parted=end.parted,
                ended_at=self.at,
                rule=self.calls.reattempts,
                attempts_made=1,
                attempts_charged=self.calls.reattempts.attempts
                - 1,  # as in the last attempt: every run gets its final status
                legs=tuple(self._legs),
                short_hangup_s=self.calls.short_hangup / _SECOND,
                numbers=len(self.numbers),
                inbound=self.inbound,
                dialer=self._dialer(end),
            )
        )
        self._tell("note", f"the record becomes {self.outcome.status}")
        self._feed(StatusDecided(self.outcome.status, self.outcome.reason, self.at))

    def _dialer(self, end: MainPathEnded) -> DialerFacts | None:
        rule = self.calls.agent_reattempts
        return DialerFacts(result=end.dialer, rule=rule, charged=rule.attempts - 1) if end.dialer else None

    def _pass(self, span: timedelta, playback: int = 0) -> None:
        """Let time pass; timers that run out on the way fire, unless that ends the playback that is being heard."""
        until = self.at + span
        while due := sorted((at, timer) for timer, at in self._timers.items() if at <= until):
            at, timer = due[0]
            self.at = max(self.at, at)
            del self._timers[timer]
            self._feed(TimerFired(timer, self.at))
            if playback and playback not in self._playing:
                return
        self.at = until

    def _tell(self, who: Literal["flow", "caller", "note"], text: str) -> None:
        self.lines.append(Line(round((self.at - self.begun) / _SECOND, 1), who, text))


def _words(command: RunErrand) -> str:
    """``StartFlow`` as ``start flow``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(command.errand).__name__).lower()


def _length_s(item: Playable) -> float:
    if isinstance(item, Speech):
        return 0.5 + len(item.text) * _S_A_CHAR
    if isinstance(item, Sound):
        return _PROMPT_S
    silence = _SILENCE.fullmatch(item.name)
    return float(silence[1]) if silence else _PROMPT_S
