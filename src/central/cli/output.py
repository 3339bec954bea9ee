"""How commands print: tables for people, JSON for programs (``--json``)."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

_UNSEEN_WIDTH = 110  # what is piped into a file is not cut to a terminal that nobody has
console = Console(highlight=False, width=None if sys.stdout.isatty() else _UNSEEN_WIDTH)


def print_json(value: object) -> None:
    """One JSON document on standard output, nothing else."""
    console.file.write(msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2).decode() + "\n")


def print_rows(title: str, rows: Iterable[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool) -> None:
    """A table of these columns, or all of it as JSON."""
    rows = list(rows)
    if as_json:
        print_json(rows)
        return
    if not rows:
        console.print(f"no {title}")
        return
    table = Table(title=None, header_style="bold", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row.get(column)) for column in columns))
    console.print(table)


def print_thing(thing: Mapping[str, Any], *, as_json: bool) -> None:
    """One thing: a line a field, or JSON."""
    if as_json:
        print_json(thing)
        return
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in thing.items():
        table.add_row(name.replace("_", " "), _cell(value))
    console.print(table)


def _cell(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case datetime() | date():
            return value.isoformat()
        case dict() | list():
            return msgspec.json.encode(value).decode()
        case _:
            return str(value)
