"""The real guard of addresses, with a name service that tests (or attackers) own."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence

from aiohttp.abc import AbstractResolver, ResolveResult
from typing_extensions import override

from central.adapters.webhook.addresses import AddressPolicy
from central.adapters.webhook.reach import GuardedReach


def loopback_reach() -> GuardedReach:
    """As laboratories set it: far ends of tests lie on loopback."""
    return GuardedReach(AddressPolicy.from_settings(allow_private=False, allowed=["127.0.0.0/8", "::1/128"]))


class Names(AbstractResolver):
    """Answers in turn; the last answer stays. It is the name service that an attacker may own."""

    def __init__(self, answers: Mapping[str, Sequence[Sequence[str]]]) -> None:
        self._answers = {name: list(those) for name, those in answers.items()}
        self.asked = 0

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        turns = self._answers.get(host)
        if turns is None:
            raise OSError(None, f"{host} is not known")
        found = turns.pop(0) if len(turns) > 1 else turns[0]
        return [
            ResolveResult(hostname=host, host=one, port=port, family=socket.AF_INET, proto=0, flags=0) for one in found
        ]

    @override
    async def close(self) -> None:
        pass


def reach_by(names: Mapping[str, Sequence[Sequence[str]]], *allowed: str) -> GuardedReach:
    """``allowed``: networks that the operator opens."""
    return GuardedReach(AddressPolicy.from_settings(allow_private=False, allowed=allowed), Names(names))
