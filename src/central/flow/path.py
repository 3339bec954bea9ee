"""How the token moves: along branches, into failures and limits, to the ends of the main and of the late paths.

Domain specification, section 5.1. Used by the interpreter only. Order at the end of a run: main path -> On Remote Hangup
if the customer left -> MainPathEnded, the driver decides the status -> On Flow Complete -> RunEnded.

Who hangs up in a conversation (Agent Connect, Transfer Call, a further leg of Make Call) ends that step normally. Where it is
the customer, the main path goes on without him: steps without media run, and if the path comes to an end that way, it is the
flow's end. A step that needs him is not entered: he has left before the end then.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final, Literal

from msgspec.structs import replace

from central.flow.commands import EndKind, HangUp, MainPathEnded, RunEnded
from central.flow.document import END
from central.flow.events import FlowEvent
from central.flow.program import Ends, Failed, HangUpCause, Outcome, Prepared
from central.flow.run import Leaving
from central.flow.walk import Walk

LIMIT_VISITS: Final = 1_000
LIMIT_DURATION: Final = timedelta(minutes=120)
LIMIT_LATE_PATH_S: Final = 60.0
# How long the end of a leg that we hung up is awaited: an engine reports it at once, only a lost report needs this.
HANG_UP_GUARD_S: Final = 10.0


def walk_on(walk: Walk, target: str) -> None:
    """Enter steps from ``target`` on until one waits or the path ends."""
    following: str | None = target
    while following is not None:
        if following in {END, ""}:
            _path_ends(walk, Ends())
            return
        prepared = walk.program.steps.get(following)
        if prepared is None:
            walk.step = following
            _path_fails(walk, "flow_error", f"There is no step {following!r}.")
            return
        walk.visits += 1
        if walk.visits > LIMIT_VISITS:
            _path_fails(walk, "step_limit", f"More than {LIMIT_VISITS} steps were entered.")
            return
        walk.step = following
        if walk.parted and prepared.media and walk.phase == "main":
            leave(walk, "customer_left", detail="The customer hung up in a conversation, and this step needs him.")
            return
        if walk.unconnected and walk.phase == "main":
            walk.fallback_ran = True
        walk.note("step", widget=prepared.widget)
        following = _settle(walk, prepared, prepared.node.enter(walk))


def follow(walk: Walk, event: FlowEvent) -> None:
    """Give an event to the step that waits for it, and move on where it says so."""
    prepared = walk.program.steps.get(walk.step)
    if prepared is None:
        _path_fails(walk, "flow_error", f"There is no step {walk.step!r}.")
        return
    following = _settle(walk, prepared, prepared.node.handle(walk, event))
    if following is not None:
        walk_on(walk, following)


def _settle(walk: Walk, prepared: Prepared, outcome: Outcome) -> str | None:
    """The next step's name, or None when the token waits or the path has ended."""
    match outcome:
        case None:
            return None
        case str():
            return _take_branch(walk, prepared, outcome)
        case Failed(code, detail):
            return _fail(walk, prepared, code, detail)
        case Ends():
            walk.drop_wait()
            _path_ends(walk, outcome)
            return None


def _take_branch(walk: Walk, prepared: Prepared, branch: str) -> str:
    walk.drop_wait()
    target = prepared.targets.get(branch)
    following = target.step if target is not None else END
    walk.note("branch", branch=branch, to=following)
    return following


def _fail(walk: Walk, prepared: Prepared, code: str, detail: str) -> str | None:
    walk.warn("step_failed", failure=code, detail=detail, policy=prepared.policy)
    if prepared.policy == "branch":
        return _take_branch(walk, prepared, prepared.failing)
    if prepared.policy == "continue":
        return _take_branch(walk, prepared, prepared.onward)
    _path_fails(walk, "flow_error", f"{code}: {detail}")
    return None


def _path_ends(walk: Walk, end: Ends) -> None:
    if walk.phase != "main":
        finish_late_path(walk)
    elif end.kind == "end" and walk.unconnected:
        leave(walk, "not_reached", cause=end.cause)
    else:
        leave(walk, end.kind, cause=end.cause)


def _path_fails(walk: Walk, reason: str, detail: str) -> None:
    if walk.phase == "main":
        leave(walk, "failed", reason, detail)
    else:
        walk.warn("late_path_failed", reason=reason, detail=detail)
        finish_late_path(walk)


def leave(walk: Walk, end: EndKind, reason: str = "", detail: str = "", cause: HangUpCause = "normal") -> None:
    """End the main path from our side: hang up a leg that is still there and await its end, then close the path."""
    walk.drop_wait()
    if walk.leg.state in {"offered", "dialing", "up"}:
        walk.commands.append(HangUp(cause))
        walk.wait = Leaving(end, walk.start_timer(HANG_UP_GUARD_S), reason, walk.step, detail)
    else:
        close_main_path(walk, Leaving(end, 0, reason, walk.step, detail))


def close_main_path(walk: Walk, leaving: Leaving) -> None:
    """No leg is left: On Remote Hangup runs first where the customer had hung up in a conversation."""
    if not walk.parted or leaving.end == "stopped":
        conclude(walk, leaving)
        return
    walk.cancel_timer(leaving.guard)
    walk.wait = None
    walk.parting = replace(leaving, guard=0)
    enter_late_path(walk, "remote_hangup", walk.program.on_remote_hangup)


def conclude(walk: Walk, leaving: Leaving) -> None:
    """The main path is over for good: tell the driver, who decides the status."""
    walk.cancel_timer(leaving.guard)
    walk.cancel_timer(walk.limit)
    walk.wait = None
    walk.limit = 0
    walk.phase = "status"
    walk.note("end", kind=leaving.end, reason=leaving.reason)
    walk.step = ""
    walk.typed = ""
    called = bool(walk.results) or walk.leg.state in {"offered", "dialing", "up"}
    connected = walk.leg.answered_at is not None
    walk.commands.append(
        MainPathEnded(
            leaving.end,
            leaving.reason,
            leaving.step,
            leaving.detail,
            called,
            connected,
            walk.fallback_ran,
            walk.parted,
            walk.dialer,
        )
    )


def enter_late_path(walk: Walk, phase: Literal["remote_hangup", "complete"], target: str) -> None:
    """Walk a late path from its entry step; "" = the flow has none."""
    walk.left_at = walk.step or walk.left_at
    walk.cancel_timer(walk.limit)
    walk.phase, walk.visits, walk.limit = phase, 0, 0
    if target:
        walk_on(walk, target)
    else:
        finish_late_path(walk)
    if walk.phase == phase and walk.wait is not None and not walk.limit:
        walk.limit = walk.start_timer(LIMIT_LATE_PATH_S)


def finish_late_path(walk: Walk) -> None:
    """A late path is over: conclude the main path after On Remote Hangup, end the run after On Flow Complete."""
    walk.drop_wait()
    if walk.phase == "remote_hangup":
        conclude(walk, walk.parting or Leaving("customer_left", 0, step=walk.left_at))
    else:
        walk.cancel_timer(walk.limit)
        walk.limit = 0
        walk.phase = "done"
        walk.step = ""
        walk.commands.append(RunEnded())
