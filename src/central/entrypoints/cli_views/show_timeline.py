"""The merged course of a record, one line an event, in the order of time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from central.application.reporting.explanation import Entry, Kind
from central.entrypoints.cli_views.words import DIM, cell, clock, plain

_STYLES: Final = {
    Kind.INPUT: "bold",
    Kind.CHECK: "",
    Kind.STATUS: "bold",
    Kind.SCHEDULE: "cyan",
    Kind.ATTEMPT: "bold blue",
    Kind.LEG: "blue",
    Kind.SIP: DIM,
    Kind.FLOW: "",
    Kind.DIGITS: "green",
    Kind.WARNING: "yellow",
    Kind.PUSH: "magenta",
    Kind.MESSAGE: "cyan",
    Kind.LATE: "yellow",
    Kind.GAP: "red",
}


def show_timeline(entries: Sequence[Entry]) -> RenderableType:
    """A table: time of day, kind, what happened, why."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style=DIM, no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", ratio=1)
    day = ""
    for entry in entries:
        if f"{entry.at:%Y-%m-%d}" != day:
            day = f"{entry.at:%Y-%m-%d}"
            table.add_row(Text(day, style="bold"), "", "")
        style = _STYLES[entry.kind]
        text = cell(entry.title, style)
        if entry.sentence:
            text.append(f"  {plain(entry.sentence)}", style=DIM)
        table.add_row(clock(entry.at), Text(entry.kind.value, style=style or DIM), text)
    return table
