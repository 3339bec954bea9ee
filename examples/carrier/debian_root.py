"""Debian packages unpacked into a folder of their own, to be used with chroot: the machine's own packages stay as they are.

apt of this machine downloads them with all that they need (its sources, its keys, its checks); no maintainer script runs.
A program in the root is started by ``in_root``, which needs root's rights (CAP_SYS_CHROOT).
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from examples.carrier.install import once, run
from examples.carrier.process import FarEndError

_FORMAT = 1  # of what ``_fill`` makes beside the packages
_APT_S, _UNPACK_S = 900, 120
_LINKED = ("bin", "sbin", "lib", "lib64")
_EXCLUDED = ("./usr/share/doc/*", "./usr/share/man/*", "./usr/share/locale/*", "./usr/share/icons/*", "./dev/*")
_DEVICES = {"null": (1, 3), "zero": (1, 5), "random": (1, 8), "urandom": (1, 9)}
"""Linux device numbers (Documentation/admin-guide/devices.txt)."""


def may_use_roots() -> bool:
    """Whether this user may make and use such a folder (root)."""
    return os.geteuid() == 0


def install_root(cache: Path, name: str, packages: Sequence[str], users: Mapping[str, int]) -> Path:
    """A root folder with these packages and users (name -> number of user and group). Raises FarEndError."""
    if not may_use_roots():
        raise FarEndError(f"{name} needs root's rights: it runs in a root folder of its own (chroot)")
    told = f"{_FORMAT} {' '.join(packages)} {sorted(users.items())}"
    return once(cache, name, told.encode(), lambda folder: _fill(folder, packages, users))


def in_root(root: Path, *command: str) -> list[str]:
    """The command line that runs a program inside of the root; paths in it are the root's."""
    program = shutil.which("chroot", path=f"{os.defpath}:/usr/sbin:/sbin")
    if program is None:
        raise FarEndError("chroot is not installed")
    return [program, str(root), *command]


def _fill(folder: Path, packages: Sequence[str], users: Mapping[str, int]) -> None:
    debs = folder / "debs"
    (debs / "partial").mkdir(parents=True)
    _download(debs, packages)
    for name in _LINKED:  # merged /usr: no script makes these links here
        (folder / "usr" / name).mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(f"usr/{name}")
    names = sorted(deb.name for deb in debs.glob("*.deb"))
    for name in names:
        _unpack(debs / name, folder)
    (folder / "PACKAGES").write_text("\n".join(names) + "\n")
    shutil.rmtree(debs)
    for part, mode in (("tmp", 0o1777), ("srv", 0o755), ("dev", 0o755), ("etc", 0o755), ("run", 0o755)):
        (folder / part).mkdir(exist_ok=True)
        (folder / part).chmod(mode)
    for name, (major, minor) in _DEVICES.items():
        _make_device(folder / "dev" / name, os.makedev(major, minor))
    everyone = {"root": 0, **users, "nobody": 65534}
    (folder / "etc/passwd").write_text("".join(f"{n}:x:{i}:{i}:{n}:/:/usr/sbin/nologin\n" for n, i in everyone.items()))
    (folder / "etc/group").write_text("".join(f"{n}:x:{i}:\n" for n, i in everyone.items()))
    (folder / "etc/nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files\nservices: files\n")
    (folder / "etc/hosts").write_text("127.0.0.1 localhost\n")


def _make_device(path: Path, device: int) -> None:
    """A device node; where that is forbidden (some containers, ``nodev``), a file that does for tests.

    What is written to such a ``null`` stays in it, and its ``urandom`` ends: libraries take their randomness from the kernel.
    """
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, device)
        path.chmod(0o666)
        path.open("r+b", buffering=0).close()
    except OSError:
        path.unlink(missing_ok=True)
        path.write_bytes(os.urandom(1 << 16) if path.name.endswith("random") else b"")
        path.chmod(0o666)


def _download(folder: Path, packages: Sequence[str]) -> None:
    """Fetch the packages and everything that they need, as if nothing were installed."""
    config = folder / "apt.conf"
    config.write_text(
        f'Dir::State::status "/dev/null";\nDir::Cache::archives "{folder}/";\nDebug::NoLocking "true";\n'
        'APT::Sandbox::User "root";\nAPT::Install-Recommends "false";\nAcquire::Retries "3";\n'
    )
    get: tuple[str | Path, ...] = ("apt-get", "-c", config, "-q", "-y", "--download-only", "install", *packages)
    try:
        run(*get, limit_s=_APT_S)
    except FarEndError:  # package lists are missing or older than the mirror
        run("apt-get", "-q", "-o", "DPkg::Lock::Timeout=120", "-o", "Acquire::Retries=3", "update", limit_s=_APT_S)
        run(*get, limit_s=_APT_S)


def _unpack(deb: Path, folder: Path) -> None:
    excluded = [f"--exclude={pattern}" for pattern in _EXCLUDED]
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE) as source:
        done = subprocess.run(
            ["tar", "-x", "--keep-directory-symlink", "--no-same-owner", "-C", str(folder), *excluded],
            check=False, stdin=source.stdout, capture_output=True, text=True, timeout=_UNPACK_S,
        )  # fmt: skip
    if done.returncode != 0 or source.returncode != 0:
        raise FarEndError(f"{deb.name}: {done.stderr.strip()[-300:]}")
