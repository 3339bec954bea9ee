"""Rows of carriers, their routes and lists as the messaging room wants them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from central.application.ports.message_store import ListDate, OpenCarrier
from central.domain.message_routes import CarrierRoute


def carrier_of(row: Sequence[Any]) -> OpenCarrier:
    """A row of ``carriers``."""
    *columns, routes, plain_http, country = row
    ways = msgspec.convert(routes, tuple[CarrierRoute, ...])
    account, id_, name, channel, kind, settings, secrets, changes = columns
    return OpenCarrier(account, id_, name, channel, kind, settings, secrets, changes, ways, plain_http, country)


def route_of(row: Sequence[Any]) -> CarrierRoute:
    """A row of ``routes``."""
    _, carrier, prefix, priority, share, cost, needs = row
    return CarrierRoute(carrier, prefix, priority, share, cost, tuple(needs))


def list_dates(lists: Mapping[str, Mapping[str, Any]] | None) -> Mapping[str, ListDate]:
    """Version and date of each list of an account."""
    return {
        name: ListDate(int(found["version"]), msgspec.convert(found["fresh_at"], datetime | None))
        for name, found in (lists or {}).items()
    }
