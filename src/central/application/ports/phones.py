"""Which agents' phones a voice node's engine has to know, and where it tells who is there (path step 4b)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from central.application.ports.telephony import Phone


class PhoneBook(Protocol):
    """The phones of the agents who are logged in with a SIP phone."""

    async def phones(self) -> Sequence[Phone]:
        """All of them as of now, one an agent. Raises NeighbourError when the store is away."""
        ...

    async def registered(self, agents: frozenset[UUID]) -> None:
        """These agents' phones are registered at this node's engine, no others; told when it changed, and once at the start.

        Raises NeighbourError when the store is away; then it is told again.
        """
        ...
