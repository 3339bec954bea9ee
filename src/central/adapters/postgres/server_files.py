"""The files of one embedded server: where its folder lies, how to connect to it, and whether it lives.

Used by the supervisor, and by every command that runs beside ``central up`` and only wants to connect. A folder holds
``data``, ``run`` (socket), ``log``, ``password``, ``socket`` and ``port``; or only ``location``, which names such a folder.
"""

from __future__ import annotations

import contextlib
import os
import select
from pathlib import Path

from psycopg.conninfo import make_conninfo

from central.adapters.postgres.binaries import ServerUser
from central.domain.errors import OperatorError

SUPERUSER = "central"


def stored_dsn(folder: Path, database: str = "postgres") -> str:
    """Connection string of the server that lives in ``folder``, read from its files, whether it runs or not.

    OperatorError ``no_embedded_server`` when none was ever started there.
    """
    home = stored_home(folder)
    try:
        return make_conninfo(
            host=(home / "socket").read_text(),
            port=(home / "port").read_text(),
            user=SUPERUSER,
            password=(home / "password").read_text(),
            dbname=database,
        )
    except FileNotFoundError as error:
        raise OperatorError(
            "no_embedded_server", f"no embedded PostgreSQL was ever started in {folder}: run central up"
        ) from error


def is_served(folder: Path) -> bool:
    """Whether a live server owns ``folder``: commands beside ``central up`` then only connect."""
    pid = pid_in(stored_home(folder) / "data" / "postmaster.pid")
    return pid is not None and is_live_server(pid)


def choose_home(folder: Path, shelter: Path, user: ServerUser, fresh: str) -> Path:
    """``folder``, or the folder ``fresh`` in the shelter where the server's account cannot pass through to it.

    The file ``location`` in ``folder`` then names it; removing ``folder`` therefore means a fresh database.
    OperatorError ``unreachable_state`` when the account reaches neither.
    """
    folder = folder.resolve()
    home = stored_home(folder)
    if home != folder or user.reaches(folder):
        return home
    home = shelter / fresh
    home.mkdir(mode=0o711, parents=True)
    shelter.chmod(0o755)
    if not user.reaches(home):
        raise OperatorError(
            "unreachable_state",
            f"user {user.name}, who runs PostgreSQL, can reach neither {folder} nor {shelter}: "
            "open the directories above for passing (chmod o+x), choose another CENTRAL_STATE_DIR, or do not run as root",
        )
    write_private(folder / "location", str(home))
    return home


def stored_home(folder: Path) -> Path:
    """Where the server of ``folder`` really keeps its files."""
    try:
        return Path((folder / "location").read_text())
    except FileNotFoundError:
        return folder.resolve()


def write_private(path: Path, text: str) -> None:
    """Write a file that only we can read."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)


def pid_in(file: Path) -> int | None:
    """The process id in the first line of a ``postmaster.pid``, None without one."""
    try:
        return int(file.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None


def wait_for_exit(pid: int, limit_s: float) -> None:
    """Return when the process has ended (a zombie counts), or after the limit; ``pid`` need not be our child."""
    with contextlib.suppress(ProcessLookupError):
        handle = os.pidfd_open(pid)
        try:
            select.select([handle], [], [], limit_s)
        finally:
            os.close(handle)


def is_live_server(pid: int) -> bool:
    """A running process called postgres. ``kill(pid, 0)`` says yes to a zombie too, which may never be reaped."""
    process = Path("/proc") / str(pid)
    try:
        state = (process / "stat").read_text().rsplit(")", 1)[1].split()[0]
        return state != "Z" and b"postgres" in (process / "cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False
