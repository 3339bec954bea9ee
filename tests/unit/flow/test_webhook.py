"""Webhook: the request that is sent, the branch by its answer, the variables, what is never shown, and the findings."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree as ET

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from central.flow.checker import check
from central.flow.commands import DropErrand, RunErrand
from central.flow.document import parse
from central.flow.errands import CallWebhook
from central.flow.events import DigitReceived, ErrandDone
from tests.fakes.flow_player import Player, after_answer

REST = "  yes: {widget: hang_up}\n  no: {widget: hang_up, cause: busy}\n"
HEAD = "variables: {A: {}, B: {}, Base: {}, Secret: {secret: true}, Kept: {secret: true}}\n"
WIRED = "on: {success: yes, failure: no}"
texts = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40)


def document(what: str, wired: str = WIRED) -> bytes:
    return after_answer(f"  first: {{widget: webhook, {what}, {wired}}}\n{REST}", HEAD)


def asked(what: str, variables: dict[str, str] | None = None, wired: str = WIRED) -> Player:
    return Player.of(document(what, wired), variables=variables or {}).connected()


def errand(player: Player) -> CallWebhook:
    (command,) = player.all(RunErrand)
    assert isinstance(command.errand, CallWebhook)
    return command.errand


def answered(player: Player, outcome: str = "success", **values: str) -> Player:
    named = {f"response_{name}": value for name, value in values.items()}
    return player.feed(ErrandDone(1, outcome, player.at, named))


# -- the request -------------------------------------------------------------------------------------------------------
@given(value=texts)
def test_a_value_stays_a_value_wherever_it_stands(value: str) -> None:
    assume(not {".", ".."} & set(value.split("/")))
    what = "url: 'https://h.example/c/{{ $flow.key.A }}/v?q={{ $flow.key.A }}&r=1', query: {s: '{{ $flow.key.A }}'}, "
    sent = errand(asked(what + "json: {k: 'x{{ $flow.key.A }}y', n: [1.50, true]}", {"A": value}))
    parts = urlsplit(sent.url)
    assert parts.netloc == "h.example"
    assert parts.path.count("/") == 3
    assert parse_qs(parts.query, keep_blank_values=True, errors="strict") == {"q": [value], "r": ["1"]}
    assert parse_qs(sent.query, keep_blank_values=True) == {"s": [value]}
    assert json.loads(sent.body or "") == {"k": f"x{value}y", "n": [1.5, True]}
    form = errand(asked("url: https://h.example, form: {a: '{{ $flow.key.A }}', b: c}", {"A": value}))
    assert parse_qs(form.body or "", keep_blank_values=True) == {"a": [value], "b": ["c"]}


@given(value=st.text(max_size=40))
def test_xml_stays_well_formed_whatever_a_value_holds(value: str) -> None:
    sent = errand(
        asked("""url: https://h.example, xml: "<a b='{{ $flow.key.A }}'>{{ $flow.key.A }}</a>" """, {"A": value})
    )
    root = ET.fromstring(sent.body or "")
    if value.isprintable() and "\ufffe" not in value:
        assert root.text == (value or None)
        assert root.get("b") == value


@pytest.mark.parametrize(
    ("what", "method", "content_type"),
    [
        ("url: https://h.example", "GET", None),
        ("url: https://h.example, text: hello", "POST", "text/plain; charset=utf-8"),
        ("url: https://h.example, json: [1], method: PUT", "PUT", "application/json"),
        ("url: https://h.example, form: {a: b}", "POST", "application/x-www-form-urlencoded"),
        ("url: https://h.example, text: '{}', headers: {content-type: application/x}", "POST", None),
        ("url: https://h.example, method: DELETE", "DELETE", None),
    ],
)
def test_method_and_content_type(what: str, method: str, content_type: str | None) -> None:
    sent = errand(asked(what))
    assert (sent.method, sent.headers.get("Content-Type")) == (method, content_type)
    assert sent.timeout_s == 10


def test_log_in_data_and_secret_headers_are_kept_apart_and_never_shown() -> None:
    what = "url: https://h.example, auth: {basic: {username: u, password: '{{ $flow.key.Secret }}'}}, headers: {X-Key: '{{ $flow.key.Secret }}', X-Plain: p}, text: '{{ $flow.key.Secret }}'"
    player = asked(what, {"Secret": "pa:ss"})
    sent = errand(player)
    assert sent.headers == {"X-Plain": "p", "Content-Type": "text/plain; charset=utf-8"}
    assert sent.login == {"Authorization": "Basic " + base64.b64encode(b"u:pa:ss").decode(), "X-Key": "pa:ss"}
    assert sent.sealed
    assert "pa:ss" not in repr(sent)
    assert "pa:ss" not in repr(player.notes("errand"))


def test_a_bearer_token() -> None:
    sent = errand(asked("url: https://h.example, auth: {bearer: '{{ $flow.key.Secret }}'}", {"Secret": "t0k"}))
    assert sent.login == {"Authorization": "Bearer t0k"}


def test_the_key_tells_one_request_of_the_record_from_another() -> None:
    what = "  first: {widget: webhook, url: https://h.example, on: {success: second, failure: no}}\n  second: {widget: webhook, url: https://h.example, on: {success: yes, failure: no}}\n"
    player = Player.of(after_answer(what + REST, HEAD)).connected()
    answered(player)
    keys = [command.errand.key for command in player.all(RunErrand) if isinstance(command.errand, CallWebhook)]
    assert keys == ["r-1--1", "r-1--2"]


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://h.example", "https://h.example/x/1%2F2"),
        ("https://h.example:8443/base", "https://h.example:8443/base/x/1%2F2"),
    ],
)
def test_a_variable_may_hold_the_beginning_of_the_address(base: str, url: str) -> None:
    sent = errand(asked("url: '{{ $flow.key.Base }}/x/{{ $flow.key.A }}'", {"Base": base, "A": "1/2"}))
    assert sent.url == url


@pytest.mark.parametrize(
    "base",
    [
        "",
        "ftp://h",
        "https://",
        "h.example",
        "https://u:p@h.example",
        "https://h\\@e.example",
        "https://h.example/../..",
        "https://h\nx",
    ],
)
def test_an_address_that_is_none_takes_the_failed_branch(base: str) -> None:
    player = asked("url: '{{ $flow.key.Base }}/x'", {"Base": base})
    assert not player.all(RunErrand)
    assert player.path[-1] == "no"
    assert player.run.variables["response_error"] == "webhook_url_invalid"


@pytest.mark.parametrize("value", ["evil.example/", "x@evil.example", "a?b", "a#b", "a b", "\\"])
def test_a_value_within_the_host_cannot_choose_another_server(value: str) -> None:
    player = asked("url: 'https://{{ $flow.key.A }}.h.example/x'", {"A": value})
    assert not player.all(RunErrand)
    assert player.path[-1] == "no"


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\x00b", "a\x1b"])
def test_a_value_cannot_break_out_of_its_header(value: str) -> None:
    player = asked("url: https://h.example, headers: {X-A: 'b {{ $flow.key.A }}'}", {"A": value})
    assert not player.all(RunErrand)
    assert player.run.variables["response_error"] == "webhook_header_invalid"


def test_a_body_beyond_the_limit_is_not_sent() -> None:
    text = "{{ $flow.key.A }}" * 17
    player = asked(f"url: https://h.example, text: '{text}'", {"A": "x" * 4096})
    assert player.run.variables["response_error"] == "webhook_body_too_large"


def test_a_saved_endpoint_without_a_body_gets_the_facts_of_the_record() -> None:
    sent = errand(asked("endpoint: crm", {"A": "1", "Secret": "hush"}))
    body: dict[str, Any] = json.loads(sent.body or "")
    assert (sent.method, sent.url, sent.endpoint) == ("POST", "", "crm")
    assert body["record_id"] == "r-1"
    assert body["variables"] == {"A": "1", "Secret": "***"}
    assert body["step"] == "first"


# -- the answer --------------------------------------------------------------------------------------------------------
def test_what_every_answer_sets() -> None:
    player = answered(asked("url: https://h.example"), status_code="201", duration="12", raw="fine", error="")
    assert player.path[-1] == "yes"
    assert player.run.variables == {
        "response_status": "success", "response_status_code": "201", "response_duration": "12", "response_raw": "fine",
        "response_error": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("outcome", "error", "told"),
    [("failure", "http_status", "http_status"), ("failed", "", "failed"), ("not_configured", "", "not_configured")],
)
def test_a_failure_takes_its_branch_with_a_word(outcome: str, error: str, told: str) -> None:
    player = answered(asked("url: https://h.example, result: {A: a}", {"A": "old"}), outcome, error=error)
    assert player.path[-1] == "no"
    assert player.run.variables["response_error"] == told
    assert player.run.variables["A"] == "old"


def test_nothing_in_time_is_a_failure_and_the_request_is_dropped() -> None:
    player = asked("url: https://h.example, timeout: 2s").fire(7)
    assert player.path[-1] == "no"
    assert player.run.variables["response_error"] == "timeout"
    assert DropErrand(1) in player.commands


@pytest.mark.parametrize("policy", ["", ", on_failure: fail"])
def test_unwired_it_goes_on_with_a_warning_or_fails_where_the_step_says_so(policy: str) -> None:
    player = answered(
        asked("url: https://h.example", wired="on: {success: yes}" + policy), "failure", error="http_status"
    )
    assert player.path[-1] == ("first" if policy else "yes")
    assert "step_failed" in player.warnings


def test_a_customer_who_leaves_ends_the_request() -> None:
    player = asked("url: https://h.example").ended("Connected")
    assert DropErrand(1) in player.commands
    assert player.ending.kind == "customer_left"
    before = player.run
    assert answered(player).run == before


def test_digits_pressed_meanwhile_are_kept_and_reported_as_they_are() -> None:
    player = asked("url: https://h.example, result: {Kept: a}")
    player.feed(DigitReceived("7", player.at))
    assert [digit.digit for digit in player.run.digits] == ["7"]
    assert player.run.typed == "7"


def test_fields_of_the_answer_become_variables_without_what_cannot_be_stored() -> None:
    raw = json.dumps({"a": "x\x00\ud800y", "n": 7})
    player = answered(asked("url: https://h.example, result: {A: a, B: n, C: gone}"), raw=raw)
    assert (player.run.variables["A"], player.run.variables["B"], player.run.variables["C"]) == ("x\ufffd?y", "7", "")
    assert "response_field_missing" in player.warnings


def test_a_long_answer_is_cut_to_what_a_variable_holds() -> None:
    player = answered(asked("url: https://h.example"), raw="é\x00" * 40_000)
    assert len(player.run.variables["response_raw"]) == 4096
    assert "\x00" not in player.run.variables["response_raw"]


@pytest.mark.parametrize("secret", ['say "cheese" & ß', "abcdefgh1", "%/+ x<>'y"])
def test_a_secret_that_is_sent_back_is_masked(secret: str) -> None:
    raw = json.dumps({"echo": secret, "long": f"...{secret}..."})
    what = "url: https://h.example, text: '{{ $flow.key.Secret }}', result: {A: echo, B: long}"
    player = answered(asked(what, {"Secret": secret}), raw=raw)
    shown = {name: value for name, value in player.run.variables.items() if name != "Secret"}
    assert secret not in repr(shown)
    assert json.dumps(secret)[1:-1] not in shown["response_raw"]
    assert shown["A"] == "***"
    assert secret not in repr(player.commands[-12:])


def test_a_secret_that_is_fetched_stands_nowhere_else() -> None:
    player = answered(asked("url: https://h.example, result: {Kept: token}"), raw='{"token": "fresh"}')
    assert player.run.variables["Kept"] == "fresh"
    assert player.run.variables["response_raw"] == "***"
    assert "fresh" not in repr([note.data for note in player.notes("variable")])


# -- findings ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("url: https://h.example, method: FETCH", "field_unknown_word"),
        ("url: ftp://h.example", "webhook_url_invalid"),
        ("url: 'https://u:p@h.example'", "webhook_url_invalid"),
        ("url: https://hö.example", "webhook_url_invalid"),
        ("url: https://h.example/a/../b", "webhook_url_invalid"),
        ("url: '{{ $flow.key.A }'", "webhook_url_invalid"),
        ("url: 'https://h.example/{{ $flow.key.Nobody }}'", "variable_unknown"),
        ("url: http://h.example", "webhook_plain_http"),
        ("method: GET", "webhook_target_missing"),
        ("url: https://h.example, endpoint: crm", "webhook_target_twice"),
        ("endpoint: crm, auth: {bearer: '{{ $flow.key.Secret }}'}", "webhook_target_twice"),
        ("url: https://h.example, headers: {'X A': b}", "webhook_header_invalid"),
        ('url: https://h.example, headers: {X-A: "b\\r\\nX-B: c"}', "webhook_header_invalid"),
        ("url: https://h.example, headers: {Host: other}", "webhook_header_reserved"),
        ("url: https://h.example, headers: {X-A: b, x-a: c}", "webhook_header_twice"),
        ("url: https://h.example, headers: {X-A: [b]}", "field_not_text"),
        ("url: https://h.example, headers: {Authorization: 'Token {{ $flow.key.A }}'}", "secret_laid_open"),
        ("url: https://h.example, auth: {bearer: '{{ $flow.key.A }}'}", "secret_laid_open"),
        ("url: https://h.example, auth: {bearer: abc}", "secret_in_document"),
        ("url: https://h.example, auth: {basic: {username: 'a:b', password: x}}", "webhook_login_invalid"),
        ("url: https://h.example, auth: {basic: {username: a, password: x}, bearer: y}", "webhook_login_invalid"),
        ("url: https://h.example, auth: {}", "webhook_login_invalid"),
        ("url: https://h.example, auth: {digest: x}", "unknown_field"),
        ("url: 'https://h.example/?k={{ $flow.key.Secret }}'", "secret_in_address"),
        ("url: https://h.example, query: {k: '{{ $flow.key.Secret }}'}", "secret_in_address"),
        ("url: https://h.example, json: {a: 1}, text: b", "webhook_body_twice"),
        ("url: https://h.example, json: 5", "field_not_mapping"),
        ("url: https://h.example, json: {a: ['{{ x }}']}", "variable_unreadable"),
        ("url: https://h.example, text: b, method: GET", "webhook_body_unused"),
        ("url: https://h.example, timeout: 31s", "field_out_of_range"),
        ("url: https://h.example, result: {A: 'a..b'}", "webhook_result_invalid"),
        ("url: https://h.example, result: {response_raw: a}", "webhook_result_invalid"),
        ("url: https://h.example, result: {'1x': a}", "variable_name_invalid"),
        ("url: https://h.example, colour: red", "unknown_field"),
    ],
)
def test_findings(what: str, code: str) -> None:
    assert code in {finding.code for finding in check(parse(document(what)))}


def test_a_sound_step_has_no_findings() -> None:
    what = "url: 'https://h.example/{{ $flow.key.A }}', auth: {bearer: '{{ $flow.key.Secret }}'}, json: {a: b}, result: {B: 'a.b[0]'}"
    assert check(parse(document(what))) == ()
