"""The hold music of an engine of ours, made here: soft chords, so that nobody's rights are touched (path step 3). Blocking."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final

from central.adapters.asterisk.recorded_files import write_samples

MUSIC_HZ: Final = 262
"""Is in every chord (c')."""

_RATE: Final = 8000
_CHORDS_HZ: Final = ((262, 330, 392), (262, 349, 440), (262, 330, 440), (262, 311, 392))
_CHORD_S: Final = 4
_PEAK: Final = 2600  # of each of the three


def write_music(path: Path) -> None:
    """Write the WAV file, unless it is there. Raises OSError."""
    if not path.exists():
        write_samples(path, [sample for chord in _CHORDS_HZ for sample in _chord(chord)])


def _chord(tones_hz: tuple[int, ...]) -> list[int]:
    """It swells and fades within its time, never to silence."""
    count = _RATE * _CHORD_S
    turns = [2 * math.pi * hertz / _RATE for hertz in tones_hz]
    return [
        round(_PEAK * (0.4 + 0.6 * math.sin(math.pi * i / count)) * sum(math.sin(turn * i) for turn in turns))
        for i in range(count)
    ]
