"""``central up``: keep everything of one machine running, in the foreground: the store first, then our own processes.

Foundations (PostgreSQL) start in order and are started again when they die. Children are processes of this same program;
one that ends is started again with growing waits. Stopping goes backwards: each child drains on SIGTERM, then the
foundations stop. Nothing survives a kill -9 of the supervisor: children get SIGKILL as parent-death signal (prctl(2)).
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TextIO

from central.application.ports.telemetry import Telemetry
from central.domain.errors import CentralError, OperatorError

EXIT_OPERATOR = 78
"""EX_CONFIG of sysexits.h: a child that ends with it met an OperatorError; starting it again would not help."""

_FIRST_WAIT_S = 0.25
_LONGEST_WAIT_S = 15.0
_STEADY_S = 30.0  # a child that ran so long starts again with the first wait
_WATCH_S = 0.25
_PIPE_S = 1.0  # a grandchild may hold the output open after the child's end
_LINE_BYTES = 1_000_000

_PR_SET_PDEATHSIG = 1
_PRCTL: Callable[[int, int], int] = ctypes.CDLL(None, use_errno=True).prctl  # resolved before any fork


@dataclass(frozen=True, slots=True)
class Foundation:
    """What the children stand on. ``start`` and ``stop`` block and run in one thread that lives as long as we do."""

    name: str
    start: Callable[[], None]
    running: Callable[[], bool]
    stop: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Child:
    """One process: how to start it, its whole environment, and how long it may drain before it is killed."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str] = field(repr=False)
    drain_s: float = 20.0


class Supervisor:
    """Runs foundations and children until ``stop`` is asked for; see the module's docstring.

    ``json_lines``: children's JSON lines pass as they are and other lines become events; else each line gets the child's
    name in front. ``on_end(pid)`` is called after each end of a child.
    """

    def __init__(
        self,
        foundations: Sequence[Foundation],
        children: Callable[[], Sequence[Child]],
        telemetry: Telemetry,
        *,
        json_lines: bool = True,
        output: TextIO | None = None,
        on_end: Callable[[int], None] | None = None,
    ) -> None:
        self._foundations, self._children, self._telemetry = foundations, children, telemetry
        self._json_lines, self._on_end = json_lines, on_end
        self._output = sys.stderr if output is None else output
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._stop, self._hurry = asyncio.Event(), asyncio.Event()
        # One thread for good: PostgreSQL's parent-death signal is bound to the thread that started it.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="foundations")

    def stop(self) -> None:
        """Ask for an orderly stop; the second time, everything is killed without draining."""
        (self._hurry if self._stop.is_set() else self._stop).set()

    def stop_on_signals(self) -> None:
        """Let SIGINT (Ctrl-C) and SIGTERM call ``stop``; needs the running loop of the main thread."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stop)

    async def run(self) -> None:
        """Start everything, keep it running, and return after an orderly stop.

        ``children`` is asked once the foundations stand, because the children's environment names them. Raises what a
        foundation's first start raises, and OperatorError ``child_misconfigured`` when a child says that starting it
        again cannot help; everything is stopped before.
        """
        started: list[Foundation] = []
        keepers: list[asyncio.Task[None]] = []
        children: Sequence[Child] = ()
        try:
            for foundation in self._foundations:
                started.append(foundation)
                await self._in_thread(foundation.start)
                self._telemetry.event("foundation_started", foundation=foundation.name)
            keepers += [asyncio.create_task(self._watch(foundation)) for foundation in started]
            children = self._children()
            keepers += [asyncio.create_task(self._keep(child)) for child in children]
            await self._until_stopped(keepers)
        finally:
            self._stop.set()
            for child in reversed(children):
                await self._end(child)
            await asyncio.gather(*keepers, return_exceptions=True)
            for foundation in reversed(started):
                await self._in_thread(foundation.stop)
                self._telemetry.event("foundation_stopped", foundation=foundation.name)
            self._thread.shutdown()

    # -- foundations -------------------------------------------------------------------------------------------------
    async def _in_thread(self, work: Callable[[], object]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _watch(self, foundation: Foundation) -> None:
        """Start it again when it died; failures are tried again, but an OperatorError ends everything."""
        wait_s = _FIRST_WAIT_S
        while not await self._stopped_within(_WATCH_S):
            if foundation.running():
                wait_s = _FIRST_WAIT_S
                continue
            self._telemetry.warning("foundation_ended", foundation=foundation.name)
            try:
                await self._in_thread(foundation.start)
                self._telemetry.event("foundation_started", foundation=foundation.name)
            except OperatorError:
                raise
            except CentralError as error:
                self._telemetry.failure("foundation_not_started", error, foundation=foundation.name)
                await self._stopped_within(wait_s)
                wait_s = min(wait_s * 2, _LONGEST_WAIT_S)

    # -- children ------------------------------------------------------------------------------------------------------
    async def _keep(self, child: Child) -> None:
        clock = asyncio.get_running_loop().time
        wait_s = _FIRST_WAIT_S
        while not self._stop.is_set():
            begun = clock()
            code = await self._run_once(child)
            if self._stop.is_set():
                return
            if code == EXIT_OPERATOR:
                raise OperatorError(
                    "child_misconfigured", f"{child.name} cannot run as it is set up: see its last lines"
                )
            self._telemetry.warning("child_ended", child=child.name, exit_code=code)
            wait_s = _FIRST_WAIT_S if clock() - begun > _STEADY_S else wait_s
            if await self._stopped_within(wait_s):
                return
            wait_s = min(wait_s * 2, _LONGEST_WAIT_S)

    async def _run_once(self, child: Child) -> int:
        process = await asyncio.create_subprocess_exec(
            *child.argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=child.environment,
            start_new_session=True,  # Ctrl-C of the terminal reaches only us: we stop in order
            preexec_fn=_DieWithParent(os.getpid()),
            limit=_LINE_BYTES,
        )
        self._processes[child.name] = process
        self._telemetry.event("child_started", child=child.name, pid=process.pid)
        if process.stdout is None:
            raise AssertionError  # asked for a pipe above
        reader = asyncio.create_task(self._pass_lines(child.name, process.stdout))
        if self._stop.is_set():  # asked for while it was being started: nothing to drain yet
            process.kill()
        code = await process.wait()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(reader, _PIPE_S)
        if self._on_end is not None:
            self._on_end(process.pid)
        return code

    async def _pass_lines(self, name: str, stream: asyncio.StreamReader) -> None:
        while True:
            try:
                line = (await stream.readline()).decode("utf-8", "replace")
            except ValueError:  # a line beyond the limit: the reader has dropped it
                self._telemetry.warning("child_line_dropped", child=name, limit_bytes=_LINE_BYTES)
                continue
            if not line:
                return
            if not self._json_lines:
                self._output.write(f"{name:<11}| {line.rstrip()}\n")
            elif line.startswith("{"):
                self._output.write(line)
            else:
                self._telemetry.event("child_output", child=name, text=line.rstrip())
            self._output.flush()

    async def _end(self, child: Child) -> None:
        """SIGTERM, wait for the drain, then SIGKILL for it and all of its session."""
        process = self._processes.get(child.name)
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        ended = asyncio.create_task(process.wait())
        hurry = asyncio.create_task(self._hurry.wait())
        await asyncio.wait({ended, hurry}, timeout=child.drain_s, return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        if not ended.done():
            self._telemetry.warning("child_killed", child=child.name, pid=process.pid)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        await ended
        self._telemetry.event("child_stopped", child=child.name, exit_code=process.returncode)

    # -- waiting -------------------------------------------------------------------------------------------------------
    async def _stopped_within(self, limit_s: float) -> bool:
        """Wait so long at most; whether the stop was asked for."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), limit_s)
        return self._stop.is_set()

    async def _until_stopped(self, keepers: Sequence[asyncio.Task[None]]) -> None:
        """Return when the stop is asked for; raise the first error of a keeper."""
        stop = asyncio.create_task(self._stop.wait())
        done, _ = await asyncio.wait({stop, *keepers}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        for task in done - {stop}:
            task.result()


class _DieWithParent:
    """Between fork and exec: SIGKILL when the forking thread (our main thread) dies; gone at once if it already did."""

    def __init__(self, parent: int) -> None:
        self._parent = parent

    def __call__(self) -> None:
        _PRCTL(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != self._parent:
            os._exit(1)
