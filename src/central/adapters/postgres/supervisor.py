"""Supervise one embedded PostgreSQL as a child process (the store below every step of the path).

One server per state directory. Every pitfall that was met is handled here: root, closed directories, zombies that hold
``postmaster.pid``, a supervisor that is killed (the postmaster then shuts down fast by itself), half-made data
directories, sockets with long paths, foreign versions. Binaries: ``binaries.py``.

Start from a thread that lives as long as the server shall: Linux sends the parent-death signal when the *thread* that
forked ends (prctl(2), PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg

from central.adapters.postgres.binaries import (
    MINIMUM_MAJOR,
    SHELTER,
    ServerUser,
    find_binaries,
    server_major,
    usable_binaries,
)
from central.adapters.postgres.server_files import (
    SUPERUSER,
    choose_home,
    is_live_server,
    pid_in,
    stored_dsn,
    wait_for_exit,
    write_private,
)
from central.application.ports.world import Ids
from central.domain.errors import NeighbourError, OperatorError

CONFIGURATION: Mapping[str, str] = {
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "max_connections": "100",
    "password_encryption": "scram-sha-256",
    "log_min_duration_statement": "500",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_SOCKET_PATH_BYTES = 107  # sun_path of unix(7), without the closing NUL
_LOG_KEEP_BYTES = 10_000_000
_POLL_S = 0.02
_SHARED_MEMORY_S = 5.0  # backends of a killed postmaster hold its shared memory for a moment
_DEADLINE_KILL_S = 10.0

_PR_SET_PDEATHSIG = 1
_PRCTL: Callable[[int, int], int] = ctypes.CDLL(None, use_errno=True).prctl  # resolved before any fork


@dataclass(frozen=True, slots=True)
class ServerPlan:
    """What to run: ``folder`` takes everything of the server; ``port`` None = no TCP, only the unix socket.

    ``configuration`` overrides single values of CONFIGURATION. ``shelter`` is where root puts what ``nobody`` must reach.
    """

    folder: Path
    pg_bin: Path | None = None
    port: int | None = None
    configuration: Mapping[str, str] = field(default_factory=dict[str, str])
    start_timeout_s: float = 60.0
    stop_timeout_s: float = 60.0
    orphan_wait_s: float = 15.0  # a postmaster whose supervisor was killed needs a moment for its fast shutdown
    shelter: Path = SHELTER


class EmbeddedPostgres:
    """One server: ``start`` (blocking, idempotent while it runs), ``running``, ``dsn``, ``stop``."""

    def __init__(self, plan: ServerPlan, ids: Ids) -> None:
        self._plan = plan
        self._ids = ids
        self._user = ServerUser.choose()
        self._lock: int | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._bin = Path()
        self._log_start = 0
        self._home = plan.folder.resolve()

    # -- what others ask ---------------------------------------------------------------------------------------------
    @property
    def running(self) -> bool:
        """Whether our child lives; False before the start and after a crash."""
        return self._child is not None and self._child.poll() is None

    @property
    def pid(self) -> int | None:
        """Process id of the postmaster that we started last."""
        return self._child.pid if self._child else None

    @property
    def log(self) -> Path:
        """The server's own log file."""
        return self._home / "log"

    def dsn(self, database: str = "postgres") -> str:
        """Connection string for the superuser over the unix socket; OperatorError ``no_embedded_server`` before init."""
        return stored_dsn(self._plan.folder, database)

    # -- life ----------------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Make the data directory if needed, start the server, return when it answers.

        OperatorError: ``database_in_use``, ``database_version``, ``unreadable_binaries``, ``no_postgres_binaries``,
        ``database_start`` (see the log). NeighbourError ``database_slow``: no answer within ``start_timeout_s``; the
        server is stopped again (recovery of a long log may need a longer limit). NeighbourError ``database_lingers``:
        backends of a killed server still hold its memory; ``database_killed``: it was killed while it started; try again.
        """
        if self.running:
            return
        self._take_lock()
        try:
            self._bin = usable_binaries(find_binaries(self._plan.pg_bin), self._user, self._plan.shelter)
            self._home = choose_home(self._plan.folder, self._plan.shelter, self._user, f"server-{self._ids.uuid()}")
            if not (self._home / "data" / "PG_VERSION").exists():
                self._init()
            self._check_version()
            self._make_socket_folder()
            self._run_until_ready()
        except BaseException:
            self._drop_lock()
            raise

    def stop(self) -> int | None:
        """Fast shutdown (SIGINT: clients are cut, a checkpoint is written); returns the exit code, None if never started.

        After ``stop_timeout_s`` it becomes an immediate one (SIGQUIT), which recovery mends at the next start.
        """
        child = self._child
        if child is None:
            return None
        for word, limit in ((signal.SIGINT, self._plan.stop_timeout_s), (signal.SIGQUIT, _DEADLINE_KILL_S)):
            if child.poll() is not None:
                break
            child.send_signal(word)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(limit)
        if child.poll() is None:
            child.kill()
            child.wait()
        self._drop_lock()
        return child.returncode

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # -- steps of the start ----------------------------------------------------------------------------------------------
    def _take_lock(self) -> None:
        """One supervisor per folder. The lock dies with us, unlike a pid file; the server does not inherit it."""
        if self._lock is not None:
            return
        folder = self._plan.folder
        folder.mkdir(parents=True, exist_ok=True)
        if self._user.uid is not None:
            folder.chmod(0o711)  # nobody passes through, but lists nothing
        handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(handle)
            raise OperatorError(
                "database_in_use",
                f"{folder} is already served by another process of Central: stop it, or choose another CENTRAL_STATE_DIR",
            ) from error
        self._lock = handle

    def _drop_lock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _init(self) -> None:
        """Run initdb into a folder beside, then rename: a killed initdb leaves no data directory that looks whole."""
        half, password = self._home / "data.new", self._ids.secret(24)
        if half.exists():
            shutil.rmtree(half)
        half.mkdir(mode=0o700)
        self._user.own(half)
        with tempfile.NamedTemporaryFile("w", dir=self._home, suffix=".once") as file:
            file.write(password)
            file.flush()
            self._user.own(Path(file.name))
            arguments = ["-U", SUPERUSER, "--auth=scram-sha-256", f"--pwfile={file.name}", "-E", "UTF8"]
            done = self._user.run(
                [self._bin / "initdb", "-D", half, *arguments, "--locale=C.UTF-8", "--data-checksums"]
            )
        if done.returncode:
            raise OperatorError("database_start", f"initdb failed: {done.stderr.strip()}", folder=str(half))
        write_private(self._home / "password", password)
        half.rename(self._home / "data")

    def _check_version(self) -> None:
        stored = int((self._home / "data" / "PG_VERSION").read_text())
        have = server_major(self._bin, self._user)
        if have < MINIMUM_MAJOR or have != stored:
            raise OperatorError(
                "database_version",
                f"{self._home / 'data'} was made by PostgreSQL {stored}, the binaries in {self._bin} are {have} "
                f"(at least {MINIMUM_MAJOR}): use the old binaries by CENTRAL_PG_BIN, or pg_upgrade, or dump and restore",
                stored=stored,
                have=have,
            )

    def _make_socket_folder(self) -> None:
        """Beside the data directory, never in it: pg_rewind fails on a socket there and empties the configuration."""
        folder = self._home / "run"
        if len(str(folder / ".s.PGSQL.65535").encode()) > _SOCKET_PATH_BYTES:
            folder = Path(tempfile.mkdtemp(prefix="central-pg-"))
        folder.mkdir(exist_ok=True)
        folder.chmod(0o700)
        self._user.own(folder)
        write_private(self._home / "socket", str(folder))
        write_private(self._home / "port", str(self._plan.port or 5432))

    def _run_until_ready(self) -> None:
        begun = time.monotonic()
        while True:
            self._clear_stale_pid()
            self._spawn()
            while self.running:
                if self._answers():
                    return
                if time.monotonic() - begun > self._plan.start_timeout_s:
                    self.stop()
                    raise NeighbourError(
                        "database_slow",
                        f"PostgreSQL did not answer in {self._plan.start_timeout_s:g} s: see {self.log}",
                    )
                self._wait_child(_POLL_S)
            words = self._last_words()
            if self._child is not None and self._child.returncode < 0:  # not its own fault, nor the operator's
                name = signal.Signals(-self._child.returncode).name
                raise NeighbourError("database_killed", f"PostgreSQL was killed by {name} while it started: {words}")
            if "shared memory block" not in words:
                raise OperatorError("database_start", f"PostgreSQL does not start: {words}", log=str(self.log))
            if time.monotonic() - begun > _SHARED_MEMORY_S:
                raise NeighbourError("database_lingers", f"Backends of a killed PostgreSQL have not ended yet: {words}")
            threading.Event().wait(_POLL_S * 10)

    def _clear_stale_pid(self) -> None:
        """Remove the lock of a dead or zombie server; a living one is waited for, then refused, never joined."""
        file, begun = self._home / "data" / "postmaster.pid", time.monotonic()
        while (pid := pid_in(file)) is not None and is_live_server(pid):
            if time.monotonic() - begun > self._plan.orphan_wait_s:
                raise OperatorError("database_in_use", f"{self._home} is already served by process {pid}", pid=pid)
            wait_for_exit(pid, self._plan.orphan_wait_s)
        file.unlink(missing_ok=True)

    def _spawn(self) -> None:
        configuration = {**CONFIGURATION, "port": str(self._plan.port or 5432), **self._plan.configuration}
        argv: list[str | Path] = [self._bin / "postgres", "-D", self._home / "data"]
        argv += ["-k", (self._home / "socket").read_text(), "-h", "127.0.0.1" if self._plan.port else ""]
        for name, value in configuration.items():
            argv += ["-c", f"{name}={value}"]
        with contextlib.suppress(FileNotFoundError):
            if self.log.stat().st_size > _LOG_KEEP_BYTES:
                self.log.rename(self.log.with_name("log.1"))
        handle = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._log_start = os.fstat(handle).st_size
        try:
            self._child = self._user.popen(argv, handle, _DieWithParent(os.getpid()))
        finally:
            os.close(handle)

    def _last_words(self) -> str:
        """What the last start wrote to the log: its FATAL line, or where to look."""
        with self.log.open("rb") as file:
            file.seek(self._log_start)
            lines = file.read().decode("utf-8", "replace").splitlines()
        return next((line.partition("FATAL:")[2].strip() for line in lines if "FATAL:" in line), f"see {self.log}")

    def _wait_child(self, limit_s: float) -> None:
        if self._child is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(limit_s)

    def _answers(self) -> bool:
        """A real log-in: it fails while the server starts up or recovers."""
        try:
            psycopg.connect(self.dsn(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


class _DieWithParent:
    """Between fork and exec: a fast shutdown (SIGINT) when the forking thread dies; gone at once if it already did."""

    def __init__(self, parent: int) -> None:
        self._parent = parent

    def __call__(self) -> None:
        _PRCTL(_PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != self._parent:
            os._exit(1)
