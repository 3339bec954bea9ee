"""The messages that a record's steps sent, one line each."""

from __future__ import annotations

from rich.console import RenderableType
from rich.table import Table

from central.application.reporting.record_values import RecordDetail
from central.entrypoints.cli_views.words import DIM, cell, clock, plain


def show_messages(record: RecordDetail) -> RenderableType:
    """A table: time, step, channel with recipient, status, why."""
    table = Table(box=None, header_style=DIM, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("", style=DIM, no_wrap=True)
    for title in ("step", "to", "status"):
        table.add_column(title, no_wrap=True)
    table.add_column("", overflow="fold")
    lines = [("SMS", one) for one in record.sms] + [("e-mail", one) for one in record.emails]
    for channel, one in sorted(lines, key=lambda line: line[1].created_at):
        to = cell(f"{channel} {plain(one.to)}")
        table.add_row(clock(one.created_at), cell(one.step), to, cell(one.status), cell(one.explanation, DIM))
    return table
