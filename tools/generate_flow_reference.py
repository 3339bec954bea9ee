"""Write the widgets' part of ``docs/reference/flow-language.md`` from their declarations; ``--check`` only compares.

Exit code 0 = in order, 1 = out of date.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from central.flow.reference import fill_page

PAGE = Path(__file__).resolve().parents[1] / "docs/reference/flow-language.md"


def main() -> int:
    """Write or compare the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare")
    check = parser.parse_args().check
    page = PAGE.read_text("utf-8")
    filled = fill_page(page)
    if check:
        if filled != page:
            print(f"{PAGE.name} is out of date: run tools/generate_flow_reference.py")
        return int(filled != page)
    PAGE.write_text(filled, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
