"""The installer: unpacks whole or not at all, works without a mirror, tells what is not the tested set."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from central.adapters.asterisk.install import install
from central.domain.errors import NeighbourError, OperatorError


def package(directory: Path, name: str, files: dict[str, str]) -> None:
    """A Debian package as apt would leave it in the cache."""
    tree = directory / f"tree-{name}"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(
        f"Package: {name}\nVersion: 1.0\nArchitecture: all\nMaintainer: x <x@x>\nDescription: x\n"
    )
    for path, text in files.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
    archives = directory / "cache/archives"
    archives.mkdir(parents=True, exist_ok=True)
    command = ["dpkg-deb", "--root-owner-group", "-b", str(tree), str(archives / f"{name}_1.0_all.deb")]
    subprocess.run(command, check=True, capture_output=True)


def test_kept_packages_install_without_a_network(tmp_path: Path) -> None:
    package(tmp_path, "asterisk", {"usr/sbin/asterisk": "program", "usr/share/doc/asterisk/readme": "long"})
    package(tmp_path, "libthing", {"lib/libthing.so": "library"})
    told: list[str] = []
    report = install(tmp_path / "root", tmp_path / "cache", offline=True, report=told.append)
    assert (tmp_path / "root/usr/sbin/asterisk").read_text() == "program"
    assert (tmp_path / "root/usr/lib/libthing.so").read_text() == "library"  # /lib is /usr/lib
    assert not (tmp_path / "root/usr/share/doc/asterisk").exists()
    assert set(report.packages) == {"asterisk_1.0_all.deb", "libthing_1.0_all.deb"}
    assert any(line.startswith("libthing (none) -> 1.0") for line in report.drifted)
    assert report.from_cache
    assert told
    again = install(tmp_path / "root", tmp_path / "cache", offline=True)
    assert again.already_there
    assert (again.packages, again.drifted) == (report.packages, report.drifted)


def test_a_broken_package_leaves_nothing_behind(tmp_path: Path) -> None:
    package(tmp_path, "asterisk", {"usr/sbin/asterisk": "program"})
    (tmp_path / "cache/archives/broken_1.0_all.deb").write_bytes(b"not a package")
    with pytest.raises(OperatorError) as caught:
        install(tmp_path / "there/root", tmp_path / "cache", offline=True)
    assert caught.value.code == "install_unpack_failed"
    assert list((tmp_path / "there").iterdir()) == []


def test_packages_without_an_asterisk_are_refused(tmp_path: Path) -> None:
    package(tmp_path, "libthing", {"usr/lib/libthing.so": "library"})
    with pytest.raises(OperatorError) as caught:
        install(tmp_path / "root", tmp_path / "cache", offline=True)
    assert caught.value.code == "install_unpack_failed"
    assert not (tmp_path / "root").exists()


def test_no_packages_and_no_network_is_told(tmp_path: Path) -> None:
    with pytest.raises(OperatorError) as caught:
        install(tmp_path / "root", tmp_path / "cache", offline=True)
    assert caught.value.code == "install_cache_empty"


def test_a_mirror_that_fails_is_told_or_replaced_by_kept_packages(tmp_path: Path, free_port: int) -> None:
    mirror = f"http://127.0.0.1:{free_port}/debian"
    with pytest.raises(NeighbourError) as caught:
        install(tmp_path / "root", tmp_path / "cache", mirror=mirror)
    assert caught.value.code == "install_download_failed"
    package(tmp_path, "asterisk", {"usr/sbin/asterisk": "program"})
    assert install(tmp_path / "root", tmp_path / "cache", mirror=mirror).from_cache
