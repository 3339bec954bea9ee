"""A voice node's phones: the engine is told which there are, and the book which of them are there (path step 4b)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from central.application.ports.phones import PhoneBook
from central.application.ports.telemetry import Telemetry
from central.application.ports.telephony import Phone, Telephony


class NoPhones:
    """The book of a node without agents (port PhoneBook)."""

    async def phones(self) -> Sequence[Phone]:
        """None."""
        return ()

    async def registered(self, agents: frozenset[UUID]) -> None:
        """Nobody asked."""


class PhoneRounds:
    """One node's phones; call it every second or so. It does nothing where nothing changed."""

    def __init__(self, book: PhoneBook, telephony: Telephony, telemetry: Telemetry) -> None:
        self._book, self._telephony, self._telemetry = book, telephony, telemetry
        self._known: Mapping[UUID, Phone] = {}
        self._told: frozenset[UUID] | None = None
        self._refused: Mapping[UUID, str] = {}

    async def __call__(self) -> None:
        """Raises NeighbourError when the store or the engine is away; the next round makes good for it."""
        wanted = {phone.id: phone for phone in await self._book.phones()}
        if wanted != self._known:
            await self._telephony.set_phones(list(wanted.values()))
            self._known = wanted
        refused = dict(self._telephony.refused_phones())
        for agent in refused.keys() - self._refused.keys():
            self._telemetry.warning("phone_refused", agent_id=str(agent), detail=refused[agent])
        self._refused = refused
        there = self._telephony.registered_phones()
        self._telemetry.gauge("phones_registered", len(there))
        if there != self._told:
            await self._book.registered(there)
            self._told = there
