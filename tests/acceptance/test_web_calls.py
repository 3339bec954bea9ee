"""What the account's own web server is asked by the Webhook steps of tests/cases/webhook_step.toml, and what is told of it."""

from __future__ import annotations

import json
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree as ET

import pytest

from tests.acceptance.laboratory import Laboratory
from tests.acceptance.playing import Played
from tests.acceptance.receiver import Post

pytestmark = pytest.mark.case_file("webhook_step")
NAME = 'Zoë & "Söhne" 1/2'
ERRORS = {
    "the server is at fault": "http_status",
    "a target that never answers": "timeout",
    "an address that may not be reached": "address_refused",
    "a redirect to an address that may not be reached": "address_refused",
    "a redirect in circles": "bad_redirect",
    "an answer that is no JSON": "unreadable_result",
    "an answer of a billion bytes": "answer_too_large",
}


@pytest.fixture
def played(laboratory: Laboratory) -> Played:
    played = laboratory.played("webhook_step")
    assert not played.faults
    return played


def one(laboratory: Laboratory, what: str) -> Post:
    (found,) = laboratory.receiver.asked(what)
    return found


def test_the_request_arrives_with_every_value_in_its_place(laboratory: Laboratory, played: Played) -> None:
    record_id = played.seen["the answer decides and fields of it are said"].receipt["record_id"]
    (post,) = [post for post in laboratory.receiver.asked("slots/") if post.body]
    parts = urlsplit(post.path)
    assert unquote(parts.path.removeprefix("/web/slots/")) == NAME
    assert parts.path.count("/") == 3
    assert unquote(parts.query) == f"name={NAME}"
    assert json.loads(post.body) == {"name": NAME, "seats": 2, "token": "quite-a-secret"}
    assert post.headers["authorization"] == "Bearer quite-a-secret"
    assert post.headers["idempotency-key"] == f"{record_id}-1-1"


def test_what_went_wrong_is_told_and_no_secret_is_shown(played: Played) -> None:
    for name, seen in played.seen.items():
        told = json.dumps(seen.explanation, ensure_ascii=False)
        assert "quite-a-secret" not in told
        if name in ERRORS:
            assert ERRORS[name] in told, name


def test_each_record_is_reported_once_with_its_status_when_all_is_over(laboratory: Laboratory, played: Played) -> None:
    for name, seen in played.seen.items():
        if name == "an address that may not be reached":
            continue
        post = one(laboratory, f"done/{seen.receipt['record_id']}")
        root = ET.fromstring(post.body)
        assert (post.method, root.text) == ("PUT", seen.detail["status"]), name
    left = played.seen["the customer hangs up while the target hangs"]
    assert one(laboratory, f"done/gone/{left.receipt['record_id']}").method == "GET"


def test_a_redirect_after_a_post_is_followed_without_its_body(laboratory: Laboratory, played: Played) -> None:
    record_id = played.seen["a redirect to another page of the same server"].receipt["record_id"]
    methods = [
        post.method
        for post in laboratory.receiver.asked("")
        if post.headers.get("idempotency-key") == f"{record_id}-1-1"
    ]
    assert methods == ["POST", "GET"]
