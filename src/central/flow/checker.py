"""The checker: all findings about a flow, from the document, from its single steps and from the graph they form.

A draft is saved with its findings, publishing refuses errors (domain 4.3, publish lint). What the checker calls an error
would, in a run, fail the execution, never end, or reach the customer wrongly; a warning is lawful but probably not meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Final

from central.flow.document import END, Flow
from central.flow.findings import Finding, Severity
from central.flow.near_words import hint_for
from central.flow.preparation import prepare
from central.flow.program import Prepared, Program
from central.flow.reading import LIMIT_FINDINGS
from central.flow.set_variables import unset_reads
from central.flow.widgets.table import WIDGETS

_CONNECTED: Final = frozenset({"connected", "machine"})
DIALER: Final = "make_call_for_dialer"
_ANSWERED: Final = frozenset({"next"})


def check(flow: Flow) -> tuple[Finding, ...]:
    """All findings in the order of the document; publishing refuses a flow with ``findings.has_errors``."""
    return check_program(flow, prepare(flow))


def check_program(flow: Flow, program: Program) -> tuple[Finding, ...]:
    """The same for a flow that was already prepared."""
    sources = (
        flow.findings,
        program.findings,
        _entry_findings(flow, program),
        _target_findings(program),
        _reach_findings(program),
        _leg_findings(program),
        _loop_findings(program),
        _variable_findings(flow, program),
        unset_reads(flow, program),
    )
    found = {finding for source in sources for finding in islice(source, LIMIT_FINDINGS + 1)}
    ordered = sorted(found, key=lambda finding: (finding.line, finding.step, finding.code, finding.message))
    if len(ordered) <= LIMIT_FINDINGS:
        return tuple(ordered)
    message = f"Only the first {LIMIT_FINDINGS} findings are listed."
    return (*ordered[:LIMIT_FINDINGS], Finding("too_many_findings", "error", 0, "", message, "Mend these first."))


def _at(
    step: Prepared, code: str, message: str, hint: str = "", *, line: int = 0, severity: Severity = "error"
) -> Finding:
    return Finding(code, severity, line or step.line, step.name, message, hint)


def _entry_findings(flow: Flow, program: Program) -> Iterator[Finding]:
    if not program.steps:
        return
    if not program.start:
        hint = "Add `start: {widget: start, next: ...}`."
        yield Finding("start_missing", "error", 0, "", "The flow has no Start step.", hint)
    if flow.type == "multicast" and not any(step.call for step in program.steps.values()):
        yield from _without_call_findings(program)
    yield from _dialer_findings(flow, program)
    if flow.type == "inbound":
        yield from _answer_findings(program)
    else:
        for step in program.steps.values():
            if _widget(step, "answers"):
                hint = "Calls come in to flows of `type: inbound`."
                yield _at(step, "answer_in_outbound", "An outbound flow has no call to answer.", hint)


def _dialer_findings(flow: Flow, program: Program) -> Iterator[Finding]:
    """A dialer flow has one step that brings agent and customer together, and no other flow has one."""
    dialers = [step for step in program.steps.values() if step.widget == DIALER]
    if flow.type != "dialer":
        for step in dialers:
            hint = "Write `type: dialer`, or call with make_call and bring an agent in with agent_connect."
            yield _at(step, "dialer_step_elsewhere", "Only a flow of `type: dialer` has agents to dial with.", hint)
        return
    if not dialers:
        hint = f"Add `dial: {{widget: {DIALER}, queue: ..., on: {{connected: end, ...}}}}`."
        yield Finding("dialer_step_missing", "error", 0, "", f"A dialer flow needs a step of {DIALER}.", hint)
    for step in dialers[1:]:
        hint = "Which queue serves its records must be known before they are claimed."
        yield _at(step, "dialer_step_twice", "A dialer flow has one such step.", hint)
    for step in program.steps.values():
        if step.call and step.widget != DIALER:
            message = "A dialer flow calls its customers with their agents only."
            yield _at(step, "call_in_dialer", message, f"Use {DIALER}.")


def _without_call_findings(program: Program) -> Iterator[Finding]:
    """A flow may do without a call, but not without anything to do; what needs the customer's leg needs the call."""
    if any(step.media for step in program.steps.values()):
        hint = "Add `call: {widget: make_call, on: {connected: ...}}`."
        yield Finding("call_step_missing", "error", 0, "", "The flow has no Make Call step: it calls nobody.", hint)
    elif all(_widget(step, "entry") for step in program.steps.values()):
        hint = "Add a Make Call step, or one that sends something, such as `sms`."
        yield Finding("call_step_missing", "error", 0, "", "The flow calls nobody and does nothing else.", hint)


def _answer_findings(program: Program) -> Iterator[Finding]:
    """The first step of an inbound flow answers, and nothing in it calls the customer (domain 5.2)."""
    start = program.steps.get(program.start)
    target = start.targets.get("next") if start is not None else None
    first = program.steps.get(target.step) if target is not None else None
    if start is not None and (first is None or not _widget(first, "answers")):
        hint = "Add `answer: {widget: answer_call, next: ...}` and lead Start to it."
        yield _at(start, "answer_missing", "The step after Start must be Answer Call.", hint)
    for step in program.steps.values():
        if step.call:
            hint = "The customer is on the line already."
            yield _at(step, "call_in_inbound", "An inbound flow does not call its customer.", hint)


def _target_findings(program: Program) -> Iterator[Finding]:
    for step in program.steps.values():
        for branch, target in step.targets.items():
            if target.step == END:
                continue
            found = program.steps.get(target.step)
            if found is None:
                hint = hint_for(target.step, program.steps, f"Name a step, or `{END}`.")
                message = f"The branch {branch!r} leads to {target.step[:64]!r}, which does not exist."
                yield _at(step, "target_unknown", message, hint, line=target.line)
            elif _widget(found, "entry"):
                message = f"The branch {branch!r} leads to the entry point {target.step!r}."
                yield _at(step, "target_is_entry", message, "Lead to the step after it.", line=target.line)


def _reach_findings(program: Program) -> Iterator[Finding]:
    if not program.start:
        return
    reached = _reachable(program, (program.start, program.on_remote_hangup, program.on_flow_complete))
    for step in program.steps.values():
        if step.name not in reached and not _widget(step, "entry"):
            hint = "Lead a branch to it, or remove it."
            yield _at(step, "step_unreachable", f"No path leads to {step.name!r}.", hint)


def _leg_findings(program: Program) -> Iterator[Finding]:
    """Steps that need the customer's leg where it is not there: on the late paths, and before or beside the call."""
    for entry in (program.on_remote_hangup, program.on_flow_complete):
        for name in sorted(_reachable(program, (entry,))):
            step = program.steps[name]
            if step.media or step.call:
                hint = "Late paths may store, decide and send, but the call is over."
                message = f"{step.widget} stands on the path of {entry!r}, where there is no call."
                yield _at(step, "media_on_late_path", message, hint)
    for name in sorted(_reachable_without_leg(program)):
        step = program.steps[name]
        if step.media:
            hint = "Reach it from the branch `connected` of a Make Call step only."
            message = f"{step.widget} can be reached while no customer is connected."
            yield _at(step, "media_without_call", message, hint)


def _loop_findings(program: Program) -> Iterator[Finding]:
    """Cycles on which no step waits or counts: they would spin until the limit of step visits.

    A counter bounds the loop of its ``below_limit`` alone: one through ``limit_reached`` never ends either.
    """
    quick = {name: step for name, step in program.steps.items() if not _widget(step, "waits")}
    for cycle in _cycles(quick):
        first = min(cycle, key=lambda name: quick[name].line)
        names = ", ".join(sorted(cycle))
        hint = "Put a step that waits for the customer into the loop, such as menu, or a counter that leads out of it."
        yield _at(quick[first], "loop_without_wait", f"A loop through {names} never waits.", hint)


def _variable_findings(flow: Flow, program: Program) -> Iterator[Finding]:
    declared = {variable.name for variable in flow.variables}
    stored = {name for step in program.steps.values() for name, _ in step.stores}
    known = declared | stored
    for step in program.steps.values():
        for reference, line in step.reads:
            if reference.space == "flow.key" and reference.name not in known:
                hint = hint_for(reference.name, known, "Declare it under `variables:`, or store it in a step.")
                message = f"{reference} is read, but neither declared nor stored anywhere."
                yield _at(step, "variable_unknown", message, hint, line=line)


# -- the graph ---------------------------------------------------------------------------------------------------------
def _widget(step: Prepared, trait: str) -> bool:
    widget = WIDGETS.get(step.widget)
    return widget is not None and bool(getattr(widget, trait))


def _bound(step: Prepared) -> str:
    widget = WIDGETS.get(step.widget)
    return widget.bounds if widget is not None else ""


def _next(program: Program, name: str) -> Iterable[str]:
    return (target.step for target in program.steps[name].targets.values() if target.step in program.steps)


def _reachable(program: Program, entries: Iterable[str]) -> set[str]:
    pending = [name for name in entries if name in program.steps]
    reached: set[str] = set()
    while pending:
        name = pending.pop()
        if name not in reached:
            reached.add(name)
            pending.extend(_next(program, name))
    return reached


def _reachable_without_leg(program: Program) -> set[str]:
    """Steps that the main path can reach while no customer is connected."""
    pending = [program.start] if program.start in program.steps else []
    reached: set[str] = set()
    while pending:
        name = pending.pop()
        if name in reached:
            continue
        reached.add(name)
        step = program.steps[name]
        connects = _CONNECTED if step.call else _ANSWERED if _widget(step, "answers") else ()
        for branch, target in step.targets.items():
            if target.step in program.steps and branch not in connects:
                pending.append(target.step)
    return reached


def _cycles(steps: Mapping[str, Prepared]) -> list[set[str]]:
    """Strongly connected components that hold a cycle (Tarjan, without recursion)."""
    following = {
        name: [t.step for branch, t in step.targets.items() if t.step in steps and branch != _bound(step)]
        for name, step in steps.items()
    }
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    cycles: list[set[str]] = []
    for root in steps:
        if root in order:
            continue
        trail = [(root, iter(following[root]))]
        order[root] = low[root] = len(order)
        stack.append(root)
        while trail:
            name, rest = trail[-1]
            child = next(rest, None)
            if child is None:
                trail.pop()
                if trail:
                    low[trail[-1][0]] = min(low[trail[-1][0]], low[name])
                if low[name] == order[name]:
                    component = set(stack[stack.index(name) :])
                    del stack[stack.index(name) :]
                    if len(component) > 1 or name in following[name]:
                        cycles.append(component)
            elif child not in order:
                order[child] = low[child] = len(order)
                stack.append(child)
                trail.append((child, iter(following[child])))
            elif child in stack:
                low[name] = min(low[name], order[child])
    return cycles
