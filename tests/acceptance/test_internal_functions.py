"""What a call does beyond itself: the flow that it started really calls and knows what was kept; its short link leads on."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from tests.acceptance.laboratory import Laboratory
from tests.acceptance.playing import LOOK_S, Played

FILE = "internal_functions"
FIRST = "one call arranges the next"
_LIMIT_S = 60.0
pytestmark = pytest.mark.case_file(FILE)


def variables(played: Played, case: str = FIRST) -> Mapping[str, str]:
    found: Mapping[str, str] = played.seen[case].detail["variables"]
    return found


def ended(played: Played, record_id: str) -> Mapping[str, Any]:
    """The explanation of a record once it is final."""
    end = time.monotonic() + _LIMIT_S
    while True:
        told: Mapping[str, Any] = played.api.get(f"/records/{record_id}/timeline")
        if told["record"]["final"] or time.monotonic() > end:
            return told
        time.sleep(LOOK_S)


def test_the_started_record_was_really_called_and_knew_what_was_kept(laboratory: Laboratory) -> None:
    played = laboratory.played(FILE)
    told = ended(played, variables(played)["Next"])
    record = told["record"]
    assert (record["status"], record["flow_name"]) == ("COMPLETED", "second_call")
    assert record["numbers"] == played.numbers[FIRST]
    assert record["client_identifier"] == "next of 4711"
    assert record["variables"] == {"Order": "4711", "Heard": "hi for 4711"}
    assert [leg["status"] for attempt in record["attempts"] for leg in attempt["legs"]] == ["Connected"]
    assert [step["step"] for step in told["path"]][:4] == ["start", "call", "known", "hindi"]
    number = played.numbers[FIRST][0]
    assert sum(invite.number == number for invite in played.far_ends.invites()) == 2
    contact = played.api.get(f"/contacts/{number}")
    assert contact["values"] == {"Order": "4711"}  # the second call removed the language again


def test_the_timeline_tells_who_started_it(laboratory: Laboratory) -> None:
    played = laboratory.played(FILE)
    by = played.seen[FIRST].receipt["record_id"]
    told = ended(played, variables(played)["Next"])
    assert told["input"]["started_by"] == by
    assert by in told["timeline"][0]["sentence"]
    assert played.api.get(f"/requests/{told['record']['request_id']}")["source"] == "internal"
    lines = [line["title"] for line in played.seen[FIRST].explanation["timeline"]]
    assert any(told["record"]["record_id"] in line for line in lines)


def test_a_refused_start_says_why(laboratory: Laboratory) -> None:
    explanation = laboratory.played(FILE).seen["there is no such flow"].explanation
    assert any("flow_not_found" in line["title"] for line in explanation["timeline"])


def test_the_short_link_leads_on_and_counts(laboratory: Laboratory) -> None:
    played = laboratory.played(FILE)
    link = variables(played)["Link"]
    answer = httpx.get(link, follow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (302, "https://shop.example/pay?order=4711")
    assert httpx.get(f"{link}x", follow_redirects=False).status_code == 404
    (row,) = [row for row in played.api.get("/links")["items"] if row["link"] == link]
    assert (row["clicks"], row["record_id"], row["step"]) == (1, played.seen[FIRST].receipt["record_id"], "link")
    timeline = played.api.get(f"/records/{row['record_id']}/timeline")["timeline"]
    assert [line["title"] for line in timeline if "short link" in line["title"]] == ["A short link was opened"]
