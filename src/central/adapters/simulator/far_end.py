"""One simulated call: plays the callee's script and tells the engine's side of it as port events (path step 3).

Everything happens through timers, so that a virtual clock decides when. A leg ends exactly once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from central.adapters.simulator.callees import NO_RESPONSE_S, Act, Callee
from central.application.ports import telephony as news
from central.domain.evidence import EngineReport, Evidence, Phase

if TYPE_CHECKING:
    from central.application.ports.world import Clock, TimerHandle, Timers

_WIRE_S = 0.005  # from our BYE or CANCEL to the far side's answer
_DIGIT_MS = 120
_NORMAL_CLEARING = 16  # ITU-T Q.850


@dataclass(slots=True)
class World:
    """What all simulated calls share: time, where news goes, and a factor by which each delay is stretched."""

    clock: Clock
    timers: Timers
    tell: Callable[[news.TelephonyEvent], None]
    stretch: Callable[[], float]
    over: Callable[[SimulatedCall], None]
    ending: Callable[[SimulatedCall], None]


@dataclass(slots=True)
class SimulatedCall:
    """A leg as engine and callee see it together."""

    call: news.Originate
    sip_call_id: str
    callee: Callee
    world: World
    phase: Phase = Phase.NONE
    local: str | None = None
    ended: bool = False
    inbound: bool = False
    detecting: bool = False
    next_act: int = 0
    begun: float = 0.0
    answered_at: float = -1.0
    record: str = ""
    timer: TimerHandle | None = None
    backstop: TimerHandle | None = None
    playing: dict[str, TimerHandle] = field(default_factory=dict[str, "TimerHandle"])

    def begin(self) -> None:
        """The INVITE goes out."""
        self.record = self.call.record
        timers = self.world.timers
        self.begun = self.world.clock.monotonic()
        self._rise(Phase.DIALING)
        self.backstop = timers.after(self.call.engine_timeout_s, self._engine_timeout)
        if self.callee.deaf:
            self.timer = timers.after(NO_RESPONSE_S, self._no_response)
        else:
            self._schedule()

    def call_in(self) -> None:
        """He calls us, and leaves before the answer where that is his first deed."""
        self.begun = self.world.clock.monotonic()
        self.phase = Phase.RINGING
        if self.callee.acts and self.callee.acts[0].deed == "hang_up":
            self._schedule()

    def pick_up(self) -> None:
        """We answer."""
        if not self.ended and self.phase is not Phase.ANSWERED:
            self._answer()
            self._schedule()

    def play(self, playback: str, seconds: float) -> None:
        """Play so many seconds; its end is told once."""
        self.playing[playback] = self.world.timers.after(seconds, lambda: self.stop_playback(playback))

    def stop_playback(self, playback: str, *, ok: bool = True, detail: str = "") -> None:
        """It is over, by itself or because somebody stopped it."""
        if handle := self.playing.pop(playback, None):
            handle.cancel()
            self._tell(news.PlaybackEnded(self.call.leg, self.world.clock.now(), playback, ok, detail))

    def hang_up(self, local: str) -> None:
        """Our BYE or CANCEL; the first condition noted is the one that counts."""
        if self.ended or self.local is not None:
            return
        self.local = local
        if self.timer is not None:
            self.timer.cancel()
        self.world.timers.after(_WIRE_S, self._hung_up)

    def vanish(self) -> None:
        """The engine is gone, and nobody tells how this leg ended."""
        self.ended = True
        self._silence()

    def _schedule(self) -> None:
        if self.next_act < len(self.callee.acts):
            act = self.callee.acts[self.next_act]
            self.timer = self.world.timers.after(act.after_s * self.world.stretch(), lambda: self._act(act))

    def _act(self, act: Act) -> None:
        if self.ended:
            return
        self.next_act += 1
        now, leg = self.world.clock.now(), self.call.leg
        match act.deed:
            case "ring" | "early_media":
                self._rise(Phase.RINGING)
            case "answer":
                self._answer()
            case "press":
                self._tell(news.Digit(leg, now, act.digit, _DIGIT_MS))
            case "hold" | "unhold":
                self._tell(news.HoldChanged(leg, now, act.deed == "hold"))
            case "human" | "machine":
                self._detected(machine=act.deed == "machine")
            case "hang_up":
                self._detected(machine=None)
                left = self.inbound and self.phase is not Phase.ANSWERED
                self._end("cancelled_by_first_party" if left else "hangup_by_them", act.q850, "them")
            case "fall_silent":  # no media any more: the engine ends the leg by itself
                self._end("hangup_by_us", None, "us", end="dropped")
            case "refuse":
                self._end(None, act.q850, "them", sip=act.sip)
            case _:
                pass
        self._schedule()

    def _answer(self) -> None:
        self._rise(Phase.ANSWERED)
        self.answered_at = self.world.clock.monotonic()
        if self.backstop is not None:
            self.backstop.cancel()
        decides = any(act.deed in {"human", "machine"} for act in self.callee.acts)
        self.detecting = self.call.detect_machine
        if not self.detecting:
            self._tell(news.LegAnswered(self.call.leg, self.world.clock.now()))
        elif not decides:
            self._detected(machine=None)

    def _detected(self, *, machine: bool | None) -> None:
        if self.detecting:
            self.detecting = False
            self._tell(news.LegAnswered(self.call.leg, self.world.clock.now(), machine))

    def _rise(self, phase: Phase) -> None:
        self.phase = phase
        if phase is not Phase.ANSWERED:
            self._tell(news.LegProgress(self.call.leg, self.world.clock.now(), phase, self.sip_call_id))

    def _engine_timeout(self) -> None:
        rang = self.phase is Phase.RINGING
        self.hang_up("ring_timeout_after_ringing" if rang else "ring_timeout_without_ringing")

    def _no_response(self) -> None:
        if self.local is None:
            self._end("no_response", None, "us")

    def _hung_up(self) -> None:
        if self.ended:
            return
        crossed = self.callee.crosses_cancel and self.phase is not Phase.ANSWERED
        self._end(self.local, None, "us", end="dropped" if crossed else "normal")

    def _end(
        self,
        local: str | None,
        q850: int | None,
        side: Literal["us", "them"],
        *,
        sip: int | None = None,
        end: Literal["normal", "dropped"] = "normal",
    ) -> None:
        if self.ended:
            return
        for playback in list(self.playing):
            self.stop_playback(playback, ok=False, detail="the leg ended")
        self.world.ending(self)
        self.ended = True
        self._silence()
        evidence = Evidence(
            local=local,
            phase=self.phase,
            sip=sip,
            q850=q850,
            side=side,
            end=end,
            engine=EngineReport(q850 or _NORMAL_CLEARING, "simulated"),
            elapsed_ms=round((self.world.clock.monotonic() - self.begun) * 1000),
        )
        self.world.tell(news.LegEnded(self.call.leg, self.world.clock.now(), evidence))
        self.world.over(self)

    def _silence(self) -> None:
        timers: Sequence[TimerHandle | None] = (self.timer, self.backstop, *self.playing.values())
        for handle in timers:
            if handle is not None:
                handle.cancel()
        self.playing.clear()

    def _tell(self, event: news.TelephonyEvent) -> None:
        if not self.ended:
            self.world.tell(event)
