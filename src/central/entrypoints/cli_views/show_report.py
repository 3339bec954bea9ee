"""The report of a request as a page: summary, records by status and class, calls by connection status, reasons."""

from __future__ import annotations

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from central.application.reporting.request_values import RequestReport
from central.domain.requests import RequestStatus
from central.entrypoints.cli_views.show_request import refusal
from central.entrypoints.cli_views.words import DIM, HEAD, cell, moment, money, number, percent, plain, seconds, status

_BAR = 20
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def show_report(report: RequestReport) -> RenderableType:
    """The whole page, readable in 100 columns."""
    parts: list[RenderableType] = [_heading(report), Padding(_summary(report), (0, 0, 1, 2))]
    parts += [Rule("records", align="left", style=DIM), Padding(_statuses(report), (0, 0, 1, 2))]
    if report.calls:
        parts += [Rule("calls", align="left", style=DIM), Padding(_calls(report), (0, 0, 1, 2))]
    if report.reasons:
        parts += [Rule("reasons of final records", align="left", style=DIM), Padding(_reasons(report), (0, 0, 1, 2))]
    return Group(*parts)


def _heading(report: RequestReport) -> RenderableType:
    request = report.request
    text = Text()
    text.append(plain(request.flow_name), style=HEAD)
    text.append(" draft" if request.flow_version is None else f" v{request.flow_version}", style=DIM)
    if request.name:
        text.append(f"  {plain(request.name)}")
    done = "bold green" if request.status is RequestStatus.COMPLETED else "bold blue"
    text.append(f"  {request.status.value}", style=done)
    if request.error:
        text.append("\n").append(refusal(request.error))
    text.append(
        f"\nrequest {request.request_id}, created {moment(request.created_at)}, by {plain(request.source)}", style=DIM
    )
    return Padding(text, (0, 0, 1, 0))


def _summary(report: RequestReport) -> Table:
    counts, grid = report.request.counts, Table.grid(padding=(0, 3))
    for style in (DIM, "", DIM, "", DIM, ""):
        grid.add_column(style=style or None, justify="left" if style else "right")
    done = "-" if counts.completion_percent is None else f"{counts.completion_percent:.1f} %"
    answered = percent(report.answer_ratio)
    attempts = "" if report.attempts_per_record is None else f" ({report.attempts_per_record:g} a record)"
    rows = (
        ("loaded", number(counts.loaded), "attempts", number(report.attempts) + attempts, "duration", seconds(report.duration_s)),
        ("added", number(counts.added), "calls", number(report.legs), "calls per second", _rate(report.calls_per_s)),
        ("valid", number(counts.valid), "answered", f"{number(report.answered)} ({answered})", "busiest second", number(report.peak_calls_per_s)),
        ("invalid", number(counts.invalid), "talk time", seconds(report.talk_s), "mean ringing", seconds(report.mean_ring_s)),
        ("ncpr", number(counts.ncpr), "mean talk", seconds(report.mean_talk_s), "cost", money(report.cost, report.currency)),
        ("pending", number(counts.pending), "completed", f"{number(counts.completed)} ({done})", "", ""),
    )  # fmt: skip
    for row in rows:
        grid.add_row(*map(cell, row))
    return grid


def _statuses(report: RequestReport) -> Table:
    table = _table("status", "class", "counts as", "records", "share", "")
    for line in report.statuses:
        table.add_row(
            status(line.status),
            cell(line.record_class),
            cell(line.counts_as),
            number(line.records),
            percent(line.share),
            _bar(line.share),
        )
    total = sum(line.records for line in report.statuses)
    table.add_section()
    table.add_row(Text("loaded", style=HEAD), "", "", Text(number(total), style=HEAD), "", "")
    return table


def _calls(report: RequestReport) -> Table:
    table = _table("connection status", "code", "", "calls", "share", "")
    for line in report.calls:
        table.add_row(
            status(line.status),
            str(line.code),
            "answered" if line.connected else "",
            number(line.legs),
            percent(line.share),
            _bar(line.share),
        )
    return table


def _reasons(report: RequestReport) -> Table:
    table = Table(box=box.SIMPLE_HEAD, header_style=HEAD, pad_edge=False, show_edge=False)
    table.add_column("reason")
    table.add_column("records", justify="right")
    for line in report.reasons:
        table.add_row(cell(line.reason), number(line.records))
    return table


def _table(*titles: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, header_style=HEAD, pad_edge=False, show_edge=False)
    for position, title in enumerate(titles):
        table.add_column(title, justify="right" if position in {3, 4} else "left", no_wrap=position == 0)
    return table


def _bar(share: float) -> Text:
    """A bar of at most 20 cells; anything above nothing shows at least a sliver."""
    eighths = max(1, round(share * _BAR * 8)) if share > 0 else 0
    full, part = divmod(eighths, 8)
    return Text("█" * full + (_EIGHTHS[part] if part else ""), style="blue")


def _rate(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
