"""Attempts with their calls: times, codes, the evidence that decided, the carrier's word, and the SIP ladder."""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from central.application.reporting.draw_ladder import sip_ladder
from central.application.reporting.record_values import AttemptView, LegView, RecordDetail, SipLine
from central.entrypoints.cli_views.words import (
    DIM,
    GOOD,
    HEAD,
    NOTE,
    cell,
    clock,
    lines,
    milliseconds,
    money,
    plain,
    seconds,
    status,
    style_of,
)

_LADDER = 94  # 100 columns less margins and frame


def show_attempts(record: RecordDetail, *, messages: bool = False) -> Iterator[RenderableType]:
    """A block for each attempt of a record; ``messages`` adds every SIP message in full."""
    for attempt in record.attempts:
        yield Padding(_attempt(attempt, record.currency), (0, 0, 0, 2))
        for leg in attempt.legs:
            yield Padding(_leg(leg, record.currency, messages=messages), (0, 0, 1, 2))
        if not attempt.legs:
            yield Padding(Text("No call was placed.", style=DIM), (0, 0, 1, 4))


def _attempt(attempt: AttemptView, currency: str) -> Text:
    name = f"attempt {attempt.number}" + (", the last" if attempt.final else "")
    text = Text(name, style=HEAD)
    text.append("  ").append(status(attempt.result or attempt.outcome or "running"))
    charged = {True: "charged", False: "not charged", None: ""}[attempt.charged]
    took = seconds(attempt.duration_ms / 1000) if attempt.duration_ms is not None else "running"
    policy = f"policy {plain(attempt.policy_id)} version {attempt.policy_version}"
    facts = [
        clock(attempt.started_at),
        took,
        charged,
        money(attempt.cost, currency),
        policy,
        f"on {plain(attempt.node)}",
    ]
    text.append("\n" + " · ".join(fact for fact in facts if fact), style=DIM)
    return text


def _leg(leg: LegView, currency: str, *, messages: bool) -> Panel:
    parts: list[RenderableType] = [_times(leg, currency), cell(leg.why)]
    if leg.carrier:
        parts.append(cell(leg.carrier, "cyan"))
    if leg.digits:
        parts.append(_digits(leg))
    parts += _sip(leg, messages=messages)
    title = cell(f"call to {leg.number_to}")
    title.append(f"  {plain(leg.trunk)}" if leg.trunk else "  no trunk", style=DIM)
    title.append("  ").append(status(leg.status or "in progress", bold=True))
    colour = style_of(leg.status or "")
    return Panel(Group(*parts), title=title, title_align="left", border_style=colour, box=box.SQUARE, padding=(0, 1))


def _times(leg: LegView, currency: str) -> Text:
    codes = [f"code {leg.code}"] if leg.code is not None else []
    codes += [f"SIP {leg.sip_code}"] if leg.sip_code is not None else []
    codes += [f"Q.850 {leg.q850}"] if leg.q850 is not None else []
    codes += [f"local {plain(leg.local)}"] if leg.local else []
    facts = [f"from {plain(leg.number_from or 'anonymous')}", clock(leg.handed_at)]
    facts += [f"rang {milliseconds(leg.ring_ms)}"] if leg.ring_ms is not None else []
    facts += [f"talked {milliseconds(leg.answered_ms)}"] if leg.answered_ms is not None else []
    facts += [f"ended by {plain(leg.hangup_by.lower())}"] if leg.hangup_by else []
    facts += [money(leg.cost, currency)] if leg.cost else []
    return Text(" · ".join([*facts, *codes]), style=DIM)


def _digits(leg: LegView) -> Text:
    text = Text("keys  ", style=DIM)
    for digit in leg.digits:
        text.append(plain(digit.digit), style=f"bold {GOOD}")
        text.append(f" {clock(digit.at)} {digit.duration_ms} ms   ", style=DIM)
    return text


def _sip(leg: LegView, *, messages: bool) -> list[RenderableType]:
    talk = leg.sip
    if talk is None:
        return []
    parts: list[RenderableType] = []
    ladder = sip_ladder(talk.messages, talk.missing, width=_LADDER)
    if ladder:
        parts += [Text(""), Text(lines(ladder), no_wrap=True, overflow="crop")]
    if talk.note:
        parts.append(cell(talk.note, NOTE))
    if messages:
        parts += [block for message in talk.messages for block in _message(message)]
    return parts


def _message(message: SipLine) -> list[RenderableType]:
    way = "sent to" if message.sent else "received from"
    peer = message.target if message.sent else message.source
    head = Text(f"\n{clock(message.at)} {way} {plain(peer)}", style=DIM)
    table = Table.grid(padding=(0, 1))
    table.add_column(style=DIM, no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in message.headers:
        table.add_row(cell(f"{name}:"), cell(value))
    parts: list[RenderableType] = [head, cell(message.start_line, HEAD), table]
    if message.body.strip():
        parts.append(Padding(Text(lines(message.body.rstrip())), (1, 0, 0, 2)))
    return parts
