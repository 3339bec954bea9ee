"""Files that e-mails bring along: kept by name, judged when a mail names them."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from central.adapters.postgres.account_files import PostgresAttachments, PostgresFiles
from central.adapters.postgres.pool import Pool
from central.adapters.system import SystemClock, SystemIds
from central.application.administration.acting import Actor, Auditor
from central.application.administration.keep_files import LIMIT_FILE_BYTES, KeepFiles
from central.application.ports.composition import Loaded, Missing
from central.domain.errors import Conflict
from tests.integration.api.conftest import Stage, Tenant

PDF = b"%PDF-1.7 offer"
MAIL = {"to": ["jane@example.com"], "subject": "Hello", "text": "Hello.", "sender": "news@shop.example.com"}


async def put(tenant: Tenant, name: str, content: bytes = PDF, kind: str = "application/pdf") -> dict[str, Any]:
    answer = await tenant.call("PUT", f"/files/{name}", content=content, headers={"Content-Type": kind})
    assert answer.status_code == 200, answer.text
    stored: dict[str, Any] = answer.json()
    return stored


def may_send(dsn: str, tenant: Tenant) -> None:
    domain = "insert into mail_domain (account_id, domain, selector, private_key, verified_at) values (%s, 'shop.example.com', 's', '', now())"
    carrier = "insert into carrier (account_id, id, name, channel, kind) values (%s, new_uuid7(), 'r', 'email', 'smtp') returning id"
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(domain, [tenant.id])
        row = connection.execute(carrier, [tenant.id]).fetchone()
        assert row is not None
        connection.execute("insert into carrier_route (account_id, carrier_id) values (%s, %s)", [tenant.id, row[0]])


async def send(tenant: Tenant, **more: Any) -> tuple[str, str | None]:
    answer = await tenant.call("POST", "/emails", json={"emails": [MAIL | more]})
    assert answer.status_code == 202, answer.text
    ((taken,),) = answer.json()["emails"]
    return taken["status"], taken["reason"]


async def test_a_file_is_kept_listed_shown_and_removed(tenant: Tenant) -> None:
    stored = await put(tenant, "offers/spring 2027.pdf")
    assert (stored["name"], stored["size_bytes"], stored["media_type"]) == (
        "offers/spring 2027.pdf",
        14,
        "application/pdf",
    )
    await put(tenant, "a.txt", b"one", "text/plain; charset=utf-8")
    again = await put(tenant, "a.txt", b"two!", "")
    assert (again["size_bytes"], again["media_type"]) == (4, "application/octet-stream")
    first = (await tenant.get("/files?limit=1")).json()
    rest = (await tenant.get(f"/files?limit=1&cursor={first['next']}")).json()
    assert [one["name"] for one in first["items"] + rest["items"]] == ["a.txt", "offers/spring 2027.pdf"]
    shown = await tenant.get("/files/offers/spring%202027.pdf")
    assert (shown.content, shown.headers["content-type"], shown.headers["content-disposition"]) == (
        PDF,
        "application/pdf",
        "attachment",
    )
    assert (await tenant.call("DELETE", "/files/a.txt")).status_code == 204
    assert (await tenant.get("/files/a.txt")).json()["code"] == "file_not_found"
    assert (await tenant.call("DELETE", "/files/a.txt")).status_code == 404


@pytest.mark.parametrize(
    ("name", "content", "kind", "code"),
    [
        ("a..b", PDF, "application/pdf", "invalid_name"),
        (".hidden", PDF, "application/pdf", "invalid_name"),
        ("a\u00e9.pdf", PDF, "application/pdf", "invalid_name"),
        ("a.pdf", b"", "application/pdf", "file_empty"),
        ("a.pdf", PDF, "message/rfc822", "invalid_media_type"),
        ("a.pdf", PDF, "nonsense", "invalid_media_type"),
        ("a.pdf", b"x" * (LIMIT_FILE_BYTES + 1), "application/pdf", "file_too_large"),
    ],
)
async def test_what_cannot_be_kept_is_refused(tenant: Tenant, name: str, content: bytes, kind: str, code: str) -> None:
    answer = await tenant.call("PUT", f"/files/{name}", content=content, headers={"Content-Type": kind})
    assert answer.json()["code"] == code, answer.text
    assert (await tenant.get("/files")).json()["items"] == []


async def test_files_belong_to_one_account(stage: Stage, tenant: Tenant, worker_pool: Pool) -> None:
    other = await stage.account("Rival")
    await put(tenant, "a.pdf")
    assert (await other.get("/files")).json()["items"] == []
    assert (await other.get("/files/a.pdf")).status_code == 404
    load = PostgresAttachments(worker_pool).load
    assert await load([f"{tenant.id}/a.pdf", f"{other.id}/a.pdf"], 100) == [
        Loaded(PDF, "application/pdf"),
        Missing("not_found"),
    ]
    assert await load([f"{tenant.id}/a.pdf"], 10) == [Missing("too_large")]


async def test_files_of_one_mail_are_read_as_far_as_there_is_room(tenant: Tenant, worker_pool: Pool) -> None:
    for name in ("b", "a", "c"):
        await put(tenant, name, name.encode() * 60)
    load = PostgresAttachments(worker_pool).load
    found = await load([f"{tenant.id}/{name}" for name in ("b", "a", "c")], 130)
    assert [one.content if isinstance(one, Loaded) else one.reason for one in found] == [
        b"b" * 60,
        b"a" * 60,
        "too_large",
    ]


async def test_all_files_together_have_a_limit(tenant: Tenant, api_pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("central.application.administration.keep_files.LIMIT_ALL_BYTES", 20)
    files, actor = KeepFiles(PostgresFiles(api_pool), Auditor(SystemClock(), SystemIds())), Actor(tenant.id, "person:1")
    await files.put(actor, "a", "", b"x" * 15)
    with pytest.raises(Conflict) as caught:
        await files.put(actor, "b", "", b"x" * 6)
    assert caught.value.code == "files_full"
    await files.put(actor, "a", "", b"x" * 20)  # in its own place
    assert [one.name for one in await files.page(actor, None, 9)] == ["a"]


async def test_a_mail_that_names_files_is_judged_by_them(tenant: Tenant, database: str) -> None:
    may_send(database, tenant)
    await put(tenant, "a.pdf")
    await put(tenant, "big.bin", b"x" * 10_000_000)
    await put(tenant, "bigger.bin", b"x" * 10_000_000)
    assert await send(tenant, attachments=["a.pdf"]) == ("Success", None)
    assert await send(tenant, attachments=["a.pdf", "gone.pdf"]) == ("Invalid Data", "attachment_missing")
    assert await send(tenant, attachments=["big.bin", "bigger.bin"]) == ("Invalid Data", "attachments_too_large")
    inline = [{"name": "n.txt", "content": "eA=="}] * 15
    assert await send(tenant, attachments=["a.pdf"] * 6, files=inline) == ("Invalid Data", "attachments_too_many")
