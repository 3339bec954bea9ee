"""The catalogue of statuses as a page: number, class, whether it is an end, what it means, and the cases that reached it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
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
    lists = (
        ("flow", "what became of a record", _flow(cases)),
        ("call", "how a call ended", _calls(cases)),
        *_others(cases),
    )
    for family, about, table in lists:
        title = Text(family, style=HEAD).append(f"  {about}", style=DIM)
        parts += [Rule(title, align="left", style=DIM), Padding(table, (0, 0, 1, 0))]
    return Group(*parts)


def _flow(cases: Cases) -> Table:
    table = _table()
    for name, row in sorted(FLOW.items(), key=lambda item: item[1].number):
        told: FlowRow = row
        facts = [f"{told.record_class} record", "final" if told.final else f"counts as {told.counts_as}"]
        _add(table, str(told.number), status(name, bold=True), facts, _cases(cases, "flow", name), told.meaning)
    return table


def _calls(cases: Cases) -> Table:
    table = _table()
    for name, row in CALL.items():
        told: CallRow = row
        codes = {
            "SIP": told.sip,
            "SIP after ringing": told.sip_ringing,
            "SIP before ringing": told.sip_no_ringing,
            "Q.850": told.q850,
        }
        facts = [f"{kind} {', '.join(map(str, numbers))}" for kind, numbers in codes.items() if numbers]
        facts += ["may be tried again"] if told.retry == "policy" else []
        _add(table, str(told.canonical), status(name, bold=True), facts, _cases(cases, "call", name), told.meaning)
    return table


def _others(cases: Cases) -> list[tuple[str, str, Table]]:
    found: list[tuple[str, str, Table]] = []
    about = {"sms": "what became of an SMS", "email": "what became of an e-mail", "agent": "what an agent is doing"}
    for family, rows in (("sms", SMS), ("email", EMAIL), ("agent", AGENT)):
        table = _table()
        for name, row in rows.items():
            facts = ["final"] if getattr(row, "final", False) else []
            _add(table, "", Text(name, style=HEAD), facts, _cases(cases, family, name), row.meaning)
        found.append((family, about[family], table))
    return found


def _table() -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", style=DIM, min_width=2)
    table.add_column(overflow="fold")
    return table


def _add(table: Table, number: str, name: Text, facts: Sequence[str], cases: str, meaning: str) -> None:
    line = name.append("  " + " · ".join(fact for fact in (*facts, cases) if fact), style=f"not bold {DIM}")
    table.add_row(number, line)
    table.add_row("", Text(meaning))


def _cases(cases: Cases, family: str, name: str) -> str:
    n = len(cases.get(family, {}).get(name, ()))
    return "" if not n else f"{n} {'case' if n == 1 else 'cases'}"
