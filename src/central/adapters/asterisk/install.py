"""Put Asterisk 22 into a private directory from Debian packages: no root, no maintainer scripts, nothing installed on the host.

Step 3 of the path (channel), before it: ``central voice install``. Debian 12 and 13 have no Asterisk, testing has; its packages
must never be installed onto a stable system, because they would replace libc. So apt downloads them with a configuration of
its own and dpkg-deb unpacks them; the engine then runs with the root's own loader (``engine.py``). Testing moves daily: what
was unpacked is compared with the hashes that were tested (``conf/PACKAGES.sha256``), and the caller is told of any drift, so
that it can prove the engine on the laboratory carrier. The package files stay in the cache for installing without a network.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from central.domain.errors import NeighbourError, OperatorError

SUITE = "forky"
"""Debian suite with Asterisk 22 (testing)."""

PACKAGES = ("asterisk", "asterisk-core-sounds-en-wav")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_PROGRAMS = ("apt-get", "apt-config", "dpkg-deb", "tar")
_EXCLUDED = ("./usr/share/doc/*", "./usr/share/man/*", "./usr/share/locale/*")
_LINKED = ("bin", "sbin", "lib", "lib64")
_TIMEOUT_S = 900

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class InstallReport:
    """What was installed where.

    packages: file name -> SHA-256 of everything unpacked. drifted: packages that differ from the tested set, as
    ``name tested-version -> installed-version`` lines; empty = exactly what was tested. from_cache: the mirror could not be
    reached, kept packages were used. already_there: the root existed, nothing was done.
    """

    root: Path
    packages: Mapping[str, str]
    drifted: tuple[str, ...]
    from_cache: bool = False
    already_there: bool = False


def install(
    dest: Path,
    cache: Path,
    *,
    suite: str = SUITE,
    mirror: str | None = None,
    offline: bool = False,
    report: Report = lambda _line: None,
) -> InstallReport:
    """Install into ``dest`` (made at once by a rename; an existing installation stays as it is).

    ``cache``: where package files and lists are kept. ``mirror``: a Debian mirror; None = the one this system's apt uses.
    ``offline``: use the cache as it is. ``report``: told of each step. Raises OperatorError (``install_program_missing``,
    ``install_no_mirror``, ``install_cache_empty``, ``install_unpack_failed``) or NeighbourError ``install_download_failed``.
    """
    dest, cache = dest.absolute(), cache.absolute()
    if (dest / "usr/sbin/asterisk").exists():
        found = _read_hashes((dest / "PACKAGES.sha256").read_text())
        return InstallReport(dest, found, drift(tested_packages(), found), already_there=True)
    missing = [name for name in _PROGRAMS if shutil.which(name) is None]
    if missing:
        raise OperatorError("install_program_missing", f"needed and not found: {', '.join(missing)} (a Debian system)")
    archives = cache / "archives"
    (archives / "partial").mkdir(parents=True, exist_ok=True)
    (cache / "lists/partial").mkdir(parents=True, exist_ok=True)
    from_cache = offline
    if not offline:
        from_cache = not _download(cache, suite, mirror, report)
    debs = sorted(archives.glob("*.deb"))
    if not debs:
        raise OperatorError("install_cache_empty", f"no packages in {archives}")
    dest.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{dest.name}-", dir=dest.parent))
    try:
        packages = _unpack(debs, work, report)
        work.chmod(0o755)
        work.rename(dest)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    drifted = drift(tested_packages(), packages)
    report(
        f"installed {len(packages)} packages in {dest}" + (f", {len(drifted)} not the tested ones" if drifted else "")
    )
    return InstallReport(dest, packages, drifted, from_cache=from_cache)


def tested_packages() -> Mapping[str, str]:
    """The package files this version was tested with: file name -> SHA-256."""
    text = files("central.adapters.asterisk").joinpath("conf/PACKAGES.sha256").read_text(encoding="utf-8")
    return _read_hashes(text)


def drift(tested: Mapping[str, str], found: Mapping[str, str]) -> tuple[str, ...]:
    """How what was found differs from what was tested, one line a package; pure."""
    before, now = _versions(tested), _versions(found)
    lines: list[str] = []
    for name in sorted(before | now):
        old, new = before.get(name, ""), now.get(name, "")
        if old == new and tested.get(_only(name, tested)) == found.get(_only(name, found)):
            continue
        lines.append(f"{name} {old or '(none)'} -> {new or '(none)'}{' (other content)' if old == new else ''}")
    return tuple(lines)


def _versions(packages: Mapping[str, str]) -> dict[str, str]:
    """``name_version_arch.deb`` file names as {name: version}."""
    return {file.split("_")[0]: file.split("_")[1] for file in packages}


def _only(name: str, packages: Mapping[str, str]) -> str:
    return next((file for file in packages if file.split("_")[0] == name), "")


def _read_hashes(text: str) -> dict[str, str]:
    """The format of sha256sum: ``hash  name`` lines."""
    pairs = (line.split(maxsplit=1) for line in text.splitlines() if line.strip())
    return {name.lstrip("*").strip(): value for value, name in pairs}


def _run(*command: str) -> str:
    """The output of a program. Raises CalledProcessError or TimeoutExpired."""
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=_TIMEOUT_S).stdout


def _download(cache: Path, suite: str, mirror: str | None, report: Report) -> bool:
    """Fetch the packages and what they need; False when the mirror failed but kept packages can be used."""
    source = mirror or _system_mirror()
    kept = any((cache / "archives").glob("*.deb"))
    if source is None:
        if kept:
            report("no Debian mirror known: using the kept packages")
            return False
        raise OperatorError("install_no_mirror", "no Debian mirror in apt's sources: name one")
    apt = ("apt-get", "-c", str(_apt_config(cache, suite, source)), "-q", "-y", "--no-install-recommends")
    fresh = cache / "fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    (fresh / "partial").mkdir(parents=True)
    try:
        report(f"reading the package lists of {suite}")
        _run(*apt, "update", "--error-on=any")
        report("downloading packages")
        for deb in (cache / "archives").glob("*.deb"):  # apt takes what it still needs, the rest is of an older day
            os.link(deb, fresh / deb.name)
        _run(*apt, "--download-only", "install", *PACKAGES)
        wanted = _run(*apt, "--print-uris", "-o", f"Dir::Cache::archives={cache}/none/", "install", *PACKAGES)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        if kept:
            report("the mirror failed: using the kept packages")
            return False
        said = str(error.stderr or error.output or error)[-500:]
        raise NeighbourError("install_download_failed", f"apt: {said.strip()}") from error
    names = {line.split()[1] for line in wanted.splitlines() if line.startswith("'")}
    for deb in fresh.glob("*.deb"):
        if deb.name not in names:
            deb.unlink()
    shutil.rmtree(cache / "archives")
    fresh.rename(cache / "archives")
    return True


def _apt_config(cache: Path, suite: str, mirror: str) -> Path:
    """A configuration that keeps apt inside ``cache``; expired lists are accepted exactly when the host accepts them."""
    (cache / "sources.list").write_text(f"deb [signed-by={KEYRING}] {mirror} {suite} main\n")
    check = _run("apt-config", "dump", "--format", "%v%n", "Acquire::Check-Valid-Until").strip().splitlines()
    expired = bool(check) and check[-1] in ("false", "no", "0")
    config = cache / "apt.conf"
    config.write_text(
        f'Dir::Etc::SourceList "{cache}/sources.list";\nDir::Etc::SourceParts "/dev/null";\n'
        'Dir::Etc::Preferences "/dev/null";\nDir::Etc::PreferencesParts "/dev/null";\n'
        f'Dir::State "{cache}";\nDir::State::Lists "{cache}/lists";\nDir::State::status "/dev/null";\n'
        f'Dir::Cache "{cache}";\nDir::Cache::archives "{cache}/fresh";\n'
        f'Debug::NoLocking "true";\nAPT::Sandbox::User "{_user()}";\nAPT::Install-Recommends "false";\n'
        f'Acquire::Languages "none";\nAcquire::Check-Valid-Until "{"false" if expired else "true"}";\n'
    )
    return config


def _user() -> str:
    return _run("id", "-un").strip()


def _system_mirror() -> str | None:
    """The Debian mirror of this system's own apt, as apt itself or its source files name it."""
    listed = _run("apt-get", "indextargets", "--format", "$(ORIGIN) $(SITE)", "Created-By: Packages").splitlines()
    found = [line.split(maxsplit=1)[1] for line in listed if line.startswith("Debian ")]
    etc = Path("/etc/apt")
    for path in sorted(etc.glob("sources.list.d/*.sources")):
        words = [line.split() for line in path.read_text().splitlines()]
        found += [uri for line in words if line[:1] == ["URIs:"] for uri in line[1:]]
    for path in (etc / "sources.list", *sorted(etc.glob("sources.list.d/*.list"))):
        if path.exists():
            words = [line.split() for line in path.read_text().splitlines()]
            found += [word for line in words if line[:1] == ["deb"] for word in line[1:] if "://" in word]
    return next((uri for uri in found if uri.rstrip("/").endswith("/debian")), None)


def _unpack(debs: Sequence[Path], work: Path, report: Report) -> dict[str, str]:
    """Unpack every package below ``work`` and write PACKAGES.sha256; file name -> hash."""
    report(f"unpacking {len(debs)} packages")
    for name in _LINKED:  # merged /usr: without base-files' scripts nobody else makes these links
        (work / "usr" / name).mkdir(parents=True, exist_ok=True)
        (work / name).symlink_to(f"usr/{name}")
    packages: dict[str, str] = {}
    for deb in debs:
        packages[deb.name] = _hash(deb)
        _extract(deb, work)
    if not (work / "usr/sbin/asterisk").exists():
        raise OperatorError("install_unpack_failed", "the packages contain no Asterisk")
    lines = "".join(f"{value}  {name}\n" for name, value in sorted(packages.items()))
    (work / "PACKAGES.sha256").write_text(lines)
    return packages


def _extract(deb: Path, work: Path) -> None:
    excluded = [f"--exclude={pattern}" for pattern in _EXCLUDED]
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE) as source:  # noqa: S607
        done = subprocess.run(
            ["tar", "-x", "--keep-directory-symlink", "--no-same-owner", "-C", str(work), *excluded],  # noqa: S607
            check=False, stdin=source.stdout, capture_output=True, text=True, timeout=_TIMEOUT_S,
        )  # fmt: skip
    if done.returncode != 0 or source.returncode != 0:
        raise OperatorError("install_unpack_failed", f"{deb.name}: {done.stderr.strip()[-300:]}")


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
