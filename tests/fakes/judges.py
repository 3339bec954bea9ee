"""Judges of uploaded lists that work in the process of the test (port ListJudges)."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from central.adapters.system import SystemIds
from central.application.intake.judge_file import JudgeFile
from central.application.ports.intake import FileBrief, JudgedChunk, ListFindings, ListJudge


@dataclass(frozen=True, slots=True)
class InProcessJudge:
    """One of them."""

    file: JudgeFile

    async def read(self, chunk: int) -> Sequence[str] | None:
        return self.file.read(chunk)

    async def judge(
        self, chunk: int, instant: int, findings: ListFindings, remaining: int | None = None
    ) -> JudgedChunk:
        return self.file.judge(chunk, instant, findings, remaining)


@dataclass(frozen=True, slots=True)
class InProcessJudges:
    """``count`` judges."""

    count: int = 1

    @contextlib.asynccontextmanager
    async def open(self, brief: FileBrief) -> AsyncGenerator[Sequence[ListJudge]]:
        ids = SystemIds()
        yield [InProcessJudge(JudgeFile(brief, turn, self.count, ids)) for turn in range(self.count)]
