"""Errands of a flow: stored as begun, run by whoever can, and reported to the flow once (path step 4).

Which runner does which errand is one table, made in bootstrap. A runner answers with a value whatever the far side does; the
line "errand begun" is committed before it starts, so that a crash leaves a trace of what may have been done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from central.application.conversation.live_call import LiveCall
from central.application.conversation.voice_desk import VoiceDesk
from central.domain.errors import CentralError
from central.flow.commands import DropErrand, EndErrand, RunErrand
from central.flow.errands import NOT_CONFIGURED, Errand
from central.flow.events import ErrandDone, ErrandMoved, FlowEvent, Stage
from central.flow.prepared import PreparedFlow


@dataclass(frozen=True, slots=True)
class Returned:
    """What a runner brings back: the outcome's word, values for the step, a sentence without secrets.

    ``goes_on``: a flow version in which the call goes on, so that nothing comes back to the step.
    """

    outcome: str
    values: Mapping[str, str] = field(default_factory=dict[str, str])
    detail: str = ""
    goes_on: PreparedFlow | None = None


class Runner(Protocol):
    """Runs one kind of errand."""

    async def __call__(self, call: LiveCall, errand: Any, /) -> Returned:  # noqa: ANN401 - each takes its own kind
        """Do it. Raises NeighbourError when a neighbour of ours is away; cancelled when the flow waits no more."""
        ...


Moved = Callable[[Stage], None]
"""Tells the flow that the errand has come to a stage; without effect once the errand is over or dropped."""


class StagedRunner(Protocol):
    """Runs one kind of errand that brings somebody to the customer."""

    async def __call__(self, call: LiveCall, errand: Any, moved: Moved, /) -> Returned:  # noqa: ANN401 - as above
        """Do it, and tell ``moved`` when a conversation begins or its other side is lost. Otherwise as Runner."""
        ...


@dataclass(frozen=True, slots=True)
class Staged:
    """The entry of a staged errand's runner in the table."""

    run: StagedRunner


Runners = Mapping[type[Errand], Runner | Staged]


class RunErrands:
    """The use case."""

    def __init__(
        self,
        desk: VoiceDesk,
        feed: Callable[[LiveCall, FlowEvent], None],
        enter: Callable[[LiveCall, ErrandDone, PreparedFlow], None],
        runners: Runners,
    ) -> None:
        self._desk, self._feed, self._enter, self._runners = desk, feed, enter, runners

    def do(self, call: LiveCall, command: RunErrand | DropErrand | EndErrand) -> None:
        """Do an errand, finish it early, or end one that the flow does not wait for any more; an end by itself is told."""
        if isinstance(command, EndErrand):
            if enough := call.enough.get(command.number):
                enough.set()
            return
        if isinstance(command, DropErrand):
            call.enough.pop(command.number, None)
            if task := call.errands.pop(command.number, None):
                task.cancel()
            return
        call.errands[command.number] = None
        call.enough[command.number] = asyncio.Event()
        self._desk.timers.spawn(self._run(call, command), "errand")

    async def _run(self, call: LiveCall, command: RunErrand) -> None:
        if command.number not in call.errands:  # dropped at once
            return
        call.errands[command.number] = asyncio.current_task()
        try:
            returned = await self._returned(call, command)
        finally:
            call.errands.pop(command.number, None)
            call.enough.pop(command.number, None)
        if call.gone:
            return
        now = self._desk.clock.now()
        done = ErrandDone(command.number, returned.outcome, now, returned.values, returned.detail)
        if returned.goes_on is None:
            self._feed(call, done)
        else:
            self._enter(call, done, returned.goes_on)

    async def _returned(self, call: LiveCall, command: RunErrand) -> Returned:
        kind = type(command.errand).__name__
        runner = self._runners.get(type(command.errand))
        if runner is None:
            return Returned(NOT_CONFIGURED, detail="This installation has nobody who could do it.")
        begun: dict[str, object] = {"attempt": call.handed.attempt_number, "step": call.run.step, "errand": kind}
        await self._desk.writer.told(self._desk.line(call, "errand_begun", begun))
        try:
            if isinstance(runner, Staged):
                return await runner.run(call, command.errand, lambda stage: self._moved(call, command.number, stage))
            return await runner(call, command.errand)
        except CentralError as error:
            self._desk.telemetry.warning("errand_failed", kind=kind, code=error.code, detail=error.message)
            return Returned("failed", detail=error.code)

    def _moved(self, call: LiveCall, number: int, stage: Stage) -> None:
        self._feed(call, ErrandMoved(number, stage, self._desk.clock.now()))  # of one that is dropped it is no news
