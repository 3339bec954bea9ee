"""Processes of far ends: started so that they end with us, waited for until they listen, ended by the id that was started."""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1  # prctl(2)
_ENDS_S = 5.0


class FarEndError(RuntimeError):
    """A far end is not installed, did not start, or ended by itself; the message ends with what it said last."""


def _die_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class FarEnd:
    """One process: its output in ``folder/name.out``, or, with ``talks``, lines on a pipe (``ask``, ``read_line``)."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        folder: Path,
        *,
        talks: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name, self._folder = name, folder
        with (folder / f"{name}.out").open("ab") as out:
            self.process = subprocess.Popen(
                [str(word) for word in command], bufsize=0,
                cwd=folder, env=environment, stdin=subprocess.PIPE if talks else subprocess.DEVNULL,
                stdout=subprocess.PIPE if talks else out, stderr=out,
                start_new_session=True, preexec_fn=_die_with_parent,  # noqa: PLW1509 - one prctl, from a handle opened before
            )  # fmt: skip

    @property
    def pid(self) -> int:
        """Process id."""
        return self.process.pid

    def said(self) -> str:
        """The last that it wrote to its file."""
        return (self._folder / f"{self.name}.out").read_text(errors="replace")[-800:]

    def check(self) -> None:
        """Raise FarEndError when the process has ended."""
        if self.process.poll() is not None:
            raise FarEndError(f"{self.name} ended with {self.process.returncode}: {self.said()}")

    def read_line(self, limit_s: float = 10.0) -> str:
        """The next line of its standard output. Raises FarEndError after ``limit_s`` or at the end of the process."""
        out = self.process.stdout
        if out is None:
            raise FarEndError(f"{self.name} was not started to talk")
        if not select.select([out], [], [], limit_s)[0]:
            raise FarEndError(f"{self.name} said nothing for {limit_s:g} s: {self.said()}")
        line = out.readline()
        if not line:
            self.process.wait(_ENDS_S)
            self.check()
        return line.decode(errors="replace").rstrip("\n")

    def ask(self, line: str, limit_s: float = 10.0) -> str:
        """Write one line to its standard input; the line it answers."""
        if self.process.stdin is None:
            raise FarEndError(f"{self.name} was not started to talk")
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()
        return self.read_line(limit_s)

    def wait_listening(self, host: str, port: int, limit_s: float = 15.0) -> None:
        """Wait until the port takes connections. Raises FarEndError."""
        end = time.monotonic() + limit_s
        while time.monotonic() < end:
            self.check()
            if listens(host, port):
                return
            time.sleep(0.02)
        raise FarEndError(f"{self.name} does not listen on {host}:{port}: {self.said()}")

    def wait_said(self, words: str, limit_s: float = 15.0) -> None:
        """Wait until its file has these words. Raises FarEndError."""
        end = time.monotonic() + limit_s
        while words not in self.said():
            self.check()
            if time.monotonic() > end:
                raise FarEndError(f"{self.name} did not say {words!r}: {self.said()}")
            time.sleep(0.02)

    def end(self, how: int = signal.SIGTERM, limit_s: float = _ENDS_S) -> None:
        """End the process with a signal, with SIGKILL when it does not go within ``limit_s``, and all that it started.

        Safe to repeat.
        """
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(limit_s)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)  # its session is of its own
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


class Keeper:
    """Ends processes of a root folder (``chroot``) when we end without having ended them, even by SIGKILL.

    The kernel's own signal for that is forgotten when a process changes its user, which mail servers do.
    """

    _SCRIPT = (
        'while read pid; do pids="$pids $pid"; done; '
        'for pid in $pids; do [ "$(readlink /proc/$pid/root)" = "$1" ] && kill -s KILL -- "-$pid"; done'
    )

    def __init__(self, root: Path) -> None:
        self._process = subprocess.Popen(
            ["sh", "-c", self._SCRIPT, "keeper", str(root.resolve())],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, bufsize=0, start_new_session=True,
        )  # fmt: skip

    def watch(self, pid: int) -> None:
        """Keep an eye on one more process, the first of its session."""
        if self._process.stdin is not None:
            self._process.stdin.write(f"{pid}\n".encode())

    def end(self) -> None:
        """Watch no more; the processes live on."""
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()


def listens(host: str, port: int) -> bool:
    """Whether a TCP port takes connections now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0
