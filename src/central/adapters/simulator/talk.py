"""Simulated legs that talk: who is in which bridge, held, muted, or listening; and from that, who hears whom (path step 3)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Sequence

from central.application.ports.telephony import Accepted, Answer, Rejected
from central.domain.ids import LegId


class SimulatedTalk:
    """The part of ``SimulatedTelephony`` that lets legs hear each other. ``bridges``: their legs, in the order they came.

    ``held`` hear music. ``listening``: ear -> whom it listens to, and whether that one hears it.
    """

    def __init__(self, legs: Container[LegId]) -> None:
        self._there = legs
        self.bridges: dict[str, tuple[LegId, ...]] = {}
        self.held: set[LegId] = set()
        self.muted: set[LegId] = set()
        self.pressed: defaultdict[LegId, str] = defaultdict(str)
        self.listening: dict[LegId, tuple[LegId, bool]] = {}

    async def bridge(self, bridge: str, legs: Sequence[LegId]) -> Answer:
        """They hear each other, if they are all there."""
        if any(leg not in self._there for leg in legs):
            return _gone()
        for other in list(self.bridges):
            if other != bridge:  # a leg is in one bridge at a time
                self._without(other, legs)
        present = self.bridges.get(bridge, ())
        self.bridges[bridge] = (*present, *(leg for leg in legs if leg not in present))
        return Accepted()

    async def unbridge(self, bridge: str) -> None:
        """It is gone."""
        self.bridges.pop(bridge, None)

    async def leave(self, bridge: str, leg: LegId) -> None:
        """One leaves."""
        if bridge in self.bridges:
            self._without(bridge, (leg,))

    async def hold(self, leg: LegId) -> Answer:
        """It hears music."""
        if leg not in self._there:
            return _gone()
        self.held.add(leg)
        return Accepted()

    async def unhold(self, leg: LegId) -> None:
        """The music ends."""
        self.held.discard(leg)

    async def mute(self, leg: LegId) -> Answer:
        """Nobody hears it."""
        if leg not in self._there:
            return _gone()
        self.muted.add(leg)
        return Accepted()

    async def unmute(self, leg: LegId) -> None:
        """It is heard again."""
        self.muted.discard(leg)

    async def send_digits(self, leg: LegId, digits: str) -> Answer:
        """The far side gets them."""
        if leg not in self._there:
            return _gone()
        self.pressed[leg] += digits
        return Accepted()

    async def listen(self, ear: LegId, target: LegId, *, speaks: bool = False) -> Answer:
        """One hears what the other says and hears."""
        if ear not in self._there or target not in self._there:
            return _gone()
        self.listening[ear] = (target, speaks)
        return Accepted()

    async def stop_listening(self, ear: LegId) -> None:
        """It hears nobody any more."""
        self.listening.pop(ear, None)

    def hears(self, leg: LegId) -> frozenset[LegId]:
        """Whose voice reaches a leg now."""
        voices = self._bridged_with(leg)
        if leg in self.listening:
            target, _ = self.listening[leg]
            voices |= self._bridged_with(target) | ({target} - self.muted)
        voices |= {ear for ear, (target, speaks) in self.listening.items() if speaks and target == leg} - self.muted
        return frozenset(voices - {leg})

    def leg_over(self, leg: LegId) -> None:
        """A leg ended: it is in no bridge, and nobody listens with it or to it."""
        for bridge in self.bridges:
            self._without(bridge, (leg,))
        self.held.discard(leg)
        self.muted.discard(leg)
        self.listening = {ear: one for ear, one in self.listening.items() if leg not in (ear, one[0])}

    def _bridged_with(self, leg: LegId) -> set[LegId]:
        return {other for legs in self.bridges.values() if leg in legs for other in legs} - self.muted - {leg}

    def _without(self, bridge: str, legs: Sequence[LegId]) -> None:
        self.bridges[bridge] = tuple(leg for leg in self.bridges[bridge] if leg not in legs)


def _gone() -> Answer:
    return Rejected("media_fault", "a leg is gone")
