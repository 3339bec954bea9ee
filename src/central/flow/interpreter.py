"""The interpreter: ``step(program, run, event) -> (run, commands)``, pure and total (path step 4, conversation).

Use by the driver::

    program = prepare(parse(document_bytes))           # once per flow version, keep it
    run = begin(program, RunFacts(numbers=("919800000001",), variables={...}, system={...}))
    run, commands = step(program, run, Begun(at=now))  # then one call per event
    run, commands = enter(program, run, done, other, place)  # instead of ``step``, where a call goes on in another flow

It raises for no event in no state; news that do not concern the present wait leave the run as it is. Commands are to be
executed in order. MainPathEnded comes at most once, RunEnded at most once and after StatusDecided.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final, assert_never

from msgspec.structs import replace

from central.flow.commands import Command
from central.flow.errands import CALLER_ABANDONED
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
    StatusDecided,
    StopForced,
    TimerFired,
)
from central.flow.path import (
    LIMIT_DURATION,
    close_main_path,
    conclude,
    enter_late_path,
    finish_late_path,
    follow,
    leave,
    walk_on,
)
from central.flow.program import Program
from central.flow.run import (
    NO_LEG,
    Answering,
    Collecting,
    Delaying,
    Dialing,
    Leaving,
    Leg,
    LegResult,
    OnErrand,
    Place,
    Playing,
    Reciting,
    Run,
    RunFacts,
    errand_of,
)
from central.flow.walk import Walk

_OFFERED: Final = Leg("offered", 0)
_UNANSWERED: Final = frozenset({"offered", "dialing"})
_DIGITS: Final = frozenset("0123456789*#ABCD")


def begin(_program: Program, facts: RunFacts) -> Run:
    """A run that stands before Start; nothing happens until the event Begun. A caller's leg is there from the beginning."""
    return Run(facts, dict(facts.variables), leg=_OFFERED if facts.inbound else NO_LEG)


def step(program: Program, run: Run, event: FlowEvent) -> tuple[Run, tuple[Command, ...]]:
    """Move a run by one event and say what the world must do, in order."""
    not_begun = run.begun_at is None and run.phase == "main"
    if run.phase == "done" or (not_begun and not isinstance(event, Begun | StopForced)):
        return run, ()
    walk = Walk(program, run, event.at)
    if _over_time(walk) and not isinstance(event, LegEnded):
        leave(walk, "failed", "duration_limit")
    elif not _take(walk, event):
        return run, ()
    return walk.freeze(), tuple(walk.commands)


def enter(here: Program, run: Run, done: ErrandDone, there: Program, place: Place) -> tuple[Run, tuple[Command, ...]]:
    """Let the call go on in ``there``, the program of ``place``, which the errand TransferToFlow has found.

    The same run, without commands, where its step does not wait for that errand any more; else its ``place`` tells in which
    flow the token stands now. What was known stays known: leg, keys, variables, visits and the time limit; counters begin anew.
    """
    walk = Walk(here, run, done.at)
    if not isinstance(walk.wait, OnErrand) or walk.wait.number != done.number or walk.phase != "main":
        return run, ()
    if _over_time(walk):
        leave(walk, "failed", "duration_limit")
    else:
        walk.cancel_timer(walk.wait.guard)
        walk.wait = None
        walk.note("flow", flow=place.name, id=place.flow_id, version=place.version)
        walk.program, walk.place, walk.masked = there, place, walk.masked | here.secrets
        system = {**walk.facts.system, "flow_id": place.flow_id, "flow_version": place.version}
        walk.facts, walk.counters = replace(walk.facts, system=system), {}
        _start(walk)
    return walk.freeze(), tuple(walk.commands)


def _over_time(walk: Walk) -> bool:
    if walk.phase != "main" or walk.begun_at is None or isinstance(walk.wait, Leaving):
        return False
    return walk.at - walk.begun_at >= LIMIT_DURATION


def _take(walk: Walk, event: FlowEvent) -> bool:
    """Let the event have its effect; False when it has none."""
    match event:
        case DigitReceived():
            return _digit(walk, event)
        case PlaybackEnded():
            return _playback_ended(walk, event)
        case TimerFired():
            return _timer_fired(walk, event)
        case ErrandDone():
            return _errand_done(walk, event)
        case ErrandMoved():
            return _errand_moved(walk, event)
        case LegAnswered():
            return _leg_answered(walk, event)
        case LegEnded():
            return _leg_ended(walk, event)
        case FundsShort():
            return _funds_short(walk, event)
        case Begun():
            return _begun(walk)
        case StopForced():
            return _stop_forced(walk)
        case StatusDecided():
            return _status_decided(walk, event)
        case _:
            assert_never(event)


def _begun(walk: Walk) -> bool:
    if walk.begun_at is not None or walk.phase != "main":
        return False
    walk.begun_at = walk.at
    walk.limit = walk.start_timer(LIMIT_DURATION / timedelta(seconds=1))
    _start(walk)
    return True


def _start(walk: Walk) -> None:
    if walk.program.start:
        walk_on(walk, walk.program.start)
    else:
        leave(walk, "failed", "flow_error", "The flow has no Start.")


def _digit(walk: Walk, event: DigitReceived) -> bool:
    if walk.phase != "main" or walk.leg.state != "up" or isinstance(walk.wait, Leaving) or event.digit not in _DIGITS:
        return False
    walk.press(event.digit)
    if isinstance(walk.wait, Collecting | Playing | Reciting) or (isinstance(walk.wait, OnErrand) and walk.wait.hears):
        follow(walk, event)
    elif not walk.talking:  # in a conversation they are for the other side
        walk.type_ahead(event.digit)
    return True


def _playback_ended(walk: Walk, event: PlaybackEnded) -> bool:
    if (
        not isinstance(walk.wait, Playing | Collecting | Delaying | Reciting | Answering)
        or walk.wait.playback != event.playback
        or event.playback < 1
    ):
        return False
    follow(walk, event)
    return True


def _errand_done(walk: Walk, event: ErrandDone) -> bool:
    if event.number < 1 or errand_of(walk.wait) != event.number:
        return False
    follow(walk, event)
    return True


def _errand_moved(walk: Walk, event: ErrandMoved) -> bool:
    if not walk.moved(event):
        return False
    if event.stage == "agent":  # whoever is to be called now, the step knows
        follow(walk, event)
    return True


def _timer_fired(walk: Walk, event: TimerFired) -> bool:
    if event.timer < 1:
        return False
    if event.timer == walk.limit:
        return _time_is_up(walk)
    if walk.wait is None or event.timer not in walk.wait.pending:
        return False
    if isinstance(walk.wait, Leaving):
        walk.warn("leg_end_not_reported")
        close_main_path(walk, walk.wait)
    else:
        follow(walk, event)
    return True


def _time_is_up(walk: Walk) -> bool:
    walk.limit = 0
    if walk.phase == "main":
        if isinstance(walk.wait, Leaving):
            return False
        leave(walk, "failed", "duration_limit")
    else:
        walk.warn("late_path_timeout")
        finish_late_path(walk)
    return True


def _leg_answered(walk: Walk, event: LegAnswered) -> bool:
    leg = walk.leg
    if walk.phase != "main" or leg.state not in _UNANSWERED or leg.position != event.position:
        return False
    walk.leg = replace(leg, state="up", answered_at=event.at, machine=event.machine)
    if isinstance(walk.wait, Dialing | Answering) or (isinstance(walk.wait, OnErrand) and walk.wait.stage == "agent"):
        follow(walk, event)
    return True


def _leg_ended(walk: Walk, event: LegEnded) -> bool:
    leg = walk.leg
    if walk.phase != "main" or leg.state not in {"offered", "dialing", "up"} or leg.position != event.position:
        return False
    answered_at = leg.answered_at
    if answered_at is None and event.answered_s is not None:  # the news of the answer was lost or is late
        answered_at = event.at - timedelta(seconds=max(event.answered_s, 0.0))
    walk.leg = replace(leg, state="over", answered_at=answered_at, ended_at=event.at)
    walk.results = (*walk.results, LegResult(event.position, event.status, event.answered_s))
    if isinstance(walk.wait, Leaving):
        close_main_path(walk, walk.wait)
    elif answered_at is None and leg.state == "dialing":
        follow(walk, event)
    elif walk.parted and event.by == "them":  # known already by the conversation's end: the path goes on without media
        walk.note("end", leg=event.status, by=event.by)
    elif walk.talking and event.by == "them":
        walk.note("end", leg=event.status, by=event.by)
        follow(walk, event)
    else:
        _customer_left(walk, event)
    return True


def _customer_left(walk: Walk, event: LegEnded) -> None:
    if isinstance(walk.wait, OnErrand) and walk.wait.stage == "waiting":
        walk.queue_outcome = CALLER_ABANDONED
    walk.drop_wait()
    walk.note("end", leg=event.status, by=event.by)
    if event.by == "them":
        enter_late_path(walk, "remote_hangup", walk.program.on_remote_hangup)
    else:
        conclude(walk, Leaving("customer_left", 0, step=walk.step, detail="The leg was ended by our side."))


def _funds_short(walk: Walk, event: FundsShort) -> bool:
    if walk.phase != "main" or walk.leg.state != "dialing" or walk.leg.position != event.position:
        return False
    walk.leg = NO_LEG
    if isinstance(walk.wait, Leaving):
        conclude(walk, walk.wait)
    else:
        leave(walk, "funds_short")
    return True


def _stop_forced(walk: Walk) -> bool:
    if walk.phase == "main" and not isinstance(walk.wait, Leaving):
        leave(walk, "stopped")
        return True
    if walk.phase == "remote_hangup":
        walk.drop_wait()
        conclude(walk, Leaving("stopped", 0, step=walk.step))
        return True
    return False


def _status_decided(walk: Walk, event: StatusDecided) -> bool:
    if walk.phase != "status":
        return False
    walk.status, walk.reason = event.status, event.reason
    enter_late_path(walk, "complete", walk.program.on_flow_complete)
    return True
