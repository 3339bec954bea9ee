"""Where connections that an account's settings ask for may lead: to the public internet, and nowhere inside our own network.

Judged when a setting is saved and again at each connection, on the very addresses that are connected to: a name may lead
elsewhere a second later (DNS rebinding).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class AddressRefused(OSError):
    """A customer's setting may not lead to this host or address (an OSError, so that clients treat it as a failed connect)."""


class Reach(Protocol):
    """Finds and judges the addresses of one host."""

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        """The addresses of a name or literal, at least one, each permitted.

        Connect to these, not to the name. Raises AddressRefused, or OSError when there is none.
        """
        ...
