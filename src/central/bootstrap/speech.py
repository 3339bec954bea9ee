"""Speech as this installation has it: for the voice node, which plays it, and the API, which takes recordings in."""

from __future__ import annotations

from central.adapters.speech.config import SpeechConfig
from central.settings import Settings


def speech_config(settings: Settings) -> SpeechConfig:
    """Where speech is cached, where recordings lie, and which programs speak."""
    return SpeechConfig(
        cache_folder=settings.cache_dir / "speech",
        prompt_folder=settings.state_dir / "prompts",
        piper="piper" if settings.piper_model else "",
        piper_model=str(settings.piper_model or ""),
    )
