"""A call that goes on in another flow: its history says in which flow each step was, and shows no flow's secret."""

from __future__ import annotations

import json

import pytest

from tests.acceptance.laboratory import Laboratory
from tests.acceptance.playing import Played

FILE = "transferring"
FIRST = "presses 1 in the other flow"
pytestmark = pytest.mark.case_file(FILE)


def steps(played: Played, case: str) -> list[tuple[str, str, str]]:
    """The path by flow and version."""
    told = played.seen[case].explanation["path"]
    return [(step["flow"], step["flow_version"], step["step"]) for step in told]


def test_each_step_is_told_with_its_flow(laboratory: Laboratory) -> None:
    played = laboratory.played(FILE)
    own = [("", "", name) for name in ("start", "call", "hello", "over")]
    desk = [("desk", "1", name) for name in ("start", "answer", "note", "ask", "one", "bye", "done", "told")]
    assert steps(played, FIRST) == own + desk
    titles = [line["title"] for line in played.seen[FIRST].explanation["timeline"]]
    assert "The call goes on in flow desk (version 1)" in titles
    assert "Step one of flow desk (store_variable)" in titles
    third = steps(played, "goes on through a second flow into a third")
    assert [flow for flow, _, name in third if name == "start"] == ["", "second_line", "desk"]


def test_the_record_stays_one_of_the_flow_that_called(laboratory: Laboratory) -> None:
    for seen in laboratory.played(FILE).seen.values():
        assert (seen.detail["flow_name"], seen.detail["flow_version"]) == ("reception", 1)


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("the other flow is not published, and the customer is still there", "flow_not_published"),
        ("there is no such flow, and the customer leaves", "flow_unknown"),
    ],
)
def test_a_transfer_that_failed_says_why(laboratory: Laboratory, case: str, reason: str) -> None:
    told = laboratory.played(FILE).seen[case].explanation
    warnings = [line["data"] for line in told["timeline"] if line["kind"] == "warning"]
    assert [data.get("failure") for data in warnings] == [reason]


def test_what_the_first_flow_holds_secret_is_shown_nowhere(laboratory: Laboratory) -> None:
    seen = laboratory.played(FILE).seen[FIRST]
    told = json.dumps(seen.explanation) + json.dumps(seen.detail)
    assert "48151623" not in told
    assert seen.detail["variables"]["Pin"] == "***"
    assert "Copy" not in seen.detail["variables"]  # made of it by the other flow
    assert any(line["title"] == "Stores Copy = ***" for line in seen.explanation["timeline"])
