"""Processor time by component between two moments: what a busy machine does not blur."""

from __future__ import annotations

from collections.abc import Container, Mapping

import psutil


class CpuShares:
    """``pids``: each component's process. The children of ``families`` count with them, also those that have ended."""

    def __init__(self, pids: Mapping[str, int], families: Container[str] = ()) -> None:
        self._processes = {name: psutil.Process(pid) for name, pid in pids.items()}
        self._families = families
        self._begun = self._now()

    def begin(self) -> None:
        """From here."""
        self._begun = self._now()

    def ms_each(self, n: int) -> dict[str, float]:
        """Milliseconds of each component for each of ``n``."""
        now = self._now()
        return {name: round((now[name] - self._begun[name]) * 1000 / n, 2) for name in now}

    def _now(self) -> dict[str, float]:
        return {name: _spent(process, family=name in self._families) for name, process in self._processes.items()}


def _spent(process: psutil.Process, *, family: bool) -> float:
    own = process.cpu_times()
    if not family:
        return own.user + own.system
    total = own.user + own.system + own.children_user + own.children_system
    for child in process.children(recursive=True):
        try:
            times = child.cpu_times()
        except psutil.NoSuchProcess:  # ended this moment: its parent has its time by now
            continue
        total += times.user + times.system
    return total
