from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

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
        "name": "one", "kind": "smpp", "settings": {"host": "93.184.216.34", "system_id": "central", "window": 20},
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
    assert changed["settings"] == {"host": "93.184.216.34", "system_id": "central", "window": 50}
    assert changed["enabled"] is False
    wrong = await tenant.call("PATCH", path, json={"settings": {"window": -1}})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_carrier")
    assert "window" in wrong.json()["detail"]
    taken = await tenant.post("/carriers", body)
    assert (taken.status_code, taken.json()["code"]) == (409, "name_taken")
    assert (await tenant.call("DELETE", path)).status_code == 204
    assert (await tenant.get(path)).json()["code"] == "carrier_not_found"


async def test_what_would_become_of_messages_and_what_they_cost_is_told_before(tenant: Tenant, database: str) -> None:
    has_carrier(database, tenant.id)
    plan = {
        "name": "p",
        "voice": [{"prefix": "", "pulse_s": 60, "per_pulse": 0}],
        "sms": [{"prefix": "91", "per_part": 150_000}],
    }
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("update account set rate_plan = %s where id = %s", [json.dumps(plan), tenant.id])
        connection.execute("update balance set balance = 10000000 where account_id = %s", [tenant.id])
    body = {
        "messages": [SMS, SMS | {"text": "नमस्ते " * 20}, SMS | {"to": "none"}, SMS | {"send_at": "2030-01-01T00:00:00Z"}]
    }
    answer = await tenant.call("POST", "/sms/preview", json=body)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    shown = [(one["status"], one["encoding"], one["parts"], one["price"]) for one in told["messages"]]
    assert shown == [
        ("SENT_TO_QUEUE", "gsm7", 1, "0.15"), ("SENT_TO_QUEUE", "ucs2", 3, "0.45"), ("INVALID_NUMBER", "gsm7", 1, "0.00"),
        ("SENT_TO_QUEUE", "gsm7", 1, "0.15"),
    ]  # fmt: skip
    assert (told["price"], told["currency"]) == ("0.75", "INR")
    assert told["messages"][2]["due_at"] is None
    assert told["messages"][3]["due_at"] == "2030-01-01T00:00:00.000+00:00"
    assert (await tenant.get("/sms/counts")).json() == {}
    (sent,) = await send(tenant, SMS)
    assert sent["price"] == "0.15"


async def test_a_wrong_sender_is_the_fault_of_one_message(tenant: Tenant, database: str) -> None:
    has_carrier(database, tenant.id)
    taken = await send(tenant, SMS | {"sender": "SHOP"}, SMS | {"sender": "a\r\nb"}, SMS | {"sender": "ß"})
    assert [(one["status"], one["reason"]) for one in taken] == [
        ("SENT_TO_QUEUE", None), ("FAILED", "sender_invalid"), ("FAILED", "sender_invalid"),
    ]  # fmt: skip


@pytest.mark.parametrize("field", ["to", "text", "sender", "template_id", "entity_id", "client_identifier"])
async def test_nul_is_refused_wherever_it_stands(tenant: Tenant, field: str) -> None:
    answer = await tenant.call("POST", "/sms", json={"messages": [SMS | {field: "a\x00b"}]})
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_character")
    mail = {"to": ["a@home.example"], "subject": "x", "values": {"name": "a\x00b"}}
    answer = await tenant.call("POST", "/emails", json={"emails": [mail]})
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_character")


async def test_odd_texts_are_taken_whole_or_refused_with_a_reason(tenant: Tenant, database: str) -> None:
    has_carrier(database, tenant.id)
    texts = ["😀" * 35, "\u202e\ufeffabc", "e" + "\u0301" * 300, "\x1b[2J", "\r\n", "x" * 20_000]
    taken = await send(tenant, *(SMS | {"text": text} for text in texts))
    assert [one["reason"] for one in taken] == [None, None, None, None, "text_empty", "text_too_long"]
    for one, text in zip(taken, texts, strict=True):
        assert (await tenant.get(f"/sms/{one['message_id']}")).json()["text"] == text
    million = await tenant.call("POST", "/sms", json={"messages": [SMS | {"text": "x" * 900_000}]})
    assert million.status_code in {400, 422}


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-01-01T00:00:00", "tomorrow"])
async def test_moments_that_cannot_be_are_refused(tenant: Tenant, moment: str) -> None:
    answer = await tenant.call("POST", "/sms", json={"messages": [SMS | {"send_at": moment}]})
    assert answer.status_code in {400, 422}, answer.text


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_file_of_100_mb_is_refused(tenant: Tenant, *, chunked: bool) -> None:
    pieces = [
        b'{"emails": [{"to": ["a@home.example"], "subject": "x", "files": [{"name": "f", "content": "',
        *[b"A" * 65_536] * 1_600,
        b'"}]}]}',
    ]

    async def body() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    headers = JSON if chunked else JSON | {"Content-Length": str(sum(map(len, pieces)))}
    answer = await tenant.call("POST", "/emails", content=body(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert (await tenant.get("/emails")).json()["items"] == []


@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "large-mail"}])
async def test_the_files_that_an_e_mail_may_have_fit_into_its_body_and_into_no_other(
    tenant: Tenant, key: dict[str, str]
) -> None:
    file = b"A" * (24 * 1024 * 1024)  # 18 MiB in base64
    body = b'{"emails": [{"to": ["a@home.example"], "subject": "x", "text": "x", "files": [{"name": "f", "content": "%b"}]}]}'
    answer = await tenant.call("POST", "/emails", content=body % file, headers=JSON | key)
    assert answer.status_code == 202, answer.text
    assert answer.json()["emails"][0][0]["reason"] == "sender_unproved"
    other = await tenant.call("POST", "/sms", content=b'{"messages": "%b"}' % file, headers=JSON | key)
    assert other.status_code in {413, 422}
    assert other.json()["code"] == "body_too_large"


async def test_more_recipients_than_one_call_may_have_are_refused_whole(tenant: Tenant) -> None:
    mail = {"to": [f"a{number}@home.example" for number in range(100)], "subject": "x", "text": "y"}
    answer = await tenant.call("POST", "/emails", json={"emails": [mail] * 101})
    assert (answer.status_code, answer.json()["code"]) == (422, "too_many_recipients")
    assert (await tenant.get("/emails/counts")).json() == {}


async def test_what_waits_is_taken_back_and_what_has_ended_is_not(tenant: Tenant, database: str) -> None:
    has_carrier(database, tenant.id)
    (message, bad) = await send(tenant, SMS | {"priority": 3}, {"to": "none", "text": "x"})
    path = f"/sms/{message['message_id']}"
    for _ in range(2):
        answer = await tenant.call("DELETE", path)
        assert answer.status_code == 202, answer.text
        assert answer.json() == {"message_id": message["message_id"], "status": "SENT_TO_QUEUE", "waits": True}
    kinds = [line["kind"] for line in (await tenant.get(path)).json()["history"]]
    assert kinds == ["message_accepted", "take_back_asked"]
    ended = await tenant.call("DELETE", f"/sms/{bad['message_id']}")
    assert (ended.status_code, ended.json()["code"]) == (409, "message_final")
    assert (await tenant.call("DELETE", path.replace("sms", "emails"))).status_code == 404
    with psycopg.connect(database, autocommit=True) as connection:
        row = connection.execute("select priority from message where id = %s", [message["message_id"]]).fetchone()
    assert row == (3,)
    wrong = await tenant.call("POST", "/sms", json={"messages": [SMS | {"priority": 4}]})
    assert wrong.status_code in {400, 422}
