"""A call played in the terminal, and written down as a case that passes."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from central.cli.program import app
from central.flow.document import parse
from central.flow.flow_cases import parse_cases, play_case
from tests.fakes.flow_player import after_answer

FLOW = after_answer("""  first: {widget: transfer_call, number: "918000000010", on: {answered: tell, failed: sorry}}
  tell: {widget: sms, text: Thank you., on: {accepted: end, failed: end}}
  sorry: {widget: play, say: Sorry., next: end}
""")


ASKS = after_answer("""  first:
    widget: webhook
    url: https://shop.example.com/orders
    result: {State: state, Note: note}
    on: {success: say, failure: end}
  say: {widget: play, say: "It is {{ $flow.key.State }}, {{ $flow.key.Note }}.", next: end}
""")


def run(*words: str | Path) -> Any:
    return app([str(word) for word in words], result_action="return_value", exit_on_error=False)


@pytest.mark.parametrize(
    ("typed", "status", "acts"),
    [
        (["y", "t", "h", "accepted"], "SHORT_HANGUP", ("answers", "talks", "hangs up", "replies accepted")),
        (["y", "t", "answered", "failed"], "COMPLETED", ("answers", "talks", "replies answered", "replies failed")),
        (["y", "busy", ""], "COMPLETED", ("answers", "replies busy", "waits")),
        (["y", "h"], "SHORT_HANGUP", ("answers", "hangs up")),
    ],
)
def test_a_conversation_is_played_and_becomes_a_case(
    typed: list[str],
    status: str,
    acts: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file, cases = tmp_path / "f.yaml", tmp_path / "f.cases.yaml"
    file.write_bytes(FLOW)
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in typed)))
    assert run("flow", "run", file, "--at", "2026-12-24T18:30+01:00", "--write", cases) == 0
    shown = capsys.readouterr().out
    assert "(t: they talk, h: hang up)" in shown
    assert status in shown
    (case,) = parse_cases(cases.read_bytes()).cases
    assert tuple(act.words for act in case.acts) == acts
    assert case.becomes == status
    assert play_case(parse(FLOW), case).wrong == ()


def test_what_comes_back_may_bring_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file, cases = tmp_path / "f.yaml", tmp_path / "f.cases.yaml"
    file.write_bytes(ASKS)
    body = '{"state": "Sent", "note": "a=b c"}'
    typed = f"y\nSuccess response_status_code=200 response_raw={body}\n\n\n"
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    assert run("flow", "run", file, "--write", cases) == 0
    assert "It is Sent, a=b c." in capsys.readouterr().out
    (case,) = parse_cases(cases.read_bytes()).cases
    assert case.acts[1].words == "replies success"
    assert case.acts[1].values == {"response_status_code": "200", "response_raw": body}
    assert play_case(parse(ASKS), case).wrong == ()
