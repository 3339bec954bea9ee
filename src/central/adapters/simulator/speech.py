"""Speech and prompts that exist only as a length (ports SpeechRenderer and PromptLibrary): a second for fifteen characters."""

from __future__ import annotations

from collections.abc import Sequence

from central.application.ports.speech import Audio, AudioFile, NoAudio, SpeechRequest
from central.domain.ids import AccountId

_CHARACTERS_PER_S = 15
_SILENCE = "silence:"


class SimulatedSpeech:
    """Renders any text; ``SimulatedTelephony`` reads the length from the file's name."""

    async def render(self, items: Sequence[SpeechRequest]) -> Sequence[Audio]:
        """One result each, in the same order."""
        return [_audio(max(1, len(item.text)) / _CHARACTERS_PER_S) if item.text else _EMPTY for item in items]


class SimulatedPrompts:
    """Knows the prompts it was given, by name or content, with their seconds."""

    def __init__(self, seconds: dict[str, float] | None = None) -> None:
        self._seconds = seconds or {}

    async def find(self, account_id: AccountId, names: Sequence[str], language: str = "") -> Sequence[Audio]:
        """One result each, in the same order."""
        del account_id, language
        return [self._find(name) for name in names]

    async def contents(self, contents: Sequence[str]) -> Sequence[Audio]:
        """One result each, in the same order; a content is known like a name."""
        return [self._find(content) for content in contents]

    def _find(self, name: str) -> Audio:
        if name.startswith(_SILENCE):
            return _audio(float(name.removeprefix(_SILENCE)))
        seconds = self._seconds.get(name)
        return NoAudio("prompt_missing", f"there is no prompt {name}") if seconds is None else _audio(seconds)


_EMPTY = NoAudio("text_empty", "nothing that can be spoken")


def _audio(seconds: float) -> AudioFile:
    return AudioFile(f"/simulated/simulated-{seconds:.3f}-.wav", seconds)
