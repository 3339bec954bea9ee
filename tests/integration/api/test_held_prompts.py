"""A version plays the recordings that its prompts meant when it was frozen, whatever the library says later."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from central.adapters.postgres.dispatch_store import PostgresDispatch
from central.adapters.postgres.intake_store import PostgresIntake
from central.adapters.postgres.library import PostgresLibrary
from central.adapters.postgres.pool import Pool, transaction
from central.adapters.postgres.pool import tenant as account_connection
from central.adapters.postgres.prompts import PostgresContents
from central.adapters.speech.prompts import PromptFiles
from central.adapters.system import SystemClock, SystemIds
from central.application.administration.retire_prompts import GRACE, RetirePrompts
from central.application.ports.speech import AudioFile, NoAudio
from central.cli.program import app
from tests.integration.api.conftest import Stage, Tenant, document
from tests.integration.api.test_prompts import names, published, put, saying
from tests.tones import tone

WELCOME = saying("file: welcome")
Heard = Callable[[UUID], Awaitable[float | None]]


@pytest.fixture
def heard(worker_pool: Pool, prompt_files: PromptFiles) -> Heard:
    """How long the recording is that a version plays for ``welcome`` in English, None = it holds none."""

    async def seconds(version: UUID) -> float | None:
        library = PostgresLibrary(worker_pool, PostgresDispatch(worker_pool, SystemIds()), SystemClock())
        content = (await library.flows([version]))[version].prompts.get(("welcome", "en"))
        if content is None:
            return None
        (found,) = await prompt_files.contents([content])
        assert isinstance(found, AudioFile), found
        return found.seconds

    return seconds


async def version_ids(pool: Pool, tenant: Tenant) -> dict[int | None, UUID]:
    async with account_connection(pool, tenant.id) as connection:
        rows = await connection.execute(
            "select number, id from flow_version where account_id = %s order by created_at", [tenant.id]
        )
        return dict(await rows.fetchall())


async def test_a_version_plays_what_it_was_published_with(tenant: Tenant, worker_pool: Pool, heard: Heard) -> None:
    flow = await tenant.flow()
    await put(tenant, "welcome", tone(0.5))
    await published(tenant, flow["id"], WELCOME)
    replaced = await put(tenant, "welcome", tone(1))
    holding = {"flow": "appointment_reminder", "version": 1, "runs": True}
    assert replaced["held_by"] == [holding]
    assert (await put(tenant, "welcome", tone(1)))["held_by"] == []  # the same content again
    versions = await version_ids(worker_pool, tenant)
    assert await heard(versions[1]) == 0.5
    await published(tenant, flow["id"], WELCOME)
    versions = await version_ids(worker_pool, tenant)
    assert [await heard(versions[1]), await heard(versions[2])] == [0.5, 1]

    removed = await tenant.call("DELETE", "/prompts/welcome")
    assert (removed.status_code, removed.json()) == (200, {"held_by": [holding | {"version": 2}]})
    assert await names(tenant) == []
    assert [await heard(versions[1]), await heard(versions[2])] == [0.5, 1]
    back = await tenant.call("PUT", f"/flows/{flow['id']}/production", json={"version": 1})
    assert back.status_code == 200
    refused = await tenant.post(f"/flows/{flow['id']}/publish", {})
    assert [finding["code"] for finding in refused.json()["details"]["findings"]] == ["prompt_missing"]


async def test_each_language_holds_the_recording_that_it_would_hear(
    tenant: Tenant, worker_pool: Pool, prompt_files: PromptFiles
) -> None:
    flow = await tenant.flow()
    await put(tenant, "welcome", tone(0.5))
    await put(tenant, "welcome", tone(1), params={"language": "pt"})
    text = WELCOME.replace(b"file: welcome", b"file: welcome\n    language: pt-BR")
    await published(tenant, flow["id"], text)
    await put(tenant, "welcome", tone(2), params={"language": "pt-br"})
    library = PostgresLibrary(worker_pool, PostgresDispatch(worker_pool, SystemIds()), SystemClock())
    (version,) = (await version_ids(worker_pool, tenant)).values()
    ((key, content),) = (await library.flows([version]))[version].prompts.items()
    assert key == ("welcome", "pt-br")
    (found,) = await prompt_files.contents([content])
    assert isinstance(found, AudioFile)
    assert found.seconds == 1


async def test_a_test_request_freezes_the_recordings_with_the_draft(
    api_pool: Pool, tenant: Tenant, heard: Heard
) -> None:
    flow, intake = await tenant.flow(), PostgresIntake(api_pool)

    async def snapshot() -> UUID:
        return await intake.freeze_draft(tenant.id, flow["id"], uuid4(), "test")

    draft = await tenant.call(
        "PUT", f"/flows/{flow['id']}/draft", content=WELCOME, headers={"Content-Type": "application/yaml"}
    )
    assert draft.status_code == 200, draft.text
    lacking = await snapshot()
    assert await heard(lacking) is None
    await put(tenant, "welcome", tone(0.5))
    first, again = await asyncio.gather(snapshot(), snapshot())
    assert first == again != lacking
    await put(tenant, "welcome", tone(1))
    second = await snapshot()
    assert second != first
    assert [await heard(first), await heard(second)] == [0.5, 1]
    await put(tenant, "welcome", tone(0.5))
    assert await snapshot() == first


async def test_the_difference_of_versions_tells_other_recordings(
    stage: Stage, tenant: Tenant, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    flow = await tenant.flow()
    for seconds in (0.5, 1):
        await put(tenant, "welcome", tone(seconds))
        await published(tenant, flow["id"], WELCOME)
    place = f"/flows/{flow['id']}/diff"
    found = (await tenant.get(place, params={"before": "1", "after": "2"})).json()
    assert found["unified"] == ""
    (change,) = found["changes"]
    assert (change["what"], change["part"], change["name"]) == ("changed", "prompt", "welcome")
    (field,) = change["fields"]
    assert field["field"] == "recording (en)"
    assert field["before"].startswith("0.5 s, content ")
    assert field["after"].startswith("1.0 s, content ")
    assert (await tenant.get(place)).json()["changes"] == []  # the draft would be published with what production holds
    await put(tenant, "welcome", tone(2))
    (change,) = (await tenant.get(place)).json()["changes"]
    assert change["fields"][0]["after"].startswith("2.0 s")
    await tenant.call("DELETE", "/prompts/welcome")
    (change,) = (await tenant.get(place)).json()["changes"]
    assert change["fields"][0]["after"] is None

    monkeypatch.setenv("CENTRAL_API_URL", str(stage.client.base_url).rstrip("/"))
    monkeypatch.setenv("CENTRAL_API_KEY", tenant.key)
    words = ("flow", "diff", flow["name"], "1", "2")
    differs = await asyncio.to_thread(app, words, result_action="return_value", exit_on_error=False)
    shown = capsys.readouterr().out
    assert differs == 1
    assert "~ prompt welcome changed" in shown
    assert "recording (en): 0.5 s, content " in shown


async def test_a_version_that_is_published_while_its_prompt_goes_holds_it_or_is_refused(
    tenant: Tenant, worker_pool: Pool, heard: Heard
) -> None:
    flow = await tenant.flow()
    seen: set[int] = set()
    for _ in range(12):
        await put(tenant, "welcome", tone(0.5))
        await tenant.call(
            "PUT", f"/flows/{flow['id']}/draft", content=WELCOME, headers={"Content-Type": "application/yaml"}
        )
        answer, removed = await asyncio.gather(
            tenant.post(f"/flows/{flow['id']}/publish", {}), tenant.call("DELETE", "/prompts/welcome")
        )
        assert removed.status_code == 200, removed.text
        assert answer.status_code in {201, 409, 422}, answer.text
        seen.add(answer.status_code)
    for version in (await version_ids(worker_pool, tenant)).values():
        assert await heard(version) == 0.5
    assert seen


async def test_a_removal_that_is_under_way_is_waited_for(tenant: Tenant, worker_pool: Pool) -> None:
    flow = await tenant.flow()
    await put(tenant, "welcome", tone(0.5))
    await tenant.call(
        "PUT", f"/flows/{flow['id']}/draft", content=WELCOME, headers={"Content-Type": "application/yaml"}
    )
    async with contextlib.AsyncExitStack() as held:
        connection = await held.enter_async_context(account_connection(worker_pool, tenant.id))
        await connection.execute("delete from prompt where account_id = %s", [tenant.id])
        publishing = asyncio.create_task(tenant.post(f"/flows/{flow['id']}/publish", {}))
        await until_blocked(worker_pool, publishing)
    answer = await publishing
    assert (answer.status_code, answer.json()["code"]) == (409, "prompts_changed")
    assert answer.json()["details"] == {"prompts": ["welcome"]}
    assert await version_ids(worker_pool, tenant) == {}


async def until_blocked(pool: Pool, task: asyncio.Task[Any]) -> None:
    """Return when some transaction waits for another one's row lock."""
    async with asyncio.timeout(10):
        while not task.done():
            async with transaction(pool) as connection:
                rows = await connection.execute(
                    "select count(*) from pg_locks l join pg_stat_activity a using (pid)"
                    " where not l.granted and a.datname = current_database()"
                )
                if ((await rows.fetchone()) or (0,))[0]:
                    return
            await asyncio.sleep(0.01)


async def test_contents_that_nobody_names_go_after_a_day_and_no_sooner(
    tenant: Tenant, worker_pool: Pool, prompt_files: PromptFiles, tmp_path: Path, heard: Heard
) -> None:
    retire = RetirePrompts(PostgresContents(worker_pool), prompt_files, SystemClock())
    flow = await tenant.flow()
    for seconds in (0.5, 1, 1.5):
        await put(tenant, "welcome", tone(seconds))
        if seconds == 0.5:
            await published(tenant, flow["id"], WELCOME)
    files = sorted((tmp_path / "prompts").glob("??/*.wav"))
    assert len(files) == 3
    assert await retire() == 0  # calls may still play them
    for file in files:
        os.utime(file, (0, 0))
    assert await retire() == 1
    assert await heard((await version_ids(worker_pool, tenant))[1]) == 0.5
    (kept,) = await prompt_files.find(tenant.id, ["welcome"])
    assert isinstance(kept, AudioFile)
    assert kept.seconds == 1.5
    assert await prompt_files.unseen(datetime.now(UTC) - GRACE) == []  # what is named was seen
    for file in files:
        with contextlib.suppress(FileNotFoundError):
            os.utime(file, (0, 0))
    await tenant.call("DELETE", "/prompts/welcome")
    assert await retire() == 0  # its last name went a moment ago
    assert len(sorted((tmp_path / "prompts").glob("??/*.wav"))) == 2


async def test_a_content_that_is_stored_anew_while_it_is_taken_away_is_there(
    tenant: Tenant, worker_pool: Pool, prompt_files: PromptFiles, tmp_path: Path
) -> None:
    await put(tenant, "welcome", tone(0.5))
    await tenant.call("DELETE", "/prompts/welcome")
    (file,) = (tmp_path / "prompts").glob("??/*.wav")
    names_of = PostgresContents(worker_pool)
    async with names_of.nameless(file.stem) as nameless:
        assert nameless
        putting = asyncio.create_task(put(tenant, "again", tone(0.5)))
        await until_blocked(worker_pool, putting)
        await prompt_files.remove(file.stem)
    await putting
    (found,) = await prompt_files.find(tenant.id, ["again"])
    assert isinstance(found, AudioFile), found
    async with names_of.nameless(file.stem) as nameless:
        assert not nameless


async def test_a_content_whose_file_is_gone_is_no_sound(prompt_files: PromptFiles) -> None:
    (found,) = await prompt_files.contents(["0" * 64])
    assert isinstance(found, NoAudio)
    assert found.reason == "prompt_missing"
    assert await prompt_files.unseen(datetime.now(UTC) + timedelta(days=1)) == []


async def test_the_prompts_of_versions_stay_in_their_account(stage: Stage, tenant: Tenant) -> None:
    stranger = await stage.account("Stranger")
    for one in (tenant, stranger):
        flow = await one.flow(number="+912212345678" if one is tenant else "+912212345679")
        await put(one, "welcome", tone(0.5))
        await published(one, flow["id"], WELCOME)
    assert [held["version"] for held in (await put(tenant, "welcome", tone(1)))["held_by"]] == [1]
    assert (await stranger.call("DELETE", "/prompts/welcome")).json()["held_by"] == [
        {"flow": "appointment_reminder", "version": 1, "runs": True}
    ]
    assert document() != WELCOME
