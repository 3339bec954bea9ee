"""Write the reference of the flow language from its declarations; ``--check`` only compares.

A page a widget in ``docs/reference/widgets/``, and what stands between marks in ``flow-language.md`` and ``expressions.md``.
Exit code 0 = in order, 1 = out of date.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from central.flow.reference import fill_page, widget_pages

REFERENCE = Path(__file__).resolve().parents[1] / "docs/reference"
FILLED = ("flow-language.md", "expressions.md")


def wanted() -> Mapping[Path, str]:
    """Every page as it must be."""
    filled = {REFERENCE / name: fill_page((REFERENCE / name).read_text("utf-8")) for name in FILLED}
    return filled | {REFERENCE / "widgets" / name: text for name, text in widget_pages().items()}


def main() -> int:
    """Write or compare the pages; pages of widgets that are no more are removed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare")
    check = parser.parse_args().check
    pages = wanted()
    stale = [path for path in (REFERENCE / "widgets").glob("*") if path not in pages]
    changed = [path for path, text in pages.items() if not path.exists() or path.read_text("utf-8") != text]
    if check:
        for path in (*changed, *stale):
            print(f"{path.relative_to(REFERENCE)} is out of date: run tools/generate_flow_reference.py")
        return int(bool(changed or stale))
    for path in changed:
        path.parent.mkdir(exist_ok=True)
        path.write_text(pages[path], "utf-8")
    for path in stale:
        path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
