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

_FAR_ENDS = Path(__file__).resolve().parents[1] / "far_ends"
_STALLED_S = 20.0


class Gateway(Protocol):
    """A gateway that runs: its HTTP door, and the request for one message (``path``)."""

    name: str
    send_port: int

    def path(self, callback_port: int | None = None) -> str:
        """The printf path of one message, with callbacks of every level to this port."""
        ...


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
            self._sink = _talking("sink", [_FAR_ENDS / "smpp_sink.py", "--receipts", *self._options], folder, opened)
            self._told = _talking("callbacks", [_FAR_ENDS / "callback_sink.py"], folder, opened)
            self.smsc_port, self.callback_port = (_port(one.read_line()) for one in (self._sink, self._told))
            self._folder = folder
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def rates(self, gateway: Gateway, messages: int, *, callbacks_each: int, connections: int = 16) -> Rates:
        """One run. callbacks_each: how many callbacks a message brings (0 = none are asked for)."""
        for one in (self._sink, self._told):
            self._ask(one, "clear")
        path = gateway.path(self.callback_port if callbacks_each else None)
        load = FarEnd(
            "load",
            [sys.executable, _FAR_ENDS / "http_load.py", "--port", str(gateway.send_port), "--path", path, "-n", str(messages),
             "-c", str(connections)],
            self._folder, talks=True,
        )  # fmt: skip
        try:
            sent = json.loads(load.read_line(600))
        finally:
            load.end()
        sink, told = self._settled(messages, messages * callbacks_each)
        first = sent["begun"]
        last = max(sink["last"], sink["last_ack"], told["last"])
        return Rates(
            accepted_per_s=messages / (sent["ended"] - first),
            submitted_per_s=sink["submits"] / (sink["last"] - first) if sink["submits"] else 0.0,
            settled_per_s=sink["submits"] / (last - first) if sink["submits"] else 0.0,
            submits=sink["submits"],
            acks=sink["acks"],
            callbacks=told["callbacks"],
            codes=sent["codes"],
        )

    def _settled(self, submits: int, callbacks: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """Wait until everything came, or nothing has come for a while: what is missing then shows in the counts."""
        before, since = (0, 0, 0), time.monotonic()
        while True:
            sink, told = self._ask(self._sink, "report"), self._ask(self._told, "report")
            now = (sink["submits"], sink["acks"], told["callbacks"])
            whole = now[0] >= submits and (callbacks == 0 or (now[1] >= submits and now[2] >= callbacks))
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


def _port(line: str) -> int:
    if not line.startswith("listening "):
        raise FarEndError(f"said {line!r} instead of where it listens")
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
        laboratory.rates(gateway, max(messages // 10, 1), callbacks_each=callbacks_each)
        return laboratory.rates(gateway, messages, callbacks_each=callbacks_each)
