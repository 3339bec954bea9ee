"""The request of a message is its template, filled; a template that cannot work is refused when it is saved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import msgspec
import pytest

from central.adapters.gateway.config import GatewayConfig
from central.adapters.gateway.translate import WireRequest, request_of
from central.application.ports.carriers import NotTaken
from tests.unit.gateway.samples import SECRETS, config, message, settings


def made(given: GatewayConfig, **more: Any) -> WireRequest:
    request = request_of(message(**more), given)
    assert isinstance(request, WireRequest)
    return request


def test_json_leaves_out_what_a_message_has_not_and_quotes_what_it_has() -> None:
    request = made(config(), text='Say "hi" {to}\n')
    assert json.loads(request.body or b"") == {
        "to": "919800000001", "from": "CENTRAL", "text": 'Say "hi" {to}\n', "ref": "00000000-0000-0000-0000-000000000001", "dlt": {},
    }  # fmt: skip
    assert (request.method, request.url) == ("POST", "https://gw.example/v1/messages")
    assert request.headers["authorization"] == "Bearer k-secret"
    assert request.headers["content-type"] == "application/json"
    with_ids = made(config(), ids={"entity": "1101"})
    assert json.loads(with_ids.body or b"")["dlt"] == {"pe": "1101"}


def test_a_get_carries_all_in_its_query_percent_encoded() -> None:
    query = {"to": "{to}", "msg": "{text}", "key": "{secret.key}", "pe": "{ids.entity?}", "uni": "{encoding}"}
    given = config(
        "https://gw.example/send/{to}?v=1", to_prefix="+", words={"gsm7": "0", "ucs2": "8"},
        request={"method": "GET", "json": msgspec.UNSET, "query": query, "auth": None},
    )  # fmt: skip
    request = made(given, text="a&b=c #é%")
    address, _, rest = request.url.partition("?")
    assert address == "https://gw.example/send/%2B919800000001"
    assert parse_qs(rest) == {
        "v": ["1"], "to": ["+919800000001"], "msg": ["a&b=c #é%"], "key": ["k-secret"], "uni": ["0"],
    }  # fmt: skip
    assert request.body is None


def test_form_xml_numbers_and_headers() -> None:
    form = config(request={"json": msgspec.UNSET, "form": {"to": "{to}", "text": "{text}", "tpl": "{ids.template?}"}})
    assert parse_qs((made(form, text="ü&").body or b"").decode()) == {"to": ["919800000001"], "text": ["ü&"]}
    xml = config(
        request={"json": msgspec.UNSET, "text": "<m to='{to}'>{text}</m>", "escape": "xml", "text_type": "text/xml"}
    )
    assert made(xml, text="<b>&'\x00").body == b"<m to='919800000001'>&lt;b&gt;&amp;&#x27;</m>"
    numbers = config(
        request={
            "json": {"to": "{to}", "text": "{text}", "ttl": "{validity_s:number}", "open": "{{x}}", "none": None},
            "headers": {"X-Ref": "{id}", "X-Pe": "{ids.entity?}"}, "idempotency_header": "Idempotency-Key",
        }
    )  # fmt: skip
    request = made(numbers, validity_s=90.5)
    body = json.loads(request.body or b"")
    assert (body["ttl"], body["open"], body["none"]) == (90, "{x}", None)
    assert request.headers["idempotency-key"] == request.headers["x-ref"] == str(message().id)
    assert "x-pe" not in request.headers


def test_a_registration_that_is_needed_and_missing_refuses_before_anything_is_sent() -> None:
    given = config(request={"json": {"to": "{to}", "text": "{text}", "pe": "{ids.entity}"}})
    refused = request_of(message(), given)
    assert isinstance(refused, NotTaken)
    assert (refused.status, refused.reason, refused.retry) == ("FAILED", "entity_missing", False)
    broken = request_of(
        message(ids={"entity": "1\r\nX-Evil: 1"}), config(request={"headers": {"X-Pe": "{ids.entity}"}})
    )
    assert isinstance(broken, NotTaken)
    assert broken.reason == "bad_header"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"request": {"url": "ftp://gw.example/"}}, "neither https nor http"),
        ({"request": {"url": "https://{to}.example/"}}, "host is fixed"),
        ({"request": {"url": "https://me:pw@gw.example/"}}, "host is fixed"),
        ({"request": {"url": "https://gw.example:99999/"}}, "ort"),
        ({"request": {"url": "https://gw.example/#x"}}, "fragment"),
        ({"request": {"json": {"to": "{to}"}}}, "{to} and {text}"),
        ({"request": {"json": {"to": "{to}", "text": "{text}", "x": "{nobody}"}}}, "nobody"),
        ({"request": {"json": {"to": "{to}", "text": "{text} {"}}}, "brace"),
        ({"request": {"json": {"to": "{to}", "text": "{text}", "k": "{secret.other}"}}}, "'other' is not given"),
        ({"request": {"form": {"to": "{to}"}}}, "one body"),
        ({"request": {"method": "GET"}}, "a GET none"),
        ({"request": {"headers": {"Host": "x"}}}, "header"),
        ({"request": {"headers": {"X-T": "{text}"}}}, "cannot carry text"),
        ({"request": {"auth": {"kind": "basic", "user": "u", "secret": "none"}}}, "'none' is not given"),
        ({"answer": {"id": {"path": "a", "regex": "b"}}}, "one of path"),
        ({"answer": {"id": {"regex": "("}}}, "no pattern"),
        ({"answer": {"id": {"regex": "(a)\\1"}}}, "no pattern"),
        ({"answer": {"statuses": {"302": {}}}}, "302"),
        ({"answer": {"statuses": {"200": {}}}}, "200"),
        ({"answer": {"refusals": {"1": {"status": "LOST"}}}}, "LOST"),
        ({"timeouts": {"connect": 30, "answer": 30}}, "time-outs"),
        (
            {
                "receipts": {
                    "verify": {"kind": "token", "secret": "key"},
                    "id": {"path": "i"},
                    "state": {"path": "s"},
                    "states": {},
                }
            },
            "16",
        ),
        ({"secret": 1}, "unknown field"),
    ],
)
def test_settings_that_cannot_work_are_refused(change: dict[str, Any], word: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=word.replace("{", r"\{").replace("(", r"\(")):
        msgspec.convert({**settings(**change), "secrets": SECRETS, "name": "gw"}, GatewayConfig)


def test_secrets_stay_out_of_what_is_printed() -> None:
    assert "secret" not in repr(config())


def test_the_examples_of_the_how_to_work() -> None:
    page = (Path(__file__).parents[3] / "docs" / "howto" / "add-an-http-gateway.md").read_text(encoding="utf-8")
    whole = json.loads(page[page.index("-d '{") + 4 : page.index("}'\n```") + 1])
    assert whole["kind"] == "http"
    first = msgspec.convert({**whole["settings"], "secrets": whole["secrets"], "name": "gw"}, GatewayConfig)
    assert json.loads(made(first).body or b"")["messages"][0]["validity"] == 1440
    begin = page.index("```json\n") + 8
    second = json.loads(page[begin : page.index("```", begin)])
    given = msgspec.convert({**second, "secrets": SECRETS, "name": "gw"}, GatewayConfig)
    assert "entityid=1&templateid=2" in made(given, ids={"entity": "1", "template": "2"}).url


def test_8_bit_data_goes_where_the_template_has_a_place_for_it_and_is_refused_elsewhere() -> None:
    binary: dict[str, Any] = {"encoding": "binary", "text": "05040b8423f0:00ff"}
    refused = request_of(message(**binary), config())
    assert isinstance(refused, NotTaken)
    assert (refused.status, refused.reason, refused.retry) == ("FAILED", "binary_unsupported", False)
    place = {"to": "{to}", "text": "{text?}", "hex": "{data_hex?}", "b64": "{data_base64?}", "udh": "{udh_hex?}"}
    given = config(request={"json": place})
    assert json.loads(made(given, **binary).body or b"") == {
        "to": "919800000001", "hex": "00ff", "b64": "AP8=", "udh": "0605040b8423f0",
    }  # fmt: skip
    assert json.loads(made(given).body or b"") == {"to": "919800000001", "text": "Hello."}


def test_the_priority_of_a_message_has_a_place() -> None:
    given = config(request={"json": {"to": "{to}", "text": "{text}", "prio": "{priority?:number}"}})
    assert json.loads(made(given, priority=3).body or b"")["prio"] == 3
    assert "prio" not in json.loads(made(given).body or b"")
