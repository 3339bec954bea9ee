"""Recordings of simulated calls: as long as they would be, with a tone where the callee would have spoken (path step 3)."""

from __future__ import annotations

import wave
from array import array
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from central.application.ports.telephony import RecordingEnded, RecordLimits

if TYPE_CHECKING:
    from central.adapters.simulator.far_end import SimulatedCall
    from central.application.ports.world import Clock, TimerHandle, Timers

_RATE: Final = 8000
_TONE: Final = array("h", [6000] * 10 + [-6000] * 10)


@dataclass(slots=True)
class _Tape:
    call: SimulatedCall
    begun: float
    limits: RecordLimits
    handle: TimerHandle
    ended_s: float = -1.0


@dataclass(slots=True)
class SimulatedTapes:
    """What is and was recorded on one simulated engine, by name; a whole call under the name of its originate."""

    clock: Clock
    timers: Timers
    tapes: dict[str, _Tape] = field(default_factory=dict[str, "_Tape"])
    whole: dict[str, float] = field(default_factory=dict[str, float])

    def begin(self, call: SimulatedCall, name: str, limits: RecordLimits) -> None:
        """Record until the callee has been silent for long enough, or the limit is reached."""
        if name not in self.tapes:
            lasts = min(limits.max_s, call.callee.speaks_s + limits.silence_s)
            handle = self.timers.after(lasts, lambda: self.end(name))
            self.tapes[name] = _Tape(call, self.clock.monotonic(), limits, handle)

    def end(self, name: str) -> None:
        """It is over, by itself or because somebody stopped it; told once."""
        tape = self.tapes.get(name)
        if tape is not None and tape.ended_s < 0:
            tape.handle.cancel()
            tape.ended_s = self.clock.monotonic() - tape.begun
            call = tape.call
            call.world.tell(RecordingEnded(call.call.leg, self.clock.now(), name, ok=True))

    def call_over(self, call: SimulatedCall) -> None:
        """A call ended, and its recordings with it."""
        for name, tape in self.tapes.items():
            if tape.call is call:
                self.end(name)
        if call.record and call.answered_at >= 0:
            self.whole[call.record] = self.clock.monotonic() - call.answered_at

    def take(self, name: str, into: Path) -> bool:
        """Write the file, once."""
        tape = self.tapes.pop(name, None)
        if tape is not None:
            _write(into, 1, tape.ended_s, min(tape.ended_s, tape.call.callee.speaks_s))
        elif name in self.whole:
            _write(into, 2, self.whole.pop(name), 0.0)
        else:
            return False
        return True


def _write(path: Path, channels: int, seconds: float, loud_s: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    loud = _TONE * (round(loud_s * _RATE) * channels // len(_TONE))
    quiet = array("h", bytes(2 * max(0, round(seconds * _RATE) * channels - len(loud))))
    with wave.open(str(path), "wb") as target:
        target.setnchannels(channels)
        target.setsampwidth(2)
        target.setframerate(_RATE)
        target.writeframes((loud + quiet).tobytes())
