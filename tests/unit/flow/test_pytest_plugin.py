"""pytest plays the cases of flows beside other tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

# three interpreters with all of pytest's plugins: seconds of processor time, many more on a busy machine
pytestmark = pytest.mark.timeout(120)
EXAMPLES = Path(__file__).parents[3] / "examples"


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", str(folder)]
    return subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


def test_cases_pass_fail_and_tell_what_is_wrong(tmp_path: Path) -> None:
    for name in ("appointment-reminder.yaml", "appointment-reminder.cases.yaml"):
        (tmp_path / name).write_bytes((EXAMPLES / name).read_bytes())
    done = run(tmp_path)
    assert done.returncode == 0, done.stdout
    assert "8 passed" in done.stdout
    broken = (tmp_path / "appointment-reminder.yaml").read_text().replace('{Left: "yes"}', '{Left: "no"}')
    (tmp_path / "appointment-reminder.yaml").write_text(broken)
    done = run(tmp_path)
    assert done.returncode == 1
    assert "Left is 'no', not 'yes'" in done.stdout
    assert "1 failed, 7 passed" in done.stdout


def test_a_case_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.cases.yaml").write_text("flow: nowhere.yaml\ncases: [{name: x}]\n")
    done = run(tmp_path)
    assert done.returncode == 2
    assert "nowhere.yaml" in done.stdout
