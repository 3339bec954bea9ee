"""The catalogue of statuses as tables: number, class, whether it is an end, what it means, and the cases that reached it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from central.domain.status_rows import CallRow, FlowRow
from central.domain.statuses import AGENT, CALL, EMAIL, FLOW, SMS
from central.entrypoints.cli_views.words import DIM, HEAD, status

Cases = Mapping[str, Mapping[str, Sequence[str]]]
_NO_CASES: Cases = {}


def show_statuses(cases: Cases = _NO_CASES) -> RenderableType:
    """All five families; ``cases`` is the status atlas of the acceptance run, by family and status name."""
    parts: list[RenderableType] = []
    for family, table in (("flow", _flow(cases)), ("call", _calls(cases)), *_others(cases)):
        parts += [Rule(family, align="left", style=DIM), table, Text("")]
    return Group(*parts)


def _flow(cases: Cases) -> Table:
    table = _table("#", "flow status", "class", "counts as", "end", "cases", "meaning")
    for name, row in sorted(FLOW.items(), key=lambda item: item[1].number):
        told: FlowRow = row
        table.add_row(
            str(told.number), status(name), told.record_class.value, told.counts_as.value, "yes" if told.final else "",
            _count(cases, "flow", name), Text(told.meaning),
        )  # fmt: skip
    return table


def _calls(cases: Cases) -> Table:
    table = _table("code", "connection status", "SIP", "Q.850", "again", "cases", "meaning")
    for name, row in CALL.items():
        told: CallRow = row
        sip = ", ".join(map(str, (*told.sip, *told.sip_ringing, *told.sip_no_ringing)))
        table.add_row(
            str(told.canonical), status(name), sip, ", ".join(map(str, told.q850)), "yes" if told.retry == "policy" else "",
            _count(cases, "call", name), Text(told.meaning),
        )  # fmt: skip
    return table


def _others(cases: Cases) -> list[tuple[str, Table]]:
    found: list[tuple[str, Table]] = []
    for family, rows in (("sms", SMS), ("email", EMAIL), ("agent", AGENT)):
        table = _table("", "status", "", "", "end", "cases", "meaning")
        for name, row in rows.items():
            final = "yes" if getattr(row, "final", False) else ""
            table.add_row("", Text(name), "", "", final, _count(cases, family, name), Text(row.meaning))
        found.append((family, table))
    return found


def _table(*titles: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, header_style=HEAD, pad_edge=False, show_edge=False)
    for position, title in enumerate(titles):
        table.add_column(
            title,
            justify="right" if position == 0 else "left",
            overflow="fold",
            ratio=3 if title == "meaning" else None,
        )
    return table


def _count(cases: Cases, family: str, name: str) -> Text:
    n = len(cases.get(family, {}).get(name, ()))
    return Text(str(n) if n else "–", style="" if n else DIM)
