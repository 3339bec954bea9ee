"""How commands print: tables for people, JSON for programs (``--json``).

All that a command prints goes through here. Data never reaches the terminal as markup or as control characters: the consoles
know no markup, and every text passes ``plain`` or ``cell`` (``entrypoints/cli_views/words.py``).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, cast

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from central.entrypoints.cli_views.words import cell, lines, plain

_UNSEEN_WIDTH = 110  # what is piped into a file is not cut to a terminal that nobody has
_IDENTIFIER = 36  # characters of an identifier, which is copied and so never folded
_NARROWEST = 10  # to which a column of longer values may be folded
_UNSAFE_JSON: Final = re.compile(r"[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
console = Console(highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else _UNSEEN_WIDTH)
errors = Console(stderr=True, highlight=False, markup=False, emoji=False)

Part = str | tuple[str, str]
"""A text as it is, or a text with its style."""


def say(*parts: Part, end: str = "\n", to: Console = console) -> None:
    """Print a line of these parts: ``say("request ", (request_id, "bold"))``."""
    line = Text()
    for part in parts:
        text, style = (part, "") if isinstance(part, str) else part
        line.append(plain(text), style=style or None)
    to.print(line, end=end, soft_wrap=True)


def print_json(value: object) -> None:
    """One JSON document on standard output, nothing else."""
    document = msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2).decode()
    safe = _UNSAFE_JSON.sub(lambda found: f"\\u{ord(found.group()):04x}", document)
    console.file.write(safe + "\n")
    console.file.flush()


def print_document(data: bytes) -> None:
    """A document: its very bytes into a file or pipe, its text with harmless control characters on a terminal."""
    if console.is_terminal:
        console.file.write(lines(data.decode("utf-8", "replace")))
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
    sys.stdout.flush()


def print_rows(title: str, rows: Iterable[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool) -> None:
    """A table of these columns (a block a row where the terminal is too narrow), or all of it as JSON."""
    rows = list(rows)
    if as_json:
        print_json(rows)
        return
    if not rows:
        say(f"no {title}")
        return
    table = [[_cell(row.get(column)) for column in columns] for row in rows]
    head = [_label(column) for column in columns]
    widths = [max(_narrowest(line[position]) for line in (head, *table)) for position in range(len(columns))]
    if sum(widths) + 2 * len(columns) > console.width:
        for position, line in enumerate(table):
            if position:
                say("")
            console.print(_thing(zip(columns, line, strict=True)))
        return
    shown = Table(title=None, header_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name, width in zip(head, widths, strict=True):
        shown.add_column(name, overflow="fold", min_width=width)
    for line in table:
        shown.add_row(*line)
    console.print(shown)


def print_thing(thing: Mapping[str, Any], *, as_json: bool) -> None:
    """One thing: a line a field, or JSON."""
    if as_json:
        print_json(thing)
    else:
        console.print(_thing((name, _cell(value)) for name, value in thing.items()))


def _thing(fields: Iterable[tuple[str, Text]]) -> Table:
    table = Table(show_header=False, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in fields:
        table.add_row(_label(name), value)
    return table


def _label(name: str) -> Text:
    return cell(name.replace("_", " "))


def _narrowest(value: Text) -> int:
    return value.cell_len if value.cell_len == _IDENTIFIER else min(value.cell_len, _NARROWEST)


def _cell(value: object) -> Text:
    match value:
        case None:
            return cell("-")
        case bool():
            return cell("yes" if value else "no")
        case datetime() | date():
            return cell(value.isoformat())
        case list() if value and all(isinstance(item, str) for item in cast("list[object]", value)):
            return cell(", ".join(cast("list[str]", value)))
        case dict() | list():
            return cell(msgspec.json.encode(value).decode())
        case _:
            return cell(value)
