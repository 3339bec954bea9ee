"""One rig for each adapter of the port; the contract runs on all of them."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.telephony.rig import AsteriskRig, Switchboard


@pytest.fixture
async def rig(asterisk_root: Path, tmp_path: Path) -> AsyncIterator[AsteriskRig]:
    if shutil.which("sipp") is None:
        pytest.fail("sipp is missing: install the Debian package sip-tester")
    made = AsteriskRig(asterisk_root, tmp_path / "engine")
    try:
        yield made
    finally:
        await made.close()


@pytest.fixture
async def board(rig: AsteriskRig) -> AsyncIterator[Switchboard]:
    made = Switchboard(rig)
    try:
        yield made
    finally:
        await made.close()
