"""An SMSC to practise on: node-smpp with a script, where the last two digits of the destination choose what happens.

``SmsCenter`` starts it on loopback, waits until it listens, and tells what arrived, from a journal that the SMSC writes
before it answers: it is true even after ``kill``, and a start afterwards goes on with the same ids and owed receipts.
What each number does stands in ``README.md`` beside this module.
"""

from __future__ import annotations

import json
import shutil
import signal
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self

from examples.carrier.install import HERE, install_sms_center
from examples.carrier.process import FarEnd, FarEndError
from examples.carrier.sipp import free_ports

PREFIX = "919700"
"""Country code 91 and the first digits of the mobile numbers of the plan ``91 9700 NNNN CC``; CC is the behaviour's code."""

NUMBERS: dict[str, str] = {
    "delivered": "00",
    "expired": "01",
    "deleted": "02",
    "undeliverable": "03",
    "accepted_only": "04",
    "unknown": "05",
    "rejected_later": "06",
    "unknown_subscriber": "07",
    "failed_later": "08",
    "new_word": "09",
    "invalid_number": "10",
    "refused": "11",
    "throttled_once": "12",
    "queue_full": "13",
    "no_answer": "14",
    "cut": "15",
    "receipt_first": "16",
    "corrected": "17",
    "receipt_twice": "18",
    "no_receipt": "19",
    "says_stop": "20",
    "slow_answer": "21",
    "vendor_refusal": "22",
    "on_its_way": "23",
    "told_by_query": "24",
    "throttled_always": "25",
    "foreign_receipt": "26",
    "broken_receipt": "27",
    "late_intermediate": "28",
    "no_id": "29",
    "fails_once": "30",
    "unbinds": "31",
    "malformed": "32",
    "nack": "33",
    "accepted_then_cut": "34",
    "accepted_without_answer": "35",
}
"""Behaviour -> the last two digits of the number; the words are of ``README.md``."""


def number_for(behaviour: str, n: int) -> str:
    """The ``n``-th number (0-9999) of a behaviour, as E.164 digits (an Indian mobile number)."""
    return f"{PREFIX}{n:04d}{NUMBERS[behaviour]}"


class Submit(NamedTuple):
    """One submit_sm or data_sm that came. id: "" = it was not accepted; status: command_status, -1 = lost without an answer.

    part: reference, total, number; None = a message of one part. tlvs: unknown tags (``0x1400``) as hex.
    """

    to: str
    sender: str
    text: str
    coding: int
    status: int
    id: str
    part: tuple[int, int, int] | None
    tlvs: dict[str, str]


class SmsCenter:
    """The SMSC as a context manager.

    cache: the folder for far ends (``install_sms_center``). port 0: chosen free at the start, and kept over ``kill``.
    rate: submits a second before it throttles (0 = no limit). tls: key and certificate files. options: further ones of ``smsc.js``.
    """

    def __init__(
        self,
        cache: Path,
        *,
        port: int = 0,
        receipts: Literal["both", "text", "tlv", "none"] = "both",
        ids: Literal["hex", "dec", "mixed"] = "hex",
        delay_ms: int = 0,
        rate: float = 0,
        tls: tuple[Path, Path] | None = None,
        options: Sequence[str] = (),
    ) -> None:
        self.host, self.port = "127.0.0.1", port
        self.system_id, self.password = "esme", "secret"
        self._cache = cache
        self._options = [
            "--receipts", receipts, "--ids", ids, "--delay-ms", str(delay_ms), "--rate", str(rate),
            *(("--tls-key", str(tls[0]), "--tls-cert", str(tls[1])) if tls else ()), *options,
        ]  # fmt: skip
        self._folder: Path | None = None
        self._process: FarEnd | None = None

    def start(self) -> Self:
        """Start and wait until it listens; after ``kill`` it goes on with its journal. Raises FarEndError."""
        modules = install_sms_center(self._cache)
        node = shutil.which("node")
        if node is None:
            raise FarEndError("node is not installed")
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="sms-center-"))
        self.port = self.port or free_ports(self.host, 1)[0]
        command = [
            node, HERE / "smsc.js", "--modules", modules, "--host", self.host, "--port", str(self.port), "--system-id", self.system_id,
            "--password", self.password, "--journal", self.journal, *self._options,
        ]  # fmt: skip
        self._process = FarEnd("smsc", command, self._folder, talks=True)
        try:
            self._process.read_line()
        except FarEndError:
            self.stop()
            raise
        return self

    @property
    def journal(self) -> Path:
        """The file of JSON lines that it writes."""
        if self._folder is None:
            raise FarEndError("the SMSC was not started")
        return self._folder / "journal.jsonl"

    @property
    def pid(self) -> int:
        """Process id. Raises FarEndError when it does not run."""
        return self._running().pid

    def _running(self) -> FarEnd:
        if self._process is None:
            raise FarEndError("the SMSC does not run")
        return self._process

    def check(self) -> None:
        """Raise FarEndError when the process has ended by itself."""
        self._running().check()

    def events(self) -> list[dict[str, Any]]:
        """The journal so far; a torn last line is left out."""
        found: list[dict[str, Any]] = []
        for line in self.journal.read_text(errors="replace").splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
        return found

    def submits(self) -> list[Submit]:
        """Every submit_sm and data_sm that came, in order."""
        return [
            Submit(
                one["to"], one["from"], str(one["text"]), one.get("coding", 0), one["status"], one.get("id", ""),
                tuple(one["part"]) if "part" in one else None, one.get("tlvs", {}),
            )
            for one in self.events() if one["kind"] == "submit"
        ]  # fmt: skip

    def accepted(self) -> Counter[tuple[str, str, int]]:
        """How often each part was accepted: (destination, text, number of the part); proof of exactly once."""
        return Counter((one.to, one.text, one.part[2] if one.part else 1) for one in self.submits() if one.id)

    def acknowledged(self) -> Counter[tuple[str, str]]:
        """How often each receipt was acknowledged: (SMSC id, state word); inbound texts have the id ""."""
        return Counter((one["id"], one["state"]) for one in self.events() if one["kind"] == "told")

    def say(self, sender: str, to: str, text: str) -> None:
        """A person writes to us."""
        self._order({"deliver": {"source_addr": sender, "destination_addr": to, "esm_class": 0, "short_message": text}})

    def deliver(self, **fields: object) -> None:
        """Send a deliver_sm with any fields of node-smpp."""
        self._order({"deliver": fields})

    def limit(self, rate: float) -> None:
        """Throttle above so many submits a second; 0 = no limit."""
        self._order({"rate": rate})

    def behave(self, how: Literal["normal", "mute", "close"]) -> None:
        """``mute`` answers nothing more, ``close`` cuts each new connection."""
        self._order({"behave": how})

    def cut(self) -> None:
        """Cut every connection."""
        self._order({"cut": True})

    def unbind(self) -> None:
        """Unbind every bind in order."""
        self._order({"unbind": True})

    def write(self, octets: bytes) -> None:
        """Write these octets on every connection, whatever they mean."""
        self._order({"raw": octets.hex()})

    def _order(self, what: dict[str, object]) -> None:
        if self._running().ask(json.dumps(what)) != "done":
            raise FarEndError("the SMSC did not do what it was told")

    def kill(self) -> None:
        """End it with SIGKILL; its journal stays for the next ``start``."""
        self._running().end(signal.SIGKILL)
        self._process = None

    def stop(self) -> None:
        """End it and remove its files; safe to repeat."""
        if self._process is not None:
            self._process.end()
            self._process = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
