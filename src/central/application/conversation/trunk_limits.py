"""Channels and call rate of each trunk, at the call step (domain 8.3): a call waits its bounded time for a free place.

Caps belong to the trunk; a node uses its share of them. First come, first served within a trunk.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from central.application.ports.world import Clock, TimerHandle, Timers
from central.domain.ids import TrunkId

Place = Literal["taken", "trunk_channel_cap", "cps_cap"]
_BURST_S = 0.25  # unused rate is kept for this long: enough for the jitter of a busy loop, too little for a surge


@dataclass(slots=True)
class _Trunk:
    channels: int
    cps: float
    used: int = 0
    tokens: float = 1.0
    refilled_at: float = 0.0
    # True: the place is yours; False: the wait is over
    waiting: deque[asyncio.Future[bool]] = field(default_factory=deque[asyncio.Future[bool]])
    timer: TimerHandle | None = None


class TrunkLimits:
    """Places on trunks; used from the node's event loop only."""

    def __init__(self, clock: Clock, timers: Timers) -> None:
        self._clock, self._timers = clock, timers
        self._trunks: dict[TrunkId, _Trunk] = {}

    def set_caps(self, caps: Mapping[TrunkId, tuple[int, float]]) -> None:
        """Channel and calls-per-second caps of this node's share; trunks that are gone take no more calls."""
        for trunk_id, (channels, cps) in caps.items():
            trunk = self._trunks.get(trunk_id)
            if trunk is None:
                self._trunks[trunk_id] = _Trunk(channels, cps, refilled_at=self._clock.monotonic())
            else:
                trunk.channels, trunk.cps = channels, cps
                self._serve(trunk)
        for trunk_id in self._trunks.keys() - caps.keys():
            self._trunks[trunk_id].channels = 0

    async def take(self, trunk_id: TrunkId, wait_s: float) -> Place:
        """Wait at most ``wait_s`` seconds for a place; ``taken`` must be given back, the other words say what was short."""
        trunk = self._trunks.get(trunk_id)
        if trunk is None:
            return "trunk_channel_cap"
        if not trunk.waiting and self._take_now(trunk):
            return "taken"
        place: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        trunk.waiting.append(place)
        self._schedule(trunk)
        late = self._timers.after(wait_s, lambda: _give_up(place))
        try:
            if await place:
                return "taken"
        finally:
            late.cancel()
            trunk.waiting = deque(other for other in trunk.waiting if other is not place)
        return "trunk_channel_cap" if trunk.used >= trunk.channels else "cps_cap"

    def enter(self, trunk_id: TrunkId) -> bool:
        """A call that came in takes a channel, if one is free; it must be given back. Its rate is the carrier's affair."""
        trunk = self._trunks.get(trunk_id)
        if trunk is None or trunk.used >= trunk.channels:
            return False
        trunk.used += 1
        return True

    def give_back(self, trunk_id: TrunkId) -> None:
        """The call is over: the next one waiting gets its place."""
        trunk = self._trunks[trunk_id]
        trunk.used -= 1
        self._serve(trunk)

    def used(self, trunk_id: TrunkId) -> int:
        """Channels in use now."""
        trunk = self._trunks.get(trunk_id)
        return 0 if trunk is None else trunk.used

    def _take_now(self, trunk: _Trunk) -> bool:
        now = self._clock.monotonic()
        most = max(1.0, trunk.cps * _BURST_S)
        trunk.tokens = min(most, trunk.tokens + (now - trunk.refilled_at) * trunk.cps)
        trunk.refilled_at = now
        if trunk.used >= trunk.channels or trunk.tokens < 1.0:
            return False
        trunk.tokens -= 1.0
        trunk.used += 1
        return True

    def _serve(self, trunk: _Trunk) -> None:
        while trunk.waiting:
            if trunk.waiting[0].done():
                trunk.waiting.popleft()
            elif self._take_now(trunk):
                trunk.waiting.popleft().set_result(True)
            else:
                break
        self._schedule(trunk)

    def _schedule(self, trunk: _Trunk) -> None:
        """Wake up when the next token is there; a free channel wakes by itself."""
        if trunk.timer is not None or not trunk.waiting or trunk.used >= trunk.channels or trunk.cps <= 0:
            return

        def wake() -> None:
            trunk.timer = None
            self._serve(trunk)

        trunk.timer = self._timers.after(max(0.001, (1.0 - trunk.tokens) / trunk.cps), wake)


def _give_up(place: asyncio.Future[bool]) -> None:
    if not place.done():
        place.set_result(False)
