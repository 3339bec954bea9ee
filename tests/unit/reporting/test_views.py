from __future__ import annotations

import io
import json

import pytest
from rich.console import Console, RenderableType

from central.application.ports.reporting import CallFigures
from central.application.reporting.documents import to_document
from central.application.reporting.explain_record import explain
from central.application.reporting.report_request import make_report
from central.application.reporting.view_request import view_request
from central.domain.errors import InvalidInput
from central.domain.statuses import CALL, FLOW
from central.entrypoints.cli_views import decode
from central.entrypoints.cli_views.show_explanation import show_explanation
from central.entrypoints.cli_views.show_report import show_report
from central.entrypoints.cli_views.show_request import show_progress, show_requests
from central.entrypoints.cli_views.show_statuses import show_statuses
from central.entrypoints.cli_views.words import money, plain, seconds
from tests.unit.reporting.stories import Story, at, finished_call, policy, prepared
from tests.unit.reporting.test_requests import TALLIES, row


def printed(view: RenderableType, width: int = 100) -> str:
    out = io.StringIO()
    Console(file=out, width=width, highlight=False).print(view)
    return out.getvalue()


def test_the_explanation_page_says_everything_in_100_columns() -> None:
    told = explain(finished_call().history(), prepared(), policy())
    text = printed(show_explanation(told, messages=True))
    assert max(map(len, text.splitlines())) <= 100
    for part in (
        "COMPLETED", "The flow reached its end.", "7.4 row 8", "Name = Asha", "INVITE", "200 OK", "2 copies were lost",
        "pressed 1", "Delivered to crm at try 2", "Call ended: Connected", "Content-Type:",
    ):  # fmt: skip
        assert part in text
    ladder = [line for line in text.splitlines() if "──▶│" in line or "│◀──" in line]
    assert len(ladder) == 6


def test_the_timeline_and_the_messages_can_be_left_out() -> None:
    told = explain(finished_call().history(), prepared(), policy())
    text = printed(show_explanation(told, timeline=False))
    assert "timeline" not in text
    assert "Content-Type:" not in text


@pytest.mark.parametrize("width", [60, 80, 140])
def test_other_widths_are_kept_too(width: int) -> None:
    told = explain(finished_call().history(), prepared(), policy())
    assert max(map(len, printed(show_explanation(told), width).splitlines())) <= width


def test_a_terminal_does_not_obey_what_came_from_outside() -> None:
    story = Story(variables={"Name": "\x1b[2J\x07Asha\r\n[bold]x[/bold]"}, numbers=("919800000001",)).created()
    text = printed(show_explanation(explain(story.history(), prepared(), policy())))
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "[bold]x[/bold]" in text
    assert plain("a\nb\x9bc") == "a\\nb\\x9bc"


def test_steps_of_another_flow_stand_below_its_name_until_the_attempt_ends() -> None:
    def walked(*steps: str) -> list[dict[str, object]]:
        return [{"kind": "step", "at": at(2).isoformat(), "step": step, "widget": "play"} for step in steps]

    goes_on = {"kind": "flow", "step": "over", "flow": "desk", "id": "abcd1234", "version": "3"}
    story = Story(status="COMPLETED").created().claimed(1)
    story.event(3, "flow_walked", data={"attempt": 1, "notes": [*walked("over"), goes_on, *walked("ask")]})
    story.event(4, "flow_walked", data={"attempt": 1, "notes": walked("bye")})
    story.event(9, "flow_walked", data={"attempt": 2, "notes": walked("again")})
    told = explain(story.history(), prepared(), policy())
    assert [(step.step, step.flow) for step in told.path] == [
        ("over", ""),
        ("ask", "desk"),
        ("bye", "desk"),
        ("again", ""),
    ]
    page = printed(show_explanation(told))
    assert page.count("flow desk (version 3)") >= 2  # before its steps, and where it was entered


def test_progress_shows_bar_counts_and_what_is_left() -> None:
    view = view_request(row(TALLIES), at(9))
    text = printed(show_progress(view, at(9)))
    for part in ("66.7 %", "4 of 6 records are final", "COMPLETED", "Busy", "6 attempts"):
        assert part in text
    assert "abcdefgh" not in printed(show_requests([view]))
    assert str(view.request_id) in printed(show_requests([view]))


def test_the_report_page_fits_and_adds_up() -> None:
    figures = CallFigures(6, at(0), at(30), 5, 3, 9_000, 4_000, 4, 3_000, 2, "INR")
    report = make_report(view_request(row(TALLIES), at(40)), figures)
    again = decode.request_report(json.loads(json.dumps(to_document(report))))
    assert again == report
    text = printed(show_report(again))
    assert max(map(len, text.splitlines())) <= 100
    for part in ("COMPLETED", "50.0 %", "Connected", "60.0 %", "30.0 s", "0.003 INR"):
        assert part in text


def test_every_status_is_on_the_page_with_its_cases() -> None:
    text = printed(show_statuses({"flow": {"COMPLETED": ["a", "b"]}, "call": {"Busy": ["c"]}}))
    for name in (*FLOW, *CALL):
        assert name in text
    assert "2 cases" in text
    assert "1 case" in text


def test_an_answer_of_another_version_is_refused() -> None:
    with pytest.raises(InvalidInput, match="document_unreadable"):
        decode.request_view({"request_id": 5})


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), (0.44, "0.4 s"), (59.94, "59.9 s"), (125, "2 min 05 s"), (12_000, "3 h 20 min")]
)
def test_durations_read_well(value: float | None, text: str) -> None:
    assert seconds(value) == text


@pytest.mark.parametrize(("micros", "text"), [(0, "0.00 INR"), (1000, "0.001 INR"), (2_500_000, "2.50 INR")])
def test_money_keeps_its_fractions(micros: int, text: str) -> None:
    assert money(micros, "INR") == text
