"""``python -m central``: the same program as the command ``central``."""

from __future__ import annotations

from central.cli import main

if __name__ == "__main__":
    main()
