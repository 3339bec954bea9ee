"""The files of this repository, for the project's own lint rules: what git tracks or would track."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One broken rule at one line (1-based) of a file named relative to the repository."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


def files(*patterns: str, root: Path = ROOT) -> list[Path]:
    """Files that git tracks, or would if they were added, in order of name; ``patterns`` are git pathspecs."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
    return [root / name for name in sorted(set(listed)) if name and (root / name).is_file()]


def relative(path: Path, root: Path = ROOT) -> str:
    """The path as the repository names it."""
    return path.relative_to(root).as_posix()


def report(findings: list[Finding], seen: int, what: str) -> int:
    """Print the findings; exit status 1 when there is one, or when nothing was looked at (a rule that cannot fail)."""
    for finding in sorted(findings):
        print(finding)
    if seen == 0:
        print(f"no {what} found: this rule would never fail; mend where it looks")
    return 1 if findings or seen == 0 else 0
