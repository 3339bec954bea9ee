"""A record as a page: what it is, how it stands, its variables, and its attempts with their calls."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from central.application.reporting.record_values import RecordDetail
from central.entrypoints.cli_views.show_attempts import show_attempts
from central.entrypoints.cli_views.show_messages import show_messages
from central.entrypoints.cli_views.words import DIM, HEAD, cell, moment, plain, status


def show_record_page(record: RecordDetail) -> RenderableType:
    """The whole page, made for 100 columns; ``central record explain`` tells why."""
    head = status(record.status, bold=True)
    head.append(f"  {plain(record.reason or '')}".rstrip())
    head.append(f"   record class {plain(record.record_class)}", style=DIM)
    facts = [*record_facts(record), ("next due", moment(record.due_at)), ("last changed", moment(record.changed_at))]
    parts: list[RenderableType] = [head, Padding(facts_grid(facts), (0, 0, 1, 2))]
    if record.variables:
        parts += [Rule("variables", align="left", style=DIM)]
        parts += [Padding(facts_grid(list(record.variables.items())), (0, 0, 1, 2))]
    if record.attempts:
        parts += [Rule(Text("attempts", style=HEAD), align="left", style=DIM), *show_attempts(record)]
    if record.sms or record.emails:
        parts += [
            Rule(Text("messages", style=HEAD), align="left", style=DIM),
            Padding(show_messages(record), (0, 0, 1, 2)),
        ]
    return Group(*parts)


def record_facts(record: RecordDetail) -> list[tuple[str, str]]:
    """What a record is, as names and values as they came."""
    version = "draft" if record.flow_version is None else f"version {record.flow_version}"
    kind = "testing" if record.testing else "production"
    facts = [
        ("record", f"{record.record_id}, row {record.row}"),
        ("request", f"{record.request_id} {record.request_name} ({kind})".replace("  ", " ")),
        ("flow", f"{record.flow_name} ({record.flow_id}), {version}"),
        ("numbers", ", ".join(record.numbers) or "-"),
    ]
    if record.struck_numbers:
        facts.append(("struck off", ", ".join(record.struck_numbers)))
    if record.client_identifier:
        facts.append(("client id", record.client_identifier))
    facts.append(("attempts", f"{record.attempts_made} made, {record.attempts_charged} charged"))
    if record.epoch > 1:
        facts.append(("epoch", f"{record.epoch} (requeued)"))
    if record.held_status:
        facts.append(("held", f"was {record.held_status}, due {moment(record.held_due_at)}"))
    return facts


def facts_grid(facts: list[tuple[str, str]]) -> Table:
    """Names and values, a line each."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style=DIM)
    grid.add_column(overflow="fold")
    for name, value in facts:
        grid.add_row(cell(name), cell(value) if value else Text("(empty)", style=DIM))
    return grid
