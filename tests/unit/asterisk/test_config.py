"""The rendered configuration is complete, and every template value is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from central.adapters.asterisk import install as installer
from central.adapters.asterisk.config import AsteriskConfig, OwnEngine, StartValues, fill, render, template_values
from central.domain.errors import DefectError


def rendered(tmp_path: Path, *, tls: bool = True, hep: bool = True) -> Path:
    own = OwnEngine(root=Path("/the/root"), state_dir=tmp_path, external_host="203.0.113.7")
    start = StartValues(
        sip_port=5062, sip_tls_port=5063, ari_port=8089, ari_user="central", ari_password="hush",
        hep_address=("127.0.0.1", 9060) if hep else None, tls=tls,
    )  # fmt: skip
    return render(template_values(AsteriskConfig(engine=own), own, start), tmp_path, tls=tls)


def test_no_placeholder_is_left(tmp_path: Path) -> None:
    etc = rendered(tmp_path)
    text = {path.name: path.read_text() for path in etc.iterdir()}
    left = {name for name, one in text.items() if "@" in one.replace("@NAME@", "")}
    assert left == set()
    assert "bind = 127.0.0.1:5062\nexternal_signaling_address = 203.0.113.7" in text["pjsip.conf"]
    assert "password = hush" in text["ari.conf"]
    assert "load => res_hep_pjsip.so" in text["modules.conf"]
    assert oct(etc.stat().st_mode)[-3:] == "700"


def test_without_a_certificate_there_is_no_tls_transport(tmp_path: Path) -> None:
    assert (rendered(tmp_path, tls=False) / "pjsip_tls.conf").read_text() == ""


def test_without_a_tap_nothing_is_copied(tmp_path: Path) -> None:
    etc = rendered(tmp_path, hep=False)
    assert "enabled = no" in (etc / "hep.conf").read_text()
    assert "hep" not in (etc / "modules.conf").read_text().replace("; --- copies", "")


def test_a_template_that_wants_too_much_is_our_defect() -> None:
    with pytest.raises(DefectError) as caught:
        fill("x = @UNKNOWN_VALUE@", {}, "x.conf")
    assert caught.value.code == "template_value_missing"


def test_the_tested_packages_hold_asterisk_22() -> None:
    packages = installer.tested_packages()
    assert any(name.startswith("asterisk_1%3a22.") for name in packages)
    assert all(len(value) == 64 for value in packages.values())
    assert installer.drift(packages, packages) == ()


def test_drift_names_each_package_that_differs() -> None:
    tested = {"a_1_all.deb": "x", "b_1_all.deb": "x", "c_1_all.deb": "x"}
    found = {"a_1_all.deb": "x", "b_2_all.deb": "y", "c_1_all.deb": "z", "d_1_all.deb": "x"}
    assert installer.drift(tested, found) == ("b 1 -> 2", "c 1 -> 1 (other content)", "d (none) -> 1")
    assert installer.drift(found, tested)[-1] == "d 1 -> (none)"
