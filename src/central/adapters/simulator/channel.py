"""The port ``Telephony`` without any telephone: callees behave by number or trunk, on the clock that it is given.

Step 3 of the path (channel). With ``virtual_time`` it drives deterministic tests and dry runs, with real timers the
benchmark of dispatch. Faults of an engine are its own methods: ``kill_engine``, ``revive``, ``cut``, ``mend``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from central.adapters.simulator.callees import Callee, Plan, by_number
from central.adapters.simulator.far_end import SimulatedCall, World
from central.adapters.simulator.talk import SimulatedTalk
from central.adapters.simulator.tapes import SimulatedTapes
from central.application.ports.telephony import (
    NORMAL_CLEARING,
    Accepted,
    Answer,
    CallOffered,
    NodeDown,
    NodeUp,
    Originate,
    Phone,
    RecordLimits,
    Rejected,
    SipTrace,
    TelephonyEvent,
    Trunk,
)
from central.application.ports.world import Clock, Timers
from central.domain.errors import NeighbourError
from central.domain.ids import LegId, TrunkId

_JITTER = 0.2  # delays vary by so much to both sides


@dataclass(frozen=True, slots=True)
class ReceivedCall:
    """An INVITE as the far end counts it: ``attempt`` is the header that test trunks carry."""

    leg: LegId
    trunk: str
    number: str
    caller: str | None
    attempt: str
    at_s: float


def _no_chance() -> float:
    return 0.5


def _length_of(file: str) -> float:
    """Seconds of a file: as ``SimulatedSpeech`` names it, else one second for a file that is there."""
    name = file.rpartition("/")[2]
    if name.startswith("simulated-"):
        return float(name.split("-")[1])
    return 1.0 if Path(file).is_file() else -1.0


class SimulatedTelephony(SimulatedTalk):
    """One simulated voice engine (implements ``central.application.ports.telephony.Telephony``).

    ``chance`` gives numbers from 0 to 1 that vary the callees' delays: pass a seeded generator's ``random``.
    """

    def __init__(
        self,
        clock: Clock,
        timers: Timers,
        plan: Plan = by_number,
        chance: Callable[[], float] = _no_chance,
        length_of: Callable[[str], float] = _length_of,
    ) -> None:
        self._clock, self._plan, self._length_of = clock, plan, length_of
        self._world = World(
            clock, timers, self._tell, lambda: 1 + _JITTER * (2 * chance() - 1), self._over, self._tapes_over
        )
        self._tapes = SimulatedTapes(clock, timers)
        self._trunks: dict[TrunkId, Trunk] = {}
        self._phones: dict[UUID, Phone] = {}
        self._registered: dict[UUID, Callee] = {}
        self._calls: dict[LegId, SimulatedCall] = {}
        self._news: list[TelephonyEvent] = []
        self._held: list[TelephonyEvent] | None = None
        self._arrived = asyncio.Event()
        self._alive = False
        self.received: list[ReceivedCall] = []
        self.keep_received = True
        SimulatedTalk.__init__(self, self._calls)

    # -- life ----------------------------------------------------------------------------------------------------------
    async def start(self, trunks: Sequence[Trunk]) -> None:
        """Be reachable."""
        await self.set_trunks(trunks)
        self.revive()

    async def stop(self) -> None:
        """End; calls are gone without a word."""
        self._alive = False
        self._drop_all()

    async def set_trunks(self, trunks: Sequence[Trunk]) -> None:
        """Make exactly these trunks known."""
        self._trunks = {trunk.id: trunk for trunk in trunks}

    def refused_trunks(self) -> Mapping[TrunkId, str]:
        """A simulated engine takes every trunk."""
        return {}

    async def set_phones(self, phones: Sequence[Phone]) -> None:
        """Make exactly these phones known; one that is withdrawn, or has another password, is registered no more."""
        wanted = {phone.id: phone for phone in phones}
        for agent in [agent for agent in self._registered if wanted.get(agent) != self._phones.get(agent)]:
            del self._registered[agent]
        self._phones = wanted

    def refused_phones(self) -> Mapping[UUID, str]:
        """A simulated engine takes every phone."""
        return {}

    def registered_phones(self) -> frozenset[UUID]:
        """Agents whose phone ``register`` said to be there; none while the engine is away."""
        return frozenset(self._registered) if self._alive else frozenset()

    async def next_events(self) -> Sequence[TelephonyEvent]:
        """Wait for news and return all that is there, in order."""
        while not self._news:
            self._arrived.clear()
            await self._arrived.wait()
        found, self._news = self._news, []
        return found

    # -- commands ------------------------------------------------------------------------------------------------------
    async def originate(self, calls: Sequence[Originate]) -> Sequence[Answer]:
        """Start calls, one answer each in the same order."""
        return [self._originate(call) for call in calls]

    async def play(self, leg: LegId, playback: str, files: Sequence[str]) -> Answer:
        """Play files one after the other; PlaybackEnded follows once when the answer is Accepted."""
        call = self._calls.get(leg)
        if call is None:
            return Rejected("media_fault", "the leg is gone")
        lengths = [self._length_of(file) for file in files]
        missing = [file for file, length in zip(files, lengths, strict=True) if length < 0]
        call.play(playback, 0.0 if missing else sum(lengths))
        if missing or not files:
            call.stop_playback(playback, ok=False, detail=f"missing: {', '.join(missing)}")
        return Accepted(call.sip_call_id)

    async def stop_playback(self, playback: str) -> None:
        """Stop it if it still plays; its PlaybackEnded still follows."""
        for call in self._calls.values():
            if playback in call.playing:
                call.stop_playback(playback, detail="stopped")
                return

    async def record(self, leg: LegId, recording: str, limits: RecordLimits) -> Answer:
        """Record what the callee would say; RecordingEnded follows once."""
        call = self._calls.get(leg)
        if call is None:
            return Rejected("media_fault", "the leg is gone")
        self._tapes.begin(call, recording, limits)
        return Accepted(call.sip_call_id)

    async def stop_recording(self, recording: str) -> None:
        """End it if it still records; its RecordingEnded still follows."""
        self._tapes.end(recording)

    async def take_recording(self, recording: str, into: Path) -> bool:
        """A file as long as the recording would be; False when there is nothing of it."""
        try:
            return self._tapes.take(recording, into)
        except OSError as error:
            raise NeighbourError("recording_unreadable", f"{recording}: {error}") from error

    async def ring(self, leg: LegId) -> None:
        """Nobody listens."""
        del leg

    async def stop_ringing(self, leg: LegId) -> None:
        """Nobody listened."""
        del leg

    async def answer(self, leg: LegId, record: str = "") -> None:
        """Take an offered leg; LegAnswered follows."""
        if call := self._calls.get(leg):
            call.record = record
            call.pick_up()

    async def hang_up(self, leg: LegId, local: str, q850: int = NORMAL_CLEARING) -> None:
        """End the leg; LegEnded follows."""
        del q850
        if call := self._calls.get(leg):
            call.hang_up(local)

    async def take_trace(self, leg: LegId) -> SipTrace | None:
        """None: nothing crosses a wire here."""
        del leg
        return None

    def register(self, agent: UUID, password: str, callee: Callee) -> bool:
        """An agent's phone registers; ``callee`` is what it does when it is rung. False: it is not known, or the password is wrong."""
        known = self._phones.get(agent)
        if not self._alive or known is None or known.password != password:
            return False
        self._registered[agent] = callee
        return True

    def unregister(self, agent: UUID) -> None:
        """It is gone, and the engine has noticed."""
        self._registered.pop(agent, None)

    def phone_calls(self, leg: LegId, called: str, agent: UUID, callee: Callee) -> None:
        """An agent's phone dials."""
        made = SimulatedCall(
            Originate(leg, None, "", called, 0.0, phone=agent),
            f"{leg.hex}@simulator",
            callee,
            self._world,
            inbound=True,
        )
        self._calls[leg] = made
        self._tell(CallOffered(leg, self._clock.now(), called, "", frozenset(), made.sip_call_id, agent))
        made.call_in()

    def call_in(self, leg: LegId, called: str, caller: str, trunk: TrunkId, callee: Callee) -> None:
        """Somebody calls; ``callee`` is what he does from the answer on, or before it where its first deed is to hang up."""
        made = SimulatedCall(
            Originate(leg, trunk, caller, called, 0.0), f"{leg.hex}@simulator", callee, self._world, inbound=True
        )
        self._calls[leg] = made
        self._tell(CallOffered(leg, self._clock.now(), called, caller, frozenset({trunk}), made.sip_call_id))
        made.call_in()

    # -- faults --------------------------------------------------------------------------------------------------------
    def kill_engine(self) -> None:
        """The engine process ends: its calls are gone, and nobody says how. So is what a cut connection held back.

        Phones have to register again.
        """
        self._alive, self._held = False, None
        self._registered.clear()
        self._drop_all()
        self._tell(NodeDown(self._clock.now(), engine_lost=True, detail="killed"))

    def revive(self) -> None:
        """The engine is there (again)."""
        self._alive = True
        self._tell(NodeUp(self._clock.now(), frozenset(self._calls)))

    def cut(self) -> None:
        """The connection is lost, calls go on: commands fail, news waits for ``mend``."""
        if not self._alive:
            return
        self._alive = False
        self._tell(NodeDown(self._clock.now(), engine_lost=False, detail="connection cut"))
        self._held = []

    def mend(self) -> None:
        """The connection is back: first what the engine has now, then what happened meanwhile."""
        if self._held is None:  # the engine itself ended meanwhile
            return
        held, self._held = self._held, None
        self.revive()
        for event in held:
            self._tell(event)

    @property
    def channels(self) -> int:
        """Calls that the engine has now."""
        return len(self._calls)

    # -- inside --------------------------------------------------------------------------------------------------------
    def _originate(self, call: Originate) -> Answer:
        trunk = self._trunks.get(call.trunk) if call.trunk is not None and call.phone is None else None
        if trunk is None and call.phone not in self._phones:
            what = f"phone of {call.phone}" if call.phone is not None else f"trunk {call.trunk}"
            return Rejected("no_trunk", f"{what} is not known to this engine")
        if not self._alive:
            return Rejected("engine_lost", "no connection to the engine")
        known = self._calls.get(call.leg)
        if known is not None:
            return Accepted(known.sip_call_id)
        callee = self._plan(call, trunk.name) if trunk is not None else self._phone(call)
        if callee is None:
            return Rejected("unresolvable", f"phone of {call.phone} is not registered")
        made = SimulatedCall(call, f"{call.leg.hex}@simulator", callee, self._world)
        self._calls[call.leg] = made
        if self.keep_received:
            tagged = trunk is not None and trunk.tag_calls
            attempt = call.headers.get("X-Central-Attempt", "") if tagged else ""
            name = trunk.name if trunk is not None else "phone"
            at = self._clock.monotonic()
            self.received.append(ReceivedCall(call.leg, name, call.to, call.caller_id, attempt, at))
        made.begin()
        return Accepted(made.sip_call_id)

    def _phone(self, call: Originate) -> Callee | None:
        return self._registered.get(call.phone) if call.phone is not None else None

    def _over(self, call: SimulatedCall) -> None:
        self._calls.pop(call.call.leg, None)
        self.leg_over(call.call.leg)

    def _tapes_over(self, call: SimulatedCall) -> None:
        self._tapes.call_over(call)

    def _drop_all(self) -> None:
        for call in self._calls.values():
            call.vanish()
            self.leg_over(call.call.leg)
        self._calls.clear()

    def _tell(self, event: TelephonyEvent) -> None:
        if self._held is not None:
            self._held.append(event)
            return
        self._news.append(event)
        self._arrived.set()
