"""Flows as files: what was pushed comes back to the byte; versions are compared, rolled back and reset to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from central.cli.program import app
from central.domain.errors import CallerError
from tests.integration.api.conftest import Stage, Tenant, document
from tests.tones import tone

YAML = {"Content-Type": "application/yaml"}
Command = Callable[..., Awaitable[Any]]


@pytest.fixture
def central(
    stage: Stage, tenant: Tenant, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> Command:
    """Run ``central ...`` with the tenant's key; the answer is the bytes that it prints, decoded for ``--json``."""
    monkeypatch.setenv("CENTRAL_API_URL", str(stage.client.base_url).rstrip("/"))
    monkeypatch.setenv("CENTRAL_API_KEY", tenant.key)

    async def run(*words: str) -> Any:
        await asyncio.to_thread(app, words, result_action="return_value", exit_on_error=False)
        printed = capsysbinary.readouterr().out
        return json.loads(printed) if "--json" in words else printed

    return run


ODD = (
    document("odd_one").replace(b"\n", b"\r\n")
    + (
        "# Grüße \U0001f600 \u2028 tab\there, trailing blanks   \r\n\r\n\r\nlayout:   {menu: [ 1,2 ], note: 'a  b'}"
    ).encode()
)


@pytest.mark.parametrize(
    "data",
    [ODD, b"\xef\xbb\xbf" + document("odd_one"), b' \n{"flow": "odd_one",  "type":"multicast",\t"steps": {}}\r\n'],
    ids=["comments, layout and CRLF", "BOM", "JSON"],
)
async def test_what_was_pushed_comes_back_to_the_byte(central: Command, tmp_path: Path, data: bytes) -> None:
    file, copy = tmp_path / ("odd.json" if b"{" in data[:3] else "odd.yaml"), tmp_path / "copy"
    file.write_bytes(data)
    await central("flow", "push", str(file))
    await central("flow", "pull", "odd_one", str(copy))
    assert copy.read_bytes() == data
    assert await central("flow", "pull", "odd_one") == data


async def test_versions_are_compared_in_lines_and_in_meaning(tenant: Tenant) -> None:
    flow = await tenant.flow()
    none = await tenant.get(f"/flows/{flow['id']}/diff")
    assert (none.status_code, none.json()["code"]) == (404, "no_production_version")
    await tenant.post(f"/flows/{flow['id']}/publish", {})
    same = (await tenant.get(f"/flows/{flow['id']}/diff")).json()
    assert same == {"before": "production", "after": "draft", "unified": "", "changes": []}
    changed = document().replace(b"Hello {{", b"Good day {{")
    await tenant.call("PUT", f"/flows/{flow['id']}/draft", content=changed, headers=YAML)
    for query in ({}, {"before": "1"}, {"before": "1", "after": "draft"}):
        found = (await tenant.get(f"/flows/{flow['id']}/diff", params=query)).json()
        assert [(change["what"], change["part"], change["name"]) for change in found["changes"]] == [
            ("changed", "step", "greet")
        ]
        assert found["changes"][0]["fields"] == [
            {"field": "say", "before": "Hello {{ $flow.key.Name }}.", "after": "Good day {{ $flow.key.Name }}."}
        ]
        assert "\n-    say: " in found["unified"]
        assert "\n+    say: " in found["unified"]
    missing = await tenant.get(f"/flows/{flow['id']}/diff", params={"after": "7"})
    assert (missing.status_code, missing.json()["code"]) == (404, "version_not_found")
    for wrong in ("0", "x", "-1", "99999999999", "1 "):
        refused = await tenant.get(f"/flows/{flow['id']}/diff", params={"after": wrong})
        assert refused.status_code == 400, refused.text


async def test_a_draft_is_reset_to_a_version_and_production_stays(tenant: Tenant) -> None:
    flow = await tenant.flow()
    await tenant.post(f"/flows/{flow['id']}/publish", {})
    await tenant.call("PUT", f"/flows/{flow['id']}/draft", content=document() + b"#\n", headers=YAML)
    await tenant.post(f"/flows/{flow['id']}/publish", {})
    await tenant.call("PUT", f"/flows/{flow['id']}/draft", content=document() + b"# 3\n", headers=YAML)
    reset = await tenant.post(f"/flows/{flow['id']}/reset-draft", {"version": 1})
    assert (reset.status_code, reset.json()["production_version"]) == (200, 2)
    assert (await tenant.get(f"/flows/{flow['id']}/draft")).content == document()
    assert (await tenant.get(f"/flows/{flow['id']}/production")).content == document() + b"#\n"
    missing = await tenant.post(f"/flows/{flow['id']}/reset-draft", {"version": 3})
    assert (missing.status_code, missing.json()["code"]) == (404, "version_not_found")
    viewer = await tenant.with_key("report_viewer")
    assert (await viewer.post(f"/flows/{flow['id']}/reset-draft", {"version": 1})).status_code == 403


async def test_a_version_travels_from_the_terminal(tenant: Tenant, central: Command, tmp_path: Path) -> None:
    name = (await tenant.flow())["name"]
    file = tmp_path / "flow.yaml"
    await central("flow", "publish", name, "--note", "first")
    file.write_bytes(document().replace(b"Hello {{", b"Good day {{"))
    pushed = await central("flow", "push", str(file), "--publish", "--note", "kinder", "--json")
    assert pushed["production_version"] == 2
    versions = await central("flow", "versions", name, "--json")
    assert [(version["number"], version["note"]) for version in versions] == [(2, "kinder"), (1, "first")]
    shown = (await central("flow", "diff", name, "1", "2")).decode()
    assert "~ step greet changed" in shown
    assert "    say: Hello {{ $flow.key.Name }}. → Good day {{ $flow.key.Name }}." in shown
    assert (await central("flow", "rollback", name, "1", "--json"))["production_version"] == 1
    assert (await central("flow", "diff", name)).startswith(b"--- production\n+++ draft\n")
    assert await central("flow", "diff", name, "draft", str(file)) == b"the same\n"
    await central("flow", "reset", name, "1")
    assert await central("flow", "pull", name) == document()
    assert await central("flow", "pull", name, "--version", "2") == file.read_bytes()


async def test_what_keeps_a_draft_from_production_is_told(tenant: Tenant, central: Command, tmp_path: Path) -> None:
    file = tmp_path / "flow.yaml"
    file.write_bytes(document() + b"colour: red\n")
    with pytest.raises(CallerError) as caught:
        await central("flow", "push", str(file), "--publish")
    assert caught.value.code == "flow_has_errors"
    problems = str(caught.value.details["problems"])
    assert "no field 'colour'. [unknown_field]" in problems
    assert "[flow_without_did]" in problems
    assert (await tenant.get("/flows")).json()["items"][0]["production_version"] is None


async def test_what_the_account_lacks_is_found_when_a_flow_is_saved(tenant: Tenant) -> None:
    data = document().replace(b"widget: make_call ", b"caller_id: '+91 22 1234 5678'\n    widget: make_call ")
    data = data.replace(
        b"  see_you: {widget: play, say: Thank you. See you then.", b"  see_you: {widget: play, file: see-you"
    )
    line = data.split(b"  see_you:", maxsplit=1)[0].count(b"\n") + 1

    def missing(flow: Any, name: str = "draft_findings") -> list[tuple[str, int, str]]:
        assert all(found["severity"] == "error" and found["hint"] for found in flow[name])
        return [(found["code"], found["line"], found["step"]) for found in flow[name]]

    prompt = ("prompt_missing", line, "see_you")
    checked = (await tenant.post("/flows/check", content=data, headers=YAML)).json()
    assert missing(checked, "findings") == [prompt]
    flow = (await tenant.post("/flows", content=data, headers=YAML)).json()
    assert missing(flow) == [("flow_without_did", 0, ""), prompt]
    await tenant.post("/dids", {"dids": [{"number": "+912287654321"}, {"number": "+912212345678"}]})
    await tenant.call("PUT", f"/flows/{flow['id']}/dids", json={"dids": ["+912287654321"]})
    number = ("did_unknown", data.split(b"caller_id", maxsplit=1)[0].count(b"\n") + 1, "call")
    assert missing((await tenant.get(f"/flows/{flow['id']}")).json()) == [number, prompt]
    checked = (await tenant.post("/flows/check", content=data, headers=YAML)).json()
    assert missing(checked, "findings") == [number, prompt]
    refused = await tenant.post(f"/flows/{flow['id']}/publish", {})
    assert missing(refused.json()["details"], "findings") == [number, prompt]
    await tenant.call("PUT", f"/flows/{flow['id']}/dids", json={"dids": ["+912212345678"]})
    saved = await tenant.call("PUT", f"/flows/{flow['id']}/draft", content=data, headers=YAML)
    assert missing(saved.json()) == [prompt]
    await tenant.call("PUT", "/prompts/see-you", content=tone(0.5), headers={"Content-Type": "audio/wav"})
    assert missing((await tenant.get(f"/flows/{flow['id']}")).json()) == []
    assert (await tenant.post(f"/flows/{flow['id']}/publish", {})).status_code == 201
