"""Which variables are set where a step reads them: on no path, on some, or on every path that leads there. Pure.

A forward analysis over the graph of steps, with a bit a variable. What the record brings (declared variables) counts as set.
Late paths begin wherever the customer left, so on them only what no step could have stored before is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from central.flow.document import Flow
from central.flow.findings import Finding
from central.flow.program import ERROR_BRANCH, Prepared, Program
from central.flow.widgets.table import WIDGETS

_ALL: Final = -1  # every bit
_DECIDED: Final = frozenset({"status", "reason"})  # have a value once the main path is over

Edge = tuple[str, int]
"""Where a branch leads, and which variables its step has stored when it is taken."""


@dataclass(slots=True)
class _Known:
    """What is stored when the token arrives: on some path (``may``), on every path (``must``); bits."""

    may: int = 0
    must: int = _ALL


def unset_reads(flow: Flow, program: Program) -> Iterator[Finding]:
    """Findings about reads of variables that steps store, too late or not on every path."""
    declared = {variable.name for variable in flow.variables}
    stored = {name for step in program.steps.values() for name, _ in step.stores} - declared
    bits = {name: 1 << n for n, name in enumerate(sorted(stored))}
    edges = {step.name: tuple(_edges(step, program, bits)) for step in program.steps.values()}
    main = _arrivals(program.start, _Known(0, 0), edges)
    left = _arrivals(program.on_remote_hangup, _Known(_anywhere(main, program, bits)), edges)
    done = _arrivals(program.on_flow_complete, _Known(_anywhere(main | left, program, bits)), edges)
    for step in program.steps.values():
        found = [known[step.name] for known in (main, left, done) if step.name in known]
        if found:
            yield from _judge(step, found, bits)
        if step.name in main or step.name in left:
            yield from _undecided(step)


def _edges(step: Prepared, program: Program, bits: Mapping[str, int]) -> Iterable[Edge]:
    widget = WIDGETS.get(step.widget)
    idle = {ERROR_BRANCH} | {b.name for b in widget.branches if not b.stores} if widget is not None else {ERROR_BRANCH}
    own = _stores(step, bits)
    found = ((target.step, 0 if branch in idle else own) for branch, target in step.targets.items())
    return {edge for edge in found if edge[0] in program.steps}


def _stores(step: Prepared, bits: Mapping[str, int]) -> int:
    own = 0
    for name, _ in step.stores:
        own |= bits.get(name, 0)
    return own


def _arrivals(entry: str, first: _Known, edges: Mapping[str, tuple[Edge, ...]]) -> dict[str, _Known]:
    """What is known on arrival at each step that can be reached from ``entry``, at the fixed point."""
    known: dict[str, _Known] = {}
    if entry not in edges:
        return known
    known[entry] = first
    pending = {entry: None}
    while pending:
        name = next(iter(pending))
        del pending[name]
        here = known[name]
        for target, own in edges[name]:
            there = known.get(target)
            if there is None:
                known[target] = _Known(here.may | own, here.must | own)
            else:
                may, must = there.may | here.may | own, there.must & (here.must | own)
                if (may, must) == (there.may, there.must):
                    continue
                there.may, there.must = may, must
            pending[target] = None
    return known


def _anywhere(known: Mapping[str, _Known], program: Program, bits: Mapping[str, int]) -> int:
    """What may be stored when the customer leaves somewhere on these steps."""
    every = 0
    for name, arrival in known.items():
        every |= arrival.may | _stores(program.steps[name], bits)
    return every


def _judge(step: Prepared, found: list[_Known], bits: Mapping[str, int]) -> Iterator[Finding]:
    widget = WIDGETS.get(step.widget)
    for reference, line in step.reads:
        bit = bits.get(reference.name, 0) if reference.space == "flow.key" else 0
        if not bit or (widget is not None and widget.assigns and _assigned(step, reference.name, line)):
            continue
        if not any(known.may & bit for known in found):
            hint = f"Store it in a step before, or declare {reference.name} under `variables:` if the record brings it."
            message = f"{reference} is read here, but no path has stored it before."
            yield Finding("variable_read_before_set", "error", line, step.name, message, hint)
        elif not all(known.must & bit for known in found) and not (widget is not None and widget.asks):
            hint = "Store a value on every path that leads here, or ask first with a decision whether it is empty."
            message = f"{reference} is not stored on every path that leads here."
            yield Finding("variable_may_be_unset", "warning", line, step.name, message, hint)


def _assigned(step: Prepared, name: str, line: int) -> bool:
    """Whether an assignment above in the same step sets it; on one line, the benefit of the doubt."""
    return any(own == name and place <= line for own, place in step.stores)


def _undecided(step: Prepared) -> Iterator[Finding]:
    for reference, line in step.reads:
        if reference.space == "flow.syskey" and reference.name in _DECIDED:
            message = f"{reference} has no value yet here: it is decided when the main path is over."
            hint = "Read it on the path of On Flow Complete."
            yield Finding("system_variable_unset", "warning", line, step.name, message, hint)
