"""A request while it runs: bar, rate, counts by status, time left; and a list of requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from rich import box
from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from central.application.reporting.request_values import RequestView
from central.domain.requests import RequestStatus
from central.entrypoints.cli_views.show_record import facts_grid
from central.entrypoints.cli_views.words import BAD, DIM, HEAD, cell, moment, number, per_second, plain, seconds, status

_BAR = 44
_MOST_WORDS = 8


def show_progress(view: RequestView, now: datetime) -> RenderableType:
    """The live view of one request, for ``rich.live.Live``; the same height whatever the numbers."""
    refused = [refusal(view.error)] if view.error else []
    return Group(_title(view), *refused, _bar(view), _pace(view, now), _words(view))


def refusal(error: Mapping[str, object]) -> Text:
    """Why the file of a request could not be loaded."""
    return cell(f"The file was refused: {error.get('message', '')} ({error.get('code', '')})", f"bold {BAD}")


def show_request_page(view: RequestView, now: datetime) -> RenderableType:
    """One request: how far it is, what it is, and why it was refused if it was."""
    source = f"{view.source}, {'testing' if view.testing else 'production'}, priority {view.priority}"
    facts = [
        ("request", str(view.request_id)),
        ("name", view.name or "-"),
        ("flow", f"{view.flow_name} ({view.flow_id})"),
    ]
    facts += [("created", moment(view.created_at)), ("from", source)]
    facts += [("ends", moment(view.end_at))] if view.end_at is not None else []
    facts += [("reload of", str(view.reload_of))] if view.reload_of is not None else []
    counts = view.counts
    buckets = {"valid": counts.valid, "invalid": counts.invalid, "ncpr": counts.ncpr, "pending": counts.pending}
    told = ", ".join(f"{number(n)} {word}" for word, n in buckets.items())
    facts.append(("records", f"{number(counts.loaded)} loaded: {told}"))
    return Group(show_progress(view, now), Text(""), facts_grid(facts))


def show_requests(views: Sequence[RequestView]) -> RenderableType:
    """A table of requests, newest first."""
    table = Table(box=None, header_style=DIM, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("request", min_width=36, overflow="fold")
    table.add_column("status")
    for title in ("loaded", "pending", "final"):
        table.add_column(title, justify="right")
    table.add_column("created", no_wrap=True)
    for view in views:
        held = view.control.value != "running"
        state = Text(f"{view.status.value}, {view.control.value}", style="yellow") if held else _state(view)
        counts = view.counts
        final = f"{view.progress.percent:.0f} %"
        created = f"{view.created_at:%Y-%m-%d %H:%M}Z"
        table.add_row(_named(view), state, number(counts.loaded), number(counts.pending), final, created)
    return table


def _named(view: RequestView) -> Text:
    text = Text(f"{plain(view.flow_name)} {_version(view)}", style=HEAD)
    if view.name:
        text.append(f"  {plain(view.name)}", style="")
    if view.error:
        text.append("\n").append(refusal(view.error))
    return text.append(f"\n{view.request_id}", style=DIM)


def _title(view: RequestView) -> Text:
    text = Text(plain(view.flow_name), style=HEAD)
    text.append(f" {_version(view)}", style=DIM)
    name = view.upload.file_name if view.upload is not None else view.name
    if name:
        text.append(f"  {plain(name)}")
    text.append("  ").append(_state(view))
    if view.control.value != "running" or view.flow_control != "running":
        word = view.control.value if view.control.value != "running" else f"flow {view.flow_control}"
        text.append(f"  {plain(word)}", style="bold yellow")
    return text


def _state(view: RequestView) -> Text:
    if view.error:
        return Text(f"{view.status.value}, refused", style=f"bold {BAD}")
    styles = {RequestStatus.COMPLETED: "green", RequestStatus.SCHEDULED: "cyan", RequestStatus.IN_PROCESS: "blue"}
    return Text(view.status.value, style=styles[view.status])


def _version(view: RequestView) -> str:
    return "draft" if view.flow_version is None else f"v{view.flow_version}"


def _bar(view: RequestView) -> RenderableType:
    counts, done = view.counts, view.progress.finished
    over = view.status is RequestStatus.COMPLETED
    grid = Table.grid(padding=(0, 1))
    bar = ProgressBar(total=max(1, counts.loaded), completed=done, width=_BAR, finished_style="green", pulse=False)
    share = Text(f"{view.progress.percent:5.1f} %", style="bold green" if over else "bold")
    grid.add_row(bar, share, Text(f"{number(done)} of {number(counts.loaded)} records are final"))
    return grid


def _pace(view: RequestView, now: datetime) -> Text:
    """Rates and the time left; while a file is still being loaded, how far that is."""
    progress = view.progress
    parts = [f"{per_second(progress.finished_per_s_10)} finished", f"{per_second(progress.attempts_per_s_10)} attempts"]
    parts.append(f"{number(view.attempts)} {'attempt' if view.attempts == 1 else 'attempts'} so far")
    if view.loading and view.upload is not None:
        parts.append(f"loading: {number(view.upload.rows_done)} rows")
    elif view.loading:
        parts.append("loading")
    if view.status is RequestStatus.COMPLETED:
        parts.append("done")
    elif progress.forecast_end is not None:
        parts.append(f"about {seconds(max(0.0, (progress.forecast_end - now).total_seconds()))} left")
    elif view.earliest_due is not None and view.earliest_due > now:
        parts.append(f"next due {moment(view.earliest_due)}")
    return Text("  ·  ".join(parts), style=DIM)


def _words(view: RequestView) -> RenderableType:
    """Records by status beside calls by connection status, largest first."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column()
    grid.add_column()
    grid.add_row(_numbers("records", view.statuses), _numbers("calls", view.calls))
    return grid


def _numbers(title: str, numbers: Mapping[str, int]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, header_style=HEAD, pad_edge=False, show_edge=False, min_width=40)
    table.add_column(title)
    table.add_column("", justify="right", min_width=7)
    for word, n in list(numbers.items())[:_MOST_WORDS]:
        table.add_row(status(word), number(n))
    rest = list(numbers.items())[_MOST_WORDS:]
    if rest:
        table.add_row(Text(f"{len(rest)} more", style=DIM), Text(number(sum(n for _, n in rest)), style=DIM))
    return table
