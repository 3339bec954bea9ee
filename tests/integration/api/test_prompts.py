from __future__ import annotations

import re
from typing import Any

import pytest

from central.adapters.postgres.pool import Pool, transaction
from central.adapters.postgres.pool import tenant as account_connection
from central.adapters.speech.prompts import PromptFiles
from central.application.ports.speech import AudioFile, NoAudio
from tests.integration.api.conftest import MOST_PROMPT_BYTES, WAV, Stage, Tenant, document
from tests.tones import tone

YAML = {"Content-Type": "application/yaml"}


async def put(tenant: Tenant, name: str, content: bytes | None = None, **options: Any) -> Any:
    content = tone() if content is None else content
    answer = await tenant.call("PUT", f"/prompts/{name}", content=content, headers=WAV, **options)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def names(tenant: Tenant) -> list[tuple[str, str]]:
    return [(prompt["name"], prompt["language"]) for prompt in (await tenant.get("/prompts")).json()["items"]]


def saying(line: str) -> bytes:
    """The example flow with this line in place of its first greeting, or of its words after silence."""
    text, field = document().decode(), "silence" if line.startswith("silence") else "say"
    return re.sub(rf"(?m)^( *){field}: .*$", rf"\1{line}", text, count=1).encode()


async def test_a_recording_that_was_sent_is_played(tenant: Tenant, prompt_files: PromptFiles) -> None:
    made = await put(tenant, "jingles/one", tone(0.5))
    shown: dict[str, Any] = {"name": "jingles/one", "language": "", "seconds": 0.5, "created_at": "", "held_by": []}
    assert made | {"created_at": ""} == shown
    (found,) = await prompt_files.find(tenant.id, ["jingles/one"], "en")
    assert isinstance(found, AudioFile)
    assert found.seconds == 0.5
    replaced = await put(tenant, "jingles/one", tone(1))
    assert replaced["seconds"] == 1
    assert await names(tenant) == [("jingles/one", "")]
    (found,) = await prompt_files.find(tenant.id, ["jingles/one"], "en")
    assert isinstance(found, AudioFile)
    assert found.seconds == 1


async def test_the_library_is_read_by_pages_in_order(tenant: Tenant) -> None:
    for name, language in (("b", ""), ("a", "hi"), ("b", "pt-BR"), ("a", "")):
        await put(tenant, name, params={"language": language})
    seen: list[tuple[str, str]] = []
    cursor: str | None = None
    for _ in range(4):
        query: dict[str, Any] = {"limit": 1} | ({} if cursor is None else {"cursor": cursor})
        page = (await tenant.get("/prompts", params=query)).json()
        seen += [(prompt["name"], prompt["language"]) for prompt in page["items"]]
        cursor = page["next"]
    assert seen == [("a", ""), ("a", "hi"), ("b", ""), ("b", "pt-br")]
    assert cursor is None
    assert (await tenant.get("/prompts?cursor=nonsense")).json()["code"] == "invalid_cursor"


async def test_a_removed_recording_is_gone_in_its_language_only(tenant: Tenant, prompt_files: PromptFiles) -> None:
    await put(tenant, "menu")
    await put(tenant, "menu", tone(1), params={"language": "hi"})
    assert (await tenant.call("DELETE", "/prompts/menu?language=HI")).status_code == 200
    again = await tenant.call("DELETE", "/prompts/menu?language=hi")
    assert (again.status_code, again.json()["code"]) == (404, "prompt_not_found")
    assert await names(tenant) == [("menu", "")]
    assert (await tenant.call("DELETE", "/prompts/menu")).status_code == 200
    (found,) = await prompt_files.find(tenant.id, ["menu"], "hi")
    assert isinstance(found, NoAudio)
    trail = (await tenant.get("/account/audit")).json()["items"]
    assert [(line["action"], line["object"], line["detail"].get("language")) for line in trail[:4]] == [
        ("prompt_removed", "prompt:menu", ""),
        ("prompt_removed", "prompt:menu", "hi"),
        ("prompt_added", "prompt:menu", "hi"),
        ("prompt_added", "prompt:menu", ""),
    ]


@pytest.mark.parametrize(
    ("path", "content", "kind", "status", "code"),
    [
        ("a", b"ID3 an mp3", "audio/wav", 422, "unreadable_audio"),
        ("a", b"", "audio/wav", 422, "unreadable_audio"),
        ("a", b"{}", "application/json", 415, "unsupported_media_type"),
        ("a", bytes(MOST_PROMPT_BYTES + 1), "audio/wav", 413, "file_too_large"),
        ("a%20b", tone(), "audio/wav", 422, "invalid_prompt_name"),
        ("..%2Fa", tone(), "audio/wav", 422, "invalid_prompt_name"),
        ("a?language=english", tone(), "audio/wav", 422, "invalid_language"),
    ],
    ids=["mp3", "empty", "json", "large", "blank", "climbing", "language"],
)
async def test_what_is_no_recording_is_refused(
    tenant: Tenant, path: str, content: bytes, kind: str, status: int, code: str
) -> None:
    refused = await tenant.call("PUT", f"/prompts/{path}", content=content, headers={"Content-Type": kind})
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert await names(tenant) == []


async def test_a_reader_of_flows_changes_no_prompt(tenant: Tenant) -> None:
    await put(tenant, "menu")
    reader = await tenant.with_key("campaign_manager")
    assert await names(reader) == [("menu", "")]
    for method in ("PUT", "DELETE"):
        denied = await reader.call(method, "/prompts/menu", content=tone(), headers=WAV)
        assert (denied.status_code, denied.json()["code"]) == (403, "missing_right")


async def test_the_same_name_is_another_recording_in_another_account(
    stage: Stage, tenant: Tenant, prompt_files: PromptFiles
) -> None:
    await put(tenant, "menu", tone(0.5))
    stranger = await stage.account("Stranger")
    assert await names(stranger) == []
    await put(stranger, "menu", tone(1))
    assert (await tenant.get("/prompts")).json()["items"][0]["seconds"] == 0.5
    assert (await stranger.call("DELETE", "/prompts/menu")).status_code == 200
    (kept,) = await prompt_files.find(tenant.id, ["menu"])
    assert isinstance(kept, AudioFile)
    assert kept.seconds == 0.5


@pytest.mark.parametrize(
    ("step", "recorded", "said"),
    [
        ("file: welcome", None, "no recorded prompt 'welcome'."),
        ("file: welcome", "hi", "'welcome' in en, only in hi."),
        ("file: welcome\n    language: pt-BR", "pt-pt", "only in pt-pt"),
        ("silence: {file: welcome}", None, "'welcome'"),
    ],
    ids=["none", "other language", "other region", "nested"],
)
async def test_a_flow_that_plays_what_is_not_recorded_is_not_published(
    tenant: Tenant, step: str, recorded: str | None, said: str
) -> None:
    flow = await tenant.flow()
    saved = await tenant.call("PUT", f"/flows/{flow['id']}/draft", content=saying(step), headers=YAML)
    assert saved.status_code == 200, saved.text
    assert [finding["code"] for finding in saved.json()["draft_findings"]] == ["prompt_missing"]
    if recorded is not None:
        await put(tenant, "welcome", params={"language": recorded})
    refused = await tenant.post(f"/flows/{flow['id']}/publish", {})
    assert (refused.status_code, refused.json()["code"]) == (422, "flow_has_errors")
    (finding,) = refused.json()["details"]["findings"]
    assert (finding["code"], finding["severity"]) == ("prompt_missing", "error")
    assert finding["step"]
    assert finding["line"] > 1
    assert said in finding["message"]
    await put(tenant, "welcome")
    assert (await tenant.post(f"/flows/{flow['id']}/publish", {})).status_code == 201


@pytest.mark.parametrize("step", ['file: "silence:1.5"', 'file: "{{ $flow.key.Name }}"'])
async def test_silence_and_names_from_variables_need_no_recording(tenant: Tenant, step: str) -> None:
    flow = await tenant.flow()
    await tenant.call("PUT", f"/flows/{flow['id']}/draft", content=saying(step), headers=YAML)
    assert (await tenant.post(f"/flows/{flow['id']}/publish", {})).status_code == 201


async def published(tenant: Tenant, flow: str, text: bytes) -> None:
    await tenant.call("PUT", f"/flows/{flow}/draft", content=text, headers=YAML)
    answer = await tenant.post(f"/flows/{flow}/publish", {})
    assert answer.status_code == 201, answer.text


async def as_of_old(pool: Pool, tenant: Tenant) -> None:
    """Versions as an older Central froze them: they hold no recordings."""
    async with transaction(pool) as connection:
        await connection.execute("delete from version_prompt where account_id = %s", [tenant.id])


async def test_a_prompt_that_an_old_version_looks_up_is_not_removed_unless_forced(
    tenant: Tenant, owner_pool: Pool
) -> None:
    flow = await tenant.flow()
    await tenant.call("PUT", f"/flows/{flow['id']}/draft", content=saying("file: welcome"), headers=YAML)
    await put(tenant, "welcome")
    assert (await tenant.call("DELETE", "/prompts/welcome")).json() == {"held_by": []}  # only a draft names it
    await put(tenant, "welcome")
    await put(tenant, "welcome", params={"language": "hi"})
    await published(tenant, flow["id"], saying("file: welcome"))
    await as_of_old(owner_pool, tenant)
    assert (await tenant.call("DELETE", "/prompts/welcome?language=hi")).status_code == 200  # not what it plays
    refused = await tenant.call("DELETE", "/prompts/welcome")
    assert (refused.status_code, refused.json()["code"]) == (409, "prompt_in_use")
    assert refused.json()["details"] == {"flows": ["appointment_reminder"]}
    assert await names(tenant) == [("welcome", "")]
    assert (await tenant.call("DELETE", "/prompts/welcome?force=true")).json() == {"held_by": []}
    line = (await tenant.get("/account/audit")).json()["items"][0]
    assert (line["action"], line["detail"]["forced"]) == ("prompt_removed", True)


async def test_a_prompt_is_free_when_production_has_moved_on(tenant: Tenant, owner_pool: Pool) -> None:
    flow = await tenant.flow()
    await put(tenant, "welcome")
    await published(tenant, flow["id"], saying("file: welcome"))
    await published(tenant, flow["id"], document())
    await as_of_old(owner_pool, tenant)
    assert (await tenant.call("DELETE", "/prompts/welcome")).status_code == 200


async def test_a_prompt_that_a_request_still_looks_up_is_not_removed(
    tenant: Tenant, worker_pool: Pool, owner_pool: Pool
) -> None:
    flow = await tenant.flow()
    await put(tenant, "welcome")
    for text in (saying("file: welcome"), document()):
        await published(tenant, flow["id"], text)
    await as_of_old(owner_pool, tenant)
    async with account_connection(worker_pool, tenant.id) as connection:
        await connection.execute(
            "insert into request (account_id, id, flow_id, flow_version_id, source)"
            " select account_id, gen_random_uuid(), flow_id, id, 'api' from flow_version where number = 1"
        )
    refused = await tenant.call("DELETE", "/prompts/welcome")
    assert (refused.status_code, refused.json()["code"]) == (409, "prompt_in_use")
    async with account_connection(worker_pool, tenant.id) as connection:
        await connection.execute("update request set open = false")
    assert (await tenant.call("DELETE", "/prompts/welcome")).status_code == 200


async def test_the_prompts_of_another_account_do_not_help(stage: Stage, tenant: Tenant) -> None:
    await put(await stage.account("Stranger"), "welcome")
    flow = await tenant.flow()
    await tenant.call("PUT", f"/flows/{flow['id']}/draft", content=saying("file: welcome"), headers=YAML)
    refused = await tenant.post(f"/flows/{flow['id']}/publish", {})
    assert [finding["code"] for finding in refused.json()["details"]["findings"]] == ["prompt_missing"]
