"""Write ``docs/reference/openapi.json`` from the routes; ``--check`` only compares. Exit code 0 = in order, 1 = out of date."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from central.entrypoints.api.app import describe

PAGE = Path(__file__).resolve().parents[1] / "docs/reference/openapi.json"


def main() -> int:
    """Write or compare the document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare")
    check = parser.parse_args().check
    text = json.dumps(describe(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    if check:
        same = PAGE.exists() and PAGE.read_text("utf-8") == text
        if not same:
            print(f"{PAGE.name} is out of date: run tools/generate_openapi.py")
        return int(not same)
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
