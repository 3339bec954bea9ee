"""The explanation of a record as a page: the answer first, then how it came about, each call with its SIP ladder."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from central.application.reporting.explanation import CheckLine, CheckResult, Explanation
from central.entrypoints.cli_views.show_attempts import show_attempts
from central.entrypoints.cli_views.show_messages import show_messages
from central.entrypoints.cli_views.show_record import facts_grid, record_facts
from central.entrypoints.cli_views.show_timeline import show_timeline
from central.entrypoints.cli_views.words import BAD, DIM, GOOD, HEAD, NOTE, cell, clock, moment, plain, status, style_of

_SIGNS: Mapping[CheckResult, tuple[str, str]] = {
    CheckResult.PASSED: ("✓", GOOD),
    CheckResult.FAILED: ("✗", f"bold {BAD}"),
    CheckResult.NOT_REACHED: ("·", DIM),
    CheckResult.NOT_APPLIED: ("-", DIM),
}


def show_explanation(told: Explanation, *, timeline: bool = True, messages: bool = False) -> RenderableType:
    """The whole page, made for 100 columns; ``messages`` adds every SIP message in full, ``timeline`` the merged course."""
    parts: list[RenderableType] = [_answer(told)]
    parts += _part("came in as", _input(told))
    parts += _part("checks", _checks(told))
    if told.schedule:
        parts += _part("when", _schedule(told))
    if told.record.attempts:
        parts += [_heading("attempts"), *show_attempts(told.record, messages=messages)]
    if told.path:
        parts += _part("path through the flow", _path(told))
    if told.record.sms or told.record.emails:
        parts += _part("messages", show_messages(told.record))
    parts += _part("statuses", _statuses(told))
    if told.late:
        parts += _part("late news: kept, not obeyed", _late(told))
    if told.pushes:
        parts += _part("webhooks", _pushes(told))
    if timeline:
        parts += _part("timeline (UTC)", show_timeline(told.timeline))
    return Group(*parts)


def _heading(title: str) -> Rule:
    return Rule(Text(title, style=HEAD), align="left", style=DIM)


def _part(title: str, body: RenderableType) -> list[RenderableType]:
    return [_heading(title), Padding(body, (0, 0, 1, 2))]


def _answer(told: Explanation) -> Panel:
    record = told.record
    text = Text()
    text.append(status(record.status, bold=True))
    if record.reason:
        text.append(f"  {plain(record.reason)}", style=style_of(record.status))
    text.append(
        f"   record class {plain(record.record_class)}, {'final' if record.final else 'not final yet'}\n", style=DIM
    )
    text.append(f"{plain(told.sentence) or plain(told.meaning)}\n", style=HEAD)
    text.append(f"by rule {plain(told.rule)}" if told.rule else "", style=DIM)
    if record.due_at is not None:
        text.append(f"   next due {moment(record.due_at)}", style="cyan")
    facts = facts_grid(record_facts(record))
    return Panel(Group(text, Text(""), facts), border_style=style_of(record.status), box=box.ROUNDED, padding=(0, 1))


def _input(told: Explanation) -> Table:
    row = told.input
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style=DIM, no_wrap=True)
    grid.add_column(overflow="fold")
    written = ", ".join(row.written_numbers or row.numbers) or "-"
    grid.add_row("numbers", cell(written if row.written_numbers or not row.dropped else f"{written} (usable ones)"))
    if row.started_by is not None:
        grid.add_row("started by", cell(f"record {row.started_by}"))
    for drop in row.dropped:
        grid.add_row("dropped", cell(f"{drop.get('number', '')}: {drop.get('sentence', '')}", NOTE))
    grid.add_row("start time", cell(row.start_time or "none: at once"))
    if row.time_zone:
        grid.add_row("time zone", cell(row.time_zone))
    if row.priority:
        grid.add_row("priority", str(row.priority))
    for name, value in row.variables.items():
        grid.add_row(cell(name), cell(value) if value else Text("(empty)", style=DIM))
    for warning in row.warnings:
        grid.add_row("warning", cell(warning, NOTE))
    return grid


def _checks(told: Explanation) -> RenderableType:
    parts: list[RenderableType] = []
    for stage in dict.fromkeys(check.stage for check in told.checks):
        table = Table.grid(padding=(0, 1))
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, min_width=22)
        table.add_column(overflow="fold")
        for check in told.checks:
            if check.stage == stage:
                _check(table, check)
        parts += [cell(stage, "italic"), table]
    return Group(*parts)


def _check(table: Table, check: CheckLine) -> None:
    sign, style = _SIGNS[check.result]
    text = cell(check.sentence, style if check.result is not CheckResult.PASSED else "")
    about = " · ".join(part for part in (plain(check.value), plain(check.version)) if part)
    if about:
        text.append(f"  {about}", style=DIM)
    name = f"{check.step or ' '!s:>2} {check.check}"
    table.add_row(Text(sign, style=style), cell(name, style if check.result is CheckResult.FAILED else ""), text)
    for detail in check.details:
        table.add_row("", "", cell(detail, DIM))


def _schedule(told: Explanation) -> Table:
    table = _grid("", "decided", "due", "because")
    for line in told.schedule:
        table.add_row(
            _when(told, line.at), cell(line.decision), moment(line.due_at), _because(line.sentence, line.rule)
        )
    return table


def _when(told: Explanation, at: datetime) -> str:
    """The time of day, with its date where the record's life spans several."""
    days = {entry.at.date() for entry in told.timeline}
    return clock(at) if len(days) < 2 else f"{at:%m-%d} {clock(at)}"  # noqa: PLR2004


def _because(sentence: str, rule: str) -> Text:
    text = cell(sentence)
    if rule:
        text.append(f"  [{plain(rule)}]", style=DIM)
    return text


def _path(told: Explanation) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style=DIM, no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    attempt, several, flow = 0, len({step.attempt for step in told.path}) > 1, ""
    for step in told.path:
        if step.attempt != attempt and several:
            table.add_row("", Text(f"attempt {step.attempt}", style="italic"), "")
        if step.flow != flow and step.flow:
            table.add_row("", Text(f"flow {plain(step.flow)} (version {plain(step.flow_version)})", style="italic"), "")
        attempt, flow = step.attempt, step.flow
        came = cell(f"  {step.came_by} → " if step.came_by not in {"", "next"} else "  → " if step.came_from else "  ")
        name = came.append(plain(step.step), style=HEAD).append(f" {plain(step.widget)}", style=DIM)
        table.add_row(clock(step.at), name, cell(", ".join(step.did)))
    return table


def _statuses(told: Explanation) -> Table:
    table = _grid("", "status", "reason", "because")
    for line in told.statuses:
        because = _because(line.sentence, line.rule)
        table.add_row(_when(told, line.at), status(line.to_status), cell(line.reason or ""), because)
    return table


def _late(told: Explanation) -> Table:
    table = _grid("", "news", "", "")
    for line in told.late:
        table.add_row(_when(told, line.at), cell(line.sentence, NOTE), "", "")
    return table


def _pushes(told: Explanation) -> Table:
    table = _grid("", "event", "to", "")
    for line in told.pushes:
        style = GOOD if line.state == "delivered" else NOTE if line.state in {"retry", "waiting"} else BAD
        table.add_row(_when(told, line.at), cell(line.event_type), cell(line.endpoint), cell(line.sentence, style))
    return table


def _grid(*titles: str) -> Table:
    table = Table(box=None, header_style=DIM, pad_edge=False, padding=(0, 2, 0, 0))
    for position, title in enumerate(titles):
        table.add_column(
            title,
            overflow="fold",
            no_wrap=position in {0, 1, 2} and title != "news",
            style=DIM if position == 0 else None,
        )
    return table
