"""The working copy of a run during one step of the interpreter: widgets change it, ``freeze`` gives the next run.

It never leaves ``interpreter.step``, so the interpreter as a whole stays pure. Widgets use its methods for all they want
of the world: play, dial, wait for a time, store a variable, write a note.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, Literal

from msgspec.structs import replace

from central.domain.attempts import DialerResult
from central.flow.commands import (
    CancelTimer,
    Command,
    DropErrand,
    EndErrand,
    Note,
    PlayMedia,
    RunErrand,
    StartTimer,
    StopMedia,
)
from central.flow.conditions import Reader
from central.flow.errands import CUSTOMER_LEFT, TIMED_OUT, Errand
from central.flow.events import ErrandDone, ErrandMoved, FlowEvent, LegEnded, Stage, TimerFired
from central.flow.media import Playable
from central.flow.program import Program
from central.flow.run import Leg, LegResult, OnErrand, Place, PressedDigit, Run, RunFacts, RunPhase, Wait, errand_of
from central.flow.variables import LIMIT_VALUE_CHARS, MASK, Reference, Rendered, Template, refusal, render

LIMIT_DIGITS: Final = 500  # kept with their times
LIMIT_TYPED: Final = 32  # typed ahead and not yet consumed
MASKED_DIGIT: Final = "x"


class Walk:
    """A run under way at the moment ``at``; the fields are those of ``Run``. ``commands`` gathers what the world must do."""

    __slots__ = (
        "at", "begun_at", "commands", "counters", "dialer", "digits", "entries", "errands", "facts", "fallback_ran", "left_at", "leg", "limit", "masked", "parted", "parting", "phase",
        "place", "playbacks", "program", "queue_outcome", "reason", "results", "status", "step", "timers", "typed", "unconnected", "variables", "visits", "wait",
    )  # fmt: skip

    def __init__(self, program: Program, run: Run, at: datetime) -> None:
        self.program = program
        self.at = at
        self.commands: list[Command] = []
        self.facts: RunFacts = run.facts
        self.variables: Mapping[str, str] = run.variables
        self.phase: RunPhase = run.phase
        self.step = run.step
        self.wait: Wait | None = run.wait
        self.leg: Leg = run.leg
        self.results: tuple[LegResult, ...] = run.results
        self.counters: Mapping[str, int] = run.counters
        self.begun_at = run.begun_at
        self.unconnected = run.unconnected
        self.fallback_ran = run.fallback_ran
        self.left_at = run.left_at
        self.visits = run.visits
        self.typed = run.typed
        self.digits: tuple[PressedDigit, ...] = run.digits
        self.entries: tuple[str, ...] = run.entries
        self.status = run.status
        self.reason = run.reason
        self.playbacks = run.playbacks
        self.timers = run.timers
        self.limit = run.limit
        self.errands = run.errands
        self.parted = run.parted
        self.parting = run.parting
        self.queue_outcome = run.queue_outcome
        self.place: Place | None = run.place
        self.masked: frozenset[str] = run.masked
        self.dialer: DialerResult = run.dialer

    def freeze(self) -> Run:
        """The run after this step."""
        return Run(
            self.facts, self.variables, self.phase, self.step, self.wait, self.leg, self.results, self.counters,
            self.begun_at, self.unconnected, self.fallback_ran, self.left_at, self.visits, self.typed, self.digits, self.entries, self.status,
            self.reason, self.playbacks, self.timers, self.limit, self.errands, self.parted, self.parting, self.queue_outcome,
            self.place, self.masked, self.dialer,
        )  # fmt: skip

    # -- the timeline --------------------------------------------------------------------------------------------------
    def note(self, kind: str, /, **data: object) -> None:
        """Write a line of the record's timeline; values are plain JSON values without secrets."""
        self.commands.append(Note(kind, self.at, self.step, data))

    def warn(self, code: str, /, **data: object) -> None:
        """Write a warning to the timeline."""
        self.commands.append(Note("warning", self.at, self.step, {"code": code, **data}))

    # -- media and time ------------------------------------------------------------------------------------------------
    def play(self, items: tuple[Playable, ...]) -> int:
        """Play to the customer; returns the id that PlaybackEnded will carry."""
        self.playbacks += 1
        self.commands.append(PlayMedia(self.playbacks, items))
        return self.playbacks

    def stop(self, playback: int) -> None:
        """Stop a playback."""
        self.commands.append(StopMedia(playback))

    def start_timer(self, seconds: float) -> int:
        """Ask for TimerFired after so many seconds; returns the id that it will carry."""
        self.timers += 1
        self.commands.append(StartTimer(self.timers, seconds))
        return self.timers

    def cancel_timer(self, timer: int) -> None:
        """A timer is of no interest any more; 0 = there was none."""
        if timer:
            self.commands.append(CancelTimer(timer))

    def drop_wait(self) -> None:
        """Forget the present wait and cancel its timers."""
        if self.wait is not None:
            for timer in self.wait.pending:
                self.commands.append(CancelTimer(timer))
            self.drop_errand(errand_of(self.wait))
            self.wait = None

    def begin(self, errand: Errand) -> int:
        """Let somebody do this beside what the step waits for; the wait must hold the number, which is answered."""
        self.errands += 1
        self.commands.append(RunErrand(self.errands, errand))
        return self.errands

    def drop_errand(self, number: int) -> None:
        """Nobody waits for this errand any more; 0 = there is none."""
        if number:
            self.commands.append(DropErrand(number))

    def send(self, errand: Errand, limit_s: float, *, hears: bool = False, stage: Stage | Literal[""] = "") -> None:
        """Let somebody do this, and wait for it at most so many seconds, a conversation that comes of it not counted.

        hears: digits come to the step meanwhile.
        """
        number = self.begin(errand)
        self.wait = OnErrand(number, self.start_timer(limit_s), hears, stage, limit_s)

    def end_errand(self) -> None:
        """Let the errand that the step waits for come to its end now; what it brought still returns."""
        if number := errand_of(self.wait):
            self.commands.append(EndErrand(number))

    @property
    def listening(self) -> bool:
        """Whether the customer is there to hear something; he may be gone before the end of his leg is told."""
        return self.leg.state == "up" and not self.parted

    @property
    def talking(self) -> bool:
        """Whether the customer is in a conversation with somebody whom the present step brought to him."""
        return isinstance(self.wait, OnErrand) and self.wait.stage == "conversation"

    def moved(self, event: ErrandMoved) -> bool:
        """The errand has come to a stage; False when that is no news.

        A conversation has no limit but that of the run, and a customer who is called that of his ringing.
        """
        wait = self.wait
        if not isinstance(wait, OnErrand) or wait.number != event.number or wait.stage == event.stage:
            return False
        self.cancel_timer(wait.guard)
        guard = self.start_timer(wait.limit_s) if event.stage == "waiting" else 0
        self.wait = OnErrand(wait.number, guard, wait.hears, event.stage, wait.limit_s)
        self.note("errand", stage=event.stage)
        return True

    def returned(self, event: FlowEvent) -> ErrandDone | None:
        """What came of the errand that the step waits for: the event itself, ``timed_out``, None = nothing yet.

        ``customer_left`` = the customer hung up in the conversation, which ends the step normally; see ``parted``.
        """
        wait = self.wait
        if not isinstance(wait, OnErrand):
            return None
        if isinstance(event, ErrandDone):
            self.cancel_timer(wait.guard)
            self.wait = None
        elif isinstance(event, TimerFired):
            event = ErrandDone(wait.number, TIMED_OUT, self.at, detail="Nothing came back in time.")
        elif isinstance(event, LegEnded):
            event = ErrandDone(wait.number, CUSTOMER_LEFT, self.at)
        else:
            return None
        self.parted = self.parted or (event.outcome == CUSTOMER_LEFT and wait.stage == "conversation")
        self.note("errand", outcome=event.outcome, detail=event.detail)
        return event

    # -- digits --------------------------------------------------------------------------------------------------------
    def press(self, digit: str) -> None:
        """Keep a digit with its time for the leg's report; masked where the step collects a secret, or others collect it."""
        if len(self.digits) < LIMIT_DIGITS:
            shown = MASKED_DIGIT if self.talking or self.collects_secret else digit
            self.digits = (*self.digits, PressedDigit(shown, self.at, self.step))

    def type_ahead(self, digit: str) -> None:
        """Keep a digit for the next menu; what is beyond the limit is dropped."""
        if len(self.typed) < LIMIT_TYPED:
            self.typed += digit

    def take_typed(self) -> str:
        """The digits typed ahead, now consumed; masked in the report where the step collects a secret."""
        typed, self.typed = self.typed, ""
        if typed and self.collects_secret:
            masked = (PressedDigit(MASKED_DIGIT, old.at, old.step) for old in self.digits[-len(typed) :])
            self.digits = (*self.digits[: -len(typed)], *masked)
        return typed

    @property
    def collects_secret(self) -> bool:
        """Whether the present step collects what this flow, or one that the call came through, holds secret."""
        step = self.program.steps.get(self.step)
        return step is not None and (step.secret or any(name in self.masked for name, _ in step.stores))

    # -- variables -----------------------------------------------------------------------------------------------------
    def render(
        self, template: Template, limit: int = LIMIT_VALUE_CHARS, quote: Callable[[str], str] | None = None
    ) -> Rendered:
        """Fill a template in; unresolved variables render empty and are noted as a warning."""
        rendered = render(template, self, limit, quote)
        if rendered.unresolved:
            self.warn("variable_unresolved", variables=list(rendered.unresolved))
        return rendered

    def text(self, template: Template) -> str:
        """The rendered text alone."""
        return template.literal if template.literal is not None else self.render(template).text

    def _filled(self, template: Template) -> str:
        """The rendered text for a question whether there is one: what has no value is its answer, not a warning."""
        return template.literal if template.literal is not None else render(template, self).text

    def store(self, name: str, value: str) -> None:
        """Set ``$flow.key.<name>``; a value that the limits refuse stores empty text and a warning."""
        refused = refusal(self.variables, name, value)
        if refused is not None:
            self.warn(refused, variable=name, limit=LIMIT_VALUE_CHARS)
            value = ""
        self.variables = {**self.variables, name: value}
        if self._made_of_masked(name):
            self.masked |= {name}
        self.note("variable", name=name, value=MASK if name in self.secrets else value)

    def prefer(self, name: str, value: str) -> bool:
        """Set ``$user.key.<name>`` for the rest of this run, an empty value removes it; False when it may not be kept."""
        if self._made_of_masked(f"user.key.{name}"):
            self.warn("secret_laid_open", variable=f"user.key.{name}")
            return False
        others = {known: text for known, text in self.facts.user.items() if known != name}
        if refused := refusal(others, name, value):
            self.warn(refused, variable=f"user.key.{name}", limit=LIMIT_VALUE_CHARS)
            return False
        self.facts = replace(self.facts, user={**others, name: value} if value else others)
        self.note("variable", name=f"user.key.{name}", value=value)
        return True

    def count(self, name: str, start: int, step: int) -> int:
        """Add ``step`` to a counter, which begins at ``start``; the new count."""
        count = self.counters.get(name, start) + step
        self.counters = {**self.counters, name: count}
        return count

    def reader(self) -> Reader:
        """How conditions understand texts in this flow."""
        return Reader(self.text, self._filled, self.program.formats, self.program.zone)

    def value_of(self, reference: Reference) -> str | None:
        """The value of a variable, None when it has none."""
        match reference.space:
            case "flow.key":
                return self.variables.get(reference.name)
            case "flow.syskey":
                return self._system(reference.name)
            case "user.key":
                return self.facts.user.get(reference.name)
            case "user.syskey":
                return self.facts.user_system.get(reference.name)
            case _:
                return self._call(reference.name)

    def is_secret(self, reference: Reference) -> bool:
        """Whether the variable was declared secret."""
        return reference.space == "flow.key" and reference.name in self.secrets

    @property
    def secrets(self) -> frozenset[str]:
        """Variables that must not reach a timeline."""
        return self.program.secrets | self.masked if self.masked else self.program.secrets

    def _made_of_masked(self, name: str) -> bool:
        """Whether the present step makes it of what another flow holds secret; of its own secrets the checker knows."""
        step = self.program.steps.get(self.step) if self.masked else None
        return step is not None and any(map(self.is_secret, step.made_of.get(name, ())))

    def _system(self, name: str) -> str | None:
        match name:
            case "now":
                return self._moment(self.at)
            case "status":
                return self.status or None
            case "reason":
                return self.reason or None
            case "queue_outcome":
                return self.queue_outcome or None
            case "last_connection_status" if self.results:
                return self.results[-1].status
            case _:
                return self.facts.system.get(name)

    def _call(self, name: str) -> str | None:
        match name:
            case "start":
                return self._moment(self.leg.dialed_at)
            case "connect":
                return self._moment(self.leg.answered_at)
            case "hangup":
                return self._moment(self.leg.ended_at)
            case "dnis.number":  # who was called: a caller calls our number, and shows his own
                return self.facts.system.get("did") if self.facts.inbound else self._customer
            case "cli.number":
                return self._customer if self.facts.inbound else self.facts.system.get("did")
            case _:
                return self.facts.system.get(name)

    @property
    def _customer(self) -> str | None:
        numbers, position = self.facts.numbers, self.leg.position
        return numbers[position] if 0 <= position < len(numbers) else None

    def _moment(self, at: datetime | None) -> str | None:
        return at.astimezone(self.program.zone).isoformat(timespec="milliseconds") if at is not None else None
