"""Carriers: who takes SMS and e-mail over for an account, with prefix routes, priority, cost and share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from central.application.administration.acting import Actor, Auditor
from central.application.administration.checks import check_name, check_prefix
from central.application.ports.carrier_setup import (
    CarrierKind,
    CarrierRouteRow,
    CarrierRow,
    CarrierStore,
    CheckCarrier,
)
from central.application.ports.carriers import CarrierId
from central.domain.errors import InvalidInput, NotFound

_PRIORITIES = range(1, 101)
_SHARES = range(1, 1001)
_MAX_COST = 10**12


@dataclass(frozen=True, slots=True)
class MaintainCarriers:
    """The carriers of an account."""

    store: CarrierStore
    check: CheckCarrier
    auditor: Auditor

    async def create(
        self, actor: Actor, name: str, kind: CarrierKind, settings: Mapping[str, object], secrets: Mapping[str, str],
        routes: Sequence[CarrierRouteRow], *, enabled: bool = True, plain_http: bool = False,
    ) -> CarrierRow:  # fmt: skip
        """Store a carrier. Raises InvalidInput, Conflict ``name_taken``."""
        check_name(name)
        await self.check(kind, settings, secrets, plain_http=plain_http)
        carrier = CarrierRow(
            id=CarrierId(self.auditor.ids.uuid()),
            name=name,
            kind=kind,
            settings=settings,
            secrets=secrets,
            enabled=enabled,
            created_at=self.auditor.clock.now(),
            routes=_checked(routes),
        )
        audit = self.auditor.entry(actor, "carrier_created", f"carrier:{carrier.id}", name=name, kind=kind)
        await self.store.put(actor.account_id, carrier, audit, new=True)
        return carrier

    async def get(self, actor: Actor, carrier_id: CarrierId) -> CarrierRow:
        """Raises NotFound ``carrier_not_found``."""
        found = await self.store.get(actor.account_id, carrier_id)
        if found is None:
            raise NotFound("carrier_not_found", "There is no such carrier in this account.")
        return found

    async def page(self, actor: Actor, after: CarrierId | None, limit: int) -> Sequence[CarrierRow]:
        """Carriers in the order they were made."""
        return await self.store.page(actor.account_id, after, limit)

    async def change(
        self, actor: Actor, carrier_id: CarrierId, changes: Mapping[str, object], *, plain_http: bool = False
    ) -> CarrierRow:
        """Set the named fields; settings and secrets are laid over those that are there, a null takes one away.

        Raises InvalidInput, NotFound, Conflict ``name_taken``. Binds are opened anew with them.
        """
        before = await self.get(actor, carrier_id)
        laid = {
            name: _laid(getattr(before, name), changes[name]) for name in ("settings", "secrets") if name in changes
        }
        after: CarrierRow = msgspec.structs.replace(before, **{**changes, **laid})
        check_name(after.name)
        if laid or (
            after.enabled and not before.enabled
        ):  # others may be renamed and switched off, whatever became of them
            await self.check(after.kind, after.settings, after.secrets, plain_http=plain_http)
        after = msgspec.structs.replace(after, routes=_checked(after.routes))
        audit = self.auditor.entry(actor, "carrier_changed", f"carrier:{carrier_id}", fields=sorted(changes))
        if not await self.store.put(actor.account_id, after, audit, new=False):
            raise NotFound("carrier_not_found", "There is no such carrier in this account.")
        return await self.get(actor, carrier_id)

    async def remove(self, actor: Actor, carrier_id: CarrierId) -> None:
        """Raises NotFound ``carrier_not_found``."""
        audit = self.auditor.entry(actor, "carrier_removed", f"carrier:{carrier_id}")
        if not await self.store.remove(actor.account_id, carrier_id, audit):
            raise NotFound("carrier_not_found", "There is no such carrier in this account.")


def _laid(before: Mapping[str, object], over: object) -> dict[str, object]:
    changes = msgspec.convert(over, dict[str, object])
    return {name: value for name, value in {**before, **changes}.items() if value is not None}


def _checked(routes: Sequence[CarrierRouteRow]) -> tuple[CarrierRouteRow, ...]:
    found: dict[str, CarrierRouteRow] = {}
    for route in routes:
        prefix = check_prefix(route.prefix, "routes")
        if route.priority not in _PRIORITIES or route.share not in _SHARES or not 0 <= route.cost <= _MAX_COST:
            message = "A route has a priority of 1 to 100, a share of 1 to 1000, and a cost that is not negative."
            raise InvalidInput("invalid_route", message, field="routes")
        found[prefix] = msgspec.structs.replace(route, prefix=prefix)
    return tuple(found[prefix] for prefix in sorted(found))
