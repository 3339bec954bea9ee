from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools import generate_status_docs as docs

ENTRY = {"kind": "status", "title": "UNPROCESSED", "sentence": "", "at": "2026-03-01T12:00:00.000+00:00"}
TIMELINE = [
    ENTRY,
    ENTRY | {
        "kind": "schedule",
        "at": "2026-03-01T12:00:01.250+00:00",
        "title": "Next attempt 2026-03-01T12:00:07Z",
        "sentence": "by key:aB3_x until 2026-03-02 on host-1/g7 claimed by host-1 for 01a206c7-8772-7000-8000-3313389a718d",
    },
    ENTRY | {"kind": "push", "title": "left out"},
]  # fmt: skip


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(docs, "ROOT", tmp_path)
    places = {
        "ATLAS": "build/a.json",
        "EXAMPLES": "build/e.json",
        "KEPT": "kept.json",
        "CASES": "cases.json",
        "PAGE": "page.md",
    }
    for name, file in places.items():
        monkeypatch.setattr(docs, name, tmp_path / file)
    (tmp_path / "build").mkdir()
    return tmp_path


def run_left(place: Path) -> None:
    """What an acceptance run leaves behind."""
    example = {"case": "calls/busy", "weight": 3, "explanation": {"timeline": TIMELINE}}
    (place / "build/a.json").write_text(json.dumps({"flow": {"COMPLETED": ["calls/busy"], "FAILURE": []}}))
    (place / "build/e.json").write_text(json.dumps({"flow": {"COMPLETED": example}}))


def test_an_example_holds_nothing_of_the_machine_or_the_day() -> None:
    lines = docs.normalise(TIMELINE)
    assert lines == [
        "  +0.000 s  status    UNPROCESSED",
        "  +1.250 s  schedule  Next attempt (start +7 s)  by an API key until (day) on (node) claimed by (node) for (id)",
    ]


def test_a_page_without_any_run_names_every_status(place: Path) -> None:
    assert docs.main([]) == 0
    page = (place / "page.md").read_text()
    for name in ("COMPLETED", "REATTEMPT_SCHEDULED", "Channel Unavailable", "WRAPPING_UP"):
        assert f"### {name}\n" in page
    assert docs.main(["--check"]) == 0


def test_the_check_says_what_to_do_when_the_page_is_old(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    docs.main([])
    (place / "page.md").write_text("old")
    assert docs.main(["--check"]) == 1
    assert "page.md is out of date" in capsys.readouterr().err


def test_what_a_run_reached_is_taken_over_and_kept_without_it(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    docs.main([])
    run_left(place)
    assert docs.main(["--check"]) == 1
    assert "flow COMPLETED" in capsys.readouterr().err
    assert docs.main([]) == 0
    page = (place / "page.md").read_text()
    assert "Cases: `calls/busy`" in page
    assert "Example: calls/busy" in page
    assert json.loads((place / "cases.json").read_text())["flow"]["COMPLETED"] == ["calls/busy"]
    (place / "build/a.json").unlink()
    assert docs.main(["--check"]) == 0, "a machine without a run makes the same page"
    assert docs.main([]) == 0
    assert (place / "page.md").read_text() == page


def test_long_examples_are_cut_in_the_middle() -> None:
    lines = docs.normalise([ENTRY] * 200)
    assert len(lines) == 61
    assert "140 lines" in lines[30]
