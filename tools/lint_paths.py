"""No file of the repository may name a place that exists on one machine only, or a package registry's host.

Such names leak from lock files, logs pasted into documents and recorded fixtures; a clean clone elsewhere would follow them.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tools.repository import ROOT, Finding, files, relative, report

# Written in pieces, so that this file keeps its own rule.
_HOMES = "work|farm|root|home/[a-z]|Users/[A-Za-z]"
_HOSTS = "|".join(
    (r"pypi\." + "org", r"pythonhosted\." + "org", r"registry\.npm" + r"js\.org", r"debian\." + "org/debian")
)
_RULES = (
    (re.compile(r"(?<![\w.})\]-])/(?:" + _HOMES + ")/"), "a path of one machine"),
    (re.compile(r"/(?:tmp/lab|opt/wheels|opt/pypi)\b"), "a path of one machine"),
    (re.compile(_HOSTS), "the host of a package registry"),
    (
        re.compile(r"^[ \t]*--(?:extra-)?(?:index-url|find-links)|^[ \t]*-[if] ", re.MULTILINE),
        "an address in a lock file",
    ),
)
_LOCK_RULE = _RULES[-1][0]


def check_text(path: str, text: str) -> list[Finding]:
    """Findings in one file's text."""
    found: list[Finding] = []
    for pattern, message in _RULES:
        if pattern is _LOCK_RULE and not path.startswith("requirements/"):
            continue
        found += [
            Finding(path, text.count("\n", 0, hit.start()) + 1, f"{message}: {hit.group().strip()}")
            for hit in pattern.finditer(text)
        ]
    return found


def check(root: Path = ROOT) -> tuple[list[Finding], int]:
    """Findings in all text files below ``root``, and how many files were read."""
    found: list[Finding] = []
    seen = 0
    for path in files(root=root):
        data = path.read_bytes()
        if b"\0" in data[:8192]:
            continue
        seen += 1
        found += check_text(relative(path, root), data.decode("utf-8", "replace"))
    return found, seen


if __name__ == "__main__":
    sys.exit(report(*check(), "file"))
