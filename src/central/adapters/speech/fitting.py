"""A recording from outside, whatever it claims to be, made playable by sox: for the prompt library, and for what is fetched."""

from __future__ import annotations

import asyncio
from pathlib import Path

from central.adapters.speech.config import SpeechConfig
from central.adapters.speech.engines import prompt_command
from central.adapters.speech.programs import run_program
from central.adapters.speech.sound_kinds import OFFERED, is_cut, sound_kind
from central.adapters.speech.wave_files import read_audio
from central.application.ports.speech import NoAudio
from central.domain.errors import InvalidInput, OperatorError


def known_kind(audio: bytes) -> str:
    """The kind of a recording. Raises InvalidInput ``unreadable_audio`` for what is none of those that are taken."""
    kind = sound_kind(audio)
    if kind is None:
        raise InvalidInput("unreadable_audio", f"Send {OFFERED}: this is none of them.")
    return kind


async def fit(config: SpeechConfig, audio: bytes, kind: str, scratch: Path) -> bytes:
    """The recording as a WAV file that the voice engine plays; works in the folder ``scratch``.

    Raises InvalidInput ``prompt_too_long``, ``unreadable_audio`` or ``truncated_audio``; OperatorError ``sox_missing``; OSError.
    """
    source, fitting = scratch / "source", scratch / "fitting.wav"
    await asyncio.to_thread(source.write_bytes, audio)
    done = await run_program(prompt_command(config, source, fitting, kind), config.timeout_s)
    said = _refused(done, kind) if isinstance(done, NoAudio) else done
    made = await asyncio.to_thread(read_audio, fitting)
    if made is None or isinstance(done, NoAudio):
        raise InvalidInput("unreadable_audio", f"The {kind.upper()} file cannot be read, or holds no sound.")
    if made.seconds > config.max_prompt_s:
        raise InvalidInput("prompt_too_long", f"A recording lasts at most {config.max_prompt_s} seconds.")
    if is_cut(audio, kind, said):
        raise InvalidInput("truncated_audio", f"The {kind.upper()} file is cut off: its end is missing.")
    return await asyncio.to_thread(fitting.read_bytes)


def _refused(done: NoAudio, kind: str) -> str:
    """What sox said about a file that it did not take. Raises OperatorError where the fault is this machine's."""
    if done.reason == "engine_missing":
        raise OperatorError("sox_missing", done.detail)
    if "no handler" in done.detail:
        message = f"sox on this machine cannot read {kind.upper()}: install libsox-fmt-base and libsox-fmt-mp3."
        raise OperatorError("sox_missing", message)
    return done.detail
