"""The demo's own Central: a fresh state folder, free ports, ``central up`` as a child process."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

_READY_S = 60.0


class DemoFailed(RuntimeError):
    """The demonstration cannot go on; the message says why and where to look."""


def free_port(wanted: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """``wanted`` when nobody has it, else any free port."""
    for port in (wanted, 0):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise DemoFailed("no free port on 127.0.0.1")


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


@dataclass
class DemoInstallation:
    """One run; a context manager that ends what it started. ``settings`` are further variables."""

    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    api_port: int = field(default_factory=lambda: free_port(8400))
    sip_port: int = field(default_factory=lambda: free_port(5060, socket.SOCK_DGRAM))
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Address of the API."""
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def log(self) -> Path:
        """Where ``central up`` writes its log."""
        return self.folder.with_suffix(".log")

    @property
    def environment(self) -> dict[str, str]:
        """The settings of this installation for every command."""
        return os.environ | {
            "CENTRAL_STATE_DIR": str(self.folder),
            "CENTRAL_API_PORT": str(self.api_port),
            "CENTRAL_SIP_BIND": f"127.0.0.1:{self.sip_port}",
            "CENTRAL_RTP_START": "20000",
            "CENTRAL_RTP_END": "29999",
            "CENTRAL_STRICT_RTP": "false",  # the carrier plays recorded digits from a port of their own
            "CENTRAL_CHANNELS": "250",
            "CENTRAL_CPS": "60",
            "CENTRAL_DRAIN_S": "3",
            "CENTRAL_NODE_NAME": "demo",
            **self.settings,
        }

    def central(self, *arguments: str) -> str:
        """Run a command of this installation and give back what it prints."""
        done = subprocess.run(
            [sys.executable, "-m", "central", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise DemoFailed(f"central {' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def prepare(self) -> None:
        """A fresh state folder; the voice engine is installed once into the cache."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        subprocess.run([sys.executable, "-m", "central", "voice", "install"], env=self.environment, check=True)

    def start(self) -> None:
        """Start ``central up`` and wait until the API and a voice node are ready."""
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "central", "up"],
                env=self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL, preexec_fn=_die_with_parent,  # noqa: PLW1509 - no threads here
            )  # fmt: skip
        until = time.monotonic() + _READY_S
        while not self._ready():
            if self.process.poll() is not None:
                raise DemoFailed(f"central up ended with {self.process.returncode}: see {self.log}")
            if time.monotonic() > until:
                raise DemoFailed(f"central up was not ready after {_READY_S:.0f} s: see {self.log}")
            time.sleep(0.1)

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health/ready", timeout=2) as answer:  # noqa: S310 - our own address
                neighbours = json.load(answer)["neighbours"]
        except (urllib.error.URLError, OSError, ValueError, KeyError):
            return False
        return any(n["name"].startswith("voice-node") and n["state"] == "up" for n in neighbours)

    def wait(self) -> None:
        """Keep running until the person ends it."""
        if self.process is not None:
            self.process.wait()

    def stop(self) -> None:
        """End it by its pid: drains, then everything stops."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> Self:
        self.prepare()
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()
