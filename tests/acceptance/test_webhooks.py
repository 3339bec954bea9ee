"""What the account's own HTTP server receives while its list runs (tests/cases/webhooks.toml)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from standardwebhooks import Webhook

from tests.acceptance.laboratory import Laboratory
from tests.acceptance.playing import Played

pytestmark = pytest.mark.case_file("webhooks")


def bodies(laboratory: Laboratory, kind: str) -> list[dict[str, Any]]:
    """The events of a kind that were taken, each once, in the order of their arrival."""
    found: dict[str, dict[str, Any]] = {}
    for post in laboratory.receiver.posts("webhooks"):
        if post.answered < 300:
            body = json.loads(post.body)
            found.setdefault(body["event_id"], body)
    return [body for body in found.values() if body["type"] == kind]


@pytest.fixture
def played(laboratory: Laboratory) -> Played:
    played = laboratory.played("webhooks")
    n = len(played.file.cases)
    played.until("all final events arrived", lambda: len(bodies(laboratory, "record.final")) == n, 40)
    played.until(
        "the request's end arrived",
        lambda: any(b["status"] == "Completed" for b in bodies(laboratory, "request.status")),
        20,
    )
    assert not played.faults
    return played


def test_every_post_is_signed_and_a_refused_one_comes_again(laboratory: Laboratory, played: Played) -> None:
    posts = laboratory.receiver.posts("webhooks")
    for post in posts:
        said_at = datetime.fromtimestamp(int(post.headers["webhook-timestamp"]), UTC)
        assert abs(post.at - said_at) < timedelta(minutes=1)  # the whole catalogue plays longer than receivers forgive
        signature = Webhook(played.secret).sign(post.headers["webhook-id"], said_at, post.body.decode())
        assert signature in post.headers["webhook-signature"].split()
        assert json.loads(post.body)["event_id"] == post.headers["webhook-id"]
    refused = [post.headers["webhook-id"] for post in posts if post.answered == 503]
    taken = [post.headers["webhook-id"] for post in posts if post.answered == 204]
    assert len(refused) == 1
    assert refused[0] in taken


def test_the_events_of_a_record_come_in_order_and_end_with_the_final_one(
    laboratory: Laboratory, played: Played
) -> None:
    for name, seen in played.seen.items():
        record_id = seen.receipt["record_id"]
        moves = [b for b in bodies(laboratory, "record.status") if b["record_id"] == record_id]
        assert all(before["status"] == after["previous"] for before, after in pairwise(moves)), name
        if moves:
            assert [b["status"] for b in moves] == seen.statuses[-len(moves) :], name
        finals = [b for b in bodies(laboratory, "record.final") if b["record_id"] == record_id]
        assert [b["status"] for b in finals] == [seen.detail["status"]], name
        order = [json.loads(p.body) for p in laboratory.receiver.posts("webhooks") if p.answered == 204]
        mine = [b["type"] for b in order if b.get("record_id") == record_id]
        assert mine[-1] == "record.final", name


def test_the_final_event_tells_the_whole_record_and_no_secret(laboratory: Laboratory, played: Played) -> None:
    by_name = {b["client_identifier"]: b for b in bodies(laboratory, "record.final")}
    answered = by_name["answered"]
    assert answered["record_class"] == "valid"
    assert answered["epoch"] == 1
    assert answered["request_id"] == played.request_id
    assert answered["variables"]["Name"] == "Asha"
    assert "4711" not in json.dumps(answered)
    (attempt,) = answered["attempts"]
    (leg,) = attempt["legs"]
    assert (leg["status"], leg["code"], leg["hangup_by"]) == ("Connected", 16, "SYSTEM")
    assert leg["duration"] == leg["duration_ms"] // 1000 or leg["duration"] == -(-leg["duration_ms"] // 1000)
    assert [attempt["result"] for attempt in by_name["busy twice"]["attempts"]] == ["Busy", "Busy"]
    assert by_name["refused at intake"]["status"] == "INVALID_CONTACT_NUMBER"
