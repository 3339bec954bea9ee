"""Run SIPp: write a scenario, start the process, read its log of INVITEs, stop it."""

from __future__ import annotations

import ctypes
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from examples.carrier.digits import capture, file_name
from examples.carrier.speech import samples

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1  # prctl(2)
_FIELDS = 6
_PORTS: Final = (*range(28_000, 32_764, 4), *range(61_000, 65_532, 4))


class CarrierError(RuntimeError):
    """SIPp is missing, did not start or ended by itself."""


class Invite(NamedTuple):
    """One INVITE transaction at the far end: Call-ID, value of X-Central-Attempt ("" without), called number, From."""

    call_id: str
    attempt: str
    number: str
    caller: str


_given: Final[set[int]] = set()


def free_ports(host: str, count: int) -> list[int]:
    """Different ports that are free for UDP and for TCP at this moment, and that this process was not given before.

    Who asks starts a process that binds them a moment later. So none is of those that the system gives to sockets without a
    port of their own (ip_local_port_range) or that a laboratory's engine uses for media, and the three after each are
    left alone: SIPp takes them for RTCP and video (it binds its media port and the next but one).
    """
    found: list[int] = []
    while len(found) < count:
        left = [port for port in _PORTS if port not in _given]
        if len(left) < count:
            _given.clear()
            continue
        port = random.choice(left)  # noqa: S311 - several runs on one machine begin at different places
        _given.add(port)
        if _free(host, port):
            found.append(port)
    return found


def _free(host: str, port: int) -> bool:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
    ):
        try:
            udp.bind((host, port))
            tcp.bind((host, port))
        except OSError:
            return False
    return True


def is_taken(host: str, port: int, transport: str = "udp") -> bool:
    """Whether a process holds this port, by the kernel's table (proc(5)): trying to bind it could be in that process's way."""
    address, anywhere = (f"{value:08X}:{port:04X}" for value in (int.from_bytes(socket.inet_aton(host), "little"), 0))
    rows = Path(f"/proc/net/{transport}").read_text().splitlines()[1:]
    return any(row.split(maxsplit=2)[1] in {address, anywhere} for row in rows)


def may_replay_captures() -> bool:
    """Whether this user may open raw sockets, which replaying RTP captures needs (root or CAP_NET_RAW)."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP).close()
    except PermissionError:
        return False
    return True


def write_scenario(directory: Path, name: str, steps: str) -> Path:
    """Write one scenario file."""
    steps = steps.replace("@DIR@", str(directory))
    path = directory / f"{name}.xml"
    path.write_text(
        f'<?xml version="1.0" encoding="ISO-8859-1" ?>\n<!DOCTYPE scenario SYSTEM "sipp.dtd">\n'
        f'<scenario name="{name}">\n{steps}</scenario>\n'
    )
    return path


def write_samples(directory: Path, pressed: Iterable[str]) -> None:
    """Write the speech samples that scenarios play and the captures of the keys that they press."""
    for keys in pressed:
        (directory / file_name(keys)).write_bytes(capture(keys))
    for name, audio in samples().items():
        (directory / name).write_bytes(audio)


def _die_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Sipp:
    """One SIPp process that answers calls. ``ports``: SIP, control, media."""

    def __init__(
        self,
        directory: Path,
        name: str,
        *,
        host: str,
        ports: tuple[int, int, int],
        transport: str = "udp",
        contact: str = "",
        options: tuple[str, ...] = (),
        calls: int = 100_000_000,
    ) -> None:
        self.name, self.host, self.port = name, host, ports[0]
        self._directory = directory
        self._log = directory / f"{name}.log"
        program = shutil.which("sipp")
        if program is None:
            raise CarrierError("sipp not found: install the Debian package sip-tester")
        mode = {"udp": "u1", "tcp": "t1"}[transport]
        where = contact or f"{host}:{self.port};transport={transport}"
        command = [
            program, "-sf", f"{name}.xml", "-t", mode, "-i", host, "-mi", host, "-p", str(self.port), "-key", "contact", where,
            "-ci", host, "-cp", str(ports[1]), "-mp", str(ports[2]), "-m", str(calls), "-nostdin", "-skip_rlimit",
            "-trace_err", "-error_file", f"{name}.err", "-trace_logs", "-log_file", str(self._log), *options,
        ]  # fmt: skip
        with (directory / f"{name}.out").open("wb") as out:
            self.process = subprocess.Popen(
                command, cwd=directory, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - one prctl, from a handle opened before
            )  # fmt: skip

    def check(self) -> None:
        """Raise CarrierError when the process has ended."""
        if self.process.poll() is not None:
            said = (self._directory / f"{self.name}.out").read_text(errors="replace")[-400:]
            raise CarrierError(f"scenario {self.name} ended with {self.process.returncode}: {said}")

    def wait_bound(self, transport: str = "udp", timeout_s: float = 5.0) -> None:
        """Wait until the SIP port is taken. Raises CarrierError."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            self.check()
            if is_taken(self.host, self.port, transport):
                return
            time.sleep(0.02)
        raise CarrierError(f"scenario {self.name} did not take port {self.port}")

    def invites(self) -> list[Invite]:
        """The INVITE transactions so far, in order; repetitions of one INVITE count once."""
        found: dict[tuple[str, str], Invite] = {}
        if self._log.exists():
            for line in self._log.read_text(errors="replace").splitlines():
                parts = line[line.find("INVITE\t") :].split("\t")
                if parts[0] == "INVITE" and len(parts) >= _FIELDS:
                    call_id, branch, attempt, number, caller = parts[1:_FIELDS]
                    found.setdefault((call_id, branch), Invite(call_id, attempt.strip(), number, caller.strip()))
        return list(found.values())

    def errors(self) -> str:
        """What SIPp complained about (unexpected messages and the like)."""
        path = self._directory / f"{self.name}.err"
        return path.read_text(errors="replace") if path.exists() else ""

    def stop(self) -> None:
        """End the process; safe to repeat."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(1)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
