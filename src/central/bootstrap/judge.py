"""A judge process: ``python -m central.bootstrap.judge``, started by the jobs process and ended by the end of its input."""

from __future__ import annotations

import contextlib
import os
import signal
import sys

from central.adapters.judges.serving import serve
from central.adapters.system import SystemIds
from central.application.intake.judge_file import JudgeFile
from central.bootstrap.collector import calm_collector


def main() -> None:
    """Answer calls on standard input until the jobs process is gone."""
    for number in (
        signal.SIGINT,
        signal.SIGTERM,
    ):  # meant for the jobs process, which ends us when it has ended its work
        signal.signal(number, signal.SIG_IGN)
    ids = SystemIds()
    calm_collector()
    with contextlib.suppress(BrokenPipeError), os.fdopen(os.dup(sys.stdout.fileno()), "wb") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a library prints must not be taken for an answer
        serve(sys.stdin.buffer, answers, lambda brief, turn, turns: JudgeFile(brief, turn, turns, ids))


if __name__ == "__main__":
    main()
