"""Flows as files, from the terminal and without an installation: check and draw."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from central.cli.program import app
from tests.fakes.flow_player import after_answer

BAD = after_answer('  first:\n    widget: play\n    say: "Hi {{ $flow.key.Nam }}"\n    nxt: end\n')


@pytest.fixture
def no_installation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither a profile nor an API that would answer."""
    monkeypatch.setenv("CENTRAL_API_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("CENTRAL_API_KEY", "none")
    monkeypatch.setenv("HOME", str(tmp_path))


def run(*words: str | Path) -> Any:
    return app([str(word) for word in words], result_action="return_value", exit_on_error=False)


@pytest.mark.usefixtures("no_installation")
def test_every_finding_is_shown_with_its_line_and_hint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "bad.yaml"
    file.write_bytes(BAD)
    assert run("flow", "check", file) == 1
    shown = capsys.readouterr().out
    assert "error[variable_unknown] in step first: $flow.key.Nam is read" in shown
    assert f'--> {file}:9\n    9 |     say: "Hi {{{{ $flow.key.Nam }}}}"' in shown
    assert "hint: Did you mean 'next'?" in shown
    assert "2 errors, 0 warnings" in shown


@pytest.mark.usefixtures("no_installation")
def test_findings_as_json_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "bad.yaml"
    file.write_bytes(BAD)
    assert run("flow", "check", file, "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert [(f["code"], f["line"], f["step"], f["text"].strip()) for f in found] == [
        ("variable_unknown", 9, "first", 'say: "Hi {{ $flow.key.Nam }}"'),
        ("unknown_field", 10, "first", "nxt: end"),
    ]
    assert {f["file"] for f in found} == {str(file)}


@pytest.mark.usefixtures("no_installation")
def test_several_files_and_warnings_alone_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, odd = tmp_path / "good.yaml", tmp_path / "odd.yaml"
    good.write_bytes(after_answer("  first: {widget: play, say: Hello.}\n"))
    odd.write_bytes(after_answer("  first: {widget: play, say: $flow.key.Name}\n"))
    assert run("flow", "check", good, odd) == 0
    shown = capsys.readouterr().out
    assert f"{good}: 0 errors, 0 warnings" in shown
    assert "warning[variable_bare]" in shown


@pytest.mark.usefixtures("no_installation")
@pytest.mark.parametrize(
    ("data", "code", "line"),
    [
        (b"flow: a\nsteps:\n\tx: y\n", "document_syntax", 3),
        (b"flow: a\nflow: b\n", "document_duplicate_key", 2),
        (b"flow: \xff\n", "document_not_utf8", 1),
        (b"#" * 2_000_000, "document_too_large", 0),
        (b"", "document_empty", 0),
    ],
)
def test_what_cannot_be_read_at_all_is_a_finding_too(
    data: bytes, code: str, line: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "x.yaml"
    file.write_bytes(data)
    assert run("flow", "check", file, "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert [(f["code"], f["line"], bool(f["hint"])) for f in found] == [(code, line, True)]


@pytest.mark.usefixtures("no_installation")
def test_a_terminal_obeys_nothing_that_stands_in_a_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "x.yaml"
    file.write_bytes(after_answer('  first: {widget: "\\e[31mred", say: a}  # \x1b[2J\n'))
    assert run("flow", "check", file) == 1
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.usefixtures("no_installation")
def test_a_flow_is_drawn_beside_its_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "bad.yaml"
    file.write_bytes(BAD)
    run("flow", "draw", file)
    assert str(tmp_path / "bad.svg") in capsys.readouterr().out
    picture = (tmp_path / "bad.svg").read_text()
    assert ET.fromstring(picture).tag == "{http://www.w3.org/2000/svg}svg"
    assert picture.count('stroke="#d22"') == 1  # the step with errors
