"""The open route of mail providers: what is not proved is told with its code, and nothing else comes in."""

from __future__ import annotations

import json

import pytest

from tests.integration.api.conftest import Stage, Tenant

TOPIC = "arn:aws:sns:eu-west-1:123456789012:mail"
RELAY = {  # a literal: no name is looked up when it is saved
    "host": "1.1.1.1",
    "hello": "central.example.com",
}
FORGED = {
    "Type": "Notification", "MessageId": "m1", "TopicArn": TOPIC, "Message": "{}", "Timestamp": "2026-11-23T15:00:00.000Z",
    "SignatureVersion": "2", "Signature": "eA==", "SigningCertURL": "https://evil.example/SimpleNotificationService-0123456789abcdef.pem",
}  # fmt: skip


async def relay(tenant: Tenant, **settings: object) -> str:
    made = await tenant.post("/carriers", {"name": "ses", "kind": "smtp", "settings": RELAY | settings})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (json.dumps(FORGED).encode(), 403, "event_forged"),
        (json.dumps(FORGED | {"TopicArn": TOPIC + "2", "SigningCertURL": "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"}).encode(), 403, "topic_unknown"),
        (b"{}", 422, "event_unreadable"),
        (b"\xff\x00", 422, "event_unreadable"),
        (b"", 422, "event_unreadable"),
        (b"x" * 600_000, 413, "body_too_large"),
    ],
)  # fmt: skip
async def test_what_is_not_proved_is_refused(stage: Stage, tenant: Tenant, body: bytes, status: int, code: str) -> None:
    carrier = await relay(tenant, topics=[TOPIC])
    answer = await stage.client.post(f"/relays/{carrier}/events", content=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def test_only_relays_with_topics_have_the_route(stage: Stage, tenant: Tenant) -> None:
    carrier = await relay(tenant)
    for one in (carrier, "01a20000-0000-7000-8000-000000000000"):
        answer = await stage.client.post(f"/relays/{one}/events", content=json.dumps(FORGED).encode())
        assert (answer.status_code, answer.json()["code"]) == (404, "relay_not_found")
    assert (await stage.client.get(f"/relays/{carrier}/events")).status_code == 405


async def test_topics_and_mailboxes_are_judged_when_they_are_saved(tenant: Tenant) -> None:
    bad: list[dict[str, object]] = [
        {"topics": ["mail"]},
        {"mailbox": {"host": "1.1.1.1"}},
        {"mailbox": {"host": "1.1.1.1", "user": "a", "password": "b"}},
    ]
    for settings in bad:
        answer = await tenant.post("/carriers", {"name": "x", "kind": "smtp", "settings": RELAY | settings})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_carrier"), answer.text
    box = {"host": "1.1.1.1", "user": "bounces"}
    made = await tenant.post(
        "/carriers",
        {
            "name": "y",
            "kind": "smtp",
            "settings": RELAY | {"mailbox": box},
            "secrets": {"mailbox_password": "secret word"},
        },
    )
    assert (made.status_code, made.json()["secrets"], made.json()["mailbox_state"]) == (201, ["mailbox_password"], "")
    assert "secret word" not in made.text
