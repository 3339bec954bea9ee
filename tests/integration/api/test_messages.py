from __future__ import annotations

from typing import Any

import psycopg

from central.domain.ids import AccountId
from tests.integration.api.conftest import Stage, Tenant

HALF = b'{"messages": [{"to": "919800000001", "text": "\\ud83d"}]}'
JSON = {"Content-Type": "application/json"}
SMS = {"to": "+91 98000-00001", "text": "Hello."}


def has_carrier(dsn: str, account: AccountId) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute(
            "insert into carrier (account_id, id, name, channel, kind) values (%s, new_uuid7(), 'one', 'sms', 'smpp') returning id",
            [account],
        ).fetchone()
        assert row is not None
        connection.execute("insert into carrier_route (account_id, carrier_id) values (%s, %s)", [account, row[0]])


async def send(tenant: Tenant, *messages: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
    answer = await tenant.call("POST", "/sms", json={"messages": list(messages)}, **options)
    assert answer.status_code == 202, answer.text
    taken: list[dict[str, Any]] = answer.json()["messages"]
    return taken


async def test_messages_are_taken_each_with_its_result(tenant: Tenant, database: str) -> None:
    has_carrier(database, tenant.id)
    good, bad, long = await send(tenant, SMS, {"to": "none", "text": "x"}, {"to": "919800000002", "text": "x" * 3000})
    assert (good["status"], good["to"], good["parts"], good["encoding"]) == ("SENT_TO_QUEUE", "919800000001", 1, "gsm7")
    assert (bad["status"], bad["reason"]) == ("INVALID_NUMBER", "invalid_number")
    assert (long["status"], long["reason"], long["parts"]) == ("FAILED", "text_too_long", 20)
    shown = (await tenant.get(f"/sms/{good['message_id']}")).json()
    assert [line["kind"] for line in shown["history"]] == ["message_accepted"]
    assert shown["explanation"].startswith("It waits in our queue")
    assert (await tenant.get("/sms/counts")).json() == {"SENT_TO_QUEUE": 1, "INVALID_NUMBER": 1, "FAILED": 1}


async def test_without_a_carrier_it_fails_and_says_so(tenant: Tenant) -> None:
    (message,) = await send(tenant, SMS)
    assert (message["status"], message["reason"]) == ("FAILED", "no_gateway")
    shown = (await tenant.get(f"/sms/{message['message_id']}")).json()
    assert "No carrier" in shown["explanation"]


async def test_the_same_idempotency_key_sends_once(tenant: Tenant, database: str) -> None:
    has_carrier(database, tenant.id)
    headers = {"Idempotency-Key": "a-key-of-ours"}
    first = await send(tenant, SMS, headers=headers)
    assert await send(tenant, SMS, headers=headers) == first
    assert (await tenant.get("/sms/counts")).json() == {"SENT_TO_QUEUE": 1}


async def test_lists_go_by_pages_newest_first_and_by_filter(tenant: Tenant, database: str) -> None:
    has_carrier(database, tenant.id)
    sent = await send(tenant, *({"to": f"91980000000{n}", "text": "x"} for n in range(1, 4)))
    page = (await tenant.get("/sms", params={"limit": 2})).json()
    assert [row["message_id"] for row in page["items"]] == [one["message_id"] for one in reversed(sent[1:])]
    rest = (await tenant.get("/sms", params={"limit": 2, "cursor": page["next"]})).json()
    assert [row["message_id"] for row in rest["items"]] == [sent[0]["message_id"]]
    found = (await tenant.get("/sms", params={"to": "919800000002"})).json()["items"]
    assert [row["message_id"] for row in found] == [sent[1]["message_id"]]


async def test_bad_requests_are_refused_whole(tenant: Tenant) -> None:
    bodies: list[dict[str, Any]] = [
        {"messages": []},
        {"messages": [{"to": "x"}]},
        {"messages": [SMS | {"sender": "much too long a name"}]},
        {"texts": []},
    ]
    for body in bodies:
        answer = await tenant.call("POST", "/sms", json=body)
        assert answer.status_code in {400, 422}, answer.text
    answer = await tenant.call("POST", "/sms", content=HALF, headers=JSON)
    assert answer.status_code in {400, 422}


async def test_one_account_never_sees_anothers_messages(stage: Stage, tenant: Tenant, database: str) -> None:
    has_carrier(database, tenant.id)
    (message,) = await send(tenant, SMS)
    other = await stage.account("Other")
    assert (await other.get(f"/sms/{message['message_id']}")).status_code == 404
    assert (await other.get("/sms")).json()["items"] == []


async def test_a_carrier_is_set_up_changed_and_removed(tenant: Tenant) -> None:
    body = {
        "name": "one", "kind": "smpp", "settings": {"host": "smsc.example.org", "system_id": "central", "window": 20},
        "secrets": {"password": "hidden"}, "routes": [{"prefix": "+91", "priority": 2}],
    }  # fmt: skip
    made = await tenant.post("/carriers", body)
    assert made.status_code == 201, made.text
    assert "hidden" not in made.text
    carrier = made.json()
    assert (carrier["secrets"], carrier["state"]) == (["password"], "down")
    assert carrier["routes"] == [{"prefix": "91", "priority": 2, "share": 1, "cost": 0}]
    path = f"/carriers/{carrier['id']}"
    changed = (await tenant.call("PATCH", path, json={"settings": {"window": 50}, "enabled": False})).json()
    assert changed["settings"] == {"host": "smsc.example.org", "system_id": "central", "window": 50}
    assert changed["enabled"] is False
    wrong = await tenant.call("PATCH", path, json={"settings": {"window": -1}})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_carrier")
    assert "window" in wrong.json()["detail"]
    taken = await tenant.post("/carriers", body)
    assert (taken.status_code, taken.json()["code"]) == (409, "name_taken")
    assert (await tenant.call("DELETE", path)).status_code == 204
    assert (await tenant.get(path)).json()["code"] == "carrier_not_found"
