"""Lists of e-mail addresses, served as the lists of numbers are: who gets no more mail, and whom tests may write to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg

from central.adapters.postgres.messages import PostgresMessages
from central.adapters.postgres.pool import Pool
from central.adapters.system import SystemIds
from central.application.ports.message_store import Suppression
from central.domain.ids import AccountId, MessageId
from tests.integration.api.conftest import Stage, Tenant
from tests.stock import Stock

CSV = {"Content-Type": "text/csv"}
SUPPRESSED = "/lists/suppression/entries"
ALLOWED = "/lists/mail_whitelist/entries"


async def put(tenant: Tenant, path: str, *entries: dict[str, Any]) -> dict[str, Any]:
    answer = await tenant.call("PUT", path, json={"entries": list(entries)})
    assert answer.status_code == 200, answer.text
    changed: dict[str, Any] = answer.json()
    return changed


async def refused(tenant: Tenant, path: str, entry: dict[str, Any]) -> str:
    answer = await tenant.call("PUT", path, json={"entries": [entry]})
    assert answer.status_code == 422, answer.text
    return str(answer.json()["code"])


async def hits(pool: Pool, account: AccountId, *addresses: str, later: timedelta = timedelta()) -> dict[str, set[str]]:
    store = PostgresMessages(pool, SystemIds())
    found = (await store.acceptance("email", {account: addresses}, datetime.now(UTC) + later))[account].hits
    return {address: set(names) for address, names in found.items()}


def suppression(account: AccountId, address: str, reason: str = "hard_bounce") -> Suppression:
    return Suppression(account_id=account, address=address, reason=reason, message_id=MessageId(uuid4()), detail="550")  # type: ignore[arg-type]


async def heard(pool: Pool, *rows: Suppression) -> None:
    store = PostgresMessages(pool, SystemIds())
    async with store.answered([]) as batch:
        await batch.suppress(rows, datetime.now(UTC))


async def test_an_address_is_suppressed_found_and_freed(tenant: Tenant, worker_pool: Pool) -> None:
    change = await put(
        tenant, SUPPRESSED, {"address": "Jane@Example.com", "note": "asked by phone", "reason": "unsubscribed"}
    )
    assert (change["added"], change["state"]["entries"], change["state"]["version"]) == (1, 1, 1)
    found = (await tenant.get(f"{SUPPRESSED}/JANE@example.COM")).json()
    assert (found["address"], found["reason"], found["source"], found["note"]) == (
        "jane@example.com", "unsubscribed", "person", "asked by phone",
    )  # fmt: skip
    assert found["since"]
    assert await hits(worker_pool, tenant.id, "JANE@example.com") == {"JANE@example.com": {"suppressed:unsubscribed"}}
    again = await put(tenant, SUPPRESSED, {"address": "jane@example.com"})
    assert (again["added"], again["unchanged"]) == (0, 1)
    assert (await tenant.get(f"{SUPPRESSED}/jane@example.com")).json()["reason"] == "unsubscribed"
    gone = await tenant.call(
        "DELETE", SUPPRESSED, json={"entries": [{"address": "jane@EXAMPLE.com"}, {"address": "x@example.com"}]}
    )
    assert (gone.json()["removed"], gone.json()["state"]["entries"]) == (1, 0)
    assert (await tenant.get(f"{SUPPRESSED}/jane@example.com")).json()["code"] == "entry_not_found"
    assert await hits(worker_pool, tenant.id, "jane@example.com") == {}


async def test_who_freed_an_address_is_kept(tenant: Tenant, database: str) -> None:
    await put(tenant, SUPPRESSED, {"address": "jane@example.com"})
    await tenant.call("DELETE", SUPPRESSED, json={"entries": [{"address": "jane@example.com"}]})
    with psycopg.connect(database) as connection:
        row = connection.execute("select lifted_by, lifted_at is not null, since from suppression").fetchone()
    assert row is not None
    assert (str(row[0]).startswith("key:"), row[1], row[2]) == (True, True, None)


async def test_what_messages_told_stands_beside_what_people_added(tenant: Tenant, worker_pool: Pool) -> None:
    told = suppression(tenant.id, "Gone@example.com")
    await heard(worker_pool, told)
    found = (await tenant.get(f"{SUPPRESSED}/gone@example.com")).json()
    assert (found["reason"], found["source"], found["message_id"]) == ("hard_bounce", "message", str(told.message_id))
    await put(tenant, SUPPRESSED, {"address": "gone@example.com", "reason": "complaint"})
    kept = (await tenant.get(f"{SUPPRESSED}/gone@example.com")).json()
    assert (kept["reason"], kept["message_id"]) == ("hard_bounce", str(told.message_id))


async def test_a_bounce_holds_longer_than_an_expiry(tenant: Tenant, worker_pool: Pool) -> None:
    soon = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
    await put(
        tenant,
        SUPPRESSED,
        {"address": "a@example.com", "expires_at": soon},
        {"address": "b@example.com", "expires_at": soon},
    )
    hour = timedelta(hours=1)
    assert await hits(worker_pool, tenant.id, "a@example.com", later=hour) == {}
    await heard(worker_pool, suppression(tenant.id, "a@example.com"))
    assert await hits(worker_pool, tenant.id, "a@example.com", "b@example.com", later=hour) == {
        "a@example.com": {"suppressed:added"}
    }


async def test_an_entry_that_is_over_begins_anew(tenant: Tenant, worker_pool: Pool) -> None:
    past = (datetime.now(UTC) - timedelta(minutes=5)).isoformat()
    await put(tenant, SUPPRESSED, {"address": "a@example.com", "expires_at": past, "reason": "complaint"})
    assert (await tenant.get(f"{SUPPRESSED}/a@example.com")).status_code == 404
    await heard(worker_pool, suppression(tenant.id, "a@example.com"))
    found = (await tenant.get(f"{SUPPRESSED}/a@example.com")).json()
    assert (found["reason"], found["source"]) == ("hard_bounce", "message")
    assert "expires_at" not in found


async def test_soft_failures_still_count_one_by_one(tenant: Tenant, worker_pool: Pool) -> None:
    await heard(worker_pool, suppression(tenant.id, "a@example.com", "bounced_twice"))
    assert (await tenant.get(SUPPRESSED)).json()["items"] == []
    await heard(worker_pool, suppression(tenant.id, "a@example.com", "bounced_twice"))
    assert [one["reason"] for one in (await tenant.get(SUPPRESSED)).json()["items"]] == ["bounced_twice"]


async def test_pages_and_prefixes(tenant: Tenant) -> None:
    await put(
        tenant, SUPPRESSED, *({"address": f"{name}@example.com"} for name in ("ann", "anna", "bob", "a_n", "a%n"))
    )
    page = (await tenant.get(f"{SUPPRESSED}?limit=2")).json()
    rest = (await tenant.get(f"{SUPPRESSED}?limit=3&cursor={page['next']}")).json()
    names = [one["address"].partition("@")[0] for one in page["items"] + rest["items"]]
    assert (names, rest["next"]) == (sorted(["ann", "anna", "bob", "a_n", "a%n"]), None)
    found = (await tenant.get(f"{SUPPRESSED}?prefix=ANN")).json()["items"]
    assert [one["address"] for one in found] == ["ann@example.com", "anna@example.com"]
    assert [one["address"] for one in (await tenant.get(f"{SUPPRESSED}?prefix=a_")).json()["items"]] == [
        "a_n@example.com"
    ]


async def test_a_file_is_taken_in_with_its_reasons(tenant: Tenant) -> None:
    text = b"address;reason;note\nA@example.com;complaint;from before\nno address;;\nb@example.com;;\nc@example.com;boredom;\n91980000001;;\n"
    loaded = await tenant.post("/lists/suppression/import", content=text, headers=CSV)
    assert loaded.status_code == 200, loaded.text
    result = loaded.json()
    assert (result["read"], result["refused"], result["change"]["added"]) == (5, 3, 2)
    assert [row["code"] for row in result["bad_rows"]] == ["invalid_email", "invalid_reason", "invalid_email"]
    shown = (await tenant.get(SUPPRESSED)).json()["items"]
    assert [(one["address"], one["reason"], one["source"]) for one in shown] == [
        ("a@example.com", "complaint", "file"), ("b@example.com", "added", "file"),
    ]  # fmt: skip
    plain = await tenant.post("/lists/suppression/import", content=b"c@example.com\nb@example.com\n", headers=CSV)
    assert (plain.json()["change"]["added"], plain.json()["change"]["unchanged"]) == (1, 1)


async def test_a_file_does_not_replace_what_recipients_said(tenant: Tenant) -> None:
    await put(tenant, SUPPRESSED, {"address": "a@example.com"})
    answer = await tenant.post("/lists/suppression/import?replace=true", content=b"b@example.com\n", headers=CSV)
    assert (answer.status_code, answer.json()["code"]) == (422, "replace_not_possible")
    assert [one["address"] for one in (await tenant.get(SUPPRESSED)).json()["items"]] == ["a@example.com"]


async def test_bad_entries_are_refused_with_their_code(tenant: Tenant) -> None:
    assert await refused(tenant, SUPPRESSED, {"number": "919800000001"}) == "invalid_entry"
    assert await refused(tenant, SUPPRESSED, {}) == "invalid_email"
    assert await refused(tenant, SUPPRESSED, {"address": "example.com"}) == "invalid_email"
    assert await refused(tenant, SUPPRESSED, {"address": "a@example.com\u0000"}) == "bad_character"
    assert await refused(tenant, SUPPRESSED, {"address": "a@example.com", "reason": "boredom"}) == "invalid_reason"
    assert await refused(tenant, SUPPRESSED, {"address": "a@example.com", "prefix": True}) == "prefix_not_possible"
    assert await refused(tenant, ALLOWED, {"address": "a@example.com", "reason": "complaint"}) == "invalid_reason"
    assert await refused(tenant, ALLOWED, {"address": "*.example.com"}) == "invalid_domain"
    assert await refused(tenant, "/lists/blacklist/entries", {"address": "a@example.com"}) == "invalid_entry"
    assert (
        await refused(tenant, "/lists/blacklist/entries", {"number": "919800000001", "reason": "added"})
        == "invalid_reason"
    )


async def test_tests_may_write_to_listed_addresses_and_domains(tenant: Tenant, worker_pool: Pool) -> None:
    change = await put(tenant, ALLOWED, {"address": "Qa@Example.com", "note": "desk"}, {"address": "Lab.Example.org"})
    assert (change["added"], change["state"]["entries"]) == (2, 2)
    who = (
        "qa@example.com",
        "x@lab.example.org",
        "x@sub.lab.example.org",
        "other@example.com",
        "lab.example.org@example.com",
    )
    assert await hits(worker_pool, tenant.id, *who) == {
        "qa@example.com": {"whitelist"},
        "x@lab.example.org": {"whitelist"},
    }
    assert (await tenant.get(f"{ALLOWED}/anyone@lab.example.org")).json()["address"] == "lab.example.org"
    assert (await tenant.get(f"{ALLOWED}/anyone@example.org")).status_code == 404
    assert [one["address"] for one in (await tenant.get(f"{ALLOWED}?prefix=QA")).json()["items"]] == ["qa@example.com"]
    replaced = await tenant.post(
        "/lists/mail_whitelist/import?replace=true", content=b"address\nb@example.com\n", headers=CSV
    )
    assert (replaced.json()["change"]["added"], replaced.json()["change"]["removed"]) == (1, 2)
    gone = await tenant.call("DELETE", ALLOWED, json={"entries": [{"address": "b@example.com"}]})
    assert gone.json()["state"]["entries"] == 0


async def test_numbers_can_be_asked_for_too(tenant: Tenant) -> None:
    await put(
        tenant,
        "/lists/blacklist/entries",
        {"number": "9198", "prefix": True},
        {"number": "919812345678", "note": "asked"},
    )
    assert (await tenant.get("/lists/blacklist/entries/919812345678")).json()["note"] == "asked"
    assert (await tenant.get("/lists/blacklist/entries/9812345679")).json()["number"] == "9198"
    assert (await tenant.get("/lists/blacklist/entries/919712345679")).json()["code"] == "entry_not_found"


async def test_lists_of_addresses_belong_to_one_account(stage: Stage, tenant: Tenant, worker_pool: Pool) -> None:
    other = await stage.account("Rival")
    await put(tenant, SUPPRESSED, {"address": "a@example.com"})
    await put(tenant, ALLOWED, {"address": "a@example.com"})
    assert (await other.get(SUPPRESSED)).json()["items"] == []
    assert (await other.get(ALLOWED)).json()["items"] == []
    states = {one["list"]: one["entries"] for one in (await other.get("/lists")).json()["items"]}
    assert (states["suppression"], states["mail_whitelist"]) == (0, 0)
    assert await hits(worker_pool, other.id, "a@example.com") == {}


async def test_very_many_suppressions_are_counted_so_far(tenant: Tenant, database: str) -> None:
    many = "insert into suppression (account_id, address, reason, since) select %s, n || '@example.com', 'hard_bounce', now() from generate_series(%s, %s) as n"
    for first, last, told in ((1, 100_000, (100_000, False)), (100_001, 100_002, (100_000, True))):
        Stock(database).run(many, tenant.id, first, last)
        states = {state["list"]: state for state in (await tenant.get("/lists")).json()["items"]}
        assert (states["suppression"]["entries"], states["suppression"]["more"]) == told
        assert not any(state["more"] for name, state in states.items() if name != "suppression")
