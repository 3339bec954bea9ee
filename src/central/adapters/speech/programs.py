"""Runs the programs that speak and convert: no shell, nothing inherited but the environment, bounded in time and output."""

from __future__ import annotations

import asyncio
import contextlib
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from pathlib import Path

from central.application.ports.speech import NoAudio

_DETAIL_CHARS = 200
_OUTPUT_BYTES = 256 * 1024


async def run_program(
    argv: Sequence[str], timeout_s: float, *, stdin: Path | None = None, any_exit: bool = False
) -> str | NoAudio:
    """Run to the end and return what it printed (at most 256 KiB); ``stdin`` is a file to read from.

    NoAudio ``engine_missing``, ``engine_failed`` (exit code other than 0, unless ``any_exit``) or ``engine_timeout``; the
    process is gone then, also when the caller is cancelled.
    """
    name = Path(argv[0]).name
    try:
        process = await _start(argv, stdin)
    except (FileNotFoundError, PermissionError):
        return NoAudio("engine_missing", f"{name} is not installed or cannot be run.")
    try:
        async with asyncio.timeout(timeout_s):
            output = await _read_bounded(process)
            code = await process.wait()
    except TimeoutError:
        return NoAudio("engine_timeout", f"{name} did not end within {timeout_s:g} s.")
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    text = output.decode("utf-8", errors="replace")
    if code != 0 and not any_exit:
        return NoAudio("engine_failed", f"{name} ended with code {code}: {' '.join(text.split())[:_DETAIL_CHARS]}")
    return text


async def _start(argv: Sequence[str], stdin: Path | None) -> Process:
    if stdin is None:
        return await asyncio.create_subprocess_exec(*argv, stdin=DEVNULL, stdout=PIPE, stderr=asyncio.subprocess.STDOUT)
    with stdin.open("rb") as source:
        return await asyncio.create_subprocess_exec(*argv, stdin=source, stdout=PIPE, stderr=asyncio.subprocess.STDOUT)


async def _read_bounded(process: Process) -> bytes:
    output = bytearray()
    stream = process.stdout
    if stream is None:
        return b""
    while chunk := await stream.read(65536):
        output += chunk[: _OUTPUT_BYTES - len(output)]
    return bytes(output)
