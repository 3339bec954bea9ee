"""Install the far ends of the message channels into the cache folder, outside of any checkout; nothing is done twice.

The SMSC is node-smpp, by ``npm ci`` from the lock file beside this module: exact versions, each checked by its hash.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from examples.carrier.process import FarEndError

HERE = Path(__file__).resolve().parent
_NPM_S, _KEPT_S = 300, 7 * 86_400


def install_sms_center(cache: Path) -> Path:
    """The folder that holds ``node_modules/smpp``; made on first use below ``cache``. Raises FarEndError."""
    files = [HERE / "package.json", HERE / "package-lock.json"]

    def fill(folder: Path) -> None:
        for file in files:
            shutil.copy(file, folder)
        run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", folder, limit_s=_NPM_S)

    return once(cache, "sms-center", b"".join(file.read_bytes() for file in files), fill)


def once(cache: Path, name: str, source: bytes, fill: Callable[[Path], None]) -> Path:
    """``cache/name-HASH``, where the hash is of what it is made from: filled once, by one process, whole or not at all.

    One made from something else goes when nobody has asked for it for a week. Raises what ``fill`` raises; then nothing is
    left behind.
    """
    done = cache / f"{name}-{hashlib.sha256(source).hexdigest()[:12]}"
    with _alone(cache, name):
        if done.exists():
            os.utime(done)
            return done
        part = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=cache))
        try:
            fill(part)
            part.chmod(0o755)
            part.rename(done)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        for old in cache.glob(f"{name}-*"):
            if old != done and old.stat().st_mtime < time.time() - _KEPT_S:
                shutil.rmtree(old, ignore_errors=True)
    return done


@contextmanager
def _alone(cache: Path, name: str) -> Generator[None]:
    """Only one process at a time installs; the lock goes with the process that holds it."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run(*command: str | Path, limit_s: float) -> str:
    """The output of a program. Raises FarEndError with what it said last."""
    program = shutil.which(str(command[0]))
    if program is None:
        raise FarEndError(f"{command[0]} is not installed")
    try:
        done = subprocess.run(
            [program, *map(str, command[1:])],
            check=False, capture_output=True, text=True, timeout=limit_s, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise FarEndError(f"{command[0]} took more than {limit_s:g} s") from error
    if done.returncode:
        raise FarEndError(f"{command[0]}: {(done.stderr or done.stdout).strip()[-800:]}")
    return done.stdout
