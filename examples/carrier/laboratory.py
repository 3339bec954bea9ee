"""The laboratory carrier: one SIPp process for each behaviour, one port each."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from examples.carrier.scenarios import CALLEES, PRESSED
from examples.carrier.sipp import CarrierError, Invite, Sipp, free_ports, write_samples, write_scenario


class Carrier:
    """The chosen behaviours, each on a port of its own (free ones, or ``base_port`` + index); a context manager.

    ``contacts`` replaces a behaviour's own address in Contact, for a front that stands before it.
    """

    def __init__(
        self,
        names: Iterable[str] | None = None,
        *,
        host: str = "127.0.0.1",
        base_port: int = 0,
        transport: str = "udp",
        contacts: dict[str, str] | None = None,
    ) -> None:
        self.names = list(names or CALLEES)
        if unknown := set(self.names) - set(CALLEES):
            raise CarrierError(f"unknown scenario: {', '.join(sorted(unknown))}")
        self.host, self.base_port, self.transport = host, base_port, transport
        self._contacts = contacts or {}
        self._directory: Path | None = None
        self._running: dict[str, Sipp] = {}

    def port(self, name: str) -> int:
        """The SIP port of a running behaviour."""
        return self._running[name].port

    def start(self) -> Self:
        """Start all chosen behaviours and wait until they listen. Raises CarrierError."""
        for tries_left in (2, 1, 0):
            try:
                self._start_all()
            except CarrierError:  # a port that was free a moment ago may be taken by now
                self.stop()
                if not tries_left or self.base_port:
                    raise
            else:
                break
        return self

    def _start_all(self) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="carrier-"))
        write_samples(self._directory, PRESSED)
        free = iter(free_ports(self.host, 3 * len(self.names)))
        for index, name in enumerate(self.names):
            write_scenario(self._directory, name, CALLEES[name].steps)
            sip, control, media = next(free), next(free), next(free)
            self._running[name] = Sipp(
                self._directory,
                name,
                host=self.host,
                ports=(self.base_port + index if self.base_port else sip, control, media),
                transport=self.transport,
                contact=self._contacts.get(name, ""),
            )
        for process in self._running.values():
            process.wait_bound(self.transport)

    def invites(self, name: str | None = None) -> list[Invite]:
        """The INVITE transactions that one behaviour (or all) received."""
        chosen = [self._running[name]] if name else list(self._running.values())
        return [invite for process in chosen for invite in process.invites()]

    def errors(self, name: str) -> str:
        """What SIPp complained about in one behaviour."""
        return self._running[name].errors()

    def check(self) -> None:
        """Raise CarrierError when a process has ended."""
        for process in self._running.values():
            process.check()

    def stop(self) -> None:
        """End all processes and remove their files; safe to repeat."""
        for process in self._running.values():
            process.stop()
        self._running.clear()
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
