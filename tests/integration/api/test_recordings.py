"""Recordings from the index to the ear: listed with the record, linked for who may, heard by the link alone, retired in time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import httpx
import pytest

from central.adapters.postgres.pool import Pool
from central.adapters.postgres.recordings import PostgresRecordings
from central.adapters.recordings.folder import FolderStorage
from central.application.administration.retire_recordings import RetireRecordings
from central.application.ports.recordings import RecordingRow
from central.domain.ids import AccountId, LegId, RecordId
from tests.integration.api.conftest import LINKS, Stage, Tenant
from tests.tones import tone

SOUND = tone(0.5)
KEEP_DAYS = 30


@pytest.fixture
def index(worker_pool: Pool) -> PostgresRecordings:
    return PostgresRecordings(worker_pool)


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path / "kept")


@pytest.fixture
async def row(
    stage: Stage, tenant: Tenant, index: PostgresRecordings, storage: FolderStorage, tmp_path: Path
) -> RecordingRow:
    """A stored recording of a record that reporting knows."""
    ids = stage.services.ids
    record = RecordId(ids.uuid())
    stage.reports.documents[tenant.id, str(record)] = {"record_id": str(record), "numbers": ["919800000001"]}
    made = RecordingRow(
        account_id=tenant.id, record_id=record, id=ids.uuid(), leg_id=LegId(ids.uuid()), step="message", name="a-name",
        seconds=0.5, channels=1, bytes=len(SOUND), sha256=sha256(SOUND).hexdigest(), key=f"{tenant.id}/2026/a-name.wav",
        created_at=stage.services.clock.now(),
    )  # fmt: skip
    await storage.put(made.key, _file(tmp_path))
    await index.add([made], KEEP_DAYS)
    await index.add([made], KEEP_DAYS)  # a node that crashed before it cleared its spool adds it again
    return made


def _file(folder: Path) -> Path:
    (folder / "sound.wav").write_bytes(SOUND)
    return folder / "sound.wav"


async def listed(tenant: Tenant, row: RecordingRow) -> dict[str, Any]:
    answer = await tenant.get(f"/records/{row.record_id}")
    assert answer.status_code == 200, answer.text
    (found,) = answer.json()["recordings"]
    return dict(found)


async def heard(stage: Stage, url: str, **changes: str) -> httpx.Response:
    """Follow a link, without any key."""
    parts = urlsplit(url)
    asked = dict(parse_qsl(parts.query)) | {name: value for name, value in changes.items() if name != "range"}
    headers = {"Range": changes["range"]} if "range" in changes else {}
    return await stage.client.get(parts.path, params=asked, headers=headers)


async def test_a_record_lists_its_recordings_and_the_link_is_enough_to_hear_one(
    stage: Stage, tenant: Tenant, row: RecordingRow
) -> None:
    found = await listed(tenant, row)
    assert (found["recording_id"], found["step"], found["seconds"], found["channels"]) == (
        str(row.id),
        "message",
        0.5,
        1,
    )
    assert found["url"].startswith("https://central.test/api/v1/recordings/")
    answer = await heard(stage, found["url"])
    assert answer.status_code == 200
    assert answer.content == SOUND
    assert answer.headers["content-type"] == "audio/wav"
    assert answer.headers["content-length"] == str(len(SOUND))
    assert 'filename="a-name.wav"' in answer.headers["content-disposition"]
    assert answer.headers["cache-control"] == "private, no-store"


async def test_only_who_may_download_gets_links(tenant: Tenant, row: RecordingRow) -> None:
    reader = await tenant.with_key("report_viewer")
    assert "url" not in await listed(reader, row)
    may = await tenant.with_key("owner", ["requests:read", "recordings:download"])
    assert "url" in await listed(may, row)


async def test_a_changed_or_expired_link_is_refused(stage: Stage, tenant: Tenant, row: RecordingRow) -> None:
    url = (await listed(tenant, row))["url"]
    other = await stage.account("Other")
    later = str(int(dict(parse_qsl(urlsplit(str(url)).query))["expires"]) + 1)
    for changes in ({"expires": later}, {"account": str(other.id)}, {"signature": "0" * 64}, {"signature": "\u00e9"}):
        answer = await heard(stage, url, **changes)
        assert (answer.status_code, answer.json()["code"]) == (403, "link_invalid"), changes
    elsewhere = url.replace(str(row.id), str(stage.services.ids.uuid()))
    assert (await heard(stage, elsewhere)).json()["code"] == "link_invalid"
    old, _ = LINKS.link(row.account_id, row.id, stage.services.clock.now() - timedelta(minutes=16))
    answer = await heard(stage, old)
    assert (answer.status_code, answer.json()["code"]) == (410, "link_expired")
    assert (await stage.client.get(f"/api/v1/recordings/{row.id}")).status_code == 400
    assert (await heard(stage, url)).status_code == 200


@pytest.mark.parametrize(
    ("asked", "status", "first", "last"),
    [
        ("bytes=0-9", 206, 0, 9),
        ("bytes=100-", 206, 100, len(SOUND) - 1),
        ("bytes=-44", 206, len(SOUND) - 44, len(SOUND) - 1),
        ("bytes=10-99999999", 206, 10, len(SOUND) - 1),
        ("bytes=9-3", 200, 0, len(SOUND) - 1),
        ("bytes=0-1,5-6", 200, 0, len(SOUND) - 1),
        ("lines=1-2", 200, 0, len(SOUND) - 1),
    ],
)
async def test_a_range_of_bytes_may_be_asked_for(
    stage: Stage, tenant: Tenant, row: RecordingRow, asked: str, status: int, first: int, last: int
) -> None:
    answer = await heard(stage, (await listed(tenant, row))["url"], range=asked)
    assert answer.status_code == status
    assert answer.content == SOUND[first : last + 1]
    if status == 206:
        assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(SOUND)}"


async def test_a_range_beyond_the_end_is_refused(stage: Stage, tenant: Tenant, row: RecordingRow) -> None:
    answer = await heard(stage, (await listed(tenant, row))["url"], range=f"bytes={len(SOUND)}-")
    assert (answer.status_code, answer.json()["code"]) == (416, "range_not_satisfiable")


async def test_a_file_that_is_not_there_is_told_before_the_answer_begins(
    stage: Stage, tenant: Tenant, row: RecordingRow, storage: FolderStorage
) -> None:
    url = (await listed(tenant, row))["url"]
    await storage.delete(row.key)
    answer = await heard(stage, url)
    assert (answer.status_code, answer.json()["code"]) == (404, "recording_missing")


async def test_what_is_over_is_deleted_and_said(
    stage: Stage, tenant: Tenant, row: RecordingRow, index: PostgresRecordings, storage: FolderStorage, tmp_path: Path
) -> None:
    url = (await listed(tenant, row))["url"]
    retire = RetireRecordings(index, storage, stage.services.clock)
    old = replace(
        row, id=stage.services.ids.uuid(), key=f"{tenant.id}/old.wav", created_at=row.created_at - timedelta(days=31)
    )
    await storage.put(old.key, _file(tmp_path))
    await index.add([old], KEEP_DAYS)
    assert await retire() == 1
    assert await retire() == 0
    assert not (tmp_path / "kept" / old.key).exists()
    assert (await heard(stage, url)).status_code == 200
    (gone, still) = (await tenant.get(f"/records/{row.record_id}")).json()["recordings"]
    assert "url" not in gone
    assert gone["deleted_at"] is not None
    assert still["deleted_at"] is None
    link, _ = LINKS.link(old.account_id, old.id, stage.services.clock.now())
    assert (await heard(stage, link)).json()["code"] == "recording_deleted"
    told = (await tenant.get("/account/audit")).json()["items"][0]
    assert (told["action"], told["actor"], told["object"]) == ("recording_deleted", "retention", f"recording:{old.id}")
    assert told["detail"]["name"] == "a-name"


async def test_an_account_may_keep_its_recordings_longer_or_shorter(
    stage: Stage, tenant: Tenant, row: RecordingRow, index: PostgresRecordings
) -> None:
    for bad in (0, "7", True, 40_000):
        answer = await tenant.call("PATCH", "/account", json={"settings": {"keep_recordings_days": bad}})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_retention"), bad
    assert (await tenant.call("PATCH", "/account", json={"settings": {"keep_recordings_days": 7}})).status_code == 200
    short = replace(row, id=stage.services.ids.uuid())
    await index.add([short], KEEP_DAYS)
    kept = {found.id: found.expires_at for found in await index.of_record(tenant.id, row.record_id)}
    assert kept == {
        row.id: row.created_at + timedelta(days=KEEP_DAYS),
        short.id: row.created_at + timedelta(days=7),
    }


async def test_accounts_do_not_see_each_others_recordings(stage: Stage, row: RecordingRow, api_pool: Pool) -> None:
    other = await stage.account("Other")
    mine = PostgresRecordings(api_pool)
    assert await mine.find(row.account_id, row.id) is not None
    assert await mine.find(AccountId(UUID(str(other.id))), row.id) is None
    assert (await other.get(f"/records/{row.record_id}")).status_code == 404
