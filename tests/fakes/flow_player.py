"""Plays a flow by hand: events in, commands out, with ids looked up for the test. A driver without a world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from central.domain.accounts import Switch
from central.flow.commands import Command, Dial, MainPathEnded, Note, PlayMedia, RunEnded, RunErrand, StartTimer
from central.flow.document import parse
from central.flow.errands import TRANSFERRED, Errand
from central.flow.events import (
    Begun,
    DigitReceived,
    ErrandDone,
    ErrandMoved,
    FlowEvent,
    FundsShort,
    LegAnswered,
    LegEnded,
    PlaybackEnded,
    Side,
    Stage,
    StatusDecided,
    StopForced,
    TimerFired,
)
from central.flow.interpreter import begin, enter, step
from central.flow.media import Sound, Speech
from central.flow.preparation import prepare
from central.flow.program import Program
from central.flow.run import Place, Run, RunFacts

Kind = TypeVar("Kind", bound=Command)
HEAD = "flow: f\ntype: multicast\npurpose: service\n"
START = "  start: {widget: start, next: call}\n"
CALL = "  call: {widget: make_call, on: {connected: first, busy: end, no_answer: end, failed: end}}\n"
T0 = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def document(steps: str, head: str = "") -> bytes:
    """A document with these steps (indented by two), and ``head`` before them."""
    return f"{HEAD}{head}steps:\n{steps}".encode()


def after_answer(steps: str, head: str = "") -> bytes:
    """A document whose steps begin with ``first``, once the customer has answered."""
    return document(START + CALL + steps, head)


@dataclass
class Player:
    """A run and all commands so far; ``news`` are the commands of the last event."""

    program: Program
    run: Run
    at: datetime = T0
    commands: list[Command] = field(default_factory=list[Command])
    news: tuple[Command, ...] = ()

    @classmethod
    def of(
        cls,
        data: bytes,
        numbers: tuple[str, ...] = ("919800000001",),
        variables: Mapping[str, str] | None = None,
        *,
        struck: frozenset[int] = frozenset(),
        last_attempt: bool = False,
        inbound: bool = False,
        lacks: frozenset[Switch] = frozenset(),
    ) -> Player:
        """A run that stands before Start."""
        program = prepare(parse(data))
        system = {"record_id": "r-1", "did": "911140000000"}
        facts = RunFacts(
            numbers, dict(variables or {}), system, struck, last_attempt=last_attempt, inbound=inbound, lacks=lacks
        )
        return cls(program, begin(program, facts))

    def feed(self, event: FlowEvent) -> Player:
        """One event; the run is also carried over its JSON, as a durable milestone would."""
        self.run = Run.from_json(self.run.to_json())
        self.run, self.news = step(self.program, self.run, event)
        self.commands.extend(self.news)
        return self

    def wait(self, seconds: float) -> Player:
        """Let time pass; fires nothing by itself."""
        self.at += timedelta(seconds=seconds)
        return self

    # -- events ----------------------------------------------------------------------------------------------------------
    def begun(self) -> Player:
        return self.feed(Begun(self.at))

    def answered(self, position: int = 0, *, machine: bool = False) -> Player:
        return self.feed(LegAnswered(position, self.at, machine))

    def connected(self) -> Player:
        """Begun and answered."""
        return self.begun().answered()

    def ended(self, status: str, by: Side = "them", position: int | None = None) -> Player:
        where = self.run.leg.position if position is None else position
        answered_at = self.run.leg.answered_at
        talked = (self.at - answered_at).total_seconds() if answered_at else None
        return self.feed(LegEnded(where, self.at, status, by, talked))

    def press(self, digits: str) -> Player:
        for digit in digits:
            self.feed(DigitReceived(digit, self.at))
        return self

    def played(self, *, ok: bool = True, detail: str = "") -> Player:
        """The latest playback is over."""
        return self.feed(PlaybackEnded(self.run.playbacks, ok, self.at, detail))

    def fire(self, seconds: float | None = None) -> Player:
        """The latest timer (of this length) runs out."""
        timers = [c for c in self.commands if isinstance(c, StartTimer) and seconds in (None, c.after_s)]
        return self.feed(TimerFired(timers[-1].timer, self.at))

    def returned(self, outcome: str, values: Mapping[str, str] | None = None, *, detail: str = "") -> Player:
        """The latest errand is done."""
        return self.feed(ErrandDone(self.run.errands, outcome, self.at, values or {}, detail))

    def goes_on(self, data: bytes, name: str = "other", version: str = "7", *, errand: int = 0) -> Player:
        """The errand (the latest) has found the flow in which the call goes on."""
        there, place = prepare(parse(data)), Place("abcd1234", name, version)
        done = ErrandDone(errand or self.run.errands, TRANSFERRED, self.at)
        self.run = Run.from_json(self.run.to_json())
        self.run, self.news = enter(self.program, self.run, done, there, place)
        self.program = there if self.run.place == place else self.program
        self.commands.extend(self.news)
        return self

    def moved(self, stage: Stage = "conversation") -> Player:
        """The latest errand has come to a stage."""
        return self.feed(ErrandMoved(self.run.errands, stage, self.at))

    def funds_short(self, position: int = 0) -> Player:
        return self.feed(FundsShort(position, self.at))

    def stopped(self) -> Player:
        return self.feed(StopForced(self.at))

    def decided(self, status: str = "COMPLETED", reason: str = "") -> Player:
        return self.feed(StatusDecided(status, reason, self.at))

    # -- what happened ---------------------------------------------------------------------------------------------------
    def all(self, kind: type[Kind]) -> list[Kind]:
        return [command for command in self.commands if isinstance(command, kind)]

    @property
    def dialled(self) -> list[int]:
        return [command.position for command in self.commands if isinstance(command, Dial)]

    @property
    def asked(self) -> list[Errand]:
        """All errands that were asked for."""
        return [command.errand for command in self.commands if isinstance(command, RunErrand)]

    @property
    def said(self) -> list[str]:
        """All texts given to speech, prompts as ``file:name``, what was fetched as ``url:address``."""
        items = [item for command in self.commands if isinstance(command, PlayMedia) for item in command.items]
        return [
            item.text
            if isinstance(item, Speech)
            else f"url:{item.shown}"
            if isinstance(item, Sound)
            else f"file:{item.name}"
            for item in items
        ]

    @property
    def path(self) -> list[str]:
        return [note.step for note in self.notes("step")]

    def notes(self, kind: str) -> list[Note]:
        return [command for command in self.commands if isinstance(command, Note) and command.kind == kind]

    @property
    def warnings(self) -> list[object]:
        return [note.data["code"] for note in self.notes("warning")]

    @property
    def ending(self) -> MainPathEnded:
        """The one MainPathEnded."""
        found = [command for command in self.commands if isinstance(command, MainPathEnded)]
        assert len(found) == 1, found
        return found[0]

    @property
    def over(self) -> bool:
        return any(isinstance(command, RunEnded) for command in self.commands)
