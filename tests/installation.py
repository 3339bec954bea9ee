"""A whole Central for tests of the outside: ``central up`` as a child process, started, used and ended as a person does it.

The test process knows the API's address and its keys, never the database's. Used by the acceptance and resilience suites.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from examples.carrier.sipp import free_ports
from tests.api_client import Api

READY_S = 90.0
STOP_S = 40.0
_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1  # prctl(2)
_SHOWN_LINES = 40


class InstallationFailed(RuntimeError):
    """Central did not start or a command of it failed; the message ends with the last lines of the log."""


def _end_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class Installation:
    """One installation in a folder of its own; a context manager that ends everything it started.

    ``settings`` are further ``CENTRAL_`` variables. ``key`` is the key of the first account, ``operator`` speaks with the
    operator's key of this machine.
    """

    asterisk_root: Path
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    folder: Path = field(init=False)
    process: subprocess.Popen[bytes] | None = None
    key: str = ""
    account_id: str = ""

    def __post_init__(self) -> None:
        # short, because of the database's socket, and open, because its server runs as a user of its own
        self.folder = Path(tempfile.mkdtemp(prefix="central-lab-"))
        self.folder.chmod(0o755)
        api, sip = free_ports("127.0.0.1", 2)
        self.url = f"http://127.0.0.1:{api}"
        media = 12_000 + os.getpid() % 16 * 1_000  # below the ports that the kernel gives out
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("CENTRAL_")} | {
            "CENTRAL_STATE_DIR": str(self.folder / "state"),
            "CENTRAL_CACHE_DIR": str(self.folder / "cache"),
            "CENTRAL_ASTERISK_ROOT": str(self.asterisk_root),
            "CENTRAL_NODE_NAME": "lab",
            "CENTRAL_API_PORT": str(api),
            "CENTRAL_SIP_BIND": f"127.0.0.1:{sip}",
            "CENTRAL_RTP_START": str(media),
            "CENTRAL_RTP_END": str(media + 998),
            "CENTRAL_STRICT_RTP": "no",
            "CENTRAL_CARRIER_NETWORKS": "127.0.0.0/8",
            "CENTRAL_LOG_FORMAT": "json",
            "CENTRAL_DRAIN_S": "2",
            **self.settings,
        }

    @property
    def log(self) -> Path:
        """Where ``central up`` and its children write."""
        return self.folder / "up.log"

    @property
    def operator(self) -> Api:
        """A client with the operator's key of this machine."""
        return Api(self.url, (self.folder / "state" / "operator.key").read_text().strip())

    def api(self, key: str = "") -> Api:
        """A client with an account's key; that of the first account by default."""
        return Api(self.url, key or self.key)

    def central(self, *arguments: str) -> str:
        """Run a command of this installation; its standard output. Raises InstallationFailed."""
        done = subprocess.run(
            [sys.executable, "-m", "central", *arguments],
            env=self.environment, cwd=self.folder, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        if done.returncode:
            raise InstallationFailed(f"central {' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def start(self, *, first_account: bool = True) -> Self:
        """Start it, wait until it is ready, and make the first account. Raises InstallationFailed."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "central", "up"],
                env=self.environment, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - one prctl, from a handle opened before
            )  # fmt: skip
        self.wait_ready()
        if first_account and not self.key:
            made = json.loads(self.central("init", "--policy", "LAB", "--json"))
            self.key, self.account_id = made["key"], made["account_id"]
        return self

    def wait_ready(self, limit_s: float = READY_S) -> None:
        """Wait until the API and a voice node can work. Raises InstallationFailed."""
        end = time.monotonic() + limit_s
        while not self.ready():
            if self.process is None or self.process.poll() is not None:
                raise InstallationFailed(f"central up ended by itself\n{self.last_lines()}")
            if time.monotonic() > end:
                raise InstallationFailed(f"central up was not ready after {limit_s:.0f} s\n{self.last_lines()}")
            time.sleep(0.1)

    def ready(self) -> bool:
        """Whether the API says so, and knows a living voice node."""
        try:
            answer = httpx.get(f"{self.url}/health/ready", timeout=2)
            neighbours: list[dict[str, Any]] = answer.json()["neighbours"]
        except (httpx.HTTPError, ValueError, KeyError):
            return False
        nodes = [n for n in neighbours if n["name"].startswith("voice-node")]
        return answer.is_success and any(n["state"] in {"ok", "up"} for n in nodes)

    def processes(self) -> dict[str, int]:
        """The pid of each child that was started last, by its name, as the supervisor's log tells."""
        found: dict[str, int] = {}
        for line in self.log_lines():
            if line.get("event") == "child_started":
                found[str(line["child"])] = int(line["pid"])
        return found

    def log_lines(self) -> list[dict[str, Any]]:
        """The log so far; lines that are not JSON are left out."""
        lines: list[dict[str, Any]] = []
        for text in self.log.read_text(errors="replace").splitlines():
            if text.startswith("{"):
                try:
                    lines.append(json.loads(text))
                except ValueError:
                    continue
        return lines

    def last_lines(self) -> str:
        """The end of the log, for messages."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-_SHOWN_LINES:]) if self.log.exists() else ""

    def stop(self) -> int | None:
        """End it in order, by its pid, within bounds; its exit code. Safe to repeat."""
        process, self.process = self.process, None
        if process is None:
            return None
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                family = _descendants(process.pid)
                for pid in (process.pid, *family):
                    _kill(pid)
                process.wait()
        return process.returncode

    def remove(self) -> None:
        """Remove its folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self.remove()


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _descendants(pid: int) -> list[int]:
    """All processes below one, by /proc; taken before the first of them is killed."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(folder.name))
    found: list[int] = []
    open_ = [pid]
    while open_:
        below = parents.get(open_.pop(), [])
        found += below
        open_ += below
    return found
