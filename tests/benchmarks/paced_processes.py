"""Worker processes that print ``ready``, wait for a line, work, and end: the way the bare opponents are run."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence

_PATIENCE_S = 300.0


def run_together(argv: Sequence[str], count: int) -> float:
    """Start so many, let them go at once; the seconds until the last one ends. RuntimeError when one fails."""
    processes = [subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(count)]
    for process in processes:
        if process.stdout is None or process.stdout.readline() != b"ready\n":
            raise RuntimeError(f"{argv[2]} did not start")
    begun = time.monotonic()
    for process in processes:
        if process.stdin is not None:
            process.stdin.write(b"go\n")
            process.stdin.close()
    for process in processes:
        if process.wait(_PATIENCE_S) != 0:
            raise RuntimeError(f"{argv[2]} failed")
        if process.stdout is not None:
            process.stdout.close()
    return time.monotonic() - begun
