"""Waits without a leg: the run is stored and its record given back, until a claim wakes it on whatever node (path step 4).

House rule: any wait without a leg is durable. A run that sleeps holds no memory, no lease and no place, stops no drain, and
is not lost with a node. From its waking to its next row it is like any other: a node that dies then leaves it to the reaper.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

from central.application.conversation.decide_outcome import outcome_of
from central.application.conversation.hear_legs import Feed
from central.application.conversation.live_call import LiveCall
from central.application.conversation.voice_desk import VoiceDesk
from central.application.ports.dispatch import Sleeper
from central.application.ports.journal import SleepRow
from central.application.ports.sleeping import KeptCall
from central.domain.errors import DefectError
from central.flow.commands import Command, MainPathEnded, StartTimer
from central.flow.events import TimerFired
from central.flow.run import Delaying
from central.flow.sleeping import SLEEP_FROM, sleeps_on, time_left, woken

_QUIET_S: Final = 3.0  # how long a sleep waits for somebody else's leg to be gone, whose cost is not known before
_SECOND: Final = timedelta(seconds=1)


class SleepRuns:
    """The use case; ``forget`` lets a call go that is not this node's any more, ``talks`` tells of legs still being let go."""

    def __init__(
        self,
        desk: VoiceDesk,
        feed: Feed,
        *,
        fire: Callable[[LiveCall, int], None],
        forget: Callable[[LiveCall], None],
        talks: Callable[[LiveCall], bool],
    ) -> None:
        self._desk, self._feed, self._fire, self._forget, self._talks = desk, feed, fire, forget, talks

    def consider(self, call: LiveCall, commands: Sequence[Command]) -> None:
        """The run waits in a Delay: let it sleep where nothing else goes on and the delay is long enough."""
        wait = call.run.wait
        for command in commands:
            if isinstance(command, StartTimer) and isinstance(wait, Delaying) and command.timer == wait.timer:
                call.delay_until = self._desk.clock.now() + timedelta(seconds=command.after_s)
        timer = self._may_sleep(call)
        if not timer:
            return
        if self._busy(call):
            self._desk.timers.spawn(self._when_quiet(call, timer), "sleep")
        else:
            self._sleep(call, timer)

    def wake(self, call: LiveCall, sleeper: Sleeper) -> bool:
        """Go on with a run that slept; False when what was kept cannot be read: the rows must decide then."""
        now = self._desk.clock.now()
        try:
            kept = KeptCall.from_json(sleeper.kept)
        except DefectError as error:
            self._desk.telemetry.warning(error.code, record_id=str(call.record_id), detail=error.message)
            return False
        numbers = range(len(call.handed.record.numbers))
        struck = frozenset(i for i in numbers if call.handed.struck >> i & 1)
        run = call.run = woken(kept.run, now - kept.due_at, struck)
        call.legs, call.cost, call.further_dialled = list(kept.legs), kept.cost, kept.further_dialled
        call.reserved_positions = set(kept.positions)
        if limit := run.limit:
            left_s = time_left(run, now) / _SECOND
            call.timers[limit] = self._desk.timers.after(left_s, lambda: self._fire(call, limit))
        self._feed(call, TimerFired(kept.timer, now))
        return True

    def _may_sleep(self, call: LiveCall) -> int:
        """The timer to sleep on, 0 = the call stays awake."""
        if call.gone or call.stopping or call.delay_until is None or call.handed.prepared.dialer:
            return 0
        long_enough = call.delay_until - self._desk.clock.now() >= SLEEP_FROM
        return sleeps_on(call.run) if long_enough else 0

    def _busy(self, call: LiveCall) -> bool:
        leg_up = call.leg is not None and not call.leg.over
        return leg_up or bool(call.errands) or self._talks(call)

    async def _when_quiet(self, call: LiveCall, timer: int) -> None:
        until = self._desk.clock.monotonic() + _QUIET_S
        while self._busy(call) and self._desk.clock.monotonic() < until:  # noqa: ASYNC110 - ends in many ways
            await asyncio.sleep(0.05)
        if not self._busy(call) and self._may_sleep(call) == timer:
            self._sleep(call, timer)

    def _sleep(self, call: LiveCall, timer: int) -> None:
        desk = self._desk
        desk.tell_notes(call)
        row = self._row(call, timer)
        call.let_go()
        desk.writer.sleep(row, lambda asleep: self._asleep(call, asleep=asleep))

    def _row(self, call: LiveCall, timer: int) -> SleepRow:
        handed, now = call.handed, self._desk.clock.now()
        due_at = call.delay_until or now
        kept = KeptCall(
            run=call.run,
            timer=timer,
            due_at=due_at,
            legs=tuple(call.legs),
            positions=tuple(sorted(call.reserved_positions)),
            further_dialled=call.further_dialled,
            cost=call.cost,
        )
        closed = outcome_of(call, now, MainPathEnded("stopped"))
        return SleepRow(
            account_id=call.account_id,
            id=call.record_id,
            request_id=handed.record.request_id,
            fence=handed.fence,
            attempt_number=handed.attempt_number,
            attempt_id=handed.attempt_id,
            at=now,
            due_at=due_at,
            kept=kept.to_json(),
            result=closed.result,
            charged=closed.charged,
            platform_fault=closed.platform_fault,
            struck=sum(1 << position for position in closed.struck),
            last_call_status=call.legs[-1].status if call.legs else None,
            cost=call.cost,
            event_id=self._desk.ids.uuid(),
            data={"attempt": handed.attempt_number, "step": call.run.step, "due_at": due_at},
        )

    def _asleep(self, call: LiveCall, *, asleep: bool) -> None:
        if not asleep:
            self._desk.telemetry.warning("lease_lost", record_id=str(call.record_id))
        self._forget(call)
