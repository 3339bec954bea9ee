"""Which carrier takes a message: by prefix, priority, cost and share. Pure (domain 12, ordered failover).

The longest prefix of a carrier counts for it. Carriers are tried in the order: longest prefix, priority (1 first), cost; what is
equal in all three is divided by share, the same way each time for the same message.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from hashlib import blake2b
from uuid import UUID

import msgspec


class CarrierRoute(msgspec.Struct, frozen=True):
    """One route of a carrier. prefix: digits, "" = everywhere. cost: millionths of the currency a part. needs: ids it must get."""

    carrier_id: UUID
    prefix: str = ""
    priority: int = 1
    share: int = 1
    cost: int = 0
    needs: tuple[str, ...] = ()


def carriers_for(routes: Sequence[CarrierRoute], recipient: str, message: UUID) -> list[CarrierRoute]:
    """The routes by which the message can go, one a carrier, the first choice first."""
    best: dict[UUID, CarrierRoute] = {}
    for route in routes:
        if not recipient.startswith(route.prefix):
            continue
        known = best.get(route.carrier_id)
        if known is None or len(route.prefix) > len(known.prefix):
            best[route.carrier_id] = route
    if len(best) < 2:  # noqa: PLR2004 - nothing to choose
        return list(best.values())
    return sorted(
        best.values(), key=lambda r: (-len(r.prefix), r.priority, r.cost, _lot(message, r), r.carrier_id.bytes)
    )


def _lot(message: UUID, route: CarrierRoute) -> float:
    """Weighted rendezvous hashing: the smallest lot wins, as often as the share says."""
    digest = blake2b(message.bytes + route.carrier_id.bytes, digest_size=8).digest()
    uniform = (int.from_bytes(digest, "big") + 1) / (2**64 + 1)
    return -math.log(uniform) / max(1, route.share)
