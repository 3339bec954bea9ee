"""Judges in processes of their own (port ListJudges): Python works on one core a process, and a list is worth several.

They are started at the first upload and kept, because importing the program takes longer than loading a small list. Their
calls come through standard input: when the jobs process dies, even by SIGKILL, it ends, and with it they do.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Sequence
from types import TracebackType
from typing import Self, cast

from central.adapters.judges.frames import (
    LENGTH_BYTES,
    Call,
    Forget,
    Judge,
    Open,
    Read,
    Refusal,
    frame,
    length_of,
    message_of,
)
from central.application.ports.intake import FileBrief, JudgedChunk, ListFindings, ListJudge
from central.application.ports.telemetry import Telemetry
from central.domain.errors import NeighbourError

_BUFFER_BYTES = 4 << 20  # a judged chunk arrives without pauses


class JudgeProcesses:
    """``count`` processes of the command ``argv``; a context manager, which ends them."""

    def __init__(self, argv: Sequence[str], count: int, telemetry: Telemetry) -> None:
        self._argv, self._count, self._telemetry = argv, count, telemetry
        self._processes: list[_JudgeProcess] = []
        self._starting = asyncio.Lock()
        self._uploads = itertools.count()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            await process.end()

    @contextlib.asynccontextmanager
    async def open(self, brief: FileBrief) -> AsyncGenerator[Sequence[ListJudge]]:
        """Give a file to all processes; chunk n belongs to judge n % N."""
        processes, upload = await self._running(), next(self._uploads)
        try:
            for turn, process in enumerate(processes):
                await process.call(Open(upload, brief, turn, len(processes)))
            yield [_Judge(process, upload) for process in processes]
        finally:
            for process in processes:
                with contextlib.suppress(NeighbourError):  # it ended, and its memory with it
                    await process.call(Forget(upload))

    async def _running(self) -> Sequence[_JudgeProcess]:
        """All processes; those that are not there, or not any more, are started."""
        async with self._starting:
            for process in self._processes:
                if not process.alive:
                    await process.lost()
            self._processes = [process for process in self._processes if process.alive]
            while len(self._processes) < self._count:
                self._processes.append(await self._start())
            return tuple(self._processes)

    async def _start(self) -> _JudgeProcess:
        process = await asyncio.create_subprocess_exec(*self._argv, stdin=PIPE, stdout=PIPE, limit=_BUFFER_BYTES)
        self._telemetry.event("judge_started", pid=process.pid)
        return _JudgeProcess(process, self._telemetry)


class _JudgeProcess:
    """One process, which does one call after the other, in the order in which they were made."""

    def __init__(self, process: Process, telemetry: Telemetry) -> None:
        if process.stdin is None or process.stdout is None:
            raise AssertionError  # asked for pipes when it was started
        self._process, self._calls, self._answers = process, process.stdin, process.stdout
        self._telemetry, self._missed = telemetry, False
        self._turn = asyncio.Lock()

    @property
    def alive(self) -> bool:
        """Whether it can be called."""
        return self._process.returncode is None and not self._calls.is_closing()

    async def call(self, call: Call) -> object:
        """The answer, or the error that it is. Raises NeighbourError ``judge_ended``.

        A caller that is cancelled does not break off an exchange: its answer would be taken for that of the next call.
        """
        answer = await asyncio.shield(self._exchange(call))
        if isinstance(answer, Refusal):
            raise answer.kind(answer.code, answer.message, **answer.details)
        return answer

    async def end(self) -> None:
        """Kill it, for it holds nothing that could be lost, and wait until it is gone."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        await self._process.wait()

    async def lost(self) -> NeighbourError:
        """The error of those who call a process that ended by itself; should it only have closed its output, it ends now."""
        self._calls.close()
        await self._process.wait()
        if not self._missed:
            self._missed = True
            self._telemetry.warning("judge_ended", pid=self._process.pid, exit_code=self._process.returncode)
        return NeighbourError("judge_ended", "A process that judges uploaded lists ended in the middle of its work.")

    async def _exchange(self, call: Call) -> object:
        async with self._turn:
            if not self.alive:
                raise await self.lost()
            try:
                self._calls.write(frame(call))
                await self._calls.drain()
                head = await self._answers.readexactly(LENGTH_BYTES)
                return message_of(await self._answers.readexactly(length_of(head)))
            except (asyncio.IncompleteReadError, ConnectionError) as error:
                raise await self.lost() from error


class _Judge:
    """Port ListJudge: one process's part in one upload."""

    def __init__(self, process: _JudgeProcess, upload: int) -> None:
        self._process, self._upload = process, upload

    async def read(self, chunk: int) -> Sequence[str] | None:
        """The numbers of the chunk that the lists are to be asked about; None behind the end of the file."""
        return cast("Sequence[str] | None", await self._process.call(Read(self._upload, chunk)))

    async def judge(
        self, chunk: int, instant: int, findings: ListFindings, remaining: int | None = None
    ) -> JudgedChunk:
        """Judge a chunk that was read."""
        call = Judge(self._upload, chunk, instant, findings, remaining)
        return cast("JudgedChunk", await self._process.call(call))
