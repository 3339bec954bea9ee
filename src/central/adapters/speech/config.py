"""What can be set about speech; bootstrap fills it from the settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SpeechConfig:
    """``cache_folder`` holds rendered speech and silence (may be emptied at any time while nothing plays).

    ``prompt_folder`` holds recorded prompts and is data: nodes on several machines share it. Programs are names on PATH or
    absolute paths. ``piper`` and ``piper_model`` (an .onnx file) are empty unless that engine is wanted; it then speaks
    English by default. ``workers`` bounds the engines that run at once, ``timeout_s`` one run of an engine. A recording has
    at most ``max_prompt_bytes`` as it is sent and lasts at most ``max_prompt_s``. Of what flows fetched from the web, at most
    ``max_fetched_bytes`` of converted files are kept.
    """

    cache_folder: Path
    prompt_folder: Path
    flite: str = "flite"
    espeak: str = "espeak-ng"
    sox: str = "sox"
    prlimit: str = "prlimit"
    piper: str = ""
    piper_model: str = ""
    workers: int = 2
    timeout_s: float = 20.0
    max_chars: int = 2000
    max_prompt_bytes: int = 20 * 1024 * 1024
    max_prompt_s: int = 3600
    max_fetched_bytes: int = 1024 * 1024 * 1024
