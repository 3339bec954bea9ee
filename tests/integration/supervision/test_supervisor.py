"""``central up``'s supervisor with small real processes: restarts, order of the stop, and nothing left after a kill -9."""

from __future__ import annotations

import asyncio
import io
import os
import select
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

import pytest

from central.domain.errors import NeighbourError, OperatorError
from central.entrypoints.supervision import EXIT_OPERATOR, Child, Foundation, Supervisor
from tests.fakes.observed import ObservedTelemetry

# A child that says its pid and then waits for SIGTERM; it notes its end in a file.
STEADY = """
    import os, signal, sys
    print('up', os.getpid(), flush=True)
    signal.sigwait([signal.SIGTERM])
    open(sys.argv[1], 'a').write(sys.argv[2] + '\\n')
"""
BLOCKED = "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])\n"


def child(name: str, script: str, *words: str, drain_s: float = 10) -> Child:
    return Child(name, [sys.executable, "-c", BLOCKED + textwrap.dedent(script), *words], {"PATH": "/usr/bin"}, drain_s)


@dataclass
class FakeStore:
    """A foundation that can die and refuse to start."""

    alive: bool = False
    starts: int = 0
    refusals: list[Exception] = field(default_factory=list[Exception])
    log: list[str] = field(default_factory=list[str])
    started: SimpleQueue[int] = field(default_factory=SimpleQueue[int])

    def start(self) -> None:
        self.starts += 1
        if self.refusals:
            raise self.refusals.pop(0)
        self.alive = True
        self.started.put(self.starts)

    def stop(self) -> None:
        self.alive = False
        self.log.append("store")

    def foundation(self) -> Foundation:
        return Foundation("store", self.start, lambda: self.alive, self.stop)


class Output(io.StringIO):
    """Collects lines; ``line(text)`` waits for one."""

    def __init__(self) -> None:
        super().__init__()
        self._news = asyncio.Event()

    def flush(self) -> None:
        self._news.set()

    async def line(self, text: str, times: int = 1) -> list[str]:
        async with asyncio.timeout(20):
            while True:
                found = [line for line in self.getvalue().splitlines() if text in line]
                if len(found) >= times:
                    return found
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def running(supervisor: Supervisor) -> AsyncGenerator[asyncio.Task[None]]:
    task = asyncio.create_task(supervisor.run())
    try:
        yield task
    finally:
        supervisor.stop()
        with suppress(OperatorError, NeighbourError):
            await task


def names(telemetry: ObservedTelemetry) -> list[str]:
    return [name for name, _ in telemetry.events]


def pid_of(line: str) -> int:
    return int(line.rpartition(" ")[2])


def wait_for_end(pid: int) -> bool:
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], 20)[0])
    finally:
        os.close(handle)


async def test_children_stop_backwards_and_the_store_last(tmp_path: Path) -> None:
    ends, output, store = tmp_path / "ends", Output(), FakeStore()
    children = [child(name, STEADY, str(ends), name) for name in ("first", "second")]
    supervisor = Supervisor(
        [store.foundation()], lambda: children, ObservedTelemetry(), json_lines=False, output=output
    )
    async with running(supervisor) as task:
        lines = await output.line("up", 2)
        assert sorted(line.partition("|")[0].strip() for line in lines) == ["first", "second"]
        supervisor.stop()
        await task
        assert ends.read_text().split() == ["second", "first"]
        assert store.log == ["store"]


async def test_killed_child_is_started_again(tmp_path: Path) -> None:
    output, telemetry, ended = Output(), ObservedTelemetry(), list[int]()
    children = [child("one", STEADY, str(tmp_path / "ends"), "one")]
    supervisor = Supervisor([], lambda: children, telemetry, json_lines=False, output=output, on_end=ended.append)
    async with running(supervisor):
        (first,) = await output.line("up")
        os.kill(pid_of(first), signal.SIGKILL)
        _, second = await output.line("up", 2)
        assert pid_of(second) != pid_of(first)
        assert ("child_ended", {"child": "one", "exit_code": -9}) in telemetry.events
        assert ended == [pid_of(first)]


async def test_waits_between_restarts_grow() -> None:
    output, telemetry = Output(), ObservedTelemetry()
    children = [child("hopeless", "print('up', flush=True); raise SystemExit(3)")]
    clock = asyncio.get_running_loop().time
    async with running(Supervisor([], lambda: children, telemetry, json_lines=False, output=output)):
        times: list[float] = []
        for n in (1, 2, 3):
            await output.line("up", n)
            times.append(clock())
        assert times[2] - times[1] > times[1] - times[0] > 0.2


async def test_misconfigured_child_ends_everything() -> None:
    store, output = FakeStore(), Output()
    children = [
        child("good", "import signal; print('up', flush=True); signal.sigwait([signal.SIGTERM])"),
        child("bad", f"raise SystemExit({EXIT_OPERATOR})"),
    ]
    with pytest.raises(OperatorError) as refusal:
        await Supervisor([store.foundation()], lambda: children, ObservedTelemetry(), output=output).run()
    assert refusal.value.code == "child_misconfigured"
    assert "bad" in refusal.value.message
    assert store.log == ["store"]


async def test_child_that_does_not_drain_is_killed_with_its_own_children() -> None:
    output, telemetry = Output(), ObservedTelemetry()
    script = """
        import subprocess, sys
        helper = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()'])
        print('up', helper.pid, flush=True)
        helper.wait()
    """
    supervisor = Supervisor(
        [], lambda: [child("deaf", script, drain_s=0.1)], telemetry, json_lines=False, output=output
    )
    async with running(supervisor) as task:
        (line,) = await output.line("up")
        supervisor.stop()
        await task
    assert "child_killed" in names(telemetry)
    assert wait_for_end(pid_of(line))


async def test_second_stop_does_not_wait_for_the_drain() -> None:
    output, telemetry = Output(), ObservedTelemetry()
    script = "import signal; print('up', flush=True); signal.pause()"
    supervisor = Supervisor([], lambda: [child("slow", script, drain_s=60)], telemetry, json_lines=False, output=output)
    async with running(supervisor) as task:
        await output.line("up")
        supervisor.stop()
        supervisor.stop()
        async with asyncio.timeout(10):
            await task


async def test_dead_store_is_started_again() -> None:
    store, telemetry = FakeStore(), ObservedTelemetry()
    async with running(Supervisor([store.foundation()], list[Child], telemetry, output=Output())):
        assert await asyncio.to_thread(store.started.get, timeout=20) == 1
        store.refusals = [NeighbourError("database_slow", "not yet")]
        store.alive = False
        assert await asyncio.to_thread(store.started.get, timeout=20) == 3
    assert names(telemetry).count("foundation_not_started") == 1


async def test_store_that_cannot_start_starts_no_child() -> None:
    store = FakeStore(refusals=[OperatorError("database_version", "old")])
    with pytest.raises(OperatorError) as refusal:
        await Supervisor(
            [store.foundation()], lambda: pytest.fail("too early"), ObservedTelemetry(), output=Output()
        ).run()
    assert refusal.value.code == "database_version"


async def test_json_lines_pass_and_others_become_events() -> None:
    output, telemetry = Output(), ObservedTelemetry()
    script = """
        import signal
        print('Traceback: plain', flush=True)
        print('{"event": "started"}', flush=True)
        signal.sigwait([signal.SIGTERM])
    """
    async with running(Supervisor([], lambda: [child("one", script)], telemetry, output=output)):
        assert await output.line("started") == ['{"event": "started"}']
    assert ("child_output", {"child": "one", "text": "Traceback: plain"}) in telemetry.events
    assert "plain" not in output.getvalue()


async def test_endless_line_does_not_stop_the_passing() -> None:
    output, telemetry = Output(), ObservedTelemetry()
    script = (
        "import signal; print('x' * 3_000_000); print('{\"after\": 1}', flush=True); signal.sigwait([signal.SIGTERM])"
    )
    async with running(Supervisor([], lambda: [child("one", script)], telemetry, output=output)):
        await output.line("after")
    assert "child_line_dropped" in names(telemetry)


def test_killed_supervisor_leaves_no_child(tmp_path: Path) -> None:
    script = """
        import asyncio, sys
        from central.entrypoints.supervision import Child, Supervisor
        from tests.fakes.observed import ObservedTelemetry
        child = Child('one', [sys.executable, '-c', "import os, signal; print('up', os.getpid(), flush=True); signal.pause()"], {})
        asyncio.run(Supervisor([], lambda: [child], ObservedTelemetry(), json_lines=False, output=sys.stdout).run())
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, env=environment, cwd=tmp_path
    ) as supervisor:
        assert supervisor.stdout is not None
        pid = pid_of(supervisor.stdout.readline().decode())
        supervisor.kill()
        assert wait_for_end(pid)


def test_ctrl_c_stops_in_order(tmp_path: Path) -> None:
    script = f"""
        import asyncio, sys
        from central.entrypoints.supervision import Child, Supervisor
        from tests.fakes.observed import ObservedTelemetry
        async def main():
            child = Child('one', [sys.executable, '-c', {textwrap.dedent(BLOCKED + textwrap.dedent(STEADY))!r}, sys.argv[1], 'one'], {{}})
            supervisor = Supervisor([], lambda: [child], ObservedTelemetry(), json_lines=False, output=sys.stdout)
            supervisor.stop_on_signals()
            await supervisor.run()
        asyncio.run(main())
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ends = tmp_path / "ends"
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), ends], stdout=subprocess.PIPE, env=environment, cwd=tmp_path
    ) as supervisor:
        assert supervisor.stdout is not None
        assert b"up" in supervisor.stdout.readline()
        supervisor.send_signal(signal.SIGINT)
        assert supervisor.wait(20) == 0
    assert ends.read_text().split() == ["one"]
