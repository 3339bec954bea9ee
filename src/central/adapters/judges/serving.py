"""The inside of a judge process: it does one call after the other, until nobody can call any more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import IO, Protocol

from central.adapters.judges.frames import Forget, Judge, Open, Read, Refusal, frame, read_call
from central.application.ports.intake import FileBrief, JudgedChunk, ListFindings
from central.domain.errors import CentralError


class FileJudge(Protocol):
    """A ``ListJudge`` that works while the caller waits."""

    def read(self, chunk: int) -> Sequence[str] | None: ...  # noqa: D102 - as ListJudge
    def judge(self, chunk: int, instant: int, findings: ListFindings, remaining: int | None) -> JudgedChunk: ...  # noqa: D102 - as ListJudge


def serve(calls: IO[bytes], answers: IO[bytes], open_judge: Callable[[FileBrief, int, int], FileJudge]) -> None:
    """Answer calls until their stream ends. Errors of the error tree are answers; any other is a defect and ends the process."""
    judges: dict[int, FileJudge] = {}

    def answer(call: object) -> object:
        match call:
            case Open():
                judges[call.upload] = open_judge(call.brief, call.turn, call.turns)
            case Read():
                return judges[call.upload].read(call.chunk)
            case Judge():
                return judges[call.upload].judge(call.chunk, call.instant, call.findings, call.remaining)
            case Forget():
                judges.pop(call.upload, None)
            case _:
                raise TypeError(type(call))
        return None

    while (call := read_call(calls)) is not None:
        try:
            said = answer(call)
        except CentralError as error:
            said = Refusal(type(error), error.code, error.message, dict(error.details))
        answers.write(frame(said))
        answers.flush()
