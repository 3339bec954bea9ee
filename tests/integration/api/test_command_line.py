"""The command line against the API, as a person types it: prompts, webhooks, policies."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from central.cli.program import app
from central.domain.errors import CallerError, InvalidInput
from tests.integration.api.conftest import Stage, Tenant
from tests.tones import tone

Command = Callable[..., Awaitable[Any]]


@pytest.fixture
def central(
    stage: Stage, tenant: Tenant, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Run ``central ...`` with the tenant's key; the answer is what it prints, decoded where ``--json`` was asked."""
    monkeypatch.setenv("CENTRAL_API_URL", str(stage.client.base_url).rstrip("/"))
    monkeypatch.setenv("CENTRAL_API_KEY", tenant.key)

    async def run(*words: str) -> Any:
        await asyncio.to_thread(app, words, result_action="return_value", exit_on_error=False)
        text = capsys.readouterr().out
        return json.loads(text) if "--json" in words else text

    return run


async def test_a_recording_is_added_listed_and_removed(central: Command, tmp_path: Path) -> None:
    file = tmp_path / "welcome.wav"
    file.write_bytes(tone(0.5))
    made = await central("prompt", "add", str(file), "--json")
    assert (made["name"], made["language"], made["seconds"]) == ("welcome", "", 0.5)
    await central("prompt", "add", str(file), "--name", "jingles/one", "--language", "hi")
    listed = await central("prompt", "list", "--json")
    assert [(prompt["name"], prompt["language"]) for prompt in listed] == [("jingles/one", "hi"), ("welcome", "")]
    assert "jingles/one" in await central("prompt", "list")
    await central("prompt", "remove", "jingles/one", "--language", "hi")
    await central("prompt", "remove", "welcome")
    assert await central("prompt", "list", "--json") == []
    with pytest.raises(CallerError) as caught:
        await central("prompt", "remove", "welcome")
    assert caught.value.code == "prompt_not_found"


async def test_an_endpoint_is_made_changed_tried_rotated_and_removed(stage: Stage, central: Command) -> None:
    url = "https://crm.example.org/hook"
    login = ("--username", "u", "--password", "geheim-3")
    made = await central("webhook", "add", "crm", url, "--event", "record.final", *login, "--default", "--json")
    endpoint = made["endpoint"]
    assert (endpoint["events"], endpoint["auth"], endpoint["is_default"]) == (["record.final"], "basic", True)
    assert made["secret"].startswith("whsec_")
    changed = await central("webhook", "change", endpoint["id"], "--name", "crm 2", "--no-enabled", "--json")
    assert (changed["name"], changed["enabled"], changed["auth"], changed["is_default"]) == (
        "crm 2",
        False,
        "basic",
        True,
    )
    bare = await central("webhook", "change", endpoint["id"], "--username", "", "--no-default", "--enabled", "--json")
    assert (bare["enabled"], bare["auth"], bare["is_default"], bare["url"]) == (True, "none", False, url)
    rotated = await central("webhook", "rotate", endpoint["id"], "--json")
    assert (rotated["endpoint"]["secrets"], rotated["secret"] != made["secret"]) == (2, True)
    assert (await central("webhook", "test", endpoint["id"], "--json"))["ok"]
    assert [delivery.url for delivery in stage.courier.posted] == [url]
    assert [row["name"] for row in await central("webhook", "list", "--json")] == ["crm 2"]
    assert await central("webhook", "parked", "--endpoint", endpoint["id"], "--json") == []
    assert await central("webhook", "replay", endpoint["id"], "--json") == {"replayed": 0}
    await central("webhook", "remove", endpoint["id"])
    assert await central("webhook", "list", "--json") == []


async def test_policies_and_list_entries_are_listed(central: Command) -> None:
    policies = await central("policy", "list", "--json")
    assert {"IN", "LAB"} <= {policy["id"] for policy in policies}
    await central("list", "add", "blacklist", "+91 98765 43210", "+91 22 1234 5678")
    found = await central("list", "entries", "blacklist", "--prefix", "9198", "--json")
    assert [entry["number"] for entry in found] == ["919876543210"]


async def test_a_list_with_markup_and_escapes_in_it_is_shown_and_hides_nothing(central: Command) -> None:
    await central("did", "add", "+91 22 1234 5678", "--label", "ordinary")
    await central("did", "add", "+91 22 1234 5679", "--label", "[/x][vip]")
    await central("trunk", "add", "[/bad] t", "10.0.0.9")
    listed = await central("did", "list")
    assert "ordinary" in listed
    assert "[/x][vip]" in listed
    assert "[/bad] t" in await central("trunk", "list")


@pytest.mark.parametrize(
    "command", [("request", "show"), ("record", "explain"), ("trunk", "remove"), ("webhook", "test")]
)
async def test_what_is_no_identifier_is_told_as_such(central: Command, command: tuple[str, ...]) -> None:
    with pytest.raises(Exception, match='unable to convert "nope" into UUID'):
        await central(*command, "nope")


@pytest.mark.parametrize("command", [("prompt", "add"), ("flow", "push"), ("flow", "check"), ("list", "import", "dnd")])
async def test_a_file_that_is_not_there_is_told_before_anything_is_sent(
    central: Command, tmp_path: Path, command: tuple[str, ...]
) -> None:
    with pytest.raises(Exception, match="does not exist"):
        await central(*command, str(tmp_path / "gone"))


async def test_agents_and_queues_are_set_up_and_steered(central: Command) -> None:
    await central("pause-code", "add", "LUNCH", "Lunch", "--limit-s", "1800")
    assert [code["limit_s"] for code in await central("pause-code", "list", "--json")] == [1800]
    ada = await central("agent", "add", "ada", "Ada", "--skill", "hindi", "--skill", "billing:3", "--json")
    assert (ada["skills"], ada["phone"], ada["status"]) == ({"hindi": 1, "billing": 3}, "sip", "LOGGED_OUT")
    bob = await central("agent", "add", "bob", "Bob", "--number", "+919876543210", "--direct", "--json")
    assert (bob["kind"], bob["phone"]) == ("direct", "number")
    phone = await central("agent", "phone", ada["id"], "--json")
    assert phone["username"] == ada["phone_user"]
    changed = await central("agent", "change", ada["id"], "--skill", "hindi:2", "--json")
    assert (changed["skills"], changed["name"]) == ({"hindi": 2}, "Ada")
    with pytest.raises(InvalidInput) as caught:
        await central("agent", "change", ada["id"], "--skill", "hindi:much")
    assert caught.value.code == "invalid_level"
    queue = await central("queue", "add", "support", "--strategy", "linear", "--no-wrap-up", "--json")
    assert (queue["strategy"], queue["wrap_up_s"]) == ("linear", None)
    more = await central("queue", "change", queue["id"], "--wrap-up-s", "30", "--misses", "0", "--json")
    assert (more["wrap_up_s"], more["misses"], more["strategy"]) == (30, 0, "linear")
    await central("queue", "assign", queue["id"], ada["id"], "--tier", "2")
    members = await central("queue", "assign", queue["id"], bob["id"], "--json")
    assert [(one["key"], one["tier"]) for one in members] == [("bob", 1), ("ada", 2)]
    await central("queue", "unassign", queue["id"], bob["id"])
    assert [one["key"] for one in await central("queue", "agents", queue["id"], "--json")] == ["ada"]
    assert "support" in await central("agent", "list")
    assert (await central("agent", "login", ada["id"], "--json"))["status"] == "IDLE"
    assert (await central("agent", "pause", ada["id"], "--code", "LUNCH", "--json"))["pause_code"] == "LUNCH"
    assert [one["status"] for one in await central("agent", "board", "--json")] == ["PAUSED"]
    assert (await central("agent", "resume", ada["id"], "--json"))["status"] == "IDLE"
    assert (await central("agent", "end-wrap-up", ada["id"], "--json"))["status"] == "IDLE"
    assert (await central("agent", "logout", ada["id"], "--force", "--json"))["status"] == "LOGGED_OUT"
    history = await central("agent", "history", ada["id"], "--json")
    assert [one["to_status"] for one in history] == ["LOGGED_OUT", "IDLE", "PAUSED", "IDLE"]
    assert (await central("agent", "show", ada["id"], "--json"))["reason"] == "forced"
    await central("agent", "remove", ada["id"])
    await central("queue", "remove", queue["id"])
    await central("pause-code", "remove", "LUNCH")
    assert [one["key"] for one in await central("agent", "list", "--json")] == ["bob"]
    assert (await central("queue", "list", "--json"), await central("pause-code", "list", "--json")) == ([], [])


async def test_a_tree_of_dispositions_is_set_from_a_file_and_shown(
    tenant: Tenant, central: Command, tmp_path: Path
) -> None:
    await tenant.post("/queues", {"name": "support"})
    file = tmp_path / "tree.json"
    file.write_text('{"required": true, "dispositions": [{"key": "sold", "name": "Sold", "success": true}]}')
    put = await central("disposition", "set", str(file), "--queue", "support", "--json")
    assert [(one["key"], one["success"]) for one in put["dispositions"]] == [("sold", True)]
    shown = await central("disposition", "show", "--queue", "support", "--json")
    assert shown == put
    file.write_text(json.dumps(shown))
    again = await central("disposition", "set", str(file), "--queue", "support", "--json")
    assert [one["version"] for one in again["dispositions"]] == [1]
    assert "Sold" in await central("disposition", "show", "--queue", "support")
    with pytest.raises(CallerError) as caught:
        await central("disposition", "show")
    assert caught.value.code == "owner_needed"
