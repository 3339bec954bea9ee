"""How fast a gateway takes, sends and tells: from its HTTP door to the common SMPP sink, with receipts and callbacks.

Each side of a comparison is measured with the same sink, load, callback receiver and number of messages. Three rates: accepted
(answers of the door), submitted (first request to the last submit_sm), settled (first request to the last callback or
acknowledged receipt).
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

from examples.carrier.process import FarEnd, FarEndError

FAR_ENDS = Path(__file__).resolve().parents[1] / "far_ends"
_STALLED_S = 20.0


class Gateway(Protocol):
    """A gateway that runs: its HTTP door, and the request for one message (``path``)."""

    name: str
    send_port: int

    def path(self, callback_port: int | None = None) -> str:
        """The printf path of one message, with callbacks of every level to this port."""
        ...


@dataclass(frozen=True)
class Sent:
    """When the first message was asked for and the last one accepted (seconds of the machine's monotonic clock), and the answers."""

    begun: float
    ended: float
    codes: dict[str, int]


Load = Callable[[int], Sent]
"""Gives so many messages to a gateway."""


@dataclass(frozen=True)
class Rates:
    """Messages a second, and how many of those that were sent came to the sink, were acknowledged, were told by callback."""

    accepted_per_s: float
    submitted_per_s: float
    settled_per_s: float
    submits: int
    acks: int
    callbacks: int
    codes: dict[str, int]


class Laboratory:
    """The sink and the callback receiver; a context manager.

    quickack: the sink acknowledges TCP segments at once. delay_ms: from the answer to the receipt.
    """

    def __init__(self, *, quickack: bool = False, delay_ms: int = 0) -> None:
        self._options = ["--delay-ms", str(delay_ms), *(["--quickack"] if quickack else [])]

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
            self._sink = _talking("sink", [FAR_ENDS / "smpp_sink.py", "--receipts", *self._options], folder, opened)
            self._told = _talking("callbacks", [FAR_ENDS / "callback_sink.py"], folder, opened)
            self.smsc_port, self.callback_port = map(port_of, (self._sink, self._told))
            self._folder = folder
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def door(self, gateway: Gateway, *, callbacks: bool, connections: int = 16) -> Load:
        """One request a message to the gateway's HTTP door, over so many kept connections."""
        path = gateway.path(self.callback_port if callbacks else None)

        def load(messages: int) -> Sent:
            process = FarEnd(
                "load",
                [sys.executable, FAR_ENDS / "http_load.py", "--port", str(gateway.send_port), "--path", path,
                 "-n", str(messages), "-c", str(connections)],
                self._folder, talks=True,
            )  # fmt: skip
            try:
                return Sent(**json.loads(process.read_line(600)))
            finally:
                process.end()

        return load

    def rates(self, load: Load, messages: int, *, callbacks_each: int, receipts: bool = False) -> Rates:
        """One run. callbacks_each: how many callbacks a message brings (0 = none are asked for).

        receipts: they are waited for, also where no callbacks are.
        """
        for one in (self._sink, self._told):
            self._ask(one, "clear")
        sent = load(messages)
        sink, told = self._settled(messages, messages if receipts or callbacks_each else 0, messages * callbacks_each)
        last = max(sink["last"], sink["last_ack"], told["last"])
        return Rates(
            accepted_per_s=messages / (sent.ended - sent.begun),
            submitted_per_s=sink["submits"] / (sink["last"] - sent.begun) if sink["submits"] else 0.0,
            settled_per_s=sink["submits"] / (last - sent.begun) if sink["submits"] else 0.0,
            submits=sink["submits"],
            acks=sink["acks"],
            callbacks=told["callbacks"],
            codes=sent.codes,
        )

    def _settled(self, submits: int, acks: int, callbacks: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """Wait until everything came, or nothing has come for a while: what is missing then shows in the counts."""
        before, since = (0, 0, 0), time.monotonic()
        while True:
            sink, told = self._ask(self._sink, "report"), self._ask(self._told, "report")
            now = (sink["submits"], sink["acks"], told["callbacks"])
            whole = all(came >= wanted for came, wanted in zip(now, (submits, acks, callbacks), strict=True))
            if whole or (now == before and time.monotonic() - since > _STALLED_S):
                return sink, told
            if now != before:
                before, since = now, time.monotonic()
            time.sleep(0.2)

    @staticmethod
    def _ask(process: FarEnd, word: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(process.ask(word))
        return found


def _talking(name: str, command: list[Path | str], folder: Path, opened: ExitStack) -> FarEnd:
    process = FarEnd(name, [sys.executable, *command], folder, talks=True)
    opened.callback(process.end)
    return process


def port_of(process: FarEnd) -> int:
    """Where a far end that has just been started says that it listens. Raises FarEndError."""
    line = process.read_line()
    if not line.startswith("listening "):
        raise FarEndError(f"{process.name} said {line!r} instead of where it listens")
    return int(line.split()[1].rpartition(":")[2])


def measure(
    start: Callable[[int], AbstractContextManager[Gateway]],
    messages: int,
    *,
    callbacks_each: int,
    quickack: bool = False,
) -> Rates:
    """One run of a gateway that ``start(smsc_port)`` starts, after a tenth of the messages to warm it up."""
    with Laboratory(quickack=quickack) as laboratory, start(laboratory.smsc_port) as gateway:
        return warm_run(laboratory, laboratory.door(gateway, callbacks=callbacks_each > 0), messages, callbacks_each)


def warm_run(
    laboratory: Laboratory, load: Load, messages: int, callbacks_each: int, *, receipts: bool = False
) -> Rates:
    """A run after one with a tenth of the messages. RuntimeError when a message, a receipt or a callback is missing."""
    laboratory.rates(load, max(messages // 10, 1), callbacks_each=callbacks_each, receipts=receipts)
    found = laboratory.rates(load, messages, callbacks_each=callbacks_each, receipts=receipts)
    missing = found.acks < messages if receipts else found.callbacks < messages * callbacks_each
    if found.submits != messages or missing:
        raise RuntimeError(f"not everything came: {found}")
    return found
