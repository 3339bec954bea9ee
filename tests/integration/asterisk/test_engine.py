"""The supervised Asterisk: one per state directory, ends with its supervisor, leaves nothing behind."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from central.adapters.asterisk.config import AsteriskConfig, OwnEngine
from central.adapters.asterisk.engine import Engine
from central.adapters.system import SystemIds
from central.domain.errors import OperatorError

_SUPERVISOR = """
import asyncio, sys
from pathlib import Path
from central.adapters.asterisk.config import AsteriskConfig, OwnEngine
from central.adapters.asterisk.engine import Engine
from central.adapters.system import SystemIds

async def main():
    own = OwnEngine(root=Path(sys.argv[1]), state_dir=Path(sys.argv[2]))
    engine = Engine(AsteriskConfig(engine=own), own, SystemIds().secret)
    await engine.start(None)
    print(engine.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def engine(root: Path, state: Path, sip_port: int = 0) -> Engine:
    own = OwnEngine(root=root, state_dir=state, sip_port=sip_port)
    return Engine(AsteriskConfig(engine=own), own, SystemIds().secret)


async def test_it_starts_answers_and_stops(asterisk_root: Path, tmp_path: Path) -> None:
    one = engine(asterisk_root, tmp_path)
    access = await one.start(None)
    assert access.url.startswith("http://127.0.0.1:")
    pid = one.pid
    assert pid is not None
    assert psutil.pid_exists(pid)
    await one.stop()
    assert not psutil.pid_exists(pid)
    await one.stop()


async def test_its_log_shows_no_module_that_failed_to_load(asterisk_root: Path, tmp_path: Path) -> None:
    one = engine(asterisk_root, tmp_path)
    await one.start(None)
    await one.stop()
    log = (tmp_path / "log/messages").read_text()
    assert "ERROR" not in log
    assert "declined to load" not in log


async def test_a_second_supervisor_of_the_same_state_directory_is_refused(asterisk_root: Path, tmp_path: Path) -> None:
    one, two = engine(asterisk_root, tmp_path), engine(asterisk_root, tmp_path)
    await one.start(None)
    try:
        with pytest.raises(OperatorError) as caught:
            await two.start(None)
        assert caught.value.code == "engine_state_in_use"
    finally:
        await one.stop()
    await two.start(None)  # free again
    await two.stop()


async def test_a_taken_port_is_an_operators_error(asterisk_root: Path, tmp_path: Path) -> None:
    one = engine(asterisk_root, tmp_path / "one")
    await one.start(None)
    two = engine(asterisk_root, tmp_path / "two", sip_port=one.sip_port)
    try:
        with pytest.raises(OperatorError) as caught:
            await two.start(None)
        assert caught.value.code == "port_taken"
    finally:
        await two.stop()
        await one.stop()


async def test_a_missing_root_is_told_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(OperatorError) as caught:
        await engine(tmp_path / "nothing", tmp_path / "state").start(None)
    assert caught.value.code == "engine_not_installed"
    assert not (tmp_path / "state").exists()


def test_it_dies_with_a_supervisor_that_is_killed(asterisk_root: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", _SUPERVISOR, str(asterisk_root), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        child = psutil.Process(int(supervisor.stdout.readline()))
        supervisor.send_signal(signal.SIGKILL)
        supervisor.wait()
    gone, alive = psutil.wait_procs([child], timeout=10)
    zombies = [one for one in alive if one.status() == psutil.STATUS_ZOMBIE]  # no init here that would reap it
    assert len(gone) + len(zombies) == 1


async def test_its_own_end_is_noticed(asterisk_root: Path, tmp_path: Path) -> None:
    one = engine(asterisk_root, tmp_path)
    await one.start(None)
    assert one.pid is not None
    psutil.Process(one.pid).kill()
    async with asyncio.timeout(5):
        assert await one.wait() == -signal.SIGKILL
    assert one.pid is None
    await one.stop()
