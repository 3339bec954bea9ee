"""Prepares a flow to run: each step is read once by its widget; what is wrong with a step becomes a finding.

``prepare`` never fails: a step that has an error stands in the program as one that fails when it is entered, so that a
draft with findings can still be tried out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import Final

from central.domain.zones import known_zone
from central.flow.document import Flow, Step, parse
from central.flow.events import FlowEvent
from central.flow.findings import Finding
from central.flow.near_words import hint_for
from central.flow.program import Failed, FailurePolicy, Node, Outcome, Prepared, Program, PromptUse
from central.flow.walk import Walk
from central.flow.widgets.table import WIDGETS
from central.flow.widgets.widget import Fields, Widget

_POLICIES: Final[tuple[FailurePolicy, ...]] = ("branch", "continue", "fail")
_ENTRIES: Final = ("start", "on_remote_hangup", "on_flow_complete")


@dataclass(frozen=True, slots=True)
class BrokenNode:
    """Stands for a step that has errors."""

    detail: str

    def enter(self, walk: Walk) -> Outcome:
        """Fail."""
        del walk
        return Failed("step_has_errors", self.detail)

    def handle(self, walk: Walk, event: FlowEvent) -> Outcome:
        """Never waits."""
        del walk, event
        return None


def prepare(flow: Flow) -> Program:
    """The program of a flow, with the findings about its single steps."""
    findings: list[Finding] = []
    steps: dict[str, Prepared] = {}
    entries: dict[str, str] = {}
    for step in flow.steps.values():
        steps[step.name] = _prepare_step(flow, step, findings)
        if step.widget in _ENTRIES and entries.setdefault(step.widget, step.name) != step.name:
            message = f"There are two steps of the widget {step.widget}: {entries[step.widget]} and {step.name}."
            findings.append(Finding("entry_twice", "error", step.line, step.name, message, "Keep one of them."))
    return Program(
        name=flow.name,
        steps=steps,
        start=entries.get("start", ""),
        on_remote_hangup=entries.get("on_remote_hangup", ""),
        on_flow_complete=entries.get("on_flow_complete", ""),
        calls=flow.calls,
        formats=flow.formats,
        zone=known_zone(flow.time_zone) or UTC,
        secrets=frozenset(variable.name for variable in flow.variables if variable.secret),
        findings=tuple(findings),
    )


def named_prompts(document: bytes) -> frozenset[PromptUse]:
    """The recordings that a document names itself. Raises InvalidInput (``document_...``) for what cannot be read at all."""
    return frozenset(use for step in prepare(parse(document)).steps.values() for use in step.prompts)


def _prepare_step(flow: Flow, step: Step, findings: list[Finding]) -> Prepared:
    found: list[Finding] = []
    fields = Fields(step, flow, found)
    widget = WIDGETS.get(step.widget)
    if widget is None:
        hint = hint_for(step.widget, WIDGETS, f"Known: {', '.join(WIDGETS)}.")
        if step.widget:
            fields.find(
                "widget_unknown", f"There is no widget {step.widget[:64]!r}.", line=fields.line("widget"), hint=hint
            )
        findings.extend(found)
        return Prepared(step.name, step.widget, BrokenNode("Its widget is unknown."), {}, line=step.line)
    _read_branches(fields, widget)
    node: Node = widget.prepare(fields)
    policy = _read_policy(fields, widget)
    _check_required(fields, widget)
    fields.text("about")
    fields.close(f"The widget {widget.name}", ignored=("widget",))
    errors = [finding for finding in found if finding.severity == "error"]
    findings.extend(found)
    return Prepared(
        name=step.name,
        widget=widget.name,
        node=BrokenNode(errors[0].message) if errors else node,
        targets=fields.targets,
        policy=policy,
        onward=widget.onward,
        failing=widget.failing,
        media=widget.media or fields.beside_call,
        call=widget.call and not fields.beside_call,
        secret=fields.secret and widget.waits,
        reads=tuple(fields.reads),
        stores=tuple(fields.stores),
        prompts=tuple(fields.prompts),
        caller_ids=tuple(fields.caller_ids),
        endpoints=tuple(fields.endpoints),
        flows=tuple(fields.flows),
        queues=tuple(fields.queues),
        made_of=dict(fields.made_of),
        switches=tuple(fields.switches),
        line=step.line,
    )


def _read_branches(fields: Fields, widget: Widget) -> None:
    """``next:`` and ``on:`` of a step, before its widget looks at its own fields."""
    names = {branch.name for branch in widget.branches}
    if "next" in names and fields.present("next"):
        fields.target("next", fields.tree("next"), fields.line("next"))
    if not names - {"next"}:
        return
    wired = fields.mapping("on")
    for name, tree in wired.entries.items():
        line = wired.lines.get(name, wired.line)
        if name in names - {"next"}:
            fields.target(name, tree, line)
            continue
        hint = hint_for(name, names, f"Branches: {', '.join(sorted(names))}.")
        message = f"The widget {widget.name} has no branch {name[:64]!r}."
        fields.find("branch_unknown", message, line=line, hint=hint)


def _read_policy(fields: Fields, widget: Widget) -> FailurePolicy:
    if not widget.can_fail:
        return widget.failure
    wired = widget.failing in fields.targets
    default: FailurePolicy = "branch" if wired else widget.failure
    policy: FailurePolicy = fields.choice("on_failure", _POLICIES, default)
    line = fields.line("on_failure")
    if policy == "branch" and not wired:
        hint = f"Add `on: {{{widget.failing}: step}}`."
        message = f"`on_failure: branch` needs the branch {widget.failing!r}."
        fields.find("branch_without_target", message, line=line, hint=hint)
        return "fail"
    if policy == "continue" and not widget.onward:
        message = f"A failed {widget.name} cannot simply continue."
        fields.find("failure_policy_invalid", message, line=line, hint="Choose branch or fail.")
        return "fail"
    taken_otherwise = any(branch.name == widget.failing and branch.required for branch in widget.branches)
    if policy != "branch" and wired and not taken_otherwise:
        message = f"The branch {widget.failing!r} is wired, but `on_failure: {policy}` never takes it."
        fields.find("branch_never_taken", message, line=line, hint="Remove one of them.", severity="warning")
    return policy


def _check_required(fields: Fields, widget: Widget) -> None:
    for branch in widget.branches:
        if branch.name in fields.needless:
            if branch.name in fields.targets:
                line = fields.targets[branch.name].line
                message = f"The branch {branch.name!r} is wired, but this step never takes it."
                fields.find("branch_never_taken", message, line=line, hint="Remove it.", severity="warning")
        elif branch.required and branch.name not in fields.targets:
            where = "`next: step`" if branch.name == "next" else f"`on: {{{branch.name}: step}}`"
            hint = f"Add {where}; `end` is a lawful target."
            message = f"The branch {branch.name!r} has no target."
            fields.find("branch_without_target", message, line=fields.line("on"), hint=hint)
