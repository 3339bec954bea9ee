"""Registered texts of short messages: kept by id, tried, and compared when a message names them."""

from __future__ import annotations

from typing import Any

import pytest

from central.application.administration.maintain_templates import LIMIT_TEMPLATES
from tests.integration.api.conftest import Stage, Tenant
from tests.integration.api.test_messages import has_carrier, send
from tests.stock import Stock

PATH = "/sms/templates/1107160000000012345"
BODY = {"text": "Dear {#var#}, your code is {#var#}.", "entity_id": "1101", "sender": "CLINIC"}


async def put(tenant: Tenant, path: str = PATH, **changes: Any) -> dict[str, Any]:
    answer = await tenant.call("PUT", path, json=BODY | changes)
    assert answer.status_code == 200, answer.text
    stored: dict[str, Any] = answer.json()
    return stored


async def test_a_template_is_added_changed_listed_and_removed(tenant: Tenant) -> None:
    assert await put(tenant) == BODY | {"id": "1107160000000012345", "shorten": False}
    assert (await put(tenant, text="Hello {#var#}.", shorten=True))["shorten"] is True
    await put(tenant, "/sms/templates/2")
    first = (await tenant.get("/sms/templates?limit=1")).json()
    rest = (await tenant.get(f"/sms/templates?limit=1&cursor={first['next']}")).json()
    assert [one["id"] for one in first["items"] + rest["items"]] == ["1107160000000012345", "2"]
    assert (await tenant.get(PATH)).json()["text"] == "Hello {#var#}."
    assert (await tenant.call("DELETE", PATH)).status_code == 204
    assert (await tenant.get(PATH)).json()["code"] == "template_not_found"
    assert (await tenant.call("DELETE", PATH)).status_code == 404


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Dear Zo\u00eb, your code is 1234.", {"matches": True, "encoding": "ucs2", "parts": 1, "reason": None}),
        ("Dear Asha, your code is 1234.", {"matches": True, "encoding": "gsm7", "parts": 1, "reason": None}),
        ("Your code is 1234.", {"matches": False, "encoding": "gsm7", "parts": 1, "reason": "template_mismatch"}),
        ("x" * 3000, {"matches": False, "encoding": "gsm7", "parts": 20, "reason": "text_too_long"}),
    ],
)
async def test_a_text_is_tried(tenant: Tenant, text: str, answer: dict[str, Any]) -> None:
    await put(tenant)
    assert (await tenant.post(f"{PATH}/try", {"text": text})).json() == answer


@pytest.mark.parametrize(
    ("path", "changes", "code"),
    [
        ("/sms/templates/a b", {}, "invalid_id"),
        (PATH, {"entity_id": "a b"}, "invalid_entity_id"),
        (PATH, {"sender": "much too long"}, "sender_invalid"),
        (PATH, {"text": "   "}, "invalid_text"),
    ],
)
async def test_bad_templates_are_refused(tenant: Tenant, path: str, changes: dict[str, Any], code: str) -> None:
    answer = await tenant.call("PUT", path, json=BODY | changes)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert (await tenant.get("/sms/templates")).json()["items"] == []


async def test_a_message_is_compared_before_it_waits(tenant: Tenant, database: str) -> None:
    has_carrier(database, tenant.id)
    await put(tenant)
    named = {"to": "919800000001", "template_id": "1107160000000012345"}
    good, bad, unknown = await send(
        tenant,
        named | {"text": "Dear Asha, your code is 1234."},
        named | {"text": "Buy now!"},
        named | {"text": "x", "template_id": "9"},
    )
    assert good["status"] == "SENT_TO_QUEUE"
    assert [(one["status"], one["reason"]) for one in (bad, unknown)] == [
        ("FAILED", "template_mismatch"), ("FAILED", "template_unknown"),
    ]  # fmt: skip


async def test_links_of_a_message_are_short_where_it_is_asked_for(tenant: Tenant, database: str) -> None:
    has_carrier(database, tenant.id)
    (sent,) = await send(tenant, {"to": "919800000001", "text": "See https://shop.example.com/a", "shorten": True})
    (link,) = (await tenant.get("/links")).json()["items"]
    assert (link["message_id"], link["record_id"], link["url"]) == (
        sent["message_id"],
        None,
        "https://shop.example.com/a",
    )
    code = link["link"].rpartition("/")[2]
    followed = await tenant.client.get(f"/l/{code}")
    assert followed.headers["location"] == "https://shop.example.com/a"
    shown = (await tenant.get(f"/sms/{sent['message_id']}")).json()
    assert shown["text"].endswith(f"/l/{code}")
    assert shown["history"][-1]["sentence"] == "The link to https://shop.example.com/a was followed, the 1. time."


async def test_an_account_keeps_so_many_templates_and_can_change_them_all_the_same(
    tenant: Tenant, database: str
) -> None:
    await put(tenant)
    Stock(database).run(
        "insert into sms_template (account_id, id, text) select %s, 'T' || n, 'x' from generate_series(2, %s) as n",
        tenant.id, LIMIT_TEMPLATES,
    )  # fmt: skip
    refused = await tenant.call("PUT", "/sms/templates/another", json=BODY)
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_templates")
    assert (await tenant.get("/sms/templates/another")).status_code == 404
    assert (await put(tenant, text="Hello {#var#}."))["text"] == "Hello {#var#}."


async def test_templates_belong_to_one_account(stage: Stage, tenant: Tenant) -> None:
    other = await stage.account("Rival")
    await put(tenant)
    assert (await other.get("/sms/templates")).json()["items"] == []
    assert (await other.get(PATH)).status_code == 404
