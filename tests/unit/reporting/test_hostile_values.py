"""Markup and control characters in data: every view and every printer shows them, none obeys them."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console, RenderableType

import central.cli
from central.application.ports.reporting import CallFigures
from central.application.reporting.documents import to_document
from central.application.reporting.explain_record import explain
from central.application.reporting.report_request import make_report
from central.application.reporting.view_request import view_request
from central.cli import output
from central.domain.errors import InvalidInput
from central.entrypoints.cli_views import decode
from central.entrypoints.cli_views.show_explanation import show_explanation
from central.entrypoints.cli_views.show_record import show_record_page
from central.entrypoints.cli_views.show_report import show_report
from central.entrypoints.cli_views.show_request import show_progress, show_request_page, show_requests
from tests.unit.reporting.stories import at, finished_call, policy, prepared
from tests.unit.reporting.test_requests import TALLIES, row

HOSTILE = "[/nope][draft]\x1b[2J\x1b]0;pwn\x07\r\nforged\x9b1m\u202e:smile:"
SHOWN = r"[/nope][draft]\x1b[2J\x1b]0;pwn\x07\r\nforged\x9b1m\u202e:smile:"
_OBEYED = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]")


def poisoned(document: Any, read: Callable[[object], object]) -> Any:
    """The document with the hostile text in every text that may hold any: in all where it can still be read."""
    for holder, key in list(_texts(document)):
        kept, holder[key] = holder[key], HOSTILE
        try:
            read(document)
        except InvalidInput:  # a time, an identifier, a word of an enumeration
            holder[key] = kept
    return document


def _texts(value: Any) -> Iterator[tuple[Any, Any]]:
    items: list[tuple[Any, Any]] = list(value.items() if isinstance(value, dict) else enumerate(value))  # pyright: ignore[reportUnknownArgumentType]
    for key, inner in items:
        if isinstance(inner, str):
            yield value, key
        elif isinstance(inner, dict | list):
            yield from _texts(inner)


def printed(view: RenderableType, width: int = 20_000) -> str:
    """By a console that knows markup: the views are safe by themselves."""
    out = io.StringIO()
    Console(file=out, width=width).print(view)
    return out.getvalue()


def explanation(*, messages: bool) -> RenderableType:
    document = json.loads(json.dumps(to_document(explain(finished_call().history(), prepared(), policy()))))
    document["input"]["variables"] = {HOSTILE: HOSTILE}
    return show_explanation(decode.explanation(poisoned(document, decode.explanation)), messages=messages)


def record() -> RenderableType:
    told = explain(finished_call().history(), prepared(), policy()).record
    document = json.loads(json.dumps(to_document(told))) | {"variables": {HOSTILE: HOSTILE}}
    return show_record_page(decode.record_detail(poisoned(document, decode.record_detail)))


def request(view: Callable[..., RenderableType], *more: object) -> RenderableType:
    document: Any = json.loads(json.dumps(to_document(view_request(row(TALLIES), at(9)))))
    document |= {"error": {"code": HOSTILE, "message": HOSTILE}, "statuses": {HOSTILE: 1}, "calls": {HOSTILE: 1}}
    seen = decode.request_view(poisoned(document, decode.request_view))
    return view([seen] if view is show_requests else seen, *more)


def report() -> RenderableType:
    figures = CallFigures(6, at(0), at(30), 5, 3, 9_000, 4_000, 4, 3_000, 2, "INR")
    document = json.loads(json.dumps(to_document(make_report(view_request(row(TALLIES), at(40)), figures))))
    return show_report(decode.request_report(poisoned(document, decode.request_report)))


VIEWS: dict[str, Callable[[], RenderableType]] = {
    "record explain": lambda: explanation(messages=False),
    "record explain --messages": lambda: explanation(messages=True),
    "record show": record,
    "request show": lambda: request(show_request_page, at(9)),
    "request watch": lambda: request(show_progress, at(9)),
    "request list": lambda: request(show_requests),
    "request report": report,
}


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_shows_hostile_values_and_obeys_none(view: str) -> None:
    text = printed(VIEWS[view]())
    assert _OBEYED.findall(text) == []
    assert [line for line in text.splitlines() if line.strip().startswith("forged")] == []
    assert SHOWN in text
    assert text.count("[/nope]") == text.count("[draft]")  # markup is nowhere lost
    assert "\N{SMILING FACE WITH OPEN MOUTH AND SMILING EYES}" not in text


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    out = io.StringIO()
    monkeypatch.setattr(output.console, "_file", out)
    monkeypatch.setattr(output.console, "_width", 400)
    return out


@pytest.mark.parametrize("value", [HOSTILE, [HOSTILE, "b"], {"a": HOSTILE}, [{"a": HOSTILE}]])
@pytest.mark.parametrize("as_rows", [True, False], ids=["rows", "thing"])
def test_lists_and_things_show_hostile_values_and_obey_none(
    screen: io.StringIO, value: object, *, as_rows: bool
) -> None:
    plain_row, hostile_row = {"name": "ordinary", HOSTILE: 1}, {"name": value, HOSTILE: HOSTILE}
    if as_rows:
        output.print_rows("trunks", [plain_row, hostile_row], ("name", HOSTILE), as_json=False)
        assert "ordinary" in screen.getvalue()
    else:
        output.print_thing(hostile_row, as_json=False)
    text = screen.getvalue()
    assert _OBEYED.findall(text) == []
    assert "[/nope][draft]" in text
    assert SHOWN in text
    assert [line for line in text.splitlines() if line.strip().startswith("forged")] == []


def test_a_said_line_shows_hostile_values_and_obeys_none(screen: io.StringIO) -> None:
    output.say("request ", (f"{HOSTILE}\ud800", "bold"))
    assert screen.getvalue() == f"request {SHOWN}\\ud800\n"


def test_json_is_as_it_was_and_moves_no_terminal(screen: io.StringIO) -> None:
    value = {"name": HOSTILE}
    output.print_json(value)
    assert json.loads(screen.getvalue()) == value
    assert _OBEYED.findall(screen.getvalue()) == []


def test_a_narrow_terminal_gets_a_block_a_row_and_whole_identifiers(
    screen: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output.console, "_width", 60)
    ids = [f"0199{n}aaa-0000-7000-8000-000000000000" for n in range(2)]
    rows = [{"id": name, "url": "https://crm.example.org/" + "x" * 40, "events": ["a", "b"]} for name in ids]
    output.print_rows("webhooks", rows, ("id", "url", "events", "flow_id", "is_default", "enabled"), as_json=False)
    text = screen.getvalue()
    assert all(name in text for name in ids)
    assert "a, b" in text
    assert text.count("is default") == 2


@pytest.mark.parametrize("width", [80, 100, 110, 200])
def test_no_column_of_a_list_is_lost_in_any_terminal(
    screen: io.StringIO, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setattr(output.console, "_width", width)
    row_ = {
        "id": "01990000-0000-7000-8000-000000000000",
        "name": "a trunk",
        "host": "sip.carrier.example.org",
        "port": 5060,
    }
    row_ |= {
        "transport": "udp",
        "channel_cap": 100,
        "cps_cap": 20,
        "enabled": True,
        "routes": [{"prefix": "", "priority": 1}],
    }
    output.print_rows("trunks", [row_], tuple(row_), as_json=False)
    for name in row_:
        assert name.split("_")[0] in screen.getvalue()


def test_a_refused_file_is_told_in_list_page_and_report() -> None:
    error = {"code": "file_without_numbers", "message": "The file has no column of numbers."}
    view = view_request(row({}, error=error), at(9))
    figures = CallFigures(0, None, None, 0, 0, 0, 0, 0, 0, 0, "INR")
    pages = (show_requests([view]), show_request_page(view, at(9)), show_report(make_report(view, figures)))
    for page in pages:
        text = " ".join(printed(page, 200).split())
        assert "refused" in text
        assert "The file has no column of numbers. (file_without_numbers)" in text
    assert "refused" not in printed(show_requests([view_request(row(TALLIES), at(9))]))


def test_all_that_commands_print_goes_through_output() -> None:
    folder = Path(central.cli.__file__).parent
    for file in folder.glob("*.py"):
        if file.name != "output.py":
            assert not re.search(r"\bConsole\(|console\.print\(f?['\"]|(?<![\w.])print\(", file.read_text()), file.name
