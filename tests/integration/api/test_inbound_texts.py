"""What people wrote to an account, as the account reads it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from central.adapters.system import SystemIds
from central.domain.ids import AccountId
from tests.integration.api.conftest import Stage, Tenant
from tests.integration.api.test_command_line import Command, central

__all__ = ["central"]

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ONE, TWO, CODE = "919800000001", "919800000002", "56767"
INSERT = """insert into inbound_text (account_id, id, carrier_id, sender, recipient, text, came_at, opted_out)
values (%s, %s, new_uuid7(), %s, %s, %s, %s, %s)"""


def came(dsn: str, account: AccountId, *texts: tuple[str, str, str], opted_out: bool = False) -> list[str]:
    """From, to and text of each, an hour apart, the first at noon; their ids."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        ids = SystemIds().uuids(len(texts))
        for n, (id_, (sender, to, text)) in enumerate(zip(ids, texts, strict=True)):
            connection.execute(INSERT, [account, id_, sender, to, text, NOON + timedelta(hours=n), opted_out])
        return list(map(str, ids))


async def read(tenant: Tenant, **params: Any) -> list[str]:
    answer = await tenant.get("/inbound-texts", params=params)
    assert answer.status_code == 200, answer.text
    return [row["text_id"] for row in answer.json()["items"]]


async def test_texts_are_read_by_pages_newest_first(tenant: Tenant, database: str) -> None:
    ids = came(database, tenant.id, (ONE, CODE, "a"), (TWO, CODE, "b"), (ONE, CODE, "c"))
    page = (await tenant.get("/inbound-texts", params={"limit": 2})).json()
    assert [row["text_id"] for row in page["items"]] == [ids[2], ids[1]]
    assert await read(tenant, limit=2, cursor=page["next"]) == [ids[0]]
    assert page["items"][0] == {
        "text_id": ids[2], "from": ONE, "to": CODE, "text": "c", "carrier": None, "opted_out": False,
        "flow": None, "start": None, "start_detail": None, "request_id": None, "answer": None,
            "came_at": "2026-03-01T14:00:00.000+00:00",
    }  # fmt: skip


async def test_texts_are_found_by_sender_recipient_and_time(tenant: Tenant, database: str) -> None:
    ids = came(database, tenant.id, (ONE, CODE, "a"), (TWO, "56768", "b"), (ONE, "56768", "c"))
    assert await read(tenant, sender=ONE) == [ids[2], ids[0]]
    assert await read(tenant, recipient="56768") == [ids[2], ids[1]]
    assert await read(tenant, sender=ONE, recipient=CODE) == [ids[0]]
    later = (NOON + timedelta(hours=1)).isoformat()
    assert await read(tenant, came_from=later) == [ids[2], ids[1]]
    assert await read(tenant, came_to=later) == [ids[0]]
    refused = await tenant.get("/inbound-texts", params={"came_to": "2026-03-01T12:00:00"})
    assert (refused.status_code, refused.json()["code"]) == (422, "moment_without_offset")


async def test_numbers_are_masked_for_those_who_may_not_see_them(tenant: Tenant, database: str) -> None:
    came(database, tenant.id, (ONE, "912212345678", f"call me: 98000 00001 or {ONE}"))
    reader = await tenant.with_key("admin")
    (seen,) = (await reader.get("/inbound-texts")).json()["items"]
    assert (seen["from"], seen["to"]) == ("9198******01", "9122******78")
    assert "00001" not in seen["text"].replace(" ", "")


async def test_nobody_reads_the_texts_of_another_account(stage: Stage, tenant: Tenant, database: str) -> None:
    came(database, tenant.id, (ONE, CODE, "a"))
    other = await stage.account("Other")
    assert await read(other) == []


async def test_the_command_shows_them(central: Command, tenant: Tenant, database: str) -> None:
    came(database, tenant.id, (ONE, CODE, "first"), (TWO, CODE, "second"), opted_out=True)
    listed = await central("sms", "inbound", "--from", ONE, "--json")
    assert [(row["from"], row["text"], row["opted_out"]) for row in listed] == [(ONE, "first", True)]
    late = await central("sms", "inbound", "--since", (NOON + timedelta(minutes=1)).isoformat(), "--json")
    assert [row["text"] for row in late] == ["second"]
    assert "first" in await central("sms", "inbound", "--to", CODE)
