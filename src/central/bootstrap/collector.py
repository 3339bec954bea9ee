"""The cycle collector of a process; a module of its own, because a judge process needs nothing else of ``process``."""

from __future__ import annotations

import gc


def calm_collector() -> None:
    """Let the cycle collector look more rarely, and never at what the program itself consists of.

    A worker holds thousands of live objects at a time that are in no cycle; with Python's defaults a third of its time goes
    into looking at them again and again. Call it once, when everything is imported and built.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
