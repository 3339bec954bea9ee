"""Supervise one Asterisk of our own as a child process: render, start, wait until ARI answers, notice its end, stop it.

Step 3 of the path (channel). The rules, each learned on the real program:

* one instance per state directory (file lock); ports are probed first, because an instance that loses its HTTP port runs on;
* a fresh ARI password per start: a stale instance on the port answers 401, never by mistake 200;
* ready means HTTP 200 from ``/asterisk/info`` with that password: the port answers 404 before ARI is loaded;
* stop means SIGTERM, wait for the exit, SIGKILL last, before anything reuses the ports;
* the child dies with us, also by ``kill -9`` (PR_SET_PDEATHSIG): it must be started from a thread that lives as long as
  the process, so ``start`` spawns on the event loop's own thread.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ctypes
import fcntl
import os
import platform
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO

import aiohttp

from central.adapters.asterisk.config import (
    MULTIARCH,
    AsteriskConfig,
    OwnEngine,
    StartValues,
    render,
    template_values,
)
from central.adapters.asterisk.music import write_music
from central.domain.errors import NeighbourError, OperatorError

_LOADER = {"x86_64": "usr/lib64/ld-linux-x86-64.so.2", "aarch64": "usr/lib/ld-linux-aarch64.so.1"}
_PR_SET_PDEATHSIG = 1  # prctl(2)
_LIBC = ctypes.CDLL(None, use_errno=True)  # opened here: nothing may be loaded between fork and exec
_USER = "central"


@dataclass(frozen=True, slots=True)
class Access:
    """Where and how an engine's ARI is reached."""

    url: str
    user: str
    password: str = field(repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """Basic authentication (RFC 7617)."""
        secret = base64.b64encode(f"{self.user}:{self.password}".encode()).decode("ascii")
        return {"Authorization": f"Basic {secret}"}


def free_port(host: str, wanted: int, kind: socket.SocketKind) -> int:
    """``wanted`` if it can be bound, a free one when it is 0. Raises OperatorError ``port_taken``."""
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, wanted))
        except OSError as error:
            raise OperatorError("port_taken", f"{host}:{wanted} is not free: {error.strerror}") from error
        port: int = probe.getsockname()[1]
        return port


def _free_sip_port(host: str, wanted: int) -> int:
    """A port that is free for UDP and for TCP, which share the number."""
    for _ in range(20):
        port = free_port(host, wanted, socket.SOCK_DGRAM)
        try:
            return free_port(host, port, socket.SOCK_STREAM)
        except OperatorError:
            if wanted:
                raise
    raise OperatorError("port_taken", f"no port on {host} is free for both UDP and TCP")


def _die_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Engine:
    """One supervised Asterisk. ``sip_port`` and ``sip_tls_port`` (0 = no TLS) are known after ``start``."""

    def __init__(self, config: AsteriskConfig, engine: OwnEngine, secret: Callable[[], str]) -> None:
        self._config = config
        self._engine = engine
        self._secret = secret
        self._child: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None
        self._ended: asyncio.Future[int] | None = None
        self.sip_port = 0
        self.sip_tls_port = 0

    @property
    def pid(self) -> int | None:
        """The process id while the child lives."""
        return self._child.pid if self._child is not None and self._child.returncode is None else None

    async def start(self, hep_address: tuple[str, int] | None) -> Access:
        """Start and wait until ARI answers.

        Raises OperatorError (``engine_not_installed``, ``engine_state_in_use``, ``port_taken``) or NeighbourError
        (``engine_did_not_start``).
        """
        values = await asyncio.to_thread(self._prepare, hep_address)
        access = Access(f"http://{self._engine.ari_host}:{values.ari_port}/ari", values.ari_user, values.ari_password)
        self._spawn()
        try:
            async with asyncio.timeout(self._engine.start_timeout_s):
                await self._ready(access)
        except TimeoutError as error:
            await self.stop()
            raise NeighbourError("engine_did_not_start", "ARI did not answer in time", log=self._log()) from error
        except BaseException:
            await self.stop()
            raise
        return access

    async def wait(self) -> int:
        """Wait until the child has ended; its return code."""
        if self._ended is None:
            return 0
        return await asyncio.shield(self._ended)

    async def stop(self) -> None:
        """End the child and wait for it; safe to repeat."""
        child = self._child
        if child is not None and self._ended is not None:
            for sign, seconds in ((signal.SIGTERM, self._engine.stop_grace_s), (signal.SIGKILL, 5.0)):
                if self._ended.done():
                    break
                child.send_signal(sign)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await self.wait()
        self._child = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    # -- steps of a start ----------------------------------------------------------------------------------------------
    def _prepare(self, hep_address: tuple[str, int] | None) -> StartValues:
        own = self._engine
        if not (own.root / "usr/sbin/asterisk").exists():
            raise OperatorError("engine_not_installed", f"no Asterisk below {own.root}: run `central voice install`")
        own.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._take_lock()
        (own.state_dir / "keys").mkdir(exist_ok=True)
        tls = self._make_certificate()
        self.sip_port = _free_sip_port(own.sip_host, own.sip_port)
        self.sip_tls_port = free_port(own.sip_host, own.sip_tls_port, socket.SOCK_STREAM) if tls else 0
        values = StartValues(
            sip_port=self.sip_port,
            sip_tls_port=self.sip_tls_port,
            ari_port=free_port(own.ari_host, own.ari_port, socket.SOCK_STREAM),
            ari_user=_USER,
            ari_password=self._secret(),
            hep_address=hep_address,
            tls=tls,
        )
        render(template_values(self._config, own, values), own.state_dir, tls=tls)
        write_music(own.state_dir / "moh/chords.wav")
        for stale in (own.state_dir / "run").iterdir():
            stale.unlink()
        return values

    def _take_lock(self) -> None:
        if self._lock is not None:
            return
        lock = (self._engine.state_dir / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise OperatorError("engine_state_in_use", f"{self._engine.state_dir} has another supervisor") from error
        self._lock = lock

    def _make_certificate(self) -> bool:
        """Make the self-signed certificate once; False when there is no ``openssl`` (then there are no TLS trunks)."""
        keys = self._engine.state_dir / "keys"
        if (keys / "tls.crt").exists():
            return True
        program = shutil.which("openssl")
        if program is None:
            return False
        subprocess.run(
            [program, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", "/CN=central",
             "-keyout", str(keys / "tls.key"), "-out", str(keys / "tls.crt")],
            check=True, capture_output=True, timeout=30,
        )  # fmt: skip
        (keys / "tls.key").chmod(0o600)
        return True

    def _spawn(self) -> None:
        own, machine = self._engine, platform.machine()
        command = [str(own.root / _LOADER[machine]), "--library-path", str(own.root / "usr/lib" / MULTIARCH[machine]),
                   str(own.root / "usr/sbin/asterisk"), "-f", "-C", str(own.state_dir / "etc/asterisk.conf")]  # fmt: skip
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(own.state_dir), "LC_ALL": "C.UTF-8",
                       "MALLOC_ARENA_MAX": "2"}  # fmt: skip
        with (own.state_dir / "log/console").open("ab") as out:
            # one prctl between fork and exec, from a handle opened before: safe although other threads exist
            child = subprocess.Popen(
                command, cwd="/", stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment,
                start_new_session=True, preexec_fn=_die_with_parent,  # noqa: PLW1509
            )  # fmt: skip
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[int] = loop.create_future()
        watch = os.pidfd_open(child.pid)

        def gone() -> None:
            loop.remove_reader(watch)
            os.close(watch)
            ended.set_result(child.wait())

        loop.add_reader(watch, gone)
        self._child, self._ended = child, ended

    async def _ready(self, access: Access) -> None:
        async with aiohttp.ClientSession(headers=access.headers, timeout=aiohttp.ClientTimeout(total=2)) as http:
            while True:
                if self._ended is not None and self._ended.done():
                    raise NeighbourError(
                        "engine_did_not_start", f"Asterisk ended with {self._ended.result()}", log=self._log()
                    )
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with http.get(f"{access.url}/asterisk/info") as answer:
                        if answer.status == 200:  # noqa: PLR2004 - HTTP OK
                            return
                await asyncio.sleep(0.05)

    def _log(self) -> str:
        return str(self._engine.state_dir / "log")
