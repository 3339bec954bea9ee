"""/contacts and /links in their accounts, and /l/CODE for everybody: leads on, counts, expires, and is not asked without end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from central.adapters.postgres.contacts import PostgresLinks
from central.adapters.postgres.pool import Pool, tenant
from central.adapters.postgres.retention import PostgresRetention
from central.application.ports.internal_functions import NewLink
from central.domain.ids import RecordId
from central.entrypoints.api.app import create_app
from tests.integration.api.conftest import Stage, Tenant

NUMBER = "919812345678"
KEPT = {"values": {"Language": "hi", "Name": "Asha"}, "time_zone": "Asia/Kolkata"}


# -- contacts ----------------------------------------------------------------------------------------------------------
async def test_a_contact_is_kept_read_replaced_and_forgotten(stage: Stage) -> None:
    owner = await stage.account()
    assert (await owner.get(f"/contacts/{NUMBER}")).status_code == 404
    made = await owner.call("PUT", "/contacts/+91 98123 45678", json=KEPT)
    assert made.status_code == 200, made.text
    assert made.json()["number"] == NUMBER
    again = await owner.call("PUT", f"/contacts/{NUMBER}", json={"values": {"Language": "en"}})
    assert again.json() | {"updated_at": ""} == {
        "number": NUMBER, "values": {"Language": "en"}, "time_zone": None, "updated_at": "",
    }  # fmt: skip
    assert (await owner.get("/contacts/9812345678")).json() == again.json()
    assert (await owner.call("DELETE", f"/contacts/{NUMBER}")).status_code == 204
    assert (await owner.call("DELETE", f"/contacts/{NUMBER}")).status_code == 404
    trail = (await owner.get("/account/audit")).json()["items"]
    actions = [(line["action"], line["object"]) for line in trail if line["action"].startswith("contact")]
    assert actions == [("contact_removed", "contact:…5678")] + [("contact_changed", "contact:…5678")] * 2


@pytest.mark.parametrize(
    ("number", "body", "code"),
    [
        ("12", KEPT, "invalid_number"),
        (NUMBER, {"values": {"1x": "a"}}, "contact_name_invalid"),
        (NUMBER, {"values": {"x": "a" * 4097}}, "contact_value_invalid"),
        (NUMBER, {"values": {f"K{n}": "ä" * 4096 for n in range(9)}}, "contact_too_large"),
        (NUMBER, {"values": {}, "time_zone": "Mars/Olympus"}, "time_zone_unknown"),
        (NUMBER, {"values": {"x": 1}}, "invalid_body"),
        (NUMBER, {"values": {}, "age": 7}, "invalid_body"),
    ],
)
async def test_what_cannot_be_kept_is_refused(stage: Stage, number: str, body: Any, code: str) -> None:
    owner = await stage.account()
    answer = await owner.call("PUT", f"/contacts/{number}", json=body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] == code
    assert (await owner.get("/contacts")).json()["items"] == []


async def test_contacts_belong_to_their_account_and_need_rights(stage: Stage) -> None:
    owner, other = await stage.account("One"), await stage.account("Two")
    for n in range(3):
        assert (await owner.call("PUT", f"/contacts/{int(NUMBER) + n}", json=KEPT)).status_code == 200
    assert (await other.get(f"/contacts/{NUMBER}")).status_code == 404
    assert (await other.get("/contacts")).json()["items"] == []
    assert (await other.call("DELETE", f"/contacts/{NUMBER}")).status_code == 404
    page = (await owner.get("/contacts", params={"limit": 2})).json()
    rest = (await owner.get("/contacts", params={"limit": 2, "cursor": page["next"]})).json()
    assert [row["number"] for row in page["items"] + rest["items"]] == [str(int(NUMBER) + n) for n in range(3)]
    manager, designer = await owner.with_key("campaign_manager"), await owner.with_key("flow_designer")
    assert (await manager.get("/contacts")).json()["items"][0]["number"] == "9198******78"
    assert (await designer.get("/contacts")).status_code == 403
    support = await owner.with_key("support")
    assert (await support.call("PUT", f"/contacts/{NUMBER}", json=KEPT)).status_code == 403


# -- links -------------------------------------------------------------------------------------------------------------
async def add_link(stage: Stage, pool: Pool, owner: Tenant, days: int = 3, **more: object) -> NewLink:
    clock, ids = stage.services.clock, stage.services.ids
    now = clock.now()
    link = NewLink(
        id=ids.uuid(), code=ids.code(), url=f"https://x.example/?p=99&n={NUMBER}", shown=f"https://x.example/?p=***&n={NUMBER}",
        record_id=RecordId(ids.uuid()), number=NUMBER, step="link", created_at=now, expires_at=now + timedelta(days=days),
    )  # fmt: skip
    link = replace(link, **more)  # type: ignore[arg-type]
    assert await PostgresLinks(pool).add(owner.id, link) == link.code
    return link


async def follow(stage: Stage, code: str) -> httpx.Response:
    return await stage.client.get(f"/l/{code}", follow_redirects=False)


async def test_a_link_leads_on_and_counts_its_clicks(stage: Stage, api_pool: Pool) -> None:
    owner, other = await stage.account("One"), await stage.account("Two")
    link = await add_link(stage, api_pool, owner)
    for _ in range(3):
        answer = await follow(stage, link.code)
        assert (answer.status_code, answer.headers["Location"]) == (302, link.url)
        assert answer.headers["Cache-Control"] == "no-store"
    (row,) = (await owner.get("/links")).json()["items"]
    assert (row["clicks"], row["url"], row["number"], row["link"]) == (3, link.shown, NUMBER, f"/l/{link.code}")
    assert row["created_at"] < row["first_click_at"] < row["last_click_at"]
    assert (await other.get("/links")).json()["items"] == []
    async with tenant(api_pool, owner.id) as connection:
        found = await (await connection.execute("select record_id, kind, actor, data from event")).fetchall()
    clicked = [{"url": link.shown, "clicks": n} for n in (1, 2, 3)]
    assert found == [(link.record_id, "link_clicked", "customer", data) for data in clicked]


async def test_a_link_that_is_made_again_keeps_its_code(stage: Stage, api_pool: Pool) -> None:
    owner = await stage.account()
    link = await add_link(stage, api_pool, owner)
    assert await PostgresLinks(api_pool).add(owner.id, replace(link, code="another000")) == link.code
    assert (await follow(stage, "another000")).status_code == 404


@pytest.mark.parametrize("code", ["aaaaaaaaaa", "a", "aaaaaaaaa'", "a" * 33, "%00aaaaaaaaaa", "ääääääääää"])
async def test_an_unknown_link_is_told_plainly(stage: Stage, code: str) -> None:
    answer = await follow(stage, code)
    assert answer.status_code in {400, 404}
    assert "Location" not in answer.headers
    assert "Traceback" not in answer.text


async def test_an_expired_link_is_gone_and_then_deleted(stage: Stage, api_pool: Pool, worker_pool: Pool) -> None:
    owner = await stage.account()
    link = await add_link(stage, api_pool, owner, days=-1)
    answer = await follow(stage, link.code)
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (410, "text/html")
    assert "expired" in answer.text
    assert [row["clicks"] for row in (await owner.get("/links")).json()["items"]] == [0]
    now = stage.services.clock.now()
    keep = {"old_links": timedelta(days=30)}
    assert await PostgresRetention(worker_pool).retire(now, keep) == {"old_links": 0}
    assert await PostgresRetention(worker_pool).retire(now + timedelta(days=30), keep) == {"old_links": 1}
    assert (await follow(stage, link.code)).status_code == 404


async def test_a_record_whose_history_is_gone_does_not_stop_its_links(stage: Stage, api_pool: Pool) -> None:
    owner = await stage.account()
    old = RecordId(UUID("0187d0c0-0000-7000-8000-000000000000"))
    link = await add_link(stage, api_pool, owner, record_id=old)
    assert (await follow(stage, link.code)).status_code == 302
    assert [row["clicks"] for row in (await owner.get("/links")).json()["items"]] == [1]


async def test_numbers_in_links_are_masked_without_the_right(stage: Stage, api_pool: Pool) -> None:
    owner = await stage.account()
    await add_link(stage, api_pool, owner)
    viewer = await owner.with_key("report_viewer")
    (row,) = (await viewer.get("/links")).json()["items"]
    assert NUMBER not in str(row)
    assert (await (await owner.with_key("agent")).get("/links")).status_code == 403


async def test_one_address_cannot_try_codes_without_end(stage: Stage) -> None:
    limits = replace(stage.services.limits, open_per_minute=5)
    app = create_app(replace(stage.services, limits=limits))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answers = [(await client.get(f"/l/aaaaaaaaa{n}")).status_code for n in range(7)]
        assert answers == [404] * 5 + [429] * 2
        assert (await client.get("/health/live")).status_code == 200
